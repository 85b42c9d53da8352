/**
 * The queue on Redis, by BullMQ: the second implementation of {@link Backend}.
 *
 * Each lane is a BullMQ queue, each task a job; any number of processes on any hosts share them. What BullMQ promises is
 * used as it is: one script in Redis for each step, locks as leases, its stalled check as the sweep. What it cannot promise
 * is refused by name (`queue/not-supported`).
 *
 * @module
 */

import type { Backend } from '../backend.ts'
import { StoreClosedError } from '../queue-errors.ts'
import { addTasks } from './additions.ts'
import { cancelTasks } from './cancelling.ts'
import { Claims } from './claims.ts'
import {
  type BullmqBackendOptions,
  type BullmqContext,
  type BullmqInternals,
  openContext,
} from './context.ts'
import { CoordinatorTable } from './coordinators.ts'
import { countTasks, nextDueAt } from './counts.ts'
import { endFated } from './dependant-ends.ts'
import { Held } from './held.ts'
import { renewLeases } from './leases.ts'
import { getTask, listTasks } from './listing.ts'
import { NotSupportedError } from './not-supported.ts'
import { pausedLanes, setPaused } from './pauses.ts'
import { prune } from './prune.ts'
import { retryFailed } from './retry-failed.ts'
import { fireSchedules, listSchedules, putSchedule, removeSchedule } from './schedules.ts'
import { Settling } from './settling.ts'
import { laneStatistics } from './statistics.ts'
import { Sweeper } from './sweep.ts'
import { Watch } from './watch.ts'

export type { BullmqBackendOptions } from './context.ts'

const CLOSE_LIMIT_MS = 1_000

/**
 * Opens the queue of that prefix.
 *
 * @throws a `redis/...` error with a hint when the server cannot be reached within 5 s or cannot be used; one for `bullmq`
 *   and `ioredis` when they are not installed. Later outages are waited for.
 */
export async function openBullmqBackend(options: BullmqBackendOptions): Promise<Backend> {
  return backendOf(await openContext(options))
}

/** As {@link openBullmqBackend}, with times that a test need not wait for. */
export async function openTestBackend(
  options: BullmqBackendOptions,
  internals: BullmqInternals,
): Promise<{ readonly backend: Backend; readonly context: BullmqContext }> {
  const context = await openContext(options, internals)
  return { backend: backendOf(context), context }
}

function backendOf(context: BullmqContext): Backend {
  const held = new Held()
  const watch = new Watch(context)
  const coordinators = new CoordinatorTable(context)
  const settling = new Settling(context, held)
  const claims = new Claims({ context, held, settling, watch })
  const sweeper = new Sweeper({ context, settling, coordinators })
  return explained(context, {
    add: async (tasks) => {
      const added = await addTasks(context, tasks)
      const dependants = added.filter((_, index) => (tasks[index]?.dependsOn?.length ?? 0) > 0)
      await endFated(
        context,
        dependants.map(({ id }) => id),
      )
      return added
    },
    exchange: (request) => claims.exchange(request),
    renew: (leases, leaseMs, progress) => renewLeases({ context, held }, leases, leaseMs, progress),
    report: (coordinator) => coordinators.report(coordinator),
    leave: (coordinatorId) => coordinators.leave(coordinatorId),
    coordinators: () => coordinators.alive(),
    sweep: (options) => sweeper.sweep(options),
    nextDueAt: (lane, rate) => nextDueAt(context, lane, rate),
    get: (taskId) => getTask(context, taskId),
    list: (filter) => listTasks(context, filter),
    counts: (lane) => countTasks(context, lane),
    openInGroup: () => Promise.reject(groupsNotSupported()),
    statistics: () => laneStatistics(context),
    cancel: async (taskIds) => {
      const report = await cancelTasks({ context, settling }, taskIds)
      if (report.requested.length > 0) await watch.wakeOthers()
      return report
    },
    retryFailed: (filter, limit) => retryFailed(context, filter, limit),
    setPaused: async (lane, paused) => {
      await setPaused(context, lane, paused)
      await watch.wakeOthers()
    },
    pausedLanes: () => pausedLanes(context),
    prune: (filter, limit) => prune(context, filter, limit),
    putSchedule: (schedule) => putSchedule(context, schedule),
    removeSchedule: (name) => removeSchedule(context, name),
    schedules: () => listSchedules(context),
    fireSchedules: () => fireSchedules(context),
    watch: (onChange) => watch.add(onChange),
    call: (name) => Promise.reject(callNotSupported(name)),
    close: () => closeAll(context, watch),
  })
}

/** A server that does not answer is not waited for. */
async function closeAll(context: BullmqContext, watch: Watch): Promise<void> {
  const ended = watch.close()
  if (context.redis.status === 'ready') await inTime(ended)
  context.close()
  await inTime(ended)
}

async function inTime(ended: Promise<void>): Promise<void> {
  let limit: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => {
    limit = setTimeout(resolve, CLOSE_LIMIT_MS)
  })
  await Promise.race([ended.catch(() => undefined), over])
  clearTimeout(limit)
}

/** What Redis says to a request is said so that a person can act on it; errors of this program stay what they are. */
function explained(context: BullmqContext, backend: Backend): Backend {
  const explain = (error: unknown): never => {
    if (error instanceof Error && error.message === 'Connection is closed.') {
      throw new StoreClosedError('connection to redis is closed')
    }
    throw isReply(error) ? context.connections.explain(error) : error
  }
  const methods = Object.entries(backend).map(([name, method]) => {
    if (name === 'watch') return [name, method]
    const ask = method as (...parameters: readonly unknown[]) => Promise<unknown>
    return [name, (...parameters: readonly unknown[]) => ask(...parameters).catch(explain)]
  })
  return Object.freeze(Object.fromEntries(methods)) as Backend
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

function groupsNotSupported(): NotSupportedError {
  return new NotSupportedError('number of open tasks of a group', 'Keep the tasks in the SQLite backend.')
}

function callNotSupported(name: string): NotSupportedError {
  return new NotSupportedError(
    `call of ${JSON.stringify(name)} in a transaction`,
    'Keep the tasks in the SQLite backend, and have them run by remote lanes.',
  )
}
