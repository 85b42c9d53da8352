/**
 * `remote`: what BullMQ on Redis costs on top: tasks that do nothing against bare BullMQ, thumbnails and an ingest with a
 * worker host against those with workers of their own, Redis' memory for a queued task.
 *
 * Everything runs on one machine, so what is measured is the way, not the gain: two machines have twice the processors.
 *
 * @module
 */

import { dirname, join } from 'node:path'
import type { IngestSummary } from '../src/tasks/ingest-api.ts'
import type { ThumbsSummary } from '../src/tasks/thumbnail-api.ts'
import type { BenchArgs } from './args.ts'
import { FULL_TAKEOUT, photoTakeout, takeoutBytes } from './inputs.ts'
import { machine, median, type Run } from './measure.ts'
import { perSecond, printTable, printVerdict, seconds } from './print.ts'
import { type RedisServer, startRedis } from './queue/redis.ts'
import { taskMemory } from './remote/memory.ts'
import { bareBullmq, type NoopCost, type NoopSettings, ownBackend, wholeWay } from './remote/noop.ts'
import { runEmbedded, runRemotely } from './remote/whole-job.ts'
import { PHOTO_SIZES, thumbPhotos } from './thumbs-photos.ts'
import { freshOutput, needSpace, removeOutputs, settle } from './workspace.ts'

const CONCURRENCY = 50
const MAX_TASK_BYTES = 1_200

export async function benchRemote(args: BenchArgs): Promise<void> {
  console.log(machine())
  const redis = await startRedis(await freshOutput('redis'))
  if (redis === undefined) throw new Error('no redis-server on the PATH')
  try {
    await noops(redis, args)
    await thumbnails(redis, args)
    await ingests(redis, args)
    await memory(redis, args)
  } finally {
    await redis.stop()
    await removeOutputs()
  }
}

async function noops({ port }: RedisServer, { quick, items, rounds }: BenchArgs): Promise<void> {
  const tasks = items?.[0] ?? (quick ? 4_000 : 20_000)
  const settings: NoopSettings = { port, tasks, hosts: 2, concurrency: CONCURRENCY }
  const contenders: readonly { name: string; costs: NoopCost[]; run: () => Promise<NoopCost> }[] = [
    { name: 'bare BullMQ', costs: [], run: () => bareBullmq(settings) },
    { name: 'our backend on it', costs: [], run: () => ownBackend(settings) },
    {
      name: 'database, Redis and back',
      costs: [],
      run: async () => wholeWay(await freshOutput('noop'), settings),
    },
  ]
  for (let round = 0; round < rounds; round += 1) {
    for (const { costs, run } of contenders) costs.push(await run())
  }
  console.log(`\n${tasks.toLocaleString('en')} no-op tasks, 2 processes, ${CONCURRENCY} at a time in each`)
  const wallOf = (costs: readonly NoopCost[]): number => median(costs.map(({ wallMs }) => wallMs))
  const bareMs = wallOf(contenders[0]?.costs ?? [])
  printTable(
    ['', 'time', 'tasks/s', 'of bare BullMQ', 'own CPU µs a task'],
    contenders.map(({ name, costs }) => [
      name,
      seconds(wallOf(costs)),
      perSecond(tasks, wallOf(costs)),
      `${(bareMs / wallOf(costs)).toFixed(2)} ×`,
      ((median(costs.map(({ ownCpuMs }) => ownCpuMs)) * 1_000) / tasks).toFixed(0),
    ]),
  )
  for (const { name, costs } of contenders.slice(1)) {
    const ratio = bareMs / wallOf(costs)
    printVerdict(name, `${ratio.toFixed(2)} × bare BullMQ`, '0.8 ×', ratio >= 0.8)
  }
}

