/**
 * How many workers a lane's work calls for, between its least and its most; pure.
 *
 * The seed compared the queue with its own capacity (spawn above 70 % of `queueSize`, 60 s apart; reduce below 30 %,
 * 120 s apart): with the default of 1000, 700 files had to wait before a second worker came. What counts is whether
 * tasks wait that one more worker could run. So a lane grows as soon as it has more tasks than workers: a worker is
 * there in 50 to 170 ms, and one too many costs 20 MB until it goes. It shrinks late, to the most that it needed during
 * the last 30 s, because work comes in bursts. The seed's limit of 80 % CPU kept the last core of eight idle: here a
 * worker needs half a core that idles, and memory for itself beside the free minimum.
 *
 * @module
 */

import { formatBytes, formatDuration, pluralize } from '../../units.ts'
import type { LaneState, LaneStates, Resize } from './lane-state.ts'
import type { PoolLane } from './pool.ts'

export interface ScaleLimits {
  /** No lane has fewer, unless memory is short or it is configured with fewer. Default 1. */
  readonly minWorkers: number
  /** A lane that has needed fewer workers for this long is made smaller. Default 30 s. */
  readonly shrinkIdleMs: number
  /** What one more worker may take; Infinity when nobody says. */
  readonly workerMemoryBytes: number
  /** What must be free beside that. */
  readonly minFreeBytes: number
}

export interface ScaleSample {
  /** Epoch milliseconds. */
  readonly now: number
  readonly lanes: readonly PoolLane[]
  readonly freeBytes: number
  /** Cores that had nothing to do since the last look; may be a fraction. */
  readonly idleCores: number
  /** Memory is short: nothing grows. */
  readonly pressed: boolean
}

/** A lane has had more workers than it needs since then (epoch milliseconds), and needed so many at most. */
export interface Surplus {
  readonly since: number
  readonly needed: number
}

export interface ScaleVerdict {
  readonly decisions: readonly Resize[]
  readonly lanes: LaneStates
  readonly surplus: ReadonlyMap<string, Surplus>
}

/**
 * Decides the size of every lane.
 *
 * @param known - What `decide` left: the most of a lane is the smaller of its ceiling and its cap.
 * @param before - The `surplus` of the last verdict.
 */
export function scale(
  sample: ScaleSample,
  limits: ScaleLimits,
  known: LaneStates,
  before: ReadonlyMap<string, Surplus>,
): ScaleVerdict {
  const lanes = new Map(known)
  const surplus = new Map<string, Surplus>()
  const decisions: Resize[] = []
  let room = roomForWorkers(sample, limits)
  for (const lane of sample.lanes) {
    const state = lanes.get(lane.name)
    if (state === undefined || state.ceiling === 0) continue
    const needed = neededWorkers(lane, state, limits)
    if (needed < state.applied) surplus.set(lane.name, surplusOf(before.get(lane.name), needed, sample.now))
    const step =
      needed > state.applied
        ? grow(lane, state, Math.min(needed, state.applied + room), sample)
        : shrink(lane, state, surplus.get(lane.name), sample.now, limits)
    if (step === undefined) continue
    decisions.push(step)
    lanes.set(lane.name, { ...state, applied: step.to })
    surplus.delete(lane.name)
    room -= Math.max(0, step.to - step.from)
  }
  return { decisions, lanes, surplus }
}

/**
 * As many as there are tasks, within the lane's bounds. A lane claims no more slow tasks than it has workers, so that
 * one in which every worker has a task may have any number waiting: it is taken to need twice as many. Wrong guesses
 * are free: a process is started for a task, not for a number.
 */
function neededWorkers(
  lane: PoolLane,
  { applied, ceiling, cap }: LaneState,
  { minWorkers }: ScaleLimits,
): number {
  const most = Math.min(ceiling, cap)
  const depth = lane.buffered + lane.running
  const wanted = depth >= applied && !lane.isDry ? Math.max(depth, applied * 2) : depth
  return Math.min(most, Math.max(1, minWorkers, wanted))
}

function roomForWorkers({ freeBytes, idleCores, pressed }: ScaleSample, limits: ScaleLimits): number {
  if (pressed || freeBytes < limits.minFreeBytes) return 0
  const { workerMemoryBytes, minFreeBytes } = limits
  const byMemory = Number.isFinite(workerMemoryBytes)
    ? Math.floor((freeBytes - minFreeBytes) / workerMemoryBytes)
    : Number.POSITIVE_INFINITY
  return Math.min(byMemory, Math.round(idleCores))
}

function surplusOf(before: Surplus | undefined, needed: number, now: number): Surplus {
  return before === undefined
    ? { since: now, needed }
    : { ...before, needed: Math.max(before.needed, needed) }
}

function grow(lane: PoolLane, { applied }: LaneState, to: number, sample: ScaleSample): Resize | undefined {
  if (to <= applied) return undefined
  const { idleCores, freeBytes } = sample
  const reason =
    `${pluralize(lane.buffered + lane.running, 'task')} for ${pluralize(applied, 'worker')}, ` +
    `${idleCores.toFixed(1)} cores idle, ${formatBytes(freeBytes)} free`
  return { type: 'resize', lane: lane.name, from: applied, to, reason }
}

function shrink(
  lane: PoolLane,
  { applied }: LaneState,
  surplus: Surplus | undefined,
  now: number,
  { shrinkIdleMs }: ScaleLimits,
): Resize | undefined {
  if (surplus === undefined || surplus.needed >= applied || now - surplus.since < shrinkIdleMs)
    return undefined
  const reason = `at most ${pluralize(surplus.needed, 'worker')} needed for ${formatDuration(now - surplus.since)}`
  return { type: 'resize', lane: lane.name, from: applied, to: surplus.needed, reason }
}
