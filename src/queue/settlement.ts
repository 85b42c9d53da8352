/**
 * From how an attempt ended to what the backend is told about it.
 *
 * @module
 */

import type { Settlement } from './backend.ts'
import { nextAttemptAt } from './retry.ts'
import type { AttemptEnd } from './runner.ts'
import type { ClaimedTask } from './task.ts'

export interface SettlementOptions {
  readonly now: number
  readonly retryDelayMs?: number
  readonly maxRetryDelayMs?: number
  readonly random?: () => number
}

/** An end of which there is something to say: a lost lease is nobody's to settle. */
export type SettledEnd = Exclude<AttemptEnd, { readonly outcome: 'lost' }>

/** An attempt that has ended and is not settled yet. */
export interface Ack {
  readonly claimed: ClaimedTask
  readonly settlement: Settlement
  readonly durationMs: number
}

/** A completed attempt carries its retry time too: its commit function may still throw. */
export function settlementOf(
  { task, lease }: ClaimedTask,
  end: SettledEnd,
  options: SettlementOptions,
): Settlement {
  if (end.outcome === 'released') return { lease, outcome: 'released' }
  const { now, retryDelayMs, maxRetryDelayMs, random = Math.random } = options
  const retryAt = nextAttemptAt({
    attempt: task.failures + 1,
    now,
    random,
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
    ...(maxRetryDelayMs === undefined ? {} : { maxDelayMs: maxRetryDelayMs }),
  })
  if (end.outcome === 'completed') return { lease, outcome: 'completed', result: end.result, retryAt }
  return { lease, outcome: 'error', error: end.error, retryAt, crashed: end.crashed ?? false }
}
