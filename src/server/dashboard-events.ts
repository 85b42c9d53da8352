/**
 * What `GET /api/events` sends, event by event: the words that the server and its page share. Types only.
 *
 * Every event carries the whole of its part, so that a page which missed some is right again with the next one.
 *
 * @module
 */

import type { ExportProgress, UploadProgress } from '../library/export-progress.ts'
import type { LeaseHolder } from '../library/lease.ts'
import type { StatusCounts } from '../queue/backend.ts'
import type { LiveTasks } from '../tasks/dashboard-tasks.ts'
import type { ThroughputHistory } from '../tasks/dashboard-throughput.ts'
import type { WallPhoto } from '../tasks/dashboard-wall.ts'
import type { LaneSnapshot } from '../tasks/queue-snapshot.ts'

export type RoleView =
  | { readonly kind: 'working' }
  /** Another process has the library. */
  | { readonly kind: 'watching'; readonly holder?: LeaseHolder }

/** A worker process. */
export interface WorkerView {
  readonly pid: number
  readonly lane: string
  /** With the children that it has started; absent where the system does not tell. */
  readonly memoryBytes?: number
  /** Known of the server's own workers only. */
  readonly taskId?: number
  /** Epoch milliseconds. */
  readonly busySince?: number
}

/** A process that hands out tasks. */
export interface CoordinatorView {
  readonly pid: number
  readonly host: string
  readonly startedAt: number
  readonly seenAt: number
  readonly lanes: Readonly<Record<string, { readonly concurrency: number; readonly workers: number }>>
}

/** The queue at one moment. */
export interface SnapshotView {
  /** Epoch milliseconds, by the server's clock. */
  readonly now: number
  /** Absolute path. */
  readonly library: string
  readonly role: RoleView
  /** Of all that the store holds, former runs included. */
  readonly counts: StatusCounts
  /** Tasks that have ended since what is going on began. */
  readonly run: { readonly done: number }
  readonly lanes: readonly LaneSnapshot[]
  /** Tasks that ended a second, of all lanes. */
  readonly throughput: { readonly m1: number; readonly m5: number; readonly m15: number }
  readonly etaMs?: number
  readonly coordinators: readonly CoordinatorView[]
  readonly workers: readonly WorkerView[]
  /** Absent where none are used, and while another process has the library. */
  readonly workerHosts?: WorkerHostsView
  readonly memory: {
    /** Of the container or the machine. */
    readonly limitBytes: number
    readonly freeBytes: number
    /** Of the server itself, without its workers. */
    readonly serverBytes: number
  }
}

/** Who works on the tasks that this server hands out through Redis. */
export interface WorkerHostsView {
  /** False: Redis does not answer, and the numbers are 0. */
  readonly isConnected: boolean
  readonly hosts: number
  /** Tasks that they run at a time, all together. */
  readonly concurrency: number
}

export interface ExportsView {
  readonly exports: readonly ExportProgress[]
  readonly uploads: readonly UploadProgress[]
}

export interface ThumbnailsView {
  readonly photos: readonly WallPhoto[]
}

/** Events by name. */
export interface DashboardEvents {
  readonly snapshot: SnapshotView
  readonly tasks: LiveTasks
  readonly exports: ExportsView
  readonly thumbnails: ThumbnailsView
  readonly throughput: ThroughputHistory
  /** The server ends: the next connection will have to wait. */
  readonly ending: Readonly<Record<string, never>>
}

export type DashboardEvent = keyof DashboardEvents
