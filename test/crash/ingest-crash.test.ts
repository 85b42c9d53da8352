/**
 * SIGKILL at moments all over an ingest: of the coordinator, of its workers. What the next run makes of it is the
 * same library as that of a run that nobody disturbed.
 *
 * Each library takes two runs whose coordinator is killed, and some worker before it; the next run starts at once,
 * while orphans of the last may still live. A third run comes to its end, with one more worker killed. Moments are
 * spread evenly over the length of a whole run, which is measured all along, since other tests use the same cores.
 * `HEIRLOOM_CRASH_KILLS` sets how many; the default is what a test run has the time for. `HEIRLOOM_TEST_SEED` repeats a
 * run's moments, as far as a machine repeats anything.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { contradictions, type LibraryContent, libraryContent } from '../support/library-content.ts'
import { makeTakeout } from '../support/make-takeout.ts'
import {
  CAN_SEE_PROCESSES,
  type HeirloomRun,
  leftBehind,
  type RunningHeirloom,
  startHeirloom,
} from '../support/run-heirloom.ts'
import { ignoreState, treeFacts } from '../support/tree-digest.ts'

const KILLS = Number(process.env['HEIRLOOM_CRASH_KILLS'] ?? 8)
/** Libraries that are worked on at a time. */
const LANES = 2
const CRASHED_RUNS = 2
/** A worker sees that its coordinator is gone, cleans up, and is gone too. */
const ORPHANS_GONE_MS = 5_000

const SEED = Number(process.env['HEIRLOOM_TEST_SEED'] ?? Date.now() % 1_000_000)

let folder: string
let forms: readonly { readonly name: string; readonly inputs: readonly string[] }[]

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-crash-'))
  const zip = await makeTakeout(join(folder, 'zip'), { form: 'zip', photos: 6 })
  const plain = await makeTakeout(join(folder, 'takeout-20240101T000000Z'), { photos: 6 })
  const tgz = await makeTakeout(join(folder, 'tgz'), { form: 'tgz', photos: 6 })
  forms = [
    { name: 'zip', inputs: zip.inputs },
    { name: 'folder', inputs: plain.inputs },
    { name: 'tgz', inputs: tgz.inputs },
  ]
})
after(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** Same numbers for the same seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A kill before this share of a run, most of which is the program's start, finds nothing to spoil. */
const STARTED = 0.2
/** Multiples of it, without what is before the point, fill 0 to 1 evenly, however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2

interface Outcome {
  readonly files: ReadonlyMap<string, string>
  readonly content: LibraryContent
}

async function outcomeOf(library: string): Promise<Outcome> {
  const content = await libraryContent(library)
  const facts = await treeFacts(library, { ignore: ignoreState })
  const undated = new Set(
    content.assets.filter((asset) => asset['taken_at'] === null).map(({ path }) => path),
  )
  const timeless = ([path, fact]: readonly [string, string]): [string, string] => {
    // The time of an undated file is that of its placing.
    return [path, undated.has(path) ? fact.split(' ').slice(0, 3).join(' ') : fact]
  }
  return { files: new Map([...facts].map(timeless)), content }
}

/** What all lanes share: the result to reach, the kills so far, how long a whole run takes just now. */
interface Trial {
  readonly expected: Outcome
  readonly random: () => number
  wholeRunMs: number
  kills: { coordinator: number; worker: number }
  crashes: number
  libraries: number
}

const killsOf = ({ kills }: Trial): number => kills.coordinator + kills.worker

function start(form: (typeof forms)[number], library: string): RunningHeirloom {
  return startHeirloom(['ingest', ...form.inputs, '-o', library])
}

/** Kills a worker, if there is one at that moment, then the coordinator, if it still works at that one. */
async function crash(run: RunningHeirloom, trial: Trial): Promise<'killed' | 'finished'> {
  trial.crashes += 1
  const second = STARTED + (1 - STARTED) * ((SEED / 1_000_000 + trial.crashes * GOLDEN) % 1)
  // There are workers in the later part only.
  const first = second * (0.6 + 0.4 * trial.random())
  const startedAt = performance.now()
  await Promise.race([delay(first * trial.wholeRunMs), run.ended])
  await hitWorker(run, trial)
  await Promise.race([
    delay(Math.max(0, startedAt + second * trial.wholeRunMs - performance.now())),
    run.ended,
  ])
  run.child.kill('SIGKILL')
  if ((await run.ended).signal !== 'SIGKILL') return 'finished'
  trial.kills.coordinator += 1
  return 'killed'
}

async function hitWorker(run: RunningHeirloom, trial: Trial): Promise<void> {
  if (killsOf(trial) >= KILLS) return
  const workers = (await run.descendants()).filter(({ parent }) => parent === run.pid)
  const victim = workers[Math.floor(trial.random() * workers.length)]
  if (victim !== undefined && signal(victim.pid)) trial.kills.worker += 1
}

/** Kills a worker of a run that is to reach its end: some time after the first one is there. */
async function disturb(run: RunningHeirloom, trial: Trial): Promise<void> {
  let over = false
  const ended = run.ended.finally(() => {
    over = true
  })
  while (!over && (await run.descendants()).length === 0) await delay(25)
  await Promise.race([delay(trial.random() * trial.wholeRunMs * 0.5), ended])
  if (!over) await hitWorker(run, trial)
}

function signal(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    // It had ended by itself.
    return false
  }
}

