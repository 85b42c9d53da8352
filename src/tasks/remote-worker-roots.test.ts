import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { LocalStorage } from '../storage/local-storage.ts'
import { isTempName, tempName } from '../storage/storage.ts'
import { toRunAttempt } from './remote-worker-module.ts'
import {
  findRoots,
  inTime,
  LinkOutsideError,
  RootUnreachableError,
  realRoots,
  requireInside,
  whyUnreachable,
} from './remote-worker-roots.ts'

describe('mapped folders', () => {
  let base: string
  let inside: string
  let outside: string

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'heirloom-remote-roots-'))
    inside = join(base, 'inside')
    outside = join(base, 'outside')
    for (const folder of [inside, outside]) {
      mkdirSync(join(folder, 'deep'), { recursive: true })
      writeFileSync(join(folder, 'deep/file'), 'x')
    }
    symlinkSync(outside, join(inside, 'out'))
    symlinkSync('../outside/deep/file', join(inside, 'file-out'))
    symlinkSync(join(outside, 'later'), join(inside, 'dangling'))
    symlinkSync('deep', join(inside, 'in'))
    symlinkSync('loop', join(inside, 'loop'))
    // As long as the folder, and not in it.
    symlinkSync(inside, join(base, 'way'))
    mkdirSync(`${inside}-too`)
    symlinkSync(`${inside}-too`, join(inside, 'neighbour'))
  })
  afterEach(() => rmSync(base, { recursive: true }))

  const paths: { path: string; isRefused: boolean }[] = [
    { path: 'deep/file', isRefused: false },
    { path: 'deep/missing/and/more', isRefused: false },
    { path: 'deep/file/in-a-file', isRefused: false },
    { path: 'in/file', isRefused: false },
    { path: 'out', isRefused: true },
    { path: 'out/deep/file', isRefused: true },
    { path: 'out/missing', isRefused: true },
    { path: 'file-out', isRefused: true },
    { path: 'dangling', isRefused: true },
    { path: 'dangling/x', isRefused: true },
    { path: 'loop', isRefused: true },
    { path: 'neighbour', isRefused: true },
  ]
  for (const { path, isRefused } of paths) {
    test(`${path} is ${isRefused ? 'refused' : 'inside'}`, async () => {
      for (const folder of [inside, join(base, 'way')]) {
        const roots = await realRoots([{ there: '/data', here: folder, isMount: false }])
        const looked = requireInside(join(folder, path), roots)
        if (isRefused) await assert.rejects(looked, LinkOutsideError)
        else await looked
      }
    })
  }

  test('nothing is inside of a folder that is away', async () => {
    const roots = await realRoots([{ there: '/data', here: join(base, 'away'), isMount: false }])
    await assert.rejects(requireInside(join(base, 'away/x'), roots), LinkOutsideError)
  })

  test('a file, or nothing, is no folder to start with', async () => {
    for (const here of [join(inside, 'deep/file'), join(base, 'nowhere')])
      await assert.rejects(findRoots([{ there: '/data', here }]), RootUnreachableError)
  })

  const skip = process.platform === 'linux' ? false : 'only Linux is known to have a mount at /proc'
  test('knows a mount from a folder, and misses it when it is gone', { skip }, async () => {
    const [proc, folder] = await findRoots([
      { there: '/a', here: '/proc' },
      { there: '/b', here: inside },
    ])
    assert.deepEqual([proc?.isMount, folder?.isMount], [true, false])
    assert.equal(await whyUnreachable(proc ?? assert.fail()), undefined)
    assert.equal(await whyUnreachable(folder ?? assert.fail()), undefined)
    assert.equal(
      await whyUnreachable({ there: '/b', here: inside, isMount: true }),
      'is not mounted any more',
    )
  })

  test('an empty folder may be where a share is mounted when it is there', async () => {
    const here = join(base, 'empty')
    mkdirSync(here)
    assert.equal(
      await whyUnreachable({ there: '/b', here, isMount: false }),
      'is empty, as if it were not mounted',
    )
  })

  test('who does not answer is away', async () => {
    assert.equal(await inTime(new Promise(() => undefined), 5), 'has not answered for 0.005 s')
    assert.equal(await inTime(Promise.resolve(5), 5_000), 5)
  })
})

test('two runs of one attempt share no temporary name, and the last possible attempt has exact ones', async (t) => {
  const attempts = Array.from({ length: 100 }, () => toRunAttempt(2 ** 21 - 1))
  const names = attempts.map((attempt) => tempName({ taskId: Number.MAX_SAFE_INTEGER, attempt, index: 0 }))
  assert.equal(new Set(names).size, names.length)
  for (const [index, name] of names.entries()) {
    assert.ok(Number.isSafeInteger(attempts[index]))
    assert.equal(Math.floor((attempts[index] ?? 0) / 2 ** 32), 2 ** 21 - 1)
    assert.ok(isTempName(name), name)
    assert.ok(isTempName(name.replace('.part', 'x.part_exiftool_tmp')))
  }
  const root = mkdtempSync(join(tmpdir(), 'heirloom-remote-names-'))
  t.after(() => rmSync(root, { recursive: true }))
  const storage = new LocalStorage({ root })
  const [kept = '', swept = ''] = names
  for (const name of [kept, swept]) await storage.writeTemp(name, [Buffer.from('x')])
  assert.equal(await storage.sweepTemps(new Set([kept])), 1)
  assert.equal(await storage.publish(kept, 'a/b.jpg'), 'published')
  assert.equal(await storage.publish(swept, 'a/c.jpg'), 'missing')
})
