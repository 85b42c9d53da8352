/**
 * What an addition has to do with tasks that exist: those that it depends on, and those that it replaces.
 *
 * @module
 */

import type { PreparedTask } from '../new-task.ts'
import { UnknownDependencyError } from '../queue-errors.ts'
import type { BullmqContext } from './context.ts'
import { findTwins, type Twins } from './deduplication.ts'
import { foreignDependencies } from './flows.ts'
import type { Guard } from './guarded-transaction.ts'
import { type ReadJob, readJobs } from './job-states.ts'
import { hasOpenDependant } from './open-dependant.ts'
import { jobIdOf } from './wire.ts'

export interface Surroundings {
  /** Tasks that exist and are depended on, by id. */
  readonly dependencies: ReadonlyMap<number, ReadJob>
  /** Those of them that no open task depends on yet. */
  readonly isFree: ReadonlySet<number>
  readonly twins: Twins
}

export const NOTHING_AROUND: Surroundings = { dependencies: new Map(), isFree: new Set(), twins: new Map() }

/** Reads them; from here on nothing of it may change. */
export async function lookAround(
  context: BullmqContext,
  guard: Guard,
  tasks: readonly PreparedTask[],
): Promise<Surroundings> {
  const wanted = [...foreignDependencies(tasks)]
  const queues = await context.queuesOfTasks(wanted)
  const places = wanted.map((taskId) => {
    const queue = queues.get(taskId)
    if (queue === undefined) throw new UnknownDependencyError(taskId)
    return { taskId, queue }
  })
  if (places.length > 0) await guard.watch(...places.map(({ taskId, queue }) => queue.key(jobIdOf(taskId))))
  const jobs = await readJobs(() => guard.redis.pipeline(), places)
  const dependencies = new Map<number, ReadJob>()
  const isFree = new Set<number>()
  for (const [index, job] of jobs.entries()) {
    if (job === undefined) throw new UnknownDependencyError(wanted[index] ?? 0)
    dependencies.set(job.taskId, job)
    if (!(await hasOpenDependant(guard.redis, job.hash))) isFree.add(job.taskId)
  }
  return { dependencies, isFree, twins: await findTwins(context, guard, tasks) }
}
