/**
 * What to do about memory: a pure function of what was measured, the limits, and what was decided before.
 *
 * Over the threshold every lane is capped at half of the workers that it has, never below one; the cap is raised by one
 * worker at a time, when use was well below the threshold twice in a row. What runs is never ended for the pool's sake:
 * surplus workers finish their task. Only a worker that keeps more than it was allowed is replaced, and only one far
 * beyond that, or beyond it when memory is nearly gone, is killed; its task is charged, because the same task would
 * do the same again. When less is free than a worker needs to start, no lane may start one more.
 *
 * @module
 */

import { formatBytes } from '../../units.ts'
import { type LaneState, type LaneStates, type Resize, reconcileLanes } from './lane-state.ts'
import type { MemoryLimits } from './limits.ts'
import type { PoolLane, PoolWorker } from './pool.ts'
import type { MemorySample } from './sample.ts'

/** A worker this many times beyond its limit is killed at once. */
const KILL_FACTOR = 2

/** So many checks in a row have to show relief before anything grows. */
const RELIEF_CHECKS = 2

/** All that one check has measured. */
export interface GovernorSample {
  /** Epoch milliseconds. */
  readonly now: number
  readonly memory: MemorySample
  readonly workers: readonly MeasuredWorker[]
  readonly lanes: readonly PoolLane[]
}

export interface MeasuredWorker extends PoolWorker {
  /** What its process group keeps; absent where the system does not say. */
  readonly residentBytes?: number
}

/** A worker that keeps too much is to go: after its task, or now. */
export interface Replacement {
  readonly type: 'retire' | 'kill'
  readonly pid: number
  readonly lane: string
  readonly bytes: number
  readonly limitBytes: number
  readonly reason: string
}

/** Memory got short, or there is enough again. */
export interface PressureChange {
  readonly type: 'pressure' | 'relief'
  readonly percent: number
  readonly memory: MemorySample
  readonly reason: string
}

export type Decision = Resize | Replacement | PressureChange

/** What has to be remembered from one check to the next. */
export interface GovernorState {
  readonly pressed: boolean
  /** Checks in a row that showed use well below the threshold. */
  readonly relaxedChecks: number
  /** Epoch milliseconds. */
  readonly shrunkAt: number
  readonly grownAt: number
  readonly lanes: LaneStates
  /** Workers that were told to go and have not gone. */
  readonly leaving: ReadonlyMap<number, Replacement['type']>
}

export const INITIAL_STATE: GovernorState = Object.freeze({
  pressed: false,
  relaxedChecks: 0,
  shrunkAt: Number.NEGATIVE_INFINITY,
  grownAt: Number.NEGATIVE_INFINITY,
  lanes: new Map(),
  leaving: new Map(),
})

export interface Verdict {
  readonly decisions: readonly Decision[]
  readonly state: GovernorState
}

/** Decides what one check calls for. The lanes in the answer's state are as if every decision was carried out. */
export function decide(sample: GovernorSample, limits: MemoryLimits, before: GovernorState): Verdict {
  const lanes = reconcileLanes(sample.lanes, before.lanes)
  const replacements = decideReplacements(sample, limits, before.leaving)
  const leaving = stillLeaving(sample.workers, before.leaving, replacements)
  // A concurrency that somebody has raised meanwhile still has to fit under the cap.
  const kept = capLanes(
    sample,
    { ...before, lanes, leaving },
    (_, { cap }) => cap,
    describeUse(sample.memory),
  )
  const pool = decidePool(sample, limits, kept.state)
  return { decisions: [...replacements, ...kept.decisions, ...pool.decisions], state: pool.state }
}

/** Share of the limit that is in use, in percent. */
export function usedPercent({ usedBytes, limitBytes }: MemorySample): number {
  return limitBytes > 0 ? (usedBytes / limitBytes) * 100 : 100
}

