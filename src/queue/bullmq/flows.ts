/**
 * Dependencies as BullMQ's flows: which addition can be one, in what order it is written, and how a dependant ends.
 *
 * BullMQ turns the picture round: what depends is the *parent*, what it depends on are its *children*; a child knows one
 * parent, kept in its own hash. So what can be promised are trees: a task may depend on many, but at most one open task
 * may depend on it. A child that exists can be given a parent as long as it has none. A failed child does not fail its
 * parent itself: it puts it at the end of `waiting-children` with a deferred failure (the field `defa`), and who claims it
 * next ends it unrun. That also is how a task is added whose fate is sealed by a dependency that has failed before.
 *
 * Here are plain functions; `additions.ts` talks to Redis.
 *
 * @module
 */

import type { ErrorRecord } from '../../errors.ts'
import type { PreparedTask } from '../new-task.ts'
import { dependencyFailed } from '../queue-errors.ts'
import type { OnDependencyFailure } from '../task.ts'
import { NotSupportedError } from './not-supported.ts'

/** What a child's failure does to its parent, in the words of BullMQ's stored parent reference. */
export interface ParentRule {
  /** Fail the parent: `fail` and `skip`. */
  readonly fpof?: true
  /** Go on without the child: `run`. */
  readonly rdof?: true
}

/** The field of a dependant's hash that says: the failure of the job with that key cancels it. */
export function skipField(childKey: string): string {
  return `sk:${childKey}`
}

export function parentRule(rule: OnDependencyFailure): ParentRule {
  return rule === 'run' ? { rdof: true } : { fpof: true }
}

/** A task of an addition, or one that exists, that another one of the addition depends on. */
export interface Edge {
  /** Index of the dependant in the addition. */
  readonly dependant: number
  readonly rule: OnDependencyFailure
}

export interface FlowPlan {
  /** Those that wait, each before all that it depends on: BullMQ wants to know a parent before its children. */
  readonly waiting: readonly number[]
  /** The others, in the order of the call: equals run in the order in which they are written. */
  readonly ready: readonly number[]
  /** By index of the dependency, for those of this addition. */
  readonly edges: ReadonlyMap<number, Edge>
  /** By task id, for dependencies that exist and are open. */
  readonly attached: ReadonlyMap<number, Edge>
}

export interface Addition {
  /** Dependencies of the same addition are named by {@link refId}, others by their task id. */
  readonly tasks: readonly PreparedTask[]
  /** Indexes, dependencies first. */
  readonly order: readonly number[]
  /** Those of the dependencies that existed before and are open. */
  readonly open: ReadonlySet<number>
}

/** Stands for the task id of a task that has none yet, by its index in the addition. */
export function refId(index: number): number {
  return -1 - index
}

/** Ids of tasks that existed before and that others of the addition depend on. */
export function foreignDependencies(tasks: readonly PreparedTask[]): ReadonlySet<number> {
  return new Set(tasks.flatMap(({ dependsOn }) => [...dependsOn.keys()].filter((id) => id >= 0)))
}

/** @throws {@link SecondDependantError} when two tasks depend on one. */
export function planFlow({ tasks, order, open }: Addition): FlowPlan {
  const edges = new Map<number, Edge>()
  const attached = new Map<number, Edge>()
  const waits = new Set<number>()
  for (const [dependant, { dependsOn }] of tasks.entries()) {
    for (const [id, rule] of dependsOn) {
      if (id >= 0 && !open.has(id)) continue
      waits.add(dependant)
      if (id >= 0) link(attached, id, { dependant, rule }, `task ${id}`)
      else link(edges, refId(id), { dependant, rule }, `a task of kind ${tasks[refId(id)]?.kind}`)
    }
  }
  return {
    waiting: order.filter((index) => waits.has(index)).reverse(),
    ready: [...tasks.keys()].filter((index) => !waits.has(index)),
    edges,
    attached,
  }
}

function link(edges: Map<number, Edge>, key: number, edge: Edge, name: string): void {
  if (edges.has(key)) throw new SecondDependantError(name)
  edges.set(key, edge)
}

/** Two tasks were to depend on one. */
export class SecondDependantError extends NotSupportedError {
  constructor(name: string) {
    super(`a second task that depends on ${name}`, 'Let one task depend on it, and the others on that one.')
  }
}

/**
 * Refuses what a flow cannot be.
 *
 * @param isDependency - Whether another task of the same addition depends on this one.
 * @throws {@link NotSupportedError}
 */
export function refuseUnsupported(task: PreparedTask, isDependency: boolean, now: number): void {
  const { dependsOn, dedupeKey, runAt, afterGroup, concurrencyKey } = task
  if (afterGroup !== undefined) {
    throw new NotSupportedError('afterGroup', 'Let the task depend on those of the group, by dependsOn.')
  }
  if (concurrencyKey !== undefined) {
    throw new NotSupportedError('concurrencyKey', 'Give these tasks a lane of their own with concurrency 1.')
  }
  if (dedupeKey !== undefined && (dependsOn.size > 0 || isDependency)) {
    throw new NotSupportedError(
      'a dedupeKey on a task with dependencies or dependants in its addition',
      'Add the task with the dedupeKey alone, before those that depend on it.',
    )
  }
  if (dependsOn.size > 0 && runAt > now) {
    throw new NotSupportedError('dependsOn together with a later runAt', 'Let the handler snooze until then.')
  }
}

/** How a task ends because one that it depends on did not complete. */
export interface Fate {
  readonly status: 'failed' | 'cancelled'
  readonly error: ErrorRecord
}

/**
 * The end that a dependency has decided for a job, from the fields of its hash; undefined for a job that may run. To be
 * asked of every claimed job.
 *
 * @param taskIdOfKey - Of a job's key, NaN for one of another program.
 */
export function fateOf(
  hash: Readonly<Record<string, string>>,
  taskIdOfKey: (jobKey: string) => number,
): Fate | undefined {
  const { childKey } = /^child (?<childKey>.*) failed$/su.exec(hash['defa'] ?? '')?.groups ?? {}
  if (childKey === undefined) return undefined
  return {
    status: hash[skipField(childKey)] === undefined ? 'failed' : 'cancelled',
    error: dependencyFailed(taskIdOfKey(childKey), 'failed'),
  }
}

/** What BullMQ writes into `defa` when the child of that key fails, see `moveChildFromDependenciesIfNeeded.lua`. */
export function deferredFailure(childKey: string): string {
  return `child ${childKey} failed`
}
