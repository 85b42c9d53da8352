/**
 * Makes a lane with the runner that its options ask for, and has that tell the queue's subscribers what it does.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import { CoordinatorRunner } from './coordinator-runner.ts'
import { DEFAULT_CANCEL_GRACE_MS, type QueueEngineOptions } from './engine-options.ts'
import type { QueueEvents, TypedEmitter } from './events.ts'
import { DEFAULT_TIMEOUT_MS, Lane, type LaneOptions } from './lane.ts'
import type { AttemptEnd, LaneRunner, RunnerHost } from './runner.ts'
import type { ClaimedTask } from './task.ts'
import { WorkerPool } from './worker-pool.ts'

/** What a lane needs of its queue. */
export interface LaneContext {
  readonly options: QueueEngineOptions
  readonly clock: Clock
  readonly events: TypedEmitter<QueueEvents>
  readonly ended: (claimed: ClaimedTask, end: AttemptEnd) => void
  readonly emit: (claimed: ClaimedTask, chunk: unknown) => Promise<unknown>
  readonly progress: (claimed: ClaimedTask, value: unknown) => void
  /** Called whenever a slot of the lane may have room. */
  readonly onRoom: () => void
}

export function createLane(name: string, lane: LaneOptions, context: LaneContext): Lane {
  return new Lane(name, lane, createRunner(name, lane, context))
}

function createRunner(name: string, lane: LaneOptions, context: LaneContext): LaneRunner {
  const { clock, onRoom } = context
  const { handlers = {}, workerModule = '', workerExecArgv, workerIdleMs, remote } = context.options
  const { cancelGraceMs = DEFAULT_CANCEL_GRACE_MS } = context.options
  const { concurrency, timeoutMs = DEFAULT_TIMEOUT_MS, memoryBudgetBytes } = lane
  const budget = memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes }
  const common = { concurrency, timeoutMs, ...budget, clock, onRoom, host: hostOf(name, context) }
  if (lane.runsIn === 'coordinator')
    return new CoordinatorRunner({ ...common, handlers, graceMs: cancelGraceMs })
  if (lane.runsIn === 'remote' && remote !== undefined)
    return remote.runner({ ...common, lane: name, cancelGraceMs })
  return new WorkerPool({
    ...common,
    module: String(workerModule),
    lane: name,
    cancelGraceMs,
    ...(workerExecArgv === undefined ? {} : { execArgv: workerExecArgv }),
    ...(workerIdleMs === undefined ? {} : { idleMs: workerIdleMs }),
  })
}

function hostOf(lane: string, { events, ended, emit, progress }: LaneContext): RunnerHost {
  return {
    started: ({ task, lease }, workerPid) => {
      if (!events.has('task.started')) return
      const { id, kind, failures, maxRetries } = task
      events.emit('task.started', {
        task: { id, kind, lane },
        attempt: lease.attempt,
        failures,
        maxRetries,
        ...(workerPid === undefined ? {} : { workerPid }),
      })
    },
    ended,
    emit,
    progress,
    workerStarted: (pid) => events.emit('worker.started', { lane, pid }),
    workerExited: (pid, reason, how) => events.emit('worker.exited', { lane, pid, reason, how }),
  }
}
