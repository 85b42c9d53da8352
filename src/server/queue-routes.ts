/**
 * `/api/queue…`: what the queue does, and the same handles as `heirloom queue` has.
 *
 * All of it works in both roles: while another process has the library, the queue is steered from outside, and that
 * process sees it within a moment.
 *
 * @module
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TaskFilter } from '../queue/backend.ts'
import { retryAllFailed } from '../queue/bulk-changes.ts'
import { FINAL_STATUSES, type Task, type TaskStatus } from '../queue/task.ts'
import { findTasks, titleOf } from '../tasks/dashboard-tasks.ts'
import { readSnapshot } from '../tasks/queue-snapshot.ts'
import { toCoordinatorView, toRoleView } from './dashboard-reader.ts'
import { RequestError } from './http-errors.ts'
import {
  CANCEL_SCHEMA,
  LANE_SCHEMA,
  LIST_SCHEMA,
  RETRY_ALL_SCHEMA,
  RETRY_SCHEMA,
  SHOW_SCHEMA,
  SNAPSHOT_SCHEMA,
} from './queue-shapes.ts'
import type { ServerContext } from './server-context.ts'

interface ListQuery {
  readonly status?: TaskStatus
  readonly lane?: string
  readonly kind?: string
  readonly q?: string
  readonly limit: number
  readonly before?: number
}

interface TaskParams {
  readonly id: number
}

export async function queueRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })

  app.get('/api/queue', { schema: SNAPSHOT_SCHEMA }, async () => {
    const place = { database: context.paths.database, library: context.paths.root }
    const snapshot = await readSnapshot(context.backend(), place, context.clock.now())
    const { database: _database, coordinators, ...shown } = snapshot
    return { ...shown, role: toRoleView(context), coordinators: coordinators.map(toCoordinatorView) }
  })

  app.get<{ Querystring: ListQuery }>('/api/queue/tasks', { schema: LIST_SCHEMA }, async (request, reply) => {
    const { q = '', ...query } = request.query
    const text = q.trim()
    return findTasks(
      () => context.reading(),
      { ...query, ...(text === '' ? {} : { text }) },
      goneSignal(reply),
    )
  })

  app.get<{ Params: TaskParams }>('/api/queue/tasks/:id', { schema: SHOW_SCHEMA }, async (request) => {
    const task = await requireTask(context, request.params.id)
    return { ...task, title: titleOf(task.payload) }
  })

  changeRoutes(app, context)
}

function changeRoutes(app: FastifyInstance, context: ServerContext): void {
  app.post<{ Params: TaskParams }>(
    '/api/queue/tasks/:id/retry',
    { schema: RETRY_SCHEMA },
    async (request) => {
      const { id } = request.params
      const [retried] = await context.backend().retryFailed({ ids: [id], status: 'failed' }, 1)
      if (retried === undefined) throw notRetried(await requireTask(context, id))
      wake(context)
      return { retried: [id] }
    },
  )

  app.post<{ Params: TaskParams }>(
    '/api/queue/tasks/:id/cancel',
    { schema: CANCEL_SCHEMA },
    async (request) => {
      const { id } = request.params
      const role = context.role()
      const report = await (role.kind === 'working'
        ? role.queue.cancel([id])
        : context.backend().cancel([id]))
      if (report.cancelled.length + report.requested.length > 0) return report
      const { status } = await requireTask(context, id)
      throw new RequestError(409, 'queue/not-open', `task ${id} is ${status}: it cannot be cancelled`)
    },
  )

  app.post<{ Body: Pick<TaskFilter, 'lane' | 'errorCode'> | null }>(
    '/api/queue/retry-failed',
    { schema: RETRY_ALL_SCHEMA },
    async (request) => {
      const retried = await retryAllFailed(context.backend(), request.body ?? {})
      if (retried.length > 0) wake(context)
      return { count: retried.length }
    },
  )

  for (const verb of ['pause', 'resume'] as const) {
    app.post<{ Params: { lane: string } }>(
      `/api/queue/lanes/:lane/${verb}`,
      { schema: LANE_SCHEMA[verb] },
      async (request: FastifyRequest<{ Params: { lane: string } }>) => {
        const { lane } = request.params
        await setPaused(context, lane, verb === 'pause')
        return { lane, paused: verb === 'pause' }
      },
    )
  }
}

async function requireTask(context: ServerContext, id: number): Promise<Task> {
  const task = await context.backend().get(id)
  if (task === undefined) throw new RequestError(404, 'queue/no-such-task', `there is no task ${id}`)
  return task
}

function notRetried({ id, status }: Task): RequestError {
  if (status !== 'failed') {
    const message = `task ${id} is ${status}: only failed tasks can be tried again`
    return new RequestError(409, 'queue/not-failed', message, {
      ...(FINAL_STATUSES.includes(status) ? {} : { hint: 'It is on its way already.' }),
    })
  }
  return new RequestError(409, 'queue/cannot-retry', `task ${id} cannot be tried again by itself`, {
    hint: 'What it depends on has failed too, or the same work is queued again already: retry all.',
  })
}

/** The engine of this server looks again; that of another process sees that the database has changed. */
function wake(context: ServerContext): void {
  const role = context.role()
  if (role.kind === 'working') role.queue.wake()
}

async function setPaused(context: ServerContext, lane: string, paused: boolean): Promise<void> {
  const role = context.role()
  if (role.kind === 'working' && role.queue.lanes().some(({ name }) => name === lane)) {
    await (paused ? role.queue.pause(lane) : role.queue.resume(lane))
    return
  }
  const known = await knownLanes(context)
  if (!known.includes(lane)) {
    throw new RequestError(404, 'queue/no-such-lane', 'there is no such lane', {
      ...(known.length === 0 ? {} : { hint: `The lanes are ${known.join(', ')}.` }),
    })
  }
  await context.backend().setPaused(lane, paused)
}

/** Those with tasks, and those that somebody works on. */
async function knownLanes(context: ServerContext): Promise<readonly string[]> {
  const backend = context.backend()
  const [statistics, coordinators] = await Promise.all([backend.statistics(), backend.coordinators()])
  const worked = coordinators.flatMap(({ lanes }) => Object.keys(lanes))
  return [...new Set([...statistics.map(({ lane }) => lane), ...worked])].toSorted()
}

/** Aborted when nobody waits for the answer any more. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  raw.once('close', () => gone.abort())
  return gone.signal
}
