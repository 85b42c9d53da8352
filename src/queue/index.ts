/**
 * The queue: tasks in lanes, run by worker processes, committed by one coordinator.
 *
 * {@link QueueManager} is what a program uses; {@link QueueEngine} and the rest are what it is made of.
 *
 * @module
 */

export { type Clock, FakeClock, systemClock } from '../clock.ts'
export { type ErrorRecord, HeirloomError, type Recovery } from '../errors.ts'
export { createLogger, type Logger, type LogLevel } from '../logger.ts'
export { QueueFullError } from './admission.ts'
export type {
  AddedTask,
  Backend,
  CancelReport,
  ClaimRequest,
  Coordinator,
  CoordinatorLane,
  CoordinatorReport,
  ExchangeRequest,
  ExchangeResult,
  FireReport,
  LaneStatistics,
  OnMissed,
  RateLimit,
  RenewReport,
  Schedule,
  Settlement,
  SettleResult,
  StatusCounts,
  StoredSchedule,
  SweepOptions,
  SweepReport,
  TaskFilter,
} from './backend.ts'
export type {
  CallFunction,
  CommitFunction,
  FailureFunction,
  StoreProgram,
  Transaction,
} from './commit.ts'
export type { CommittedOutput } from './commit-outputs.ts'
export { getQueueManager, QueueManagerMismatchError } from './default-manager.ts'
export type { QueueEngineOptions } from './engine-options.ts'
export { type QueueEvents, type TaskRef, TypedEmitter, type WorkerExitReason } from './events.ts'
export type { Handler, TaskContext, WorkerModule } from './handler.ts'
export type { LaneOptions, LaneStatus } from './lane.ts'
export type { ManagerEvents } from './manager-governor.ts'
export { MANAGER_DEFAULTS, type ManagerLane, type QueueManagerOptions } from './manager-options.ts'
export {
  type GovernorEvents,
  InsufficientMemoryError,
  MemoryGovernor,
  type MemoryGovernorOptions,
  type MemorySample,
  readMemorySample,
} from './memory/index.ts'
export { type ProcessIdentity, processIdentity } from './process-identity.ts'
export type { ProgressCallback } from './progress.ts'
export { QueueEngine } from './queue-engine.ts'
export {
  DependencyCycleError,
  DuplicateRefError,
  EmptyFilterError,
  ForwardedError,
  InvalidModuleError,
  InvalidQueueOptionsError,
  InvalidScheduleError,
  InvalidTaskError,
  NewerSchemaError,
  NotRunningError,
  StoreClosedError,
  UnknownCallError,
  UnknownDependencyError,
  UnknownRefError,
  WaitCycleError,
} from './queue-errors.ts'
export { QueueManager } from './queue-manager.ts'
export { DEFAULT_RETENTION, type Retention } from './retention.ts'
export { nextAttemptAt, type RetryOptions } from './retry.ts'
export type { WorkerStatus } from './runner.ts'
export type { Figures, LaneFigures, QueueStatistics } from './statistics.ts'
export {
  type ClaimedTask,
  type Dependency,
  FINAL_STATUSES,
  type Lease,
  type NewTask,
  type OnDependencyFailure,
  type OnDuplicate,
  type Task,
  type TaskStatus,
} from './task.ts'
export type { Source } from './task-source.ts'
export type {
  HandlerMap,
  PayloadOf,
  ResultOf,
  ScheduleOf,
  StoredTaskOf,
  TaskOf,
  TaskOptions,
} from './typed-tasks.ts'
