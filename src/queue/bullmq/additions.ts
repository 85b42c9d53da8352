/**
 * Stores new tasks: all of one addition in one transaction of BullMQ's own scripts, or none.
 *
 * Most additions are tasks that have nothing to do with others: one round trip for their ids, one for them all. Only what
 * depends on tasks that exist, or replaces one, looks at those first. A task costs Redis nothing beside its BullMQ job, but
 * for one key if it has a dedupe key. That key is BullMQ's own and known within its lane: two open tasks of different lanes
 * may have the same. All or none has its price: Redis serves nobody else while it adds a hundred thousand tasks, which takes
 * it some seconds.
 *
 * @module
 */

import { additionOrder, usesRefs } from '../addition-order.ts'
import type { AddedTask } from '../backend.ts'
import { type PreparedTask, prepareTask } from '../new-task.ts'
import type { NewTask } from '../task.ts'
import { type Addition, AdditionWriter, type Doom } from './addition-writer.ts'
import type { BullmqContext } from './context.ts'
import { refuseTwinsOfOneAddition, replaceTwin } from './deduplication.ts'
import { endUpwards } from './dependant-ends.ts'
import {
  type FlowPlan,
  foreignDependencies,
  planFlow,
  refId,
  refuseUnsupported,
  SecondDependantError,
} from './flows.ts'
import {
  begin,
  commit,
  type Guard,
  guarded,
  outlastingOutages,
  type Transaction,
  tryCommit,
} from './guarded-transaction.ts'
import type { JobPlace, ReadJob } from './job-states.ts'
import { lookAround, NOTHING_AROUND, type Surroundings } from './surroundings.ts'
import { jobIdOf } from './wire.ts'

/**
 * @throws `queue/not-supported` for what BullMQ cannot promise, see `flows.ts` and `deduplication.ts`; else what every
 *   backend throws.
 */
export async function addTasks(
  context: BullmqContext,
  tasks: readonly NewTask[],
): Promise<readonly AddedTask[]> {
  if (tasks.length === 0) return []
  const addition = await outlastingOutages(context, () => prepareAddition(context, tasks))
  // The ids are given before and stay the same: what was added when a connection broke is not added again.
  if (isPlain(addition)) return outlastingOutages(context, () => addPlain(context, addition))
  const { added, doomed } = await guarded(context, (guard) => addGuarded(context, guard, addition))
  for (const place of doomed) await endDoomed(context, place)
  return added
}

/** Checks the tasks, all of them, before any gets an id. */
export async function prepareAddition(context: BullmqContext, tasks: readonly NewTask[]): Promise<Addition> {
  const now = context.clock.now()
  const { prepared, order } = checkTasks(tasks, now)
  const ids = await context.newTaskIds(prepared.map(({ lane }) => lane))
  return { tasks: prepared, ids, order, now }
}

/** The checks of {@link prepareAddition}, without any of its effects. */
export function checkTasks(
  tasks: readonly NewTask[],
  now: number,
): { readonly prepared: readonly PreparedTask[]; readonly order: readonly number[] } {
  const order = usesRefs(tasks) ? additionOrder(tasks) : [...tasks.keys()]
  const indexes = new Map(tasks.map(({ ref }, index) => [ref, index]))
  const prepared = tasks.map((task) => prepareTask(task, now, (ref) => refId(indexes.get(ref) ?? 0)))
  const dependencies = new Set(prepared.flatMap(({ dependsOn }) => [...dependsOn.keys()]))
  for (const [index, task] of prepared.entries()) refuseUnsupported(task, dependencies.has(refId(index)), now)
  refuseTwinsOfOneAddition(prepared)
  return { prepared, order }
}

function isPlain({ tasks }: Addition): boolean {
  return foreignDependencies(tasks).size === 0 && tasks.every(({ onDuplicate }) => onDuplicate === 'ignore')
}

async function addPlain(context: BullmqContext, addition: Addition): Promise<readonly AddedTask[]> {
  const transaction = await begin(context, addition.tasks[0]?.lane ?? '')
  const writer = await writeAddition(context, transaction, addition)
  return writer.read(await commit(transaction))
}

interface Added {
  readonly added: readonly AddedTask[]
  /** Those whose end a dependency has decided before. */
  readonly doomed: readonly JobPlace[]
}

async function addGuarded(
  context: BullmqContext,
  guard: Guard,
  addition: Addition,
): Promise<Added | undefined> {
  const around = await lookAround(context, guard, addition.tasks)
  const transaction = guard.begin()
  const writer = await writeAddition(context, transaction, addition, around)
  const answers = await tryCommit(transaction)
  return answers && { added: writer.read(answers), doomed: writer.doomed }
}

/** Whoever claims it would end it too; but until then it would count as waiting for a worker. */
function endDoomed(context: BullmqContext, { taskId }: JobPlace): Promise<void> {
  return endUpwards(context, JSON.stringify({ id: jobIdOf(taskId), fpof: true }))
}

/** Puts the whole addition into a transaction; what is answered is read with its answers. */
export async function writeAddition(
  context: BullmqContext,
  transaction: Transaction,
  addition: Addition,
  around: Surroundings = NOTHING_AROUND,
): Promise<AdditionWriter> {
  const { tasks, now } = addition
  const dooms = tasks.map((task) => doomOf(task, around.dependencies))
  const plan = planAround(addition, dooms, around)
  const writer = new AdditionWriter({ context, transaction, addition, plan })
  for (const index of [...plan.waiting, ...plan.ready]) {
    const [twin, task] = [around.twins.get(index), tasks[index]]
    if (twin && task) replaceTwin(transaction, twin, task, now)
    if (twin?.canChange) writer.answer(index, { id: twin.taskId, added: false, replaced: true })
    else await writer.add(index, dooms[index])
  }
  for (const [id, edge] of plan.attached) {
    const job = around.dependencies.get(id)
    if (job) await writer.attach(job, edge)
  }
  return writer
}

/** What is doomed waits for nothing. */
function planAround(
  { tasks, order }: Addition,
  dooms: readonly (Doom | undefined)[],
  { dependencies, isFree }: Surroundings,
): FlowPlan {
  const awaited = tasks.map((task, index) => (dooms[index] ? { ...task, dependsOn: NO_DEPENDENCIES } : task))
  const open = new Set([...dependencies.values()].filter(isOpen).map(({ taskId }) => taskId))
  const plan = planFlow({ tasks: awaited, order, open })
  for (const id of plan.attached.keys()) if (!isFree.has(id)) throw new SecondDependantError(`task ${id}`)
  return plan
}

const NO_DEPENDENCIES: PreparedTask['dependsOn'] = new Map()

/** A dependency that has ended already decides at once. */
function doomOf({ dependsOn }: PreparedTask, dependencies: ReadonlyMap<number, ReadJob>): Doom | undefined {
  for (const [id, rule] of dependsOn) {
    const job = dependencies.get(id)
    const hasFailed = job?.state === 'failed' || job?.state === 'cancelled'
    if (hasFailed && rule !== 'run') return { job, rule }
  }
  return undefined
}

function isOpen({ state }: ReadJob): boolean {
  return state !== 'completed' && state !== 'failed' && state !== 'cancelled'
}
