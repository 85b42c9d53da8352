/**
 * The queue on Redis or Valkey, by BullMQ, and remote lanes: needs the packages `bullmq` and `ioredis`.
 *
 * @module
 */

export { type BullmqBackendOptions, openBullmqBackend } from './bullmq-backend.ts'
export { type EmitSender, openEmitSender } from './emit-channel.ts'
export { RedisError, RedisPackagesError } from './redis-error.ts'
export { DEFAULT_REDIS_PREFIX, type RedisOptions } from './redis-options.ts'
export {
  type OpenRemoteLanes,
  openRemoteLanes,
  type QueueDepth,
  type RemoteLanesOptions,
} from './remote-lanes.ts'
