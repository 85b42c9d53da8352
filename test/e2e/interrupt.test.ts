/**
 * Ctrl-C, once and twice, at different moments: the process ends as it says, nothing of it stays alive, and the
 * next run comes to the library that an undisturbed one would have made.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { contradictions, type LibraryContent, libraryContent } from '../support/library-content.ts'
import { type MadeTakeout, makeTakeout } from '../support/make-takeout.ts'
import {
  CAN_SEE_PROCESSES,
  type HeirloomRun,
  leftBehind,
  type RunningHeirloom,
  startHeirloom,
  until,
} from '../support/run-heirloom.ts'
import { runHere } from '../support/run-here.ts'
import type { TakeoutItem } from '../support/takeout-layout.ts'
import { samplePlan } from '../support/takeout-sample.ts'
import { ignoreState, type TreeFacts, treeFacts } from '../support/tree-digest.ts'

/** Each goes through exiftool, so that placing takes seconds: long enough to be interrupted in the middle. */
const PICTURES = 30
const PHOTOS = 10

const skip = CAN_SEE_PROCESSES ? false : 'needs /proc to find the processes of a run'

let folder: string
let made: MadeTakeout
let undisturbed: { readonly content: LibraryContent; readonly files: TreeFacts }

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-interrupt-'))
  const photos = samplePlan({ photos: PHOTOS, specials: false }).items
  const items = Array.from({ length: PICTURES }, (_, index) => photos[index % PHOTOS]!)
  made = await makeTakeout(join(folder, 'takeout-20240101T000000Z'), {
    plan: {
      items: items.flatMap((photo, index) => (index < PHOTOS ? [photo, picture(index)] : [picture(index)])),
    },
  })
  const library = join(folder, 'undisturbed')
  const run = await runHere(['ingest', ...made.inputs, '-o', library, '--workers', '1'])
  assert.equal(run.exitCode, 0, run.stdout + run.stderr)
  undisturbed = { content: await libraryContent(library), files: await filesOf(library) }
})
after(async () => {
  // Only where a test failed is one still running.
  for (const { child } of started) child.kill('SIGKILL')
  await Promise.all(started.map((running) => leftBehind(running, 5_000)))
  await rm(folder, { recursive: true, force: true })
})

/** Different for each seed below 256. */
function picture(seed: number): TakeoutItem {
  const background = { r: seed, g: 120, b: 60 }
  return {
    title: `picture-${seed}.webp`,
    takenAt: Date.UTC(2020, 4, 1, 8, seed),
    caption: `Picture ${seed}`,
    content: () =>
      sharp({ create: { width: 16, height: 16, channels: 3, background } })
        .webp({ lossless: true })
        .toBuffer(),
  }
}

function filesOf(library: string): Promise<TreeFacts> {
  return treeFacts(library, { ignore: ignoreState })
}

const started: RunningHeirloom[] = []

function start(library: string): RunningHeirloom {
  const running = startHeirloom(['ingest', ...made.inputs, '-o', library])
  started.push(running)
  return running
}

/** The first placed picture that went through exiftool is the sign that workers and their children work. */
async function untilPlacing(library: string): Promise<void> {
  const photos = join(library, 'takeout-20240101T000000Z/photos')
  await until('a file is placed', async () => {
    const names = existsSync(photos) ? await readdir(photos) : []
    return names.some((name) => name.endsWith('.webp')) ? true : undefined
  })
}

function interrupted(run: HeirloomRun): void {
  assert.equal(run.signal, null, run.stderr)
  assert.equal(run.exitCode, 130, run.stdout + run.stderr)
}

async function assertCompletes(library: string): Promise<void> {
  const run = await runHere(['ingest', ...made.inputs, '-o', library, '--workers', '1'])
  assert.equal(run.exitCode, 0, run.stdout + run.stderr)
  assert.deepEqual(await contradictions(library), [])
  assert.deepEqual(await libraryContent(library), undisturbed.content)
  assert.deepEqual(await filesOf(library), undisturbed.files)
}

test('one SIGINT finishes running work, and the next run does the rest', { skip }, async () => {
  const library = join(folder, 'once')
  const running = start(library)
  await untilPlacing(library)
  running.child.kill('SIGINT')
  const run = await running.ended
  interrupted(run)
  assert.match(run.stderr, /finishing running work; press Ctrl-C again to leave at once/)
  assert.deepEqual(await leftBehind(running, 2_000), [])
  const { assets } = await libraryContent(library)
  assert.ok(assets.length > 0 && assets.length < undisturbed.content.assets.length, `${assets.length}`)
  const wrong = await contradictions(library)
  assert.deepEqual(
    wrong.filter((line) => !line.startsWith('still open')),
    [],
  )
  await assertCompletes(library)
})

test('a second SIGINT leaves at once, with nothing left alive', { skip }, async () => {
  const library = join(folder, 'twice')
  const running = start(library)
  await untilPlacing(library)
  const alive = (await running.descendants()).map(({ command }) => command)
  assert.ok(
    alive.some((command) => command.includes('exiftool')),
    alive.join('\n'),
  )
  running.child.kill('SIGINT')
  await until('the first one is noticed', () => (running.stderr().includes('finishing') ? true : undefined))
  running.child.kill('SIGINT')
  const leftAt = performance.now()
  const run = await running.ended
  interrupted(run)
  const tookMs = performance.now() - leftAt
  assert.ok(tookMs < 4_000, `it took ${tookMs} ms to leave`)
  assert.deepEqual(await leftBehind(running, 2_000), [])
  await assertCompletes(library)
})

test('a SIGTERM before anything is placed ends it too', { skip }, async () => {
  const library = join(folder, 'early')
  const running = start(library)
  await until('the library is taken', () =>
    existsSync(join(library, '.heirloom/coordinator.json')) ? true : undefined,
  )
  running.child.kill('SIGTERM')
  interrupted(await running.ended)
  assert.deepEqual(await leftBehind(running, 2_000), [])
  await assertCompletes(library)
})
