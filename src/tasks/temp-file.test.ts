import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { finishTemp, writeTemp } from './temp-file.ts'

describe('a temporary file', () => {
  let root: string
  let file: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'heirloom-temp-file-'))
    file = join(root, '1-1-0.part')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  test('holds its pieces in order, over whatever an earlier try has left', () => {
    writeFileSync(file, 'something much longer than what comes')
    const written = writeTemp(file, [Buffer.from('one '), Buffer.alloc(0), Buffer.from('two')])
    assert.equal(readFileSync(file, 'utf8'), 'one two')
    assert.deepEqual(written, { sha1: hash('sha1', 'one two'), sizeBytes: 7 })
  })

  test('of one piece, and of none, is hashed the same way', () => {
    assert.equal(writeTemp(file, [Buffer.from('one')]).sha1, hash('sha1', 'one'))
    assert.deepEqual(writeTemp(file, []), { sha1: hash('sha1', ''), sizeBytes: 0 })
  })

  test('gets the time that it was taken, also one before 1970', () => {
    for (const takenAt of [Date.UTC(2021, 6, 4), Date.UTC(1955, 6, 4)]) {
      const written = writeTemp(file, [Buffer.from('x')])
      assert.equal(finishTemp(file, written, takenAt), written)
      assert.equal(statSync(file).mtimeMs, takenAt)
    }
  })

  test('keeps its time when nobody knows when it was taken', () => {
    const written = writeTemp(file, [Buffer.from('x')])
    const before = statSync(file).mtimeMs
    finishTemp(file, written, undefined)
    assert.equal(statSync(file).mtimeMs, before)
  })

  test('that another program has written is hashed, all of it', () => {
    const bytes = Buffer.alloc(2_500_000, 'heirloom')
    writeFileSync(file, bytes)
    assert.deepEqual(finishTemp(file, undefined, undefined), {
      sha1: hash('sha1', bytes),
      sizeBytes: bytes.length,
    })
  })

  test('that is not there cannot be finished', () => {
    assert.throws(() => finishTemp(file, undefined, 0), { code: 'ENOENT' })
  })
})
