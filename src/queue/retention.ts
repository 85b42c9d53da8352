/**
 * Lets finished tasks go after a while, so that a store does not grow for ever.
 *
 * By default, because nobody thinks of it before the disk is full. By age, so that yesterday can be looked up; and by
 * number, so that a busy queue's week fits too. Failed tasks are the dead letters that a person still has to see:
 * they are kept longer, and their number is not limited. What an open task depends on is always kept.
 *
 * @module
 */

import type { Backend } from './backend.ts'
import { pruneAll } from './bulk-changes.ts'
import type { TaskStatus } from './task.ts'

export interface Retention {
  /** Days that completed and cancelled tasks are kept; `Infinity` for ever. Default 7: a week's work can be looked up. */
  readonly completedDays?: number
  /** Days that failed tasks are kept; `Infinity` for ever. Default 30: longer than a holiday. */
  readonly failedDays?: number
  /** Completed tasks that are kept, the oldest go first; `Infinity` for all. Default 100,000. */
  readonly maxCompleted?: number
}

export const DEFAULT_RETENTION: Required<Retention> = Object.freeze({
  completedDays: 7,
  failedDays: 30,
  maxCompleted: 100_000,
})

const MS_PER_DAY = 86_400_000

/** Forgets what the rules let go. Answers how many tasks. */
export async function applyRetention(
  backend: Pick<Backend, 'prune' | 'counts'>,
  retention: Retention,
  now: number,
): Promise<number> {
  const { completedDays, failedDays, maxCompleted } = { ...DEFAULT_RETENTION, ...retention }
  const byAge: readonly (readonly [TaskStatus, number])[] = [
    ['completed', completedDays],
    ['cancelled', completedDays],
    ['failed', failedDays],
  ]
  let pruned = 0
  for (const [status, days] of byAge) {
    if (!Number.isFinite(days)) continue
    pruned += await pruneAll(backend, { status, endedBefore: now - days * MS_PER_DAY })
  }
  const surplus = (await backend.counts()).completed - maxCompleted
  if (surplus > 0) pruned += await pruneAll(backend, { status: 'completed', endedBefore: now }, surplus)
  return pruned
}

/** What is wrong with the rules, a line each. */
export function retentionProblems(retention: Retention | false | undefined): string[] {
  return Object.entries(retention === false ? {} : (retention ?? {}))
    .filter(([, value]) => value !== undefined && !(typeof value === 'number' && value >= 0))
    .map(([name, value]) => `${name} of retention is not a number from 0 on: ${String(value)}`)
}
