/**
 * The queue engine: tasks in lanes, run by worker processes, committed by one coordinator.
 *
 * @module
 */

export type {
  AddedTask,
  Backend,
  ClaimRequest,
  ExchangeRequest,
  ExchangeResult,
  Settlement,
  SettleResult,
  StatusCounts,
  SweepOptions,
  SweepReport,
} from './backend.ts'
export type {
  CallFunction,
  CommitFunction,
  FailureFunction,
  StoreProgram,
  Transaction,
} from './commit.ts'
export type { CommittedOutput } from './commit-outputs.ts'
export { type QueueEvents, type TaskRef, TypedEmitter, type WorkerExitReason } from './events.ts'
export type { Handler, TaskContext, WorkerModule } from './handler.ts'
export type { LaneOptions } from './lane.ts'
export {
  ForwardedError,
  InvalidModuleError,
  InvalidQueueOptionsError,
  InvalidTaskError,
  NewerSchemaError,
  StoreClosedError,
  UnknownCallError,
  UnknownDependencyError,
  WaitCycleError,
} from './queue-errors.ts'
export { QueueManager } from './queue-manager.ts'
export type { QueueManagerOptions } from './queue-options.ts'
export { nextAttemptAt, type RetryOptions } from './retry.ts'
export {
  type ClaimedTask,
  type Dependency,
  FINAL_STATUSES,
  type Lease,
  type NewTask,
  type OnDependencyFailure,
  type Task,
  type TaskStatus,
} from './task.ts'