async function spoilLibrary(form: (typeof forms)[number], library: string, trial: Trial): Promise<void> {
  const runs: RunningHeirloom[] = []
  const next = (): RunningHeirloom => {
    const run = start(form, library)
    runs.push(run)
    return run
  }
  let last: HeirloomRun | undefined
  for (let count = 0; count < CRASHED_RUNS && last === undefined && killsOf(trial) < KILLS; count += 1) {
    const run = next()
    if ((await crash(run, trial)) === 'finished') last = await run.ended
    // Runs get longer and shorter with what else the machine does.
    if (count === 0 && last !== undefined) trial.wholeRunMs += (last.durationMs - trial.wholeRunMs) / 2
  }
  if (last === undefined) {
    const run = next()
    await disturb(run, trial)
    last = await run.ended
  }
  const orphans = await Promise.all(runs.map((run) => leftBehind(run, ORPHANS_GONE_MS)))
  assert.deepEqual(orphans.flat(), [], `seed ${SEED}: alive after their coordinator`)
  await requireWhole(form, library, last, trial)
}

async function requireWhole(
  form: (typeof forms)[number],
  library: string,
  { exitCode, stdout, stderr }: HeirloomRun,
  { expected, kills }: Trial,
): Promise<void> {
  const where = `seed ${SEED}, ${form.name}, ${library}, after ${JSON.stringify(kills)} kills in all`
  assert.equal(exitCode, 0, `${where}\n${stdout}\n${stderr}`)
  assert.deepEqual(await contradictions(library), [], where)
  const { files, content } = await outcomeOf(library)
  assert.deepEqual(files, expected.files, where)
  assert.deepEqual(content, expected.content, where)
}

async function lane(number: number, trial: Trial): Promise<void> {
  while (killsOf(trial) < KILLS) {
    trial.libraries += 1
    const form = forms[trial.libraries % forms.length]!
    const library = join(folder, `library-${number}-${trial.libraries}`)
    await spoilLibrary(form, library, trial)
    await rm(library, { recursive: true })
  }
}

test(`after ${KILLS} kills of coordinators and workers each library is as if nothing had happened`, {
  skip: CAN_SEE_PROCESSES ? false : 'needs /proc to find the workers',
}, async (t) => {
  const library = join(folder, 'undisturbed')
  const undisturbed = await start(forms[0]!, library).ended
  assert.equal(undisturbed.exitCode, 0, undisturbed.stderr)
  const trial: Trial = {
    expected: await outcomeOf(library),
    random: randomOf(SEED),
    // Two libraries at a time take longer than one.
    wholeRunMs: undisturbed.durationMs * 1.5,
    kills: { coordinator: 0, worker: 0 },
    crashes: 0,
    libraries: 0,
  }
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number, trial)))
  const { coordinator, worker } = trial.kills
  t.diagnostic(`seed ${SEED}: ${coordinator} coordinators, ${worker} workers, ${trial.libraries} libraries`)
  assert.ok(
    coordinator >= KILLS / 4 && worker >= KILLS / 4,
    `seed ${SEED}: kills were ${coordinator} + ${worker}`,
  )
})
