/**
 * `heirloom queue cancel`, `retry`, `pause`, `resume` and `prune`: one change each, and an exact account of it.
 *
 * Large changes are made in small transactions, so that a coordinator beside gets its turn in between: what is
 * interrupted half-way is done half, and doing it again does the rest.
 *
 * @module
 */

import type { Backend, TaskFilter } from '../../queue/backend.ts'
import type { TaskStatus } from '../../queue/task.ts'
import { formatCount, pluralize } from '../../units.ts'
import { jsonLine } from '../queue-json.ts'
import type { QueueRequest } from '../queue-request.ts'
import { neutralize } from '../text-width.ts'
import type { QueueWork } from './queue-run.ts'

/** Rows that one transaction changes: some milliseconds. */
const STEP = 200

/** A task that was named and could not be changed. */
export interface Refused {
  readonly id: number
  /** `null`: there is no such task. */
  readonly status: TaskStatus | null
}

type ChangeRequest = Extract<QueueRequest, { verb: 'cancel' | 'retry' | 'pause' | 'resume' | 'prune' }>

export async function runChange(work: QueueWork, request: ChangeRequest): Promise<number> {
  switch (request.verb) {
    case 'cancel':
      return runCancel(work, request)
    case 'retry':
      return runRetry(work, request)
    case 'prune':
      return runPrune(work, request)
    case 'pause':
    case 'resume':
      return runPause(work, request.lanes, request.verb === 'pause')
  }
}

async function runCancel(
  work: QueueWork,
  { ids, where }: { readonly ids: readonly number[]; readonly where: TaskFilter },
): Promise<number> {
  const report = ids.length > 0 ? await cancelIds(work.backend, ids) : await cancelAll(work.backend, where)
  const done = new Set([...report.cancelled, ...report.requested])
  const refused = await findRefused(
    work.backend,
    ids.filter((id) => !done.has(id)),
  )
  if (work.json) work.io.stdout.write(jsonLine({ ...report, refused }))
  else {
    const { cancelled, requested } = report
    const asked = requested.length > 0 ? `; ${formatCount(requested.length)} running asked to end` : ''
    work.io.stdout.write(`${pluralize(cancelled.length, 'task')} cancelled${asked}\n`)
  }
  return tellRefused(work, refused, 'it cannot be cancelled')
}

interface Cancelled {
  readonly cancelled: number[]
  /** Run somewhere: their coordinator was asked to end them. */
  readonly requested: number[]
}

async function cancelIds(backend: Backend, ids: readonly number[]): Promise<Cancelled> {
  const report: Cancelled = { cancelled: [], requested: [] }
  for (let from = 0; from < ids.length; from += STEP) {
    const { cancelled, requested } = await backend.cancel(ids.slice(from, from + STEP))
    report.cancelled.push(...cancelled)
    report.requested.push(...requested)
  }
  return report
}

/** Those that wait first, so that the end of the others does not set them going. */
const CANCELLABLE: readonly TaskStatus[] = ['waiting', 'pending', 'retry', 'processing']

async function cancelAll(backend: Backend, where: TaskFilter): Promise<Cancelled> {
  const report: Cancelled = { cancelled: [], requested: [] }
  for (const status of CANCELLABLE) {
    let afterId = 0
    for (;;) {
      const tasks = await backend.list({ ...where, status, afterId, limit: STEP })
      const { cancelled, requested } = await cancelIds(
        backend,
        tasks.map(({ id }) => id),
      )
      report.cancelled.push(...cancelled)
      report.requested.push(...requested)
      afterId = tasks.at(-1)?.id ?? 0
      if (tasks.length < STEP) break
    }
  }
  return report
}

async function runRetry(
  work: QueueWork,
  { ids, where }: { readonly ids: readonly number[]; readonly where: TaskFilter },
): Promise<number> {
  const retried = ids.length > 0 ? await retryIds(work.backend, ids) : await retryAll(work.backend, where)
  const done = new Set(retried)
  const refused = await findRefused(
    work.backend,
    ids.filter((id) => !done.has(id)),
  )
  if (work.json) work.io.stdout.write(jsonLine({ retried, refused }))
  else work.io.stdout.write(`${pluralize(retried.length, 'task')} to be tried again\n`)
  return tellRefused(work, refused, 'only failed tasks can be tried again')
}

async function retryIds(backend: Backend, ids: readonly number[]): Promise<number[]> {
  const retried: number[] = []
  for (let from = 0; from < ids.length; from += STEP) {
    const some = ids.slice(from, from + STEP)
    retried.push(...(await backend.retryFailed({ ids: some, status: 'failed' }, some.length)))
  }
  return retried
}

/** Ends also when tasks fail again as fast as they are tried: each is taken once. */
async function retryAll(backend: Backend, where: TaskFilter): Promise<number[]> {
  const retried = new Set<number>()
  for (;;) {
    const ids = await backend.retryFailed({ ...where, status: 'failed' }, STEP)
    const known = retried.size
    for (const id of ids) retried.add(id)
    if (ids.length < STEP || retried.size === known) return [...retried]
  }
}

async function findRefused(backend: Backend, ids: readonly number[]): Promise<Refused[]> {
  const found = await Promise.all(ids.map(async (id) => ({ id, task: await backend.get(id) })))
  return found.map(({ id, task }) => ({ id, status: task?.status ?? null }))
}

/** 1 when something that was named could not be done. */
function tellRefused({ io }: QueueWork, refused: readonly Refused[], why: string): number {
  for (const { id, status } of refused) {
    io.stderr.write(
      status === null
        ? `error: there is no task ${id}\n`
        : `error: task ${id} is ${neutralize(status)}: ${why}\n`,
    )
  }
  return refused.length > 0 ? 1 : 0
}

/** Pausing what is paused is fine: the lane is as it was asked for. */
async function runPause(
  { backend, io, json }: QueueWork,
  lanes: readonly string[],
  paused: boolean,
): Promise<number> {
  const before = new Set(await backend.pausedLanes())
  const changes: { lane: string; paused: boolean; changed: boolean }[] = []
  for (const lane of new Set(lanes)) {
    await backend.setPaused(lane, paused)
    changes.push({ lane, paused, changed: before.has(lane) !== paused })
  }
  if (json) io.stdout.write(jsonLine({ lanes: changes }))
  else for (const change of changes) io.stdout.write(`${pauseLine(change)}\n`)
  return 0
}

function pauseLine({ lane, paused, changed }: { lane: string; paused: boolean; changed: boolean }): string {
  const name = `lane ${neutralize(lane)}`
  if (changed) return paused ? `${name} paused: what runs is finished` : `${name} resumed`
  return paused ? `${name} was paused already` : `${name} was not paused`
}

async function runPrune(
  { backend, io, json }: QueueWork,
  { olderThanMs, where, statuses }: Extract<QueueRequest, { verb: 'prune' }>,
): Promise<number> {
  const endedBefore = io.clock.now() - olderThanMs
  let pruned = 0
  for (const status of statuses) {
    for (;;) {
      const count = await backend.prune({ ...where, status, endedBefore }, STEP)
      pruned += count
      if (count < STEP) break
    }
  }
  io.stdout.write(
    json ? jsonLine({ pruned, endedBefore, statuses }) : `${pluralize(pruned, 'task')} forgotten\n`,
  )
  return 0
}
