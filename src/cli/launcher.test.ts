import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'

const LAUNCHER = resolve('bin/heirloom.js')

describe('bin/heirloom.js', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heirloom-launcher-'))
  after(() => rmSync(folder, { recursive: true }))
  const start = (
    args: readonly string[],
    nodeArgs: readonly string[] = [],
    stdout: 'pipe' | number = 'pipe',
  ): ChildProcess =>
    spawn(process.execPath, [...nodeArgs, LAUNCHER, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder },
      stdio: ['ignore', stdout, 'pipe'],
    })

  test('passes on the exit code', async () => {
    const child = start(['ingset'])
    const [[code], err] = await Promise.all([once(child, 'close'), text(child.stderr!)])
    assert.equal(code, 2)
    assert.match(err, /Did you mean ingest/u)
  })

  test('says on an old Node which one it needs, in one line', async () => {
    const preload = join(folder, 'old-node.cjs')
    writeFileSync(preload, "Object.defineProperty(process, 'versions', { value: { node: '22.17.9' } })")
    const child = start(['--version'], ['--require', preload])
    const [[code], err] = await Promise.all([once(child, 'close'), text(child.stderr!)])
    assert.equal(code, 1)
    assert.match(err, /^heirloom needs Node\.js 22\.18 or newer, this is [^\n]*\n$/u)
  })

  test('a reader that went away is no error', async () => {
    const child = start(['config', 'show'])
    child.stdout!.destroy()
    const [[code], err] = await Promise.all([once(child, 'close'), text(child.stderr!)])
    assert.deepEqual([code, err], [0, ''])
  })

  test('a result that cannot be written, to a full disk, is one', {
    skip: process.platform !== 'linux' && 'only Linux has /dev/full',
  }, async () => {
    const full = openSync('/dev/full', 'w')
    const child = start(['config', 'show'], [], full)
    closeSync(full)
    const [[code], err] = await Promise.all([once(child, 'close'), text(child.stderr!)])
    assert.deepEqual([code, err], [1, 'error: the result cannot be written (ENOSPC)\n'])
  })
})
