/**
 * The memory governor: keeps a pool of workers within the memory that there is, and as large as its work.
 *
 * @module
 */

export {
  type Decision,
  decide,
  type GovernorSample,
  type GovernorState,
  INITIAL_STATE,
  type MeasuredWorker,
  type PressureChange,
  type Replacement,
  usedPercent,
  type Verdict,
} from './decide.ts'
export {
  type EmitGovernorEvent,
  type GovernorEvents,
  MemoryGovernor,
  type MemoryGovernorOptions,
  type MemoryNews,
} from './governor.ts'
export type { LaneState, LaneStates, Resize } from './lane-state.ts'
export {
  DEFAULT_MEMORY_LIMITS,
  InsufficientMemoryError,
  type MemoryLimits,
  toMemoryLimits,
  verifyFreeMemory,
} from './limits.ts'
export type { Pool, PoolLane, PoolWorker } from './pool.ts'
export { readResidentBytes } from './resident.ts'
export { type MemorySample, readMemorySample } from './sample.ts'
export { type ScaleLimits, type ScaleSample, type ScaleVerdict, type Surplus, scale } from './scale.ts'
