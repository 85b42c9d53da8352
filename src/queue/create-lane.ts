/**
 * Makes a lane with the runner that its options ask for, and has that tell the queue's subscribers what it does.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import { CoordinatorRunner } from './coordinator-runner.ts'
import type { QueueEvents, TaskRef, TypedEmitter } from './events.ts'
import { DEFAULT_TIMEOUT_MS, Lane, type LaneOptions } from './lane.ts'
import type { QueueManagerOptions } from './queue-options.ts'
import type { AttemptEnd, LaneRunner, RunnerHost } from './runner.ts'
import type { ClaimedTask } from './task.ts'
import { WorkerPool } from './worker-pool.ts'

/** What a lane needs of its queue. */
export interface LaneContext {
  readonly options: QueueManagerOptions
  readonly clock: Clock
  readonly events: TypedEmitter<QueueEvents>
  readonly ended: (claimed: ClaimedTask, end: AttemptEnd) => void
  readonly emit: (claimed: ClaimedTask, chunk: unknown) => Promise<unknown>
  /** Called whenever a slot of the lane may have room. */
  readonly onRoom: () => void
}

export function createLane(name: string, lane: LaneOptions, context: LaneContext): Lane {
  return new Lane(name, lane, createRunner(name, lane, context))
}

function createRunner(name: string, lane: LaneOptions, context: LaneContext): LaneRunner {
  const { clock, onRoom } = context
  const { handlers = {}, workerModule = '', workerExecArgv, workerIdleMs } = context.options
  const { concurrency, timeoutMs = DEFAULT_TIMEOUT_MS } = lane
  const common = { concurrency, timeoutMs, clock, onRoom, host: hostOf(name, context) }
  if (lane.runsIn === 'coordinator') return new CoordinatorRunner({ ...common, handlers })
  return new WorkerPool({
    ...common,
    module: String(workerModule),
    lane: name,
    ...(workerExecArgv === undefined ? {} : { execArgv: workerExecArgv }),
    ...(workerIdleMs === undefined ? {} : { idleMs: workerIdleMs }),
  })
}

function hostOf(lane: string, { events, ended, emit }: LaneContext): RunnerHost {
  const ref = ({ task: { id, kind } }: ClaimedTask): TaskRef => ({ id, kind, lane })
  return {
    started: (claimed, workerPid) =>
      events.emit('task.started', {
        task: ref(claimed),
        attempt: claimed.lease.attempt,
        ...(workerPid === undefined ? {} : { workerPid }),
      }),
    ended,
    emit,
    progress: (claimed, value) => events.emit('task.progress', { task: ref(claimed), value }),
    workerStarted: (pid) => events.emit('worker.started', { lane, pid }),
    workerExited: (pid, reason, how) => events.emit('worker.exited', { lane, pid, reason, how }),
  }
}
