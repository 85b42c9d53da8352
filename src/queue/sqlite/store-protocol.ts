/**
 * What the coordinator and the store's thread say to each other.
 *
 * @module
 */

import type { ErrorRecord } from '../../errors.ts'

/** The thread's `workerData`. */
export interface StoreThreadData {
  readonly file: string
  readonly durability: 'process' | 'power'
  /** URL of a module that exports `program`. */
  readonly program?: string
}

/** Methods of the store that may be asked for. */
export const STORE_METHODS = [
  'add',
  'exchange',
  'renew',
  'sweep',
  'nextDueAt',
  'get',
  'list',
  'counts',
  'openInGroup',
  'cancel',
  'retryFailed',
  'setPaused',
  'pausedLanes',
  'report',
  'leave',
  'coordinators',
  'statistics',
  'prune',
  'putSchedule',
  'removeSchedule',
  'schedules',
  'fireSchedules',
  'call',
] as const

export type StoreMethod = (typeof STORE_METHODS)[number]

export interface StoreRequest {
  readonly id: number
  /** `watch` and `unwatch` begin and end the messages `changed`. */
  readonly method: StoreMethod | 'watch' | 'unwatch' | 'close'
  readonly parameters: readonly unknown[]
}

export type StoreReply =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly error: ErrorRecord }
  /** Another connection has committed something. */
  | { readonly type: 'changed' }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorRecord }
