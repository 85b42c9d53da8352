import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { LibraryInUseError, takeLease } from './lease.ts'
import { type LibraryPaths, prepareLibrary } from './library-folder.ts'

describe('takeLease', () => {
  let paths: LibraryPaths
  let child: ChildProcess | undefined
  const card = (): string => join(paths.root, '.heirloom', 'coordinator.json')

  beforeEach(async () => {
    paths = await prepareLibrary(await mkdtemp(join(tmpdir(), 'heirloom-lease-')))
    child = undefined
  })

  afterEach(async () => {
    child?.kill('SIGKILL')
    await rm(paths.root, { recursive: true, force: true })
  })

  test('a second coordinator is told who holds the library', () => {
    using lease = takeLease(paths, { command: 'ingest', now: Date.UTC(2026, 0, 2) })
    assert.throws(
      () => takeLease(paths, { command: 'check', now: 2 }),
      (error: unknown) => {
        assert.ok(error instanceof LibraryInUseError)
        assert.deepEqual(error.holder, lease.holder)
        assert.match(error.message, /in use by `heirloom ingest` \(process \d+ on .+, since 2026-01-02T/u)
        return true
      },
    )
  })

  test('a released lease can be taken again, and releasing twice does nothing', () => {
    const lease = takeLease(paths, { command: 'ingest', now: 1 })
    lease.release()
    lease.release()
    assert.equal(existsSync(card()), false)
    takeLease(paths, { command: 'ingest', now: 2 }).release()
  })

  test('another process holds it, and its death by kill -9 frees it at once', async () => {
    child = spawn(process.execPath, [join(import.meta.dirname, 'testing/hold-lease.ts'), paths.root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    assert.ok(child.stdout)
    await once(child.stdout, 'data', { signal: AbortSignal.timeout(10_000) })
    assert.throws(
      () => takeLease(paths, { command: 'ingest', now: 2 }),
      (error: unknown) => error instanceof LibraryInUseError && error.holder?.pid === child?.pid,
    )
    child.kill('SIGKILL')
    await once(child, 'exit', { signal: AbortSignal.timeout(10_000) })
    assert.ok(existsSync(card()), 'the dead holder left its card')
    takeLease(paths, { command: 'ingest', now: 3 }).release()
  })

  test('the library is locked whatever state folder is used, and so is that folder', () => {
    const at = (...lockFolders: string[]): ReturnType<typeof takeLease> =>
      takeLease({ root: paths.root, lockFolders }, { command: 'ingest', now: 1 })
    const [own, state] = [join(paths.root, '.heirloom'), join(paths.root, 'state')]
    mkdirSync(state)
    const lease = at(own, state)
    assert.throws(() => at(own), LibraryInUseError)
    const other = join(paths.root, 'other')
    mkdirSync(other)
    assert.throws(() => at(other, state), LibraryInUseError)
    at(other).release()
    lease.release()
    assert.equal(existsSync(join(state, 'coordinator.json')), false)
    at(own, state).release()
  })

  test('an unreadable card only costs the name of the holder', () => {
    using _lease = takeLease(paths, { command: 'ingest', now: 1 })
    writeFileSync(card(), '{')
    assert.throws(() => takeLease(paths, { command: 'ingest', now: 2 }), /in use by another process/u)
  })
})
