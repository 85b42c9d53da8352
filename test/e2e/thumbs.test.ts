/**
 * `heirloom thumbs` as its users run it: what is made, what is not made twice, and that one hostile file costs one
 * task and nothing else.
 *
 * A process of its own for the command line costs more than what most of these tests are about, so they run it in
 * this one; its workers are processes all the same. What is started is what will be killed, and one that is not.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, before, beforeEach, describe, test } from 'node:test'
import sharp from 'sharp'
import { main } from '../../src/cli/main.ts'
import { memoryIo } from '../../src/cli/testing/memory-io.ts'
import type { IngestSummary } from '../../src/tasks/ingest-api.ts'
import type { ThumbsSummary } from '../../src/tasks/thumbnail-api.ts'
import { makePng } from '../support/hostile-pictures.ts'
import { makePhoto } from '../support/make-photo.ts'
import { makeTakeout } from '../support/make-takeout.ts'
import {
  CAN_SEE_PROCESSES,
  type HeirloomRun,
  leftBehind,
  type RunningHeirloom,
  runHeirloom,
  startHeirloom,
  until,
} from '../support/run-heirloom.ts'
import { ignoreState, treeChanges, treeFacts } from '../support/tree-digest.ts'

let folder: string
let input: string
let output: string
let photos: readonly Buffer[]
const started: RunningHeirloom[] = []

before(async () => {
  photos = await Promise.all(
    [1, 2, 3].map((seed) => makePhoto({ widthPx: 640, heightPx: 480, seed, exif: { orientation: 6 } })),
  )
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-thumbs-'))
  input = join(folder, 'in')
  output = join(folder, 'out')
  await mkdir(input)
})
afterEach(async () => {
  // Only where a test failed is one still running.
  for (const { child } of started) child.kill('SIGKILL')
  await Promise.all(started.splice(0).map((running) => leftBehind(running, 5_000)))
  await rm(folder, { recursive: true, force: true })
})

async function put(name: string, content: Buffer | string = photos[0]!): Promise<void> {
  await mkdir(join(input, name, '..'), { recursive: true })
  await writeFile(join(input, name), content)
}

type Run = Pick<HeirloomRun, 'exitCode' | 'stdout' | 'stderr'>

async function heirloom(...args: string[]): Promise<Run> {
  const io = memoryIo({ cwd: folder })
  const exitCode = await main(args, io)
  return { exitCode, stdout: io.stdout.text(), stderr: io.stderr.text() }
}

/** With one worker, unless something else is said. */
async function thumbs(...args: string[]): Promise<{ run: Run; summary: ThumbsSummary }> {
  const workers = args.includes('--workers') ? [] : ['--workers', '1']
  const run = await heirloom('thumbs', input, '-o', output, '--json', ...workers, ...args)
  return { run, summary: JSON.parse(run.stdout || '{}') as ThumbsSummary }
}

/** Names below the folder for thumbnails, without its state. */
async function made(): Promise<string[]> {
  return [...(await treeFacts(output, { ignore: ignoreState })).keys()]
    .filter((path) => /\.\w+$/.test(path))
    .sort()
}

function reasonOf({ problems }: ThumbsSummary, path: string): string | undefined {
  return problems.find((problem) => problem.path === path)?.code
}