function decideReplacements(
  { workers, memory }: GovernorSample,
  limits: MemoryLimits,
  leaving: GovernorState['leaving'],
): Replacement[] {
  const overweight = workers.flatMap((worker) => weigh(worker, limits))
  const critical = usedPercent(memory) >= limits.criticalPercent
  const largest = overweight.reduce((most, { bytes }) => Math.max(most, bytes), 0)
  return overweight.flatMap((weighed) => {
    const { worker, bytes, limitBytes } = weighed
    // When memory is nearly gone, one at a time: its end may be all that was needed.
    const mustGo = bytes > KILL_FACTOR * limitBytes || (critical && bytes === largest)
    // An idle worker ends at once when it is retired, and there is no task to charge.
    const type = mustGo && worker.busySince !== undefined ? 'kill' : 'retire'
    const told = leaving.get(worker.pid)
    if (told === 'kill' || told === type) return []
    const reason = describeOverweight(weighed, critical ? memory : undefined)
    return [{ type, pid: worker.pid, lane: worker.lane, bytes, limitBytes, reason } as const]
  })
}

/** `worker 7 keeps 600 MB, its limit is 456 MB, 200 MB of it for its task; memory is 96 % used`. */
function describeOverweight(
  { worker, bytes, limitBytes }: Overweight,
  critical: MemorySample | undefined,
): string {
  const { memoryBytes = 0 } = worker
  const admitted = memoryBytes === 0 ? '' : `, ${formatBytes(memoryBytes)} of it for its task`
  const urgency = critical === undefined ? '' : `; memory is ${usedPercent(critical).toFixed(0)} % used`
  return `worker ${worker.pid} keeps ${formatBytes(bytes)}, its limit is ${formatBytes(limitBytes)}${admitted}${urgency}`
}

interface Overweight {
  readonly worker: MeasuredWorker
  readonly bytes: number
  readonly limitBytes: number
}

function weigh(worker: MeasuredWorker, { workerMemoryBytes }: MemoryLimits): Overweight[] {
  const limitBytes = workerMemoryBytes + (worker.memoryBytes ?? 0)
  const bytes = worker.residentBytes ?? 0
  return bytes > limitBytes ? [{ worker, bytes, limitBytes }] : []
}

function stillLeaving(
  workers: readonly MeasuredWorker[],
  before: GovernorState['leaving'],
  replacements: readonly Replacement[],
): GovernorState['leaving'] {
  const alive = new Set(workers.map(({ pid }) => pid))
  const told = [...before, ...replacements.map(({ pid, type }) => [pid, type] as const)]
  return new Map(told.filter(([pid]) => alive.has(pid)))
}

function decidePool(sample: GovernorSample, limits: MemoryLimits, state: GovernorState): Verdict {
  const percent = usedPercent(sample.memory)
  const { stalledPercent = 0 } = sample.memory
  const stalled = stalledPercent >= limits.stalledPercent
  if (percent >= limits.memoryThresholdPercent || stalled) {
    return underPressure(sample, limits, state, describeUse(sample.memory, stalled))
  }
  const relaxed = percent < limits.memoryThresholdPercent - limits.hysteresisPercent
  const next = { ...state, relaxedChecks: relaxed ? state.relaxedChecks + 1 : 0 }
  const verdict =
    next.relaxedChecks >= RELIEF_CHECKS ? relieve(sample, limits, next) : { decisions: [], state: next }
  if (sample.memory.freeBytes >= limits.minFreeBytes) return verdict
  const held = hold(sample, limits, verdict.state)
  return { decisions: [...verdict.decisions, ...held.decisions], state: held.state }
}

function underPressure(
  sample: GovernorSample,
  limits: MemoryLimits,
  state: GovernorState,
  reason: string,
): Verdict {
  const { memory, now } = sample
  const percent = usedPercent(memory)
  const pressure: PressureChange[] = state.pressed ? [] : [{ type: 'pressure', percent, memory, reason }]
  const next = { ...state, pressed: true, relaxedChecks: 0 }
  const waits = now - state.shrunkAt < limits.shrinkCooldownMs && percent < limits.criticalPercent
  if (waits) return { decisions: pressure, state: next }
  const halved = capLanes(
    sample,
    next,
    (lane, { cap }) => Math.min(cap, Math.max(1, Math.floor(runningWorkers(sample, lane) / 2))),
    reason,
  )
  const shrunkAt = halved.decisions.length > 0 ? now : state.shrunkAt
  return { decisions: [...pressure, ...halved.decisions], state: { ...halved.state, shrunkAt } }
}

