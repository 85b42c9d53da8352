/**
 * What the command line says to the jobs about workers of other processes: plain data.
 *
 * @module
 */

import type { Logger } from '../logger.ts'
import type { RedisOptions } from '../queue/bullmq/redis-options.ts'

/** Lanes whose tasks workers of other processes can run, in the order in which they are told. */
export const REMOTE_LANES = ['item', 'thumbnail'] as const

export type RemoteLane = (typeof REMOTE_LANES)[number]

/** For a coordinator: where its tasks are carried to. */
export interface RemoteSettings {
  readonly redis: RedisOptions
  /** Tasks that are under way at a time, for each lane. */
  readonly window: number
}

/** What the coordinator calls `there` lies `here` on this host. Both are absolute folders. */
export interface PathMap {
  readonly there: string
  readonly here: string
}

/** A bucket that a worker may read and write: `endpoint` undefined for Amazon's. */
export interface AllowedBucket {
  readonly endpoint?: string
  readonly bucket: string
}

export interface WorkerStatusReport {
  /** Epoch milliseconds. */
  readonly now: number
  readonly isConnected: boolean
  readonly lanes: readonly {
    readonly lane: string
    readonly concurrency: number
    readonly running: number
    readonly completed: number
    readonly failed: number
  }[]
}

export interface RemoteWorkerOptions {
  readonly redis: RedisOptions
  /** Worker processes by lane. */
  readonly lanes: Readonly<Partial<Record<RemoteLane, number>>>
  /** Nothing outside of these folders is read or written. */
  readonly maps: readonly PathMap[]
  readonly buckets: readonly AllowedBucket[]
  /** Aborted: takes nothing new, finishes what runs. */
  readonly signal: AbortSignal
  /** Aborted: kills what runs; it is run elsewhere. */
  readonly kill: AbortSignal
  readonly logger: Logger
  /** Called about once a second, and when something has changed. */
  onStatus(status: WorkerStatusReport): void
}

export interface RemoteWorkerSummary {
  readonly completed: number
  readonly failed: number
  readonly durationMs: number
}