describe('plain files', () => {
  test('find their thumbnails under their own names, upright, none larger than the picture', async () => {
    await put('a.jpg')
    await put('2024/b.png', makePng({ widthPx: 60, heightPx: 40, bits: 8 }))
    await put('.hidden/c.jpg', photos[1])
    await put('notes.txt', 'hello')
    await symlink(join(input, 'a.jpg'), join(input, 'link.jpg'))
    const before = await treeFacts(input, { inodes: true })
    const run = await runHeirloom(['thumbs', input, '-o', output, '--json'])
    const summary = JSON.parse(run.stdout) as ThumbsSummary
    assert.equal(run.exitCode, 0, run.stderr)
    assert.deepEqual(await made(), ['2024/b-1440.jpg', '2024/b-250.jpg', 'a-1440.jpg', 'a-250.jpg'])
    const { width, height, format } = await sharp(await readFile(join(output, 'a-250.jpg'))).metadata()
    assert.deepEqual({ width, height, format }, { width: 188, height: 250, format: 'jpeg' })
    const large = await sharp(join(output, 'a-1440.jpg')).metadata()
    assert.deepEqual([large.width, large.height], [480, 640])
    const { made: count, ignored, failed } = summary
    assert.deepEqual({ count, ignored, failed }, { count: 2, ignored: 1, failed: 0 })
    assert.deepEqual(treeChanges(before, await treeFacts(input, { inodes: true })), [])
  })

  test('are not made twice: no worker is started, and what was only touched or moved is not decoded again', async () => {
    await put('a.jpg')
    await put('b.jpg', photos[1])
    await thumbs()
    const facts = await treeFacts(output, { ignore: ignoreState, inodes: true })
    const { run, summary } = await thumbs('--log-level', 'debug')
    assert.equal(run.exitCode, 0)
    assert.deepEqual([summary.made, summary.there], [0, 2])
    assert.ok(!run.stderr.includes('worker started'), run.stderr)
    assert.deepEqual(treeChanges(facts, await treeFacts(output, { ignore: ignoreState, inodes: true })), [])
    await utimes(join(input, 'a.jpg'), 1, 1)
    await rename(join(input, 'b.jpg'), join(input, 'z.jpg'))
    const { summary: after } = await thumbs()
    assert.deepEqual([after.made, after.there], [0, 2])
    assert.ok(existsSync(join(output, 'z-250.jpg')))
  })

  test('are made again when they changed, and when their thumbnails are gone', async () => {
    await put('a.jpg')
    await put('b.jpg', photos[1])
    await put('c.jpg', photos[2])
    await thumbs()
    await put('a.jpg', makePng({ widthPx: 30, heightPx: 30, bits: 8 }))
    await rm(join(output, 'b-250.jpg'))
    const stored = (await readdir(join(output, '.heirloom/thumbs'), { recursive: true })).filter((name) =>
      name.endsWith('-250.jpg'),
    )
    const inodes = await Promise.all(
      stored.map(async (name) => (await stat(join(output, '.heirloom/thumbs', name))).ino),
    )
    const { ino } = await stat(join(output, 'c-250.jpg'))
    await rm(join(output, '.heirloom/thumbs', stored[inodes.indexOf(ino)]!))
    const { summary } = await thumbs()
    // The one whose name alone was gone has it again without having been decoded.
    assert.deepEqual([summary.made, summary.there], [2, 1])
    assert.equal((await sharp(await readFile(join(output, 'a-250.jpg'))).metadata()).width, 30)
    for (const name of ['b-250.jpg', 'c-250.jpg']) assert.ok(existsSync(join(output, name)), name)
  })

  test('of one name, or of a name that is taken, are kept apart', async () => {
    await put('a.jpg')
    await put('a.JPEG', photos[1])
    await put('A.jpg', photos[2])
    await put('b.jpg')
    await mkdir(output)
    await writeFile(join(output, 'b-250.jpg'), 'mine')
    const { run } = await thumbs('--sizes', '250')
    assert.equal(run.exitCode, 0, run.stdout)
    const names = ['A-250.jpg', 'a.JPEG-250.jpg', 'a.jpg-250.jpg', 'b-250.jpg', 'b.jpg-250.jpg']
    assert.deepEqual(await made(), names)
    assert.equal(await readFile(join(output, 'b-250.jpg'), 'utf8'), 'mine')
    await put('a.PNG', makePng({ widthPx: 30, heightPx: 30, bits: 8 }))
    await thumbs('--sizes', '250')
    assert.deepEqual(await made(), [...names, 'a.PNG-250.jpg'].sort())
  })

  test('get further sizes and formats beside those that they have', async () => {
    await put('a.jpg')
    await thumbs('--sizes', '250')
    const { summary } = await thumbs('--sizes', '100,50')
    assert.equal(summary.made, 1)
    await thumbs('--sizes', '100', '--format', 'webp', '--quality', '60')
    assert.deepEqual(await made(), ['a-100.jpg', 'a-100.webp', 'a-250.jpg', 'a-50.jpg'])
    assert.equal((await sharp(await readFile(join(output, 'a-100.webp'))).metadata()).format, 'webp')
    const again = await thumbs('--sizes', '250,100,50')
    assert.deepEqual([again.summary.made, again.summary.there], [0, 1])
  })

  test('never take the place of a file that is not ours, and one such file costs one picture', async () => {
    await put('a.jpg')
    await put('b.jpg', photos[1])
    await thumbs('--sizes', '250')
    await writeFile(join(output, 'a-100.jpg'), 'mine')
    const { run, summary } = await thumbs('--sizes', '100')
    assert.deepEqual([run.exitCode, summary.made, summary.failed], [1, 1, 1])
    assert.equal(reasonOf(summary, 'a.jpg'), 'thumbnail/name-taken')
    assert.equal(await readFile(join(output, 'a-100.jpg'), 'utf8'), 'mine')
    await rm(join(output, 'a-100.jpg'))
    const { summary: after } = await thumbs('--sizes', '100')
    assert.deepEqual([after.made, after.there, after.failed], [0, 2, 0])
  })
})

