/**
 * `scale`: a simulation of many worker hosts and a hundred million items, from what one task was measured to cost.
 *
 * Tasks go through the coordinator, Redis, a worker's processor, the shared storage and back to the commit; the window of
 * the coordinator bounds how many are under way. A million tasks are simulated, which is long past the start-up, and
 * counted up. Not in it: planning (the coordinator's own files a second, see `ingest`), failures, and other users of the
 * storage.
 *
 * @module
 */

import type { BenchArgs } from './args.ts'
import { printTable } from './print.ts'
import { COSTS, type TaskCosts, WORKLOADS, type Workload } from './scale/costs.ts'
import { type Simulated, type Station, type Stop, simulate } from './scale/network.ts'

const HOSTS = [1, 2, 5, 10, 20, 50, 100] as const
const CORES = 8
const WINDOW = 2_000
const ITEMS = 100_000_000

/** Storage that all hosts share, bytes a second each way together. */
const STORAGES = [
  { name: '1 Gbit/s', bytesPerMs: 110_000 },
  { name: '10 Gbit/s', bytesPerMs: 1_100_000 },
  { name: '100 Gbit/s', bytesPerMs: 11_000_000 },
] as const

interface Setting {
  readonly workload: Workload
  readonly hosts: number
  readonly storage: (typeof STORAGES)[number]
}

export async function benchScale({ items, quick }: BenchArgs): Promise<void> {
  const tasks = items?.[0] ?? (quick ? 50_000 : 1_000_000)
  console.log(
    `${tasks.toLocaleString('en')} tasks simulated for each line, ${CORES} cores a host, window ${WINDOW}`,
  )
  for (const workload of WORKLOADS) {
    for (const storage of STORAGES) {
      console.log(`\n${workload.name}, storage of ${storage.name}`)
      printTable(
        [
          'hosts',
          'items/s',
          '100 M take',
          'full first',
          'processors',
          'storage',
          'Redis',
          'coordinator',
          'database',
        ],
        HOSTS.map((hosts) => rowOf({ workload, hosts, storage }, tasks)),
      )
    }
  }
  printSizes()
}

function rowOf(setting: Setting, tasks: number): readonly string[] {
  const stations = stationsOf(setting)
  const way = wayOf(setting)
  const result = simulate(stations, way, { tasks, window: WINDOW, random: randomOf(1) })
  requireLaw(result, way)
  const fullest = result.utilization.indexOf(Math.max(...result.utilization))
  const percent = (station: number): string => `${((result.utilization[station] ?? 0) * 100).toFixed(0)} %`
  const hours = ITEMS / result.perSecond / 3_600
  return [
    String(setting.hosts),
    Math.round(result.perSecond).toLocaleString('en'),
    hours >= 48 ? `${(hours / 24).toFixed(0)} days` : `${hours.toFixed(1)} h`,
    stations[fullest]?.name ?? '',
    ...[WORKERS, STORAGE, REDIS, COORDINATOR, DATABASE].map(percent),
  ]
}

const [COORDINATOR, REDIS, WORKERS, STORAGE, DATABASE] = [0, 1, 2, 3, 4]

function stationsOf({ hosts }: Setting): readonly Station[] {
  return [
    { name: 'coordinator', servers: 1 },
    { name: 'Redis', servers: 1 },
    { name: 'processors', servers: hosts * CORES },
    { name: 'storage', servers: 1 },
    { name: 'database', servers: 1 },
  ]
}

function wayOf({ workload, storage }: Setting): readonly Stop[] {
  const { coordinatorMs, redisMs, databaseMs }: TaskCosts = COSTS
  const fixed = (station: number, serviceMs: number): Stop => ({ station, serviceMs, spread: 0.2 })
  const bytes = (count: number): Stop => ({
    station: STORAGE,
    serviceMs: count / storage.bytesPerMs,
    spread: 0.6,
  })
  return [
    fixed(COORDINATOR, coordinatorMs / 2),
    fixed(REDIS, redisMs / 2),
    bytes(workload.readBytes),
    { station: WORKERS, serviceMs: workload.workerMs, spread: 0.6 },
    bytes(workload.writtenBytes),
    fixed(REDIS, redisMs / 2),
    fixed(COORDINATOR, coordinatorMs / 2),
    fixed(DATABASE, databaseMs),
  ]
}

/** Utilization is arrivals times service, whatever the order of events: else the simulation is wrong. */
function requireLaw({ utilization, perSecond }: Simulated, way: readonly Stop[]): void {
  for (const station of [COORDINATOR, REDIS, STORAGE, DATABASE]) {
    const serviceMs = way.reduce((sum, stop) => sum + (stop.station === station ? stop.serviceMs : 0), 0)
    const expected = (perSecond * serviceMs) / 1_000
    const found = utilization[station] ?? Number.NaN
    if (Math.abs(found - expected) > 0.03) {
      throw new Error(`station ${station} is busy for ${found}, by the utilization law for ${expected}`)
    }
  }
}

function printSizes(): void {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`
  console.log(
    `\nDatabase of ${ITEMS.toLocaleString('en')} items: ${gigabytes(ITEMS * COSTS.databaseBytes)}; Redis: ${(
      (WINDOW * COSTS.redisBytes) / 1e6
    ).toFixed(
      0,
    )} MB for a window of ${WINDOW}, ${gigabytes(ITEMS * COSTS.redisBytes)} if all were queued there`,
  )
}

/** Mulberry32: the same numbers in every run. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
