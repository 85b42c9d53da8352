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

/**
 * A completed attempt carries its retry time too: its commit function may still throw.
 *
 * The first retry after the process has died without our doing is at once, since it runs alone: most often somebody
 * else was to blame (a neighbour, the kernel's memory killer). A task that kills its process again backs off.
 */
export function settlementOf(
  { task, lease, alone }: ClaimedTask,
  end: SettledEnd,
  options: SettlementOptions,
  now: number,
): Settlement {
  if (end.outcome === 'released') return { lease, outcome: 'released' }
  const { durationMs } = end
  const retryAt = nextAttemptAt({ ...retryOptions(options), attempt: task.failures + 1, now })
  if (end.outcome === 'completed')
    return { lease, outcome: 'completed', result: end.result, durationMs, retryAt }
  const { error, crashed = false, retryAtOnce = false } = end
  const at = retryAtOnce && !alone ? now : retryAt
  return { lease, outcome: 'error', error, retryAt: at, durationMs, crashed }
}

function retryOptions({ retryDelayMs, maxRetryDelayMs, random = Math.random }: SettlementOptions) {
  return {
    random,
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
    ...(maxRetryDelayMs === undefined ? {} : { maxDelayMs: maxRetryDelayMs }),
  }
}