describe('the folder for thumbnails', () => {
  const refused: { what: string; args: () => string[]; says: RegExp }[] = [
    { what: 'is needed for plain files', args: () => [input], says: /no folder for its thumbnails/u },
    {
      what: 'is not inside an input',
      args: () => [input, '-o', join(input, 'thumbs')],
      says: /lies inside/u,
    },
    { what: 'is not around an input', args: () => [input, '-o', folder], says: /lies inside the folder/u },
    {
      what: 'is not an input by another way',
      args: () => [input, '-o', join(folder, 'link')],
      says: /lies inside/u,
    },
  ]
  for (const { what, args, says } of refused) {
    test(what, async () => {
      await put('a.jpg')
      await symlink(input, join(folder, 'link'))
      const before = await treeFacts(folder)
      const run = await heirloom('thumbs', ...args())
      assert.equal(run.exitCode, 2, run.stdout)
      assert.match(run.stderr, says)
      assert.deepEqual(treeChanges(before, await treeFacts(folder)), [])
    })
  }

  test('is not a library', async () => {
    await put('a.jpg')
    await mkdir(join(output, '.heirloom'), { recursive: true })
    await writeFile(join(output, '.heirloom/id'), 'x')
    const { run } = await thumbs()
    assert.equal(run.exitCode, 1)
    assert.match(run.stderr, /is a library/u)
  })

  test('has a second run wait its turn', { skip: !CAN_SEE_PROCESSES && 'needs /proc' }, async () => {
    await put('slow.png', slowPng())
    const first = start('--workers', '1')
    await workerOf(first)
    const { run } = await thumbs()
    assert.equal(run.exitCode, 1)
    assert.match(run.stderr, /in use by `heirloom thumbs`/u)
    first.child.kill('SIGKILL')
    await leftBehind(first, 10_000)
  })
})

/** Takes a decoder many seconds; small as a file. */
function slowPng(): Buffer {
  return makePng({ widthPx: 17_000, heightPx: 17_000, bits: 16 })
}

function start(...args: string[]): RunningHeirloom {
  const running = startHeirloom(['thumbs', input, '-o', output, '--json', ...args])
  started.push(running)
  return running
}

/** Process id of a worker of the run, once there is one. */
function workerOf(running: RunningHeirloom): Promise<number> {
  return until('a worker', async () => {
    const found = await running.descendants()
    return found.find(({ command }) => command.includes('worker-process'))?.pid
  })
}

