/**
 * `autotag`: calls, time and memory of keeping the library in order, in each way of reading; the seed program's
 * calls one after the other; and what more calls at a time bring.
 *
 * The server is a fake Immich in a process of its own: 80 ms a call, ten database connections, 12 to 27 ms for each
 * asset that is tagged, as measured on a real one. For each way of reading rules are applied once without a clock, to
 * the library as it was; then a week passes (`autotag-library.ts`), and that is what is counted; then all is planned
 * again, which must find nothing to do. What ran over the line is counted by the server.
 *
 * @module
 */

import { join } from 'node:path'
import type { StepOp } from '../src/immich/autotag/plan.ts'
import {
  autotagMix,
  autotagRules,
  type ExpectedPlan,
  expectedPlan,
} from '../test/support/fake-immich/autotag-mix.ts'
import type { BenchArgs } from './args.ts'
import { measureCurve } from './autotag-curve.ts'
import type { PlanCounts, RunReport, RunSettings } from './autotag-run.ts'
import { sequentialSample } from './autotag-sequential.ts'
import type { Traffic } from './autotag-server.ts'
import { type AutotagServer, startAutotagServer } from './autotag-server-process.ts'
import { machine, runNode } from './measure.ts'
import { megabytes, printTable, printVerdict, seconds } from './print.ts'
import { freshOutput, removeOutputs } from './workspace.ts'

const LOAD = { msPerCall: 80, connections: 10, msPerTaggedAsset: [12, 27], msPerChangedAsset: 0.57 } as const
const SEED = 1
const LEVELS = [1, 2, 4, 8, 16, undefined]

interface Way {
  readonly name: string
  readonly version: string
  readonly credentials: 'session' | 'key'
  readonly read: RunSettings['read']
  /** Calls of a run with everything to do, and of one with nothing. */
  readonly target: { readonly calls: number; readonly unchanged: number }
}

const WAYS: readonly Way[] = [
  {
    name: 'S1 session, 3.1',
    version: '3.1.0',
    credentials: 'session',
    read: 'auto',
    target: { calls: 650, unchanged: 100 },
  },
  {
    name: 'S2 key, 3.2',
    version: '3.2.2',
    credentials: 'key',
    read: 'auto',
    target: { calls: 750, unchanged: 190 },
  },
  {
    name: 'S3 key, 2.5, warm',
    version: '2.5.6',
    credentials: 'key',
    read: 'auto',
    target: { calls: 820, unchanged: 190 },
  },
]

/** One run of the program. */
interface Ran {
  readonly report: RunReport
  readonly wallMs: number
  readonly cpuMs: number | undefined
  readonly peakPssBytes: number | undefined
}

interface Measured {
  readonly way: Way
  readonly run: Ran
  readonly traffic: Traffic
  /** Since the run before it read them. */
  readonly albumsChanged: number
  readonly unchanged: { readonly run: Ran; readonly traffic: Traffic; readonly albumsChanged: number }
}

export async function benchAutotag({ quick, full }: BenchArgs): Promise<void> {
  const scale = quick ? 0.1 : 1
  const mix = autotagMix(scale)
  console.log(
    `${mix.assets} assets, ${mix.albums} albums, 40 tags; ${LOAD.msPerCall} ms a call, ${LOAD.connections} connections; ${machine()}`,
  )
  const measured: Measured[] = []
  for (const way of WAYS) {
    const one = await measureWay(way, scale)
    measured.push(one)
    console.log(`${way.name}: ${one.traffic.calls} calls in ${seconds(one.run.wallMs)}`)
  }
  printPlan(measured, expectedPlan(mix))
  printCalls(measured, await coldCalls(scale, full))
  printRoutes(measured)
  const server = await startAutotagServer({ version: '2.5.6', scale, seed: SEED })
  try {
    await compareSequential(server, measured, { share: quick ? 0.2 : 1, scale })
    await printCurve(server, quick)
  } finally {
    await server.close()
  }
  await removeOutputs()
}

async function measureWay(way: Way, scale: number): Promise<Measured> {
  const server = await startAutotagServer({ version: way.version, scale, seed: SEED })
  try {
    const stateFolder = join(await freshOutput('autotag'), way.version)
    await runAutotag(server, way, stateFolder, true)
    await server.runJobs()
    await server.week()
    await server.load(LOAD)
    await server.forget()
    const albumsChanged = await server.albumsChanged()
    const run = await runAutotag(server, way, stateFolder, true)
    const traffic = await server.traffic()
    await server.runJobs()
    await server.forget()
    const changedByIt = await server.albumsChanged()
    const again = await runAutotag(server, way, stateFolder, false)
    const unchanged = { run: again, traffic: await server.traffic(), albumsChanged: changedByIt }
    for (const violation of await server.violations()) console.log(`  the server complains: ${violation}`)
    return { way, run, traffic, albumsChanged, unchanged }
  } finally {
    await server.close()
  }
}