/** Too little is free for one more worker: those that live may stay. */
function hold(sample: GovernorSample, limits: MemoryLimits, state: GovernorState): Verdict {
  const { freeBytes } = sample.memory
  const reason = `${formatBytes(freeBytes)} are free, a worker needs ${formatBytes(limits.minFreeBytes)} to start`
  return capLanes(
    sample,
    state,
    (lane, { cap }) => Math.min(cap, Math.max(1, runningWorkers(sample, lane))),
    reason,
  )
}

/** The workers that a lane has and may keep. */
function runningWorkers({ workers }: GovernorSample, { name, concurrency }: PoolLane): number {
  return Math.min(concurrency, workers.filter(({ lane }) => lane === name).length)
}

/** Gives every lane its new cap, and brings those above it down to it. */
function capLanes(
  { lanes }: GovernorSample,
  state: GovernorState,
  capOf: (lane: PoolLane, known: LaneState) => number,
  reason: string,
): Verdict {
  const next = new Map(state.lanes)
  const decisions: Resize[] = []
  for (const lane of lanes) {
    const known = next.get(lane.name)
    if (known === undefined) continue
    const cap = capOf(lane, known)
    const to = Math.min(known.applied, cap)
    next.set(lane.name, { ...known, cap, applied: to })
    if (to < known.applied)
      decisions.push({ type: 'resize', lane: lane.name, from: known.applied, to, reason })
  }
  return { decisions, state: { ...state, lanes: next } }
}

function relieve(sample: GovernorSample, limits: MemoryLimits, state: GovernorState): Verdict {
  const { memory, now } = sample
  const reason = describeUse(memory)
  const relief: PressureChange[] = state.pressed
    ? [{ type: 'relief', percent: usedPercent(memory), memory, reason }]
    : []
  const next = { ...state, pressed: false }
  const rested = now - Math.max(state.shrunkAt, state.grownAt) >= limits.growCooldownMs
  if (!rested || memory.freeBytes < limits.minFreeBytes) return { decisions: relief, state: next }
  const grown = growOne(sample, next, reason)
  return { decisions: [...relief, ...grown.decisions], state: grown.state }
}

/** Raises one lane's cap by one: of those with work waiting first, the one that is cut the most. */
function growOne(sample: GovernorSample, state: GovernorState, reason: string): Verdict {
  const capped = sample.lanes
    .map((lane) => ({ lane, known: state.lanes.get(lane.name) }))
    .filter((entry): entry is { lane: PoolLane; known: LaneState } => Number.isFinite(entry.known?.cap))
    .map(({ lane, known }) => ({
      lane,
      known,
      wants: lane.running + lane.buffered >= known.cap,
      share: known.cap / known.ceiling,
    }))
    .sort((a, b) => Number(b.wants) - Number(a.wants) || a.share - b.share)
  const [first] = capped
  if (first === undefined) return { decisions: [], state }
  const { lane, known } = first
  const raised = known.cap + 1
  const cap = raised >= known.ceiling ? Number.POSITIVE_INFINITY : raised
  // A lane below its cap is small for want of tasks, not of memory.
  const to = known.applied === known.cap ? Math.min(raised, known.ceiling) : known.applied
  const lanes = new Map(state.lanes).set(lane.name, { ...known, cap, applied: to })
  const decisions: Resize[] =
    to === known.applied ? [] : [{ type: 'resize', lane: lane.name, from: known.applied, to, reason }]
  return { decisions, state: { ...state, lanes, grownAt: sample.now } }
}

/** `92 % of 4.0 GB (cgroup-v2) used, 320 MB free`, and how long everything stood still if that is why. */
function describeUse(memory: MemorySample, stalled = false): string {
  const percent = usedPercent(memory).toFixed(0)
  const use = `${percent} % of ${formatBytes(memory.limitBytes)} (${memory.source}) used, ${formatBytes(memory.freeBytes)} free`
  return stalled ? `${use}; all work stood still for ${memory.stalledPercent} % of the last 10 s` : use
}