describe('a hostile file costs one task', () => {
  const SVG =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9e9" height="9e9"><rect width="9e9" height="9e9"/></svg>'

  test('and is named with its reason, while all others are made', async () => {
    await put('fine.jpg')
    await put('huge.png', makePng({ widthPx: 50_000, heightPx: 50_000, bits: 8, rows: 10 }))
    await put('bomb.png', makePng({ widthPx: 12_000, heightPx: 12_000, bits: 8 }))
    await put('drawing.jpg', SVG)
    await put('text.jpg', 'not a picture')
    await put('empty.jpg', '')
    await put('cut.jpg', photos[1]!.subarray(0, photos[1]!.length / 2))
    await put('head.jpg', photos[2]!.subarray(0, 300))
    await put('also fine.jpg', photos[2])
    const { run, summary } = await thumbs('--max-pixels', '100000000')
    assert.equal(run.exitCode, 1)
    assert.equal(reasonOf(summary, 'huge.png'), 'thumbnail/too-large')
    assert.equal(reasonOf(summary, 'bomb.png'), 'thumbnail/too-large')
    assert.equal(reasonOf(summary, 'empty.jpg'), 'thumbnail/damaged')
    assert.equal(reasonOf(summary, 'head.jpg'), 'thumbnail/damaged')
    assert.deepEqual([summary.made, summary.damaged, summary.failed, summary.unsupported], [3, 1, 4, 2])
    assert.deepEqual(
      summary.unsupportedReasons.map(({ code, files }) => [code, files]),
      [['thumbnail/unsupported-format', 2]],
    )
    const names = (await made()).filter((name) => name.endsWith('-250.jpg'))
    assert.deepEqual(names, ['also fine-250.jpg', 'cut-250.jpg', 'fine-250.jpg'])
  })

  test('is not tried again, unless that is asked for', async () => {
    await put('empty.jpg', '')
    await put('text.jpg', 'not a picture')
    await thumbs()
    const again = await thumbs('--log-level', 'debug')
    assert.deepEqual([again.summary.failed, again.summary.unsupported, again.run.exitCode], [1, 1, 1])
    assert.ok(!again.run.stderr.includes('worker started'))
    const asked = await thumbs('--retry-failed', '--log-level', 'debug')
    assert.ok(asked.run.stderr.includes('worker started'))
  })

  test('and the process of one that takes too long is killed', {
    skip: !CAN_SEE_PROCESSES && 'needs /proc',
  }, async () => {
    await put('slow.png', slowPng())
    for (const [index, photo] of photos.entries()) await put(`${index}.jpg`, photo)
    const running = start('--workers', '1', '--thumb-timeout', '1500ms', '--log-level', 'info')
    const run = await running.ended
    const summary = JSON.parse(run.stdout) as ThumbsSummary
    assert.equal(reasonOf(summary, 'slow.png'), 'queue/timeout')
    assert.deepEqual([summary.made, summary.failed], [3, 1])
    assert.match(run.stderr, /"worker ended".*"timeout"/u)
    assert.deepEqual(await leftBehind(running, 2_000), [])
  })

  test('a worker that is killed is replaced, and its picture made', {
    skip: !CAN_SEE_PROCESSES && 'needs /proc',
  }, async () => {
    for (const [index, photo] of photos.entries()) await put(`${index}.jpg`, photo)
    await put('large.png', makePng({ widthPx: 4_000, heightPx: 4_000, bits: 8 }))
    const running = start('--workers', '1')
    process.kill(await workerOf(running), 'SIGKILL')
    const run = await running.ended
    const summary = JSON.parse(run.stdout) as ThumbsSummary
    assert.deepEqual([run.exitCode, summary.made, summary.failed], [0, 4, 0], run.stderr)
  })
})

describe('a run that is ended', { skip: !CAN_SEE_PROCESSES && 'needs /proc' }, () => {
  const PICTURES = 6

  async function putMany(): Promise<void> {
    for (let index = 0; index < PICTURES; index += 1) {
      const size = 1_500 + index
      await put(`${index}.png`, makePng({ widthPx: size, heightPx: size, bits: 16 }))
    }
  }

  test('by kill -9 leaves no process behind, and the next one completes it', async () => {
    await putMany()
    const running = start('--workers', '1', '--sizes', '250')
    await until('the first thumbnail', () => existsSync(join(output, '0-250.jpg')) || undefined)
    running.child.kill('SIGKILL')
    assert.deepEqual(await leftBehind(running, 10_000), [])
    const count = (await made()).length
    assert.ok(count < PICTURES, 'was killed too late to show anything')
    const { run, summary } = await thumbs('--sizes', '250')
    assert.equal(run.exitCode, 0, run.stdout)
    assert.equal(summary.made + summary.there, PICTURES)
    assert.ok(summary.there > 0)
    assert.equal((await made()).length, PICTURES)
    assert.deepEqual(await readdir(join(output, '.heirloom/tmp')), [])
  })

  test('by Ctrl-C finishes what runs, and says so', async () => {
    await putMany()
    const running = start('--workers', '1', '--sizes', '250')
    await until('the first thumbnail', () => existsSync(join(output, '0-250.jpg')) || undefined)
    running.child.kill('SIGINT')
    const run = await running.ended
    assert.equal(run.exitCode, 130)
    const summary = JSON.parse(run.stdout) as ThumbsSummary
    assert.equal(summary.status, 'interrupted')
    assert.ok(summary.made < PICTURES)
    assert.equal((await made()).length, summary.made)
    assert.deepEqual(await leftBehind(running, 2_000), [])
  })

  test('by Ctrl-C twice leaves at once', async () => {
    await put('slow.png', slowPng())
    const running = start('--workers', '1', '--sizes', '250')
    await workerOf(running)
    running.child.kill('SIGINT')
    await until('the first answer', () => running.stderr().includes('press Ctrl-C again') || undefined)
    running.child.kill('SIGINT')
    const run = await running.ended
    assert.equal(run.exitCode, 130)
    assert.deepEqual(await leftBehind(running, 2_000), [])
  })
})

