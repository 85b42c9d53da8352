/**
 * What one task costs, as it was measured: the input of the simulation.
 *
 * Two cores of a shared Xeon, Node 24.21, Redis 7.0, 2026-11. The coordinator, its database's thread and Redis: processor
 * time of each over an `ingest` of 10,000 tiny photos through one worker host (`/proc/PID/task`, `INFO cpu`), planning and
 * report included. Workers: processor time a file in `bench -- remote`.
 *
 * @module
 */

export interface TaskCosts {
  /** Main thread of the coordinator. */
  readonly coordinatorMs: number
  /** The thread of its database. */
  readonly databaseMs: number
  readonly redisMs: number
  /** Of `library.db`, with a photo and its JSON file. */
  readonly databaseBytes: number
  /** Of Redis, for a queued task with a payload of 120 bytes. */
  readonly redisBytes: number
}

export const COSTS: TaskCosts = Object.freeze({
  coordinatorMs: 0.5,
  databaseMs: 0.78,
  redisMs: 0.36,
  databaseBytes: 3_500,
  redisBytes: 876,
})

export interface Workload {
  readonly name: string
  /** Of one core. */
  readonly workerMs: number
  readonly readBytes: number
  readonly writtenBytes: number
}

export const WORKLOADS: readonly Workload[] = Object.freeze([
  { name: 'ingest of photos of 3 MB', workerMs: 14, readBytes: 3e6, writtenBytes: 3e6 },
  { name: 'thumbnails of 12 megapixels', workerMs: 238, readBytes: 1.5e6, writtenBytes: 0.2e6 },
])
