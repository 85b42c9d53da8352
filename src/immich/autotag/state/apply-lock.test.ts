import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { takeApplyLock } from './apply-lock.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-lock-'))
  path = join(folder, 'lock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the right to apply', () => {
  test('is had by one at a time, who is named to the other', () => {
    const lock = takeApplyLock(path, Date.UTC(2026, 10, 22))
    assert.throws(() => takeApplyLock(path, 0), {
      code: 'autotag/apply-in-progress',
      message: new RegExp(`by process ${process.pid} on .*, since 2026-11-22T00:00:00`, 'u'),
    })
    lock.release()
    lock.release()
    takeApplyLock(path, 0).release()
  })

  test('is had also where nobody can be told who has it', () => {
    mkdirSync(`${path}.json.new`)
    const lock = takeApplyLock(path, 0)
    assert.throws(() => takeApplyLock(path, 0), {
      message: 'a plan is being applied already by another process',
    })
    lock.release()
  })

  test('is not taken by a file of something else, which is named and stays', () => {
    writeFileSync(path, 'a letter to my aunt'.repeat(300))
    assert.throws(
      () => takeApplyLock(path, 0),
      (error) => {
        assert.ok(error instanceof Error && 'code' in error && 'hint' in error)
        assert.deepEqual(
          [error.code, error.message],
          ['autotag/state-file', `${path}: file is not a database`],
        )
        assert.match(String(error.hint), /Remove it/u)
        return true
      },
    )
    assert.match(readFileSync(path, 'utf8'), /aunt/u)
  })
})