async function runAutotag(
  server: AutotagServer,
  { credentials, read }: Pick<Way, 'credentials' | 'read'>,
  stateFolder: string,
  apply: boolean,
): Promise<Ran> {
  const { address, key, token, userId } = server
  const settings: RunSettings = {
    address,
    userId,
    credentials: credentials === 'session' ? { session: token } : key,
    stateFolder,
    rules: autotagRules(),
    read,
    apply,
  }
  const program = join(import.meta.dirname, 'autotag-run.ts')
  const { stdout, wallMs, cpuMs, memory } = await runNode([program, JSON.stringify(settings)], {
    sampleMemory: true,
  })
  return { report: JSON.parse(stdout) as RunReport, wallMs, cpuMs, peakPssBytes: memory?.peakBytes }
}

/** A first run on an older server has to read every album: thousands of calls. Only with `--full`. */
async function coldCalls(scale: number, full: boolean): Promise<Traffic | undefined> {
  if (!full) return undefined
  const server = await startAutotagServer({ version: '2.5.6', scale, seed: SEED })
  try {
    await server.week()
    await server.load(LOAD)
    const way = { credentials: 'key', read: 'auto' } as const
    await runAutotag(server, way, await freshOutput('autotag-cold'), false)
    return await server.traffic()
  } finally {
    await server.close()
  }
}

function printPlan(measured: readonly Measured[], expected: ExpectedPlan): void {
  const rows: readonly (readonly [string, (counts: PlanCounts) => number, number])[] = [
    ['tags given', changes('tag.add'), expected.tagAdds],
    ['tags taken', changes('tag.remove'), expected.tagRemoves],
    ['albums made', steps('album.create'), expected.newAlbums],
    ['albums added to', steps('album.add'), expected.albumsAddedTo],
    ['albums removed from', steps('album.remove'), expected.albumsRemovedFrom],
    ['albums deleted', steps('album.delete'), expected.albumsDeleted],
    ['different dates', steps('date.set'), expected.dates],
    ['shares added', changes('share.add'), expected.shares.add],
    ['roles changed', changes('share.role'), expected.shares.role],
    ['shares ended', changes('share.remove'), expected.shares.remove],
    ['assets touched', ({ assets }) => assets, Number.NaN],
  ]
  console.log('\nThe plan:')
  printTable(
    ['', 'expected', ...measured.map(({ way }) => way.name)],
    rows.map(([name, count, wanted]) => [
      name,
      Number.isNaN(wanted) ? '' : String(wanted),
      ...measured.map(({ run }) => String(count(run.report.plan))),
    ]),
  )
  for (const { way, run, unchanged } of measured) {
    const { report } = run
    const wrong = rows.filter(([, count, wanted]) => !Number.isNaN(wanted) && count(report.plan) !== wanted)
    if (wrong.length > 0) fail(`${way.name}: other than expected: ${wrong.map(([name]) => name).join(', ')}`)
    for (const line of [...report.undone, ...report.differences]) fail(`${way.name}: ${line}`)
    const left = Object.entries(unchanged.run.report.plan.changes)
    if (left.length > 0) fail(`${way.name}: planned again, there was still ${JSON.stringify(left)} to do`)
  }
}

function changes(op: StepOp): (counts: PlanCounts) => number {
  return (counts) => counts.changes[op] ?? 0
}

function steps(op: StepOp): (counts: PlanCounts) => number {
  return (counts) => counts.steps[op] ?? 0
}

/** Wrong results end with an exit code; missed targets do not. */
function fail(message: string): void {
  console.log(`WRONG  ${message}`)
  process.exitCode = 1
}

function printCalls(measured: readonly Measured[], cold: Traffic | undefined): void {
  console.log('\nCalls and time, everything to do; and nothing:')
  printTable(
    [
      '',
      'calls',
      'reading',
      'applying',
      'wall',
      'read',
      'decide',
      'apply',
      'processor',
      'in flight',
      'peak RSS',
      'PSS',
      'nothing: calls',
      'wall',
      'processor',
    ],
    measured.map(({ way, run, traffic, unchanged }) => [
      `${way.name} (${run.report.strategy})`,
      String(traffic.calls),
      String(run.report.loadCalls),
      String(run.report.applyCalls),
      seconds(run.wallMs),
      seconds(run.report.loadMs),
      seconds(run.report.decideMs),
      seconds(run.report.applyMs),
      processor(run),
      traffic.averageInFlight.toFixed(1),
      run.report.peakBytes === undefined ? 'no /proc' : megabytes(run.report.peakBytes),
      run.peakPssBytes === undefined ? 'no /proc' : megabytes(run.peakPssBytes),
      String(unchanged.traffic.calls),
      seconds(unchanged.run.wallMs),
      processor(unchanged.run),
    ]),
  )
  if (cold !== undefined) console.log(`S3 cold: ${cold.calls} calls to read in ${seconds(cold.ms)}, once`)
  for (const { way, traffic, unchanged } of measured) {
    const { calls, unchanged: calm } = way.target
    printVerdict(`${way.name}, calls`, String(traffic.calls), `at most ${calls}`, traffic.calls <= calls)
    const again = unchanged.traffic.calls
    printVerdict(`${way.name}, nothing to do`, String(again), `at most ${calm}`, again <= calm)
  }
  const peak = Math.max(...measured.map(({ run }) => run.report.peakBytes ?? 0))
  printVerdict('peak memory (RSS)', megabytes(peak), 'under 300 MB', peak < 300e6)
}