describe('a library', () => {
  test('has its thumbnails beside its state, by content', async () => {
    const takeout = await makeTakeout(join(folder, 'takeout-20240101T000000Z'), {
      photos: 3,
      specials: false,
    })
    const library = join(folder, 'library')
    const ingest = await heirloom('ingest', ...takeout.inputs, '-o', library, '--workers', '1')
    assert.equal(ingest.exitCode, 0, ingest.stdout)
    const before = await treeFacts(library, { ignore: ignoreState, inodes: true })
    const run = await heirloom('thumbs', library, '--json', '--workers', '1')
    const summary = JSON.parse(run.stdout) as ThumbsSummary
    assert.equal(run.exitCode, 0, run.stdout)
    assert.ok(summary.made >= 3)
    assert.equal(summary.output, join(library, '.heirloom/thumbs'))
    const objects = await readdir(join(library, '.heirloom/thumbs'), { recursive: true })
    assert.equal(objects.filter((name) => name.endsWith('-jpeg-q85-250.jpg')).length, summary.made)
    assert.deepEqual(treeChanges(before, await treeFacts(library, { ignore: ignoreState, inodes: true })), [])
    const again = JSON.parse((await heirloom('thumbs', library, '--json')).stdout) as ThumbsSummary
    assert.deepEqual([again.made, again.there], [0, summary.made])
  })
})

describe('an ingest with --thumbs', () => {
  test('makes them of all that it takes in, and is not failed by a picture that has none', async () => {
    for (const [index, photo] of photos.entries()) await put(`${index}.jpg`, photo)
    await put('huge.png', makePng({ widthPx: 50_000, heightPx: 50_000, bits: 8, rows: 10 }))
    const library = join(folder, 'library')
    const line = ['ingest', input, '-o', library, '--workers', '1']
    const run = await heirloom(...line, '--thumbs', '--thumb-sizes', '100', '--json')
    assert.equal(run.exitCode, 0, run.stdout)
    const { thumbnails } = JSON.parse(run.stdout) as IngestSummary
    assert.deepEqual([thumbnails?.made, thumbnails?.failed], [3, 1])
    assert.equal(thumbnails?.problems[0]?.code, 'thumbnail/too-large')
    const objects = await readdir(join(library, '.heirloom/thumbs'), { recursive: true })
    assert.equal(objects.filter((name) => name.endsWith('-jpeg-q85-100.jpg')).length, 3)
  })

  test('makes what an earlier one has left out', async () => {
    await put('0.jpg')
    const library = join(folder, 'library')
    await heirloom('ingest', input, '-o', library, '--workers', '1')
    const run = await heirloom('ingest', input, '-o', library, '--workers', '1', '--thumbs')
    assert.equal(run.exitCode, 0, run.stderr)
    assert.match(run.stdout, /Thumbnails: 1 made/u)
  })
})

test('the log tells the life of the queue, with counts', async () => {
  await put('a.jpg')
  await put('b.jpg', photos[1])
  const log = join(folder, 'log')
  await thumbs('--workers', '2', '--log-level', 'info', '--log-file', log)
  const lines = (await readFile(log, 'utf8')).trim().split('\n')
  const facts = lines.map((line) => {
    const { time: _time, level: _level, ...fact } = JSON.parse(line) as Record<string, unknown>
    return fact
  })
  const of = (message: string): unknown[] => facts.filter((fact) => fact['message'] === message)
  const message = 'parallel thumbnail processing complete'
  assert.equal(of('thumbnail queue initialized').length, 1)
  assert.equal((of('thumbnail queue initialized')[0] as { workers: number }).workers, 2)
  assert.deepEqual(of('thumbnail job queued'), [
    { message: 'thumbnail job queued', name: 'a.jpg', queue: 1 },
    { message: 'thumbnail job queued', name: 'b.jpg', queue: 2 },
  ])
  const start = 'starting parallel thumbnail processing'
  assert.deepEqual(of(start), [{ message: start, jobs: 2, workers: 2 }])
  for (const name of ['a.jpg', 'b.jpg']) {
    assert.equal(
      facts.filter((fact) => fact['name'] === name && fact['message'] === 'processing thumbnail').length,
      1,
    )
    assert.equal(
      facts.filter((fact) => fact['name'] === name && fact['message'] === 'thumbnail completed').length,
      1,
    )
  }
  assert.deepEqual(of(message), [{ message, made: 2, there: 0, unsupported: 0, failed: 0, damaged: 0 }])
})
