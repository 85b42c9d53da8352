/**
 * For tests of programs that use the queue, and of other backends.
 *
 * @module
 */

export {
  type BackendFactory,
  type Bundle,
  CONFORMANCE_PROGRAM_KIND,
  type ConformanceOptions,
  conformanceProgram,
  describeBackend,
  type EffectLog,
  type Skips,
} from './backend-conformance.ts'
export { MemoryBackend, type MemoryBackendOptions, type MemoryDatabase } from './memory-backend.ts'