/** Steadier than wall time where others use the machine. */
function processor({ cpuMs }: Ran): string {
  return cpuMs === undefined ? 'no /proc' : seconds(cpuMs)
}

function printRoutes(measured: readonly Measured[]): void {
  const routes = [...new Set(measured.flatMap(({ traffic }) => Object.keys(traffic.routes)))].toSorted()
  console.log('\nCalls by route (everything to do / nothing):')
  printTable(
    ['', ...measured.map(({ way }) => way.name)],
    routes.map((route) => [
      route,
      ...measured.map(
        ({ traffic, unchanged }) => `${traffic.routes[route] ?? 0} / ${unchanged.traffic.routes[route] ?? 0}`,
      ),
    ]),
  )
  for (const { way, traffic, albumsChanged, unchanged } of measured) {
    const changed = `${albumsChanged} albums looked changed before it, ${unchanged.albumsChanged} after`
    console.log(
      `${way.name}: ${changed}; the longest call took ${seconds(traffic.longest.ms)}, ${traffic.longest.route}`,
    )
    for (const [what, count] of Object.entries(traffic.refused))
      console.log(`  ${way.name}: ${count} times ${what}`)
  }
}

async function compareSequential(
  server: AutotagServer,
  measured: readonly Measured[],
  sample: { readonly share: number; readonly scale: number },
): Promise<void> {
  await server.load(LOAD)
  const result = await sequentialSample(server, sample)
  await server.load(undefined)
  console.log(
    `\nThe seed's ${result.calls} calls one after the other, extrapolated from ${result.sampled} (${seconds(result.sampleMs)}):`,
  )
  printTable(
    ['', 'calls', 'mean'],
    result.kinds.map(({ name, calls, meanMs }) => [name, String(calls), `${meanMs.toFixed(0)} ms`]),
  )
  for (const { way, run } of measured) {
    const { wallMs } = run
    const factor = result.extrapolatedMs / wallMs
    const value = `${factor.toFixed(0)} times as fast (${seconds(wallMs)} against ${seconds(result.extrapolatedMs)})`
    printVerdict(`${way.name}, against the seed`, value, 'at least 20', factor >= 20)
  }
}

async function printCurve(server: AutotagServer, quick: boolean): Promise<void> {
  const calls = quick ? 60 : 240
  const idle = await measureCurve(server, { calls, busy: 0, levels: LEVELS })
  const busy = await measureCurve(server, { calls, busy: 8, levels: LEVELS })
  console.log(`\n${calls} reads of albums, with so many at a time:`)
  const of = (concurrency: number | undefined): string =>
    concurrency === undefined ? 'adapts' : String(concurrency)
  printTable(
    ['at a time', 'idle', 'in flight', 'times as fast', '8 of 10 busy', 'in flight', 'times as fast'],
    idle.map((point, at) => {
      const other = busy[at] ?? point
      return [
        of(point.concurrency),
        seconds(point.ms),
        point.averageInFlight.toFixed(1),
        ((idle[0]?.ms ?? 0) / point.ms).toFixed(1),
        seconds(other.ms),
        other.averageInFlight.toFixed(1),
        ((busy[0]?.ms ?? 0) / other.ms).toFixed(1),
      ]
    }),
  )
  const gain = (idle[0]?.ms ?? 0) / (idle.at(-1)?.ms ?? 1)
  const held = busy.at(-1)?.averageInFlight ?? 0
  const slower = (busy.at(-1)?.ms ?? 0) / (busy[0]?.ms ?? 1)
  printVerdict('adapting, idle', `${gain.toFixed(1)} times as fast as one at a time`, 'at least 3', gain >= 3)
  printVerdict('adapting, busy', `${held.toFixed(1)} in flight`, 'under 5', held < 5)
  printVerdict(
    'adapting, busy',
    `${slower.toFixed(2)} of the time of one at a time`,
    'at most 1',
    slower <= 1,
  )
}
