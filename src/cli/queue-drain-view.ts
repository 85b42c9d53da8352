/**
 * How far a `heirloom queue drain` is: what has ended since it began to wait, as text and as data.
 *
 * Pure. Counts come from the queue's counters; each look adds what they have grown by, so that a pruned or retried
 * task in between does not turn the sum around.
 *
 * @module
 */

import type { StatusCounts } from '../queue/backend.ts'
import { openOf, type QueueSnapshot } from '../tasks/queue-snapshot.ts'
import { formatCount, formatDuration, pluralize } from '../units.ts'
import { formatRate } from './gauge.ts'
import { neutralize } from './text-width.ts'

export interface DrainProgress {
  readonly startedAt: number
  readonly now: number
  /** Tasks that are not final. */
  readonly open: number
  /** Ended since `startedAt`, as far as was seen. */
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** Tasks that ended a second, over the last minute, or over the last seconds where that is more. */
  readonly perSecond: number
  readonly etaMs?: number
  /** The counters at this look. */
  readonly counts: StatusCounts
}

export function beginDrain(snapshot: QueueSnapshot): DrainProgress {
  return {
    startedAt: snapshot.now,
    completed: 0,
    failed: 0,
    cancelled: 0,
    ...seen(snapshot),
  }
}

export function continueDrain(before: DrainProgress, snapshot: QueueSnapshot): DrainProgress {
  const grown = (status: 'completed' | 'failed' | 'cancelled'): number =>
    before[status] + Math.max(0, snapshot.counts[status] - before.counts[status])
  return {
    startedAt: before.startedAt,
    completed: grown('completed'),
    failed: grown('failed'),
    cancelled: grown('cancelled'),
    ...seen(snapshot),
  }
}

function seen({
  now,
  counts,
  throughput,
  etaMs,
}: QueueSnapshot): Pick<DrainProgress, 'now' | 'open' | 'counts' | 'perSecond' | 'etaMs'> {
  const open = openOf(counts)
  return {
    now,
    open,
    counts,
    perSecond: throughput.m1,
    ...(etaMs === undefined || open === 0 ? {} : { etaMs }),
  }
}

/** `1,234 open, 45.2/s, ETA 3 min 05 s, 2 failed` */
export function drainLine({ open, perSecond, etaMs, failed }: DrainProgress): string {
  return [
    `${formatCount(open)} open`,
    `${formatRate(perSecond)}/s`,
    ...(etaMs === undefined ? [] : [`ETA ${formatDuration(etaMs)}`]),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
  ].join(', ')
}

/** The last line: `drained in 4.2 s: 10 completed, 1 failed`. */
export function drainEndLine({ startedAt, now, open, completed, failed, cancelled }: DrainProgress): string {
  const took = formatDuration(now - startedAt)
  const start =
    open === 0 ? `drained in ${took}` : `not drained after ${took}, ${pluralize(open, 'task')} open`
  const ended = [
    `${formatCount(completed)} completed`,
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
    ...(cancelled > 0 ? [`${formatCount(cancelled)} cancelled`] : []),
  ]
  return `${start}: ${ended.join(', ')}`
}

/** Why open tasks may stay open for ever; each is worth saying once. */
export function drainObstacles({ lanes, coordinators, counts }: QueueSnapshot): string[] {
  const paused = lanes.filter((lane) => lane.paused && openOf(lane.counts) > 0)
  return [
    ...paused.map(({ lane }) => `lane ${neutralize(lane)} is paused: its tasks wait until it is resumed`),
    ...(coordinators.length === 0 && openOf(counts) > 0
      ? ['no coordinator is there: nothing is done until one starts']
      : []),
  ]
}
