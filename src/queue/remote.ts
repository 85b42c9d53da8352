/**
 * The seam to workers of other processes, on this host or any other.
 *
 * A lane that `runsIn: 'remote'` is claimed, settled, retried and committed by its coordinator like every other: only
 * the running of an attempt is somebody else's. So the backend stays the one truth. What carries the tasks may lose them,
 * run them twice or answer late: the coordinator has the lease, and only its attempt counts.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { LaneRunner, RunnerHost } from './runner.ts'

/** What a remote lane's runner needs of its engine. */
export interface RemoteRunnerOptions {
  /** Name of the lane. */
  readonly lane: string
  /** Tasks that are under way at a time: waiting for a worker, or running. */
  readonly concurrency: number
  /** Of one attempt, unless the task says otherwise; 0 or Infinity for none. Waiting for a worker does not count. */
  readonly timeoutMs: number
  /** A cancelled task that has not ended by then is killed with its process. */
  readonly cancelGraceMs: number
  readonly clock: Clock
  readonly host: RunnerHost
  /** Called whenever there may be room for more tasks. */
  readonly onRoom: () => void
}

/** Carries the tasks of remote lanes to workers, and brings back how they ended. */
export interface RemoteLanes {
  runner(options: RemoteRunnerOptions): LaneRunner
}

/** Counted up with every change of an envelope, a payload or a result, and of what is computed from it. */
export const REMOTE_PROTOCOL = 1

/**
 * What travels to a remote worker in place of a task's payload: the attempt whose end is asked for, and the payload.
 * Plain JSON. The worker's own queue has other ids and attempts; these are the coordinator's.
 */
export interface RemoteEnvelope {
  /** {@link REMOTE_PROTOCOL} of the coordinator. */
  readonly version: number
  /** Names the coordinator that handed it out: ends and emissions go to no other. */
  readonly origin: string
  readonly taskId: number
  readonly attempt: number
  readonly payload: unknown
}
