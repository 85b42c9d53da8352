/**
 * Writes the tasks of one addition into a transaction, as BullMQ's scripts add them, and reads what these answer.
 *
 * @module
 */

import type { JobJson, ParentKeyOpts } from 'bullmq'
import type { AddedTask } from '../backend.ts'
import type { PreparedTask } from '../new-task.ts'
import type { OnDependencyFailure } from '../task.ts'
import type { BullmqContext, LaneQueue } from './context.ts'
import { deferredFailure, type Edge, type FlowPlan, parentRule, skipField } from './flows.ts'
import type { Transaction } from './guarded-transaction.ts'
import type { JobPlace, ReadJob } from './job-states.ts'
import { jobIdOf, jobOf, taskIdOf, type WireJob } from './wire.ts'

/** Checked, with everything that has to be known before Redis is told. */
export interface Addition {
  readonly tasks: readonly PreparedTask[]
  /** By index. */
  readonly ids: readonly number[]
  /** Indexes, dependencies first. */
  readonly order: readonly number[]
  readonly now: number
}

/** A dependency that has failed or was cancelled before, and so ends its dependant. */
export interface Doom {
  readonly job: ReadJob
  readonly rule: OnDependencyFailure
}

export interface WriterOptions {
  readonly context: BullmqContext
  readonly transaction: Transaction
  readonly addition: Addition
  readonly plan: FlowPlan
}

export class AdditionWriter {
  readonly #context: BullmqContext
  readonly #transaction: Transaction
  readonly #addition: Addition
  readonly #plan: FlowPlan
  readonly #waiting: ReadonlySet<number>
  /** By index: what is known already, or the place of the answer. */
  readonly #told = new Map<number, AddedTask | number>()
  /** New tasks whose end a dependency has decided before. */
  readonly doomed: JobPlace[] = []

  constructor({ context, transaction, addition, plan }: WriterOptions) {
    this.#context = context
    this.#transaction = transaction
    this.#addition = addition
    this.#plan = plan
    this.#waiting = new Set(plan.waiting)
  }

  /** The task of that index answers for itself. */
  answer(index: number, added: AddedTask): void {
    this.#told.set(index, added)
  }

  async add(index: number, doom: Doom | undefined): Promise<void> {
    const { tasks, ids, now } = this.#addition
    const [task, id] = [tasks[index], ids[index]]
    if (task === undefined || id === undefined) return
    const queue = this.#context.queue(task.lane)
    this.#told.set(index, answersSoFar(this.#transaction))
    const addToWaitingChildren = this.#waiting.has(index)
    await this.#write(queue, id, {
      ...jobOf(task, now),
      edge: this.#plan.edges.get(index),
      addToWaitingChildren,
      dedupeKey: task.dedupeKey,
    })
    if (doom === undefined) return
    this.#seal(queue.key(jobIdOf(id)), doom)
    this.doomed.push({ taskId: id, queue })
  }

  /** Gives a task that exists its dependant. An earlier one has ended. */
  async attach({ taskId, queue, hash }: ReadJob, edge: Edge): Promise<void> {
    const key = queue.key(jobIdOf(taskId))
    const { parentKey } = hash
    if (parentKey !== undefined) {
      this.#transaction.hdel(key, 'parentKey', 'parent')
      this.#transaction.srem(`${parentKey}:dependencies`, key)
    }
    const nothing = { name: '', data: '', timestamp: this.#addition.now, opts: {} as WireJob['opts'] }
    await this.#write(queue, taskId, { ...nothing, edge })
  }

  /** Reads what the transaction answered. */
  read(answers: readonly unknown[]): readonly AddedTask[] {
    return this.#addition.ids.map((id, index) => {
      const told = this.#told.get(index)
      if (typeof told === 'object') return told
      const jobId = told === undefined ? undefined : answers[told]
      if (typeof jobId !== 'string')
        throw new Error(`BullMQ answered ${jobId} to the addition of ${jobIdOf(id)}`)
      const addedId = taskIdOf(jobId)
      return { id: addedId, added: addedId === id }
    })
  }

  async #write(
    queue: LaneQueue,
    id: number,
    { edge, addToWaitingChildren, dedupeKey, ...wire }: Written,
  ): Promise<void> {
    const parent = edge === undefined ? undefined : this.#parentOf(edge)
    const parentKeyOpts: ParentKeyOpts = {
      ...(addToWaitingChildren ? { addToWaitingChildren } : {}),
      ...(parent ? { parentKey: parent.key, parentDependenciesKey: `${parent.key}:dependencies` } : {}),
    }
    const deduplication = dedupeKey === undefined ? undefined : { id: dedupeKey }
    const job = {
      ...wire,
      opts: deduplication ? { ...wire.opts, deduplication } : wire.opts,
      ...(parent ? { parent: parent.reference, parentKey: parent.key } : {}),
      ...(deduplication ? { deduplicationId: dedupeKey } : {}),
    }
    const jobId = jobIdOf(id)
    await queue.bull.addJobToTransaction(this.#transaction, job as unknown as JobJson, jobId, parentKeyOpts)
    if (parent && edge?.rule === 'skip')
      this.#transaction.hset(parent.key, { [skipField(queue.key(jobId))]: 1 })
  }

  /** The dependant, as its dependency's job names it. */
  #parentOf({ dependant, rule }: Edge): { readonly key: string; readonly reference: object } {
    const { tasks, ids } = this.#addition
    const queue = this.#context.queue(tasks[dependant]?.lane ?? '')
    const id = jobIdOf(ids[dependant] ?? 0)
    return { key: queue.key(id), reference: { id, queueKey: queue.bull.qualifiedName, ...parentRule(rule) } }
  }

  /** Whoever claims the task ends it; the set is what BullMQ keeps of failed children, and asks a retry for. */
  #seal(key: string, { job, rule }: Doom): void {
    const childKey = job.queue.key(jobIdOf(job.taskId))
    const skip = rule === 'skip' ? { [skipField(childKey)]: 1 } : {}
    this.#transaction.hset(key, { defa: deferredFailure(childKey), ...skip })
    this.#transaction.zadd(`${key}:unsuccessful`, this.#addition.now, childKey)
  }
}

interface Written extends WireJob {
  readonly edge?: Edge | undefined
  readonly addToWaitingChildren?: boolean
  readonly dedupeKey?: string | undefined
}

/** How many commands come before the next one; the first is `MULTI`, which answers nothing. */
function answersSoFar(transaction: Transaction): number {
  return transaction.length - 1
}
