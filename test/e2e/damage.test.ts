/**
 * Broken inputs, a full disk, a library that is in use: each is named, everything else is done, and what was
 * mended is taken in by the next run.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { contradictions, libraryContent } from '../support/library-content.ts'
import { makeTakeout } from '../support/make-takeout.ts'
import { makeVideo } from '../support/make-video.ts'
import { runHeirloom, startHeirloom, until } from '../support/run-heirloom.ts'
import { type RunHere, runHere } from '../support/run-here.ts'
import { layOut, type TakeoutItem, type TakeoutPlan } from '../support/takeout-layout.ts'
import { samplePlan } from '../support/takeout-sample.ts'
import { treeChanges, treeFacts } from '../support/tree-digest.ts'
import { writeZip, type ZipEntrySpec } from '../support/zip-writer.ts'

const IS_ROOT = process.getuid?.() === 0
/** `nobody` on most systems; any user but root will do. */
const NOBODY = 65_534
const YEAR = 'Takeout/Google Photos/Photos from 2018'

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-damage-'))
  await chmod(folder, 0o755)
})
after(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface Problem {
  readonly path?: string
  readonly code: string
  readonly message: string
}

function problemsOf(run: RunHere): readonly Problem[] {
  const { exports } = JSON.parse(run.stdout) as {
    exports: { problems: Problem[]; problemCount: number; balanced: boolean }[]
  }
  for (const one of exports) {
    assert.equal(one.balanced, true)
    assert.equal(one.problemCount, one.problems.length)
  }
  return exports.flatMap(({ problems }) => problems)
}

/** Paths that the summary and the report name must be just these. */
async function assertNamed(run: RunHere, library: string, paths: readonly string[]): Promise<void> {
  const expected = [...paths].sort()
  const problems = problemsOf(run)
  for (const { message } of problems) assert.notEqual(message, '')
  // A file may have two problems: it breaks off, and so nothing can be written into it.
  assert.deepEqual([...new Set(problems.map(({ path }) => path))].sort(), expected)
  const report = JSON.parse(await readFile(join(library, 'report-latest.json'), 'utf8'))
  assert.deepEqual([...new Set(report.problems.map(({ path }: Problem) => path))].sort(), expected)
  assert.equal(report.balance.balanced, true)
  assert.equal(run.exitCode, paths.length === 0 ? 0 : 1, run.stdout + run.stderr)
  assert.deepEqual(await contradictions(library), [])
}

describe('a folder with broken files', () => {
  const video = makeVideo({ seed: 8, createdAt: Date.UTC(2018, 5, 1), payloadBytes: 50_000 })
  const movie = {
    title: 'VID_20180601_120000.mp4',
    takenAt: Date.UTC(2018, 5, 1, 10),
    content: () => video.subarray(0, video.length - 20_000),
    damage: 'truncated' as const,
  }
  const damage = ['corrupt-json', 'truncated-jpeg', 'empty-file'] as const
  const broken = samplePlan({ photos: 3, specials: false, damage })
  const plan: TakeoutPlan = { ...broken, items: [...broken.items, movie] }

  test('is taken in but for those, which are named, and wholly once they are mended', async (t) => {
    const input = join(folder, 'broken')
    const library = join(folder, 'library-broken')
    const made = await makeTakeout(input, { plan })
    const link = `${YEAR}/linked.jpg`
    await symlink('/nowhere/at/all.jpg', join(input, link))
    const unreadable = made.media[0]!.path
    await chmod(join(input, unreadable), 0o000)
    await openTo(library)
    const before = await treeFacts(join(input, YEAR), { inodes: true })

    const run = await ingestAsNobody(input, library)
    const corrupt = made.media.find((one) => one.damage === 'corrupt-json')!
    const cut = made.media.filter((one) => one.damage === 'truncated').map(({ path }) => path)
    const empty = made.media.find((one) => one.damage === 'empty')!.path
    assert.equal(cut.length, 2)
    await t.test('each is named', () =>
      assertNamed(run, library, [corrupt.json!, ...cut, empty, link, unreadable]),
    )
    await t.test('all else is there, the truncated ones too', async () => {
      const { files } = await libraryContent(library)
      const imported = files.filter(({ outcome }) => outcome === 'imported').map(({ path }) => path)
      const missing = [empty, unreadable]
      const unique = made.media.filter(({ role, path }) => role !== 'copy' && !missing.includes(path))
      const copyOfUnreadable = made.media.find(({ original }) => original === unreadable)
      const expected = [
        ...unique.map(({ path }) => path),
        ...(copyOfUnreadable ? [copyOfUnreadable.path] : []),
      ]
      assert.deepEqual(imported.sort(), expected.sort())
    })
    await t.test('the input is untouched', async () => {
      assert.deepEqual(treeChanges(before, await treeFacts(join(input, YEAR), { inodes: true })), [])
    })
    await t.test('nothing is better the next time, and nothing is doubled', async () => {
      const content = await libraryContent(library)
      const again = await ingestAsNobody(input, library)
      await assertNamed(again, library, [corrupt.json!, ...cut, empty, link, unreadable])
      assert.deepEqual((await libraryContent(library)).assets, content.assets)
    })
    await t.test('after mending, all is well', async () => {
      await mend(input, plan)
      await chmod(join(input, unreadable), 0o644)
      await unlink(join(input, link))
      const mended = await ingestAsNobody(input, library)
      await assertNamed(mended, library, [])
      const { files } = await libraryContent(library)
      assert.deepEqual(
        files.filter(({ outcome }) => outcome === 'failed'),
        [],
      )
    })
  })

  /** Puts the whole contents where the broken ones are. */
  async function mend(input: string, { items }: TakeoutPlan): Promise<void> {
    const whole = samplePlan({ photos: 3, specials: false, damage: [] })
    const mended = items.map((item, index) => {
      if (item === movie) return { ...movie, content: () => video }
      const { damage: _damage, ...rest } = item
      if (item.sidecar === 'corrupt') return { ...rest, sidecar: 'new' as const }
      return item.damage === undefined ? rest : { ...rest, content: whole.items[index % 3]!.content }
    })
    for (const { path, content } of layOut({ items: mended }).files) {
      const file = join(input, path)
      const bytes = await content()
      await chmod(file, 0o644)
      if (!bytes.equals(await readFile(file))) await writeFile(file, bytes)
    }
  }
})

/** A folder that {@link NOBODY} may write to, where that is who runs the command. */
async function openTo(library: string): Promise<void> {
  await mkdir(library)
  if (IS_ROOT) await chown(library, NOBODY, NOBODY)
}

/** Root may read everything, so that it runs as somebody else, whose compiled code lies in a folder of his own. */
async function ingestAsNobody(input: string, library: string): Promise<RunHere> {
  const compiled = `${process.env['NODE_COMPILE_CACHE'] ?? join(folder, 'compiled')}-nobody`
  await mkdir(compiled, { recursive: true })
  if (IS_ROOT) await chown(compiled, NOBODY, NOBODY)
  const options = IS_ROOT ? { uid: NOBODY, env: { NODE_COMPILE_CACHE: compiled } } : {}
  return await runHeirloom(['ingest', input, '-o', library, '--json'], options)
}

function ingestHere(inputs: readonly string[], library: string): Promise<RunHere> {
  return runHere(['ingest', ...inputs, '-o', library, '--json', '--workers', '1'])
}

describe('zip parts', () => {
  test('a wrong checksum, an encrypted entry and a part that breaks off cost just what they hold', async () => {
    const { files } = layOut(samplePlan({ photos: 9, specials: false }))
    const entries: ZipEntrySpec[] = []
    for (const { path, content } of files) entries.push({ name: path, data: await content() })
    const photos = entries.filter(({ name }) => /2019.*\.jpg$/.test(String(name)))
    const [garbled, locked] = photos.map(({ name }) => String(name))
    const spoiled = entries.map((entry): ZipEntrySpec => {
      if (entry.name === garbled) return { ...entry, crc32: 1 }
      return entry.name === locked ? { ...entry, flags: 0x801 } : entry
    })
    const half = Math.floor(entries.length / 2)
    const stem = join(folder, 'takeout-20240202T000000Z')
    const parts = [`${stem}-001.zip`, `${stem}-002.zip`]
    await writeFile(parts[0]!, writeZip(spoiled.slice(0, half)))
    const second = writeZip(spoiled.slice(half))
    await writeFile(parts[1]!, second.subarray(0, second.length * 0.6))
    const library = join(folder, 'library-zip')

    const run = await ingestHere(parts, library)
    assert.equal(run.exitCode, 1, run.stdout + run.stderr)
    const problems = problemsOf(run)
    for (const path of [garbled, locked]) {
      assert.ok(
        problems.some((problem) => problem.path === path),
        `${path} is not named`,
      )
    }
    assert.ok(
      problems.some(({ path, message }) => `${path} ${message}`.includes('-002.zip')),
      JSON.stringify(problems),
    )
    assert.deepEqual(await contradictions(library), [])
    const { assets } = await libraryContent(library)
    assert.ok(assets.length >= half / 2 - 2, `only ${assets.length} were taken in`)

    await writeFile(parts[0]!, writeZip(entries.slice(0, half)))
    await writeFile(parts[1]!, writeZip(entries.slice(half)))
    const mended = await ingestHere(parts, library)
    assert.equal(mended.exitCode, 0, mended.stdout + mended.stderr)
    assert.deepEqual(problemsOf(mended), [])
    assert.equal((await libraryContent(library)).assets.length, 9)
    assert.deepEqual(await contradictions(library), [])
  })

  test('an archive that is none is an error of that export, the other one is taken in', async () => {
    const originals = join(folder, 'originals')
    await makeTakeout(join(originals, 'good'), { photos: 2, specials: false })
    await writeFile(join(originals, 'bad.zip'), 'this is no archive')
    const library = join(folder, 'library-none')
    const run = await ingestHere(['--originals', originals], library)
    assert.equal(run.exitCode, 1, run.stderr)
    const { exports } = JSON.parse(run.stdout)
    const [bad, good] = exports
    assert.equal(bad.name, 'bad')
    assert.match(bad.problems[0].message, /not a zip archive/)
    assert.deepEqual(good.problems, [])
    assert.equal(good.imported, 2)
    assert.equal(good.failed, 0)
    assert.deepEqual(await contradictions(library), [])
  })
})

describe('a full disk', () => {
  const skip = canMount() ? false : 'needs root and the right to mount a tmpfs'

  test('is told before the first byte, with what is needed; with room it goes on', { skip }, async (t) => {
    const { inputs } = await makeTakeout(join(folder, 'too-much'), { photos: 4, specials: false })
    const disk = await mountDisk(t, 'small', 'size=8m')
    const library = join(disk, 'library')
    const run = await ingestHere(inputs, library)
    assert.equal(run.exitCode, 1, run.stdout)
    assert.match(run.stdout, /needs .* in the library, where .* are free/)
    assert.equal((await libraryContent(library)).assets.length, 0)
    resize(disk, 'size=400m')
    const again = await ingestHere(inputs, library)
    assert.equal(again.exitCode, 0, again.stdout + again.stderr)
    assert.equal((await libraryContent(library)).assets.length, 4)
    assert.deepEqual(await contradictions(library), [])
  })

  test('in the middle of the work is told of each file; with room it goes on', { skip }, async (t) => {
    const made = await makeTakeout(join(folder, 'too-many'), { photos: 16, specials: false })
    // It has room for a few files more than the library is made of; their bytes would fit.
    const disk = await mountDisk(t, 'full', 'size=400m,nr_inodes=24')
    const library = join(disk, 'library')
    const run = await ingestHere(made.inputs, library)
    assert.equal(run.exitCode, 1, run.stdout + run.stderr)
    assert.match(run.stdout + run.stderr, /no space left on device|ENOSPC|disk is full/i)
    resize(disk, 'size=400m,nr_inodes=10000')
    const again = await ingestHere(made.inputs, library)
    assert.equal(again.exitCode, 0, again.stdout + again.stderr)
    assert.equal((await libraryContent(library)).assets.length, 16)
    assert.deepEqual(await contradictions(library), [])
  })

  test('to its last byte, the database included, loses nothing', { skip }, async (t) => {
    const items = Array.from({ length: 40 }, (_, index) => bigVideo(index))
    const { inputs } = await makeTakeout(join(folder, 'too-big'), { plan: { items } })
    const disk = await mountDisk(t, 'brim', 'size=330m')
    const library = join(disk, 'library')
    const running = startHeirloom(['ingest', ...inputs, '-o', library])
    const photos = join(library, 'too-big/photos')
    await until('a file is placed', async () =>
      existsSync(photos) && (await readdir(photos)).length > 0 ? true : undefined,
    )
    // Held, so that it is in the middle of its work when the disk is full, however long filling takes.
    running.child.kill('SIGSTOP')
    fill(join(disk, 'filler'))
    running.child.kill('SIGCONT')
    const run = await running.ended
    assert.equal(run.exitCode, 1, run.stdout + run.stderr)
    assert.match(run.stdout + run.stderr, /no space left on device|ENOSPC|disk is full/i)
    await rm(join(disk, 'filler'))
    const again = await ingestHere(inputs, library)
    assert.equal(again.exitCode, 0, again.stdout + again.stderr)
    assert.equal((await libraryContent(library)).assets.length, 40)
    assert.deepEqual(await contradictions(library), [])
  })
})

function bigVideo(seed: number): TakeoutItem {
  const createdAt = Date.UTC(2020, 1, 1, 8, seed)
  const content = (): Buffer => makeVideo({ seed, createdAt, payloadBytes: 1_000_000 })
  return { title: `VID_${seed}.mp4`, takenAt: createdAt, content }
}

/** Takes all the room that is left. */
function fill(file: string): void {
  assert.throws(() =>
    execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M'], { stdio: ['ignore', 'ignore', 'pipe'] }),
  )
}

function canMount(): boolean {
  if (!IS_ROOT) return false
  try {
    // In a mount namespace of its own: gone with the command.
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', tmpdir()], {
      stdio: 'ignore',
    })
    execFileSync('mount', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function mountDisk(t: TestContext, name: string, options: string): Promise<string> {
  const disk = join(folder, name)
  await mkdir(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', disk])
  t.after(() => execFileSync('umount', ['--lazy', disk]))
  return disk
}

function resize(disk: string, options: string): void {
  execFileSync('mount', ['-o', `remount,${options}`, disk])
}

describe('a library in use', () => {
  test('is left alone by a second coordinator, which is told who has it', async () => {
    const { inputs } = await makeTakeout(join(folder, 'shared'), { photos: 30, specials: false })
    const library = join(folder, 'library-shared')
    const first = startHeirloom(['ingest', ...inputs, '-o', library])
    const holder = await until('the library is taken', async () => {
      const text = await readFile(join(library, '.heirloom/coordinator.json'), 'utf8').catch(() => '')
      return text === '' ? undefined : (JSON.parse(text) as { pid: number })
    })
    const second = await ingestHere(inputs, library)
    assert.equal(second.exitCode, 1)
    assert.match(second.stderr, new RegExp(`in use by .heirloom ingest. \\(process ${first.pid} `))
    assert.equal(holder.pid, first.pid)
    assert.equal((await first.ended).exitCode, 0)
    assert.deepEqual(await contradictions(library), [])
    assert.equal((await libraryContent(library)).assets.length, 30)
  })
})
