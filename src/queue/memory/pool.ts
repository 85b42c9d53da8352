/**
 * What the governor sees of a pool of workers, and what it may do with it. The engine implements this.
 *
 * @module
 */

/** A worker process that lives. */
export interface PoolWorker {
  readonly pid: number
  readonly lane: string
  /** Epoch milliseconds since when it runs the task that it runs now; absent while it has none. */
  readonly busySince?: number
  /** Admitted for the task that it runs, beside the usual. */
  readonly memoryBytes?: number
}

/** A lane that runs in worker processes. Lanes of the coordinator are not the governor's. */
export interface PoolLane {
  readonly name: string
  readonly concurrency: number
  /** Tasks at hand that no worker was given. */
  readonly buffered: number
  /** Tasks that workers were given. */
  readonly running: number
  /** True when no other task of the lane is due, as far as is known: then the two numbers above are its whole depth. */
  readonly isDry?: boolean
}

export interface Pool {
  workers(): readonly PoolWorker[]
  lanes(): readonly PoolLane[]
  /** Surplus workers end after their task. */
  setConcurrency(lane: string, concurrency: number): void
  /** Ends the worker after its task, uncharged; a pid that is gone or retiring is nothing to do. */
  retireWorker(pid: number, reason: 'memory'): void
  /**
   * Ends the worker's process group now, its task charged with an error that says `why`; a pid that is gone is nothing
   * to do.
   */
  killWorker(pid: number, reason: 'memory', why: string): void
}