async function thumbnails({ port }: RedisServer, { quick, rounds, workers }: BenchArgs): Promise<void> {
  const [size] = PHOTO_SIZES
  if (size === undefined) return
  const { folder, facts } = await thumbPhotos(size, quick ? 6 : 300)
  const one = async (run: (args: readonly string[]) => Promise<Run>): Promise<Run> => {
    const output = await freshOutput('thumbs')
    settle()
    const done = await run(['thumbs', folder, '-o', output, '--json'])
    const { made } = JSON.parse(done.stdout) as ThumbsSummary
    if (made !== facts.photos) throw new Error(`${made} of ${facts.photos} thumbnails: ${done.stdout}`)
    return done
  }
  const root = commonRoot(folder, await freshOutput('thumbs'))
  const lanes = `thumbnail:${workers}`
  const turns = await inTurns(rounds, {
    embedded: () => one((args) => runEmbedded([...args, '--workers', String(workers)])),
    remote: () => one((args) => runRemotely(args, { port, lanes, root })),
  })
  printTurns(`thumbnails of ${facts.photos} photos of ${size.name}`, facts.photos, turns)
  const ratio = median(turns.embedded.map(wall)) / median(turns.remote.map(wall))
  printVerdict('thumbnails', `${ratio.toFixed(2)} × the images/s of embedded`, '0.95 ×', ratio >= 0.95)
}

async function ingests({ port }: RedisServer, { quick, rounds, workers }: BenchArgs): Promise<void> {
  const spec = quick ? { ...FULL_TAKEOUT, photos: 24, videos: 2, duplicates: 6, widthPx: 1600 } : FULL_TAKEOUT
  await needSpace(takeoutBytes(spec) * 2.2)
  const { folder, facts } = await photoTakeout(spec)
  const one = async (run: (args: readonly string[]) => Promise<Run>): Promise<Run> => {
    const library = await freshOutput('library')
    settle()
    const done = await run(['ingest', folder, '-o', library, '--json'])
    const { exports } = JSON.parse(done.stdout) as IngestSummary
    const files = exports.reduce((sum, { imported, duplicates }) => sum + imported + duplicates, 0)
    if (files !== facts.mediaFiles || exports.some(({ balanced }) => !balanced)) throw new Error(done.stdout)
    return done
  }
  const root = commonRoot(folder, await freshOutput('library'))
  const turns = await inTurns(rounds, {
    embedded: () => one((args) => runEmbedded([...args, '--workers', String(workers)])),
    remote: () => one((args) => runRemotely(args, { port, lanes: `item:${workers}`, root })),
  })
  printTurns(`ingest of ${facts.mediaFiles} files`, facts.mediaFiles, turns)
}

interface Turns {
  readonly embedded: Run[]
  readonly remote: Run[]
}

async function inTurns(
  rounds: number,
  { embedded, remote }: { embedded: () => Promise<Run>; remote: () => Promise<Run> },
): Promise<Turns> {
  const turns: Turns = { embedded: [], remote: [] }
  for (let round = 0; round < rounds; round += 1) {
    turns.embedded.push(await embedded())
    turns.remote.push(await remote())
  }
  return turns
}

function printTurns(what: string, count: number, { embedded, remote }: Turns): void {
  console.log(`\n${what}; CPU is that of the command with its own children, not of the worker host`)
  const row = (name: string, runs: readonly Run[]): string[] => {
    const cpuMs = median(runs.map((run) => run.cpuMs ?? Number.NaN))
    const wallMs = median(runs.map(wall))
    return [name, seconds(wallMs), perSecond(count, wallMs), (cpuMs / count).toFixed(1)]
  }
  printTable(['', 'time', 'files/s', 'CPU ms a file'], [row('embedded', embedded), row('remote', remote)])
}

async function memory({ port }: RedisServer, { full, quick }: BenchArgs): Promise<void> {
  const tasks = full ? 1_000_000 : quick ? 10_000 : 100_000
  const { ownBytes, bullmqBytes } = await taskMemory(port, tasks)
  const shown = `${ownBytes.toFixed(0)} bytes (bare BullMQ ${bullmqBytes.toFixed(0)})`
  console.log('')
  printVerdict(
    `Redis memory a task, of ${tasks.toLocaleString('en')} queued`,
    shown,
    `${MAX_TASK_BYTES} bytes`,
    ownBytes < MAX_TASK_BYTES,
  )
}

function wall({ wallMs }: Run): number {
  return wallMs
}

/** The folder that both lie in: what the worker host is given. */
function commonRoot(one: string, other: string): string {
  let root = one
  while (!other.startsWith(join(root, '/'))) root = dirname(root)
  return root
}
