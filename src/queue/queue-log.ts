/**
 * Writes what happens in a queue to the log: constant messages, the facts as fields.
 *
 * The engine and the governor know no logger; this subscribes to their events. One line for each task is `debug`, so
 * that a busy queue's log at `info` is its life: started, progress, pool changes, stopped. A failed task is a `warn`:
 * the queue goes on, but a person should look at the dead letters.
 *
 * @module
 */

import { toErrorRecord } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { TaskRef } from './events.ts'
import type { EventSource, ManagerEvents } from './manager-governor.ts'
import type { QueueStatistics } from './statistics.ts'

/** Logs every event of `source`. The returned function ends it. */
export function logEvents(source: EventSource, logger: Logger): () => void {
  const ends = [
    ...logTasks(source, logger),
    ...logWorkers(source, logger),
    source.on('lane.paused', ({ lane }) => logger.info('lane paused', { lane })),
    source.on('lane.resumed', ({ lane }) => logger.info('lane resumed', { lane })),
    source.on('schedule.fired', ({ schedule, taskId, at }) =>
      logger.debug('schedule fired', { schedule, taskId, at: new Date(at).toISOString() }),
    ),
    source.on('schedule.refused', ({ schedule, at, error: { code, message } }) =>
      logger.warn('schedule refused', { schedule, at: new Date(at).toISOString(), code, error: message }),
    ),
    source.on('lease.lost', ({ taskIds }) => logger.warn('leases lost', { taskIds })),
    source.on('tasks.recovered', ({ expired, released }) =>
      logger.warn('tasks recovered', { expired: expired.length, released: released.length }),
    ),
    source.on('queue.failed', ({ error }) => {
      const { code, message } = toErrorRecord(error)
      logger.error('queue failed', { code, error: message })
    }),
  ]
  return () => {
    for (const end of ends) end()
  }
}

/** `started`, with the numbers that somebody who looks into trouble asks for first. */
export function logStarted(logger: Logger, fields: Readonly<Record<string, unknown>>): void {
  logger.info('processing started', fields)
}

export function logProgress(logger: Logger, { progress, throughput, eta }: QueueStatistics): void {
  const { done, total, percent } = progress
  logger.info('progress', {
    percent: round(percent, 1),
    done,
    total,
    throughput: round(throughput, 2),
    ...(eta === undefined ? {} : { etaSeconds: Math.round(eta) }),
  })
}

export function logStopped(logger: Logger, statistics: QueueStatistics): void {
  const { elapsedTime, progress, throughput, queueSize } = statistics
  logger.info('processing stopped', {
    done: progress.done,
    open: queueSize,
    elapsedSeconds: round(elapsedTime, 1),
    throughput: round(throughput, 2),
  })
}

/** Something beside the queue is broken: it goes on without, a person has to know. */
export function logFault(logger: Logger, message: string, fault: unknown): void {
  const { code, message: error } = toErrorRecord(fault)
  logger.error(message, { code, error })
}

function logTasks(source: EventSource, logger: Logger): (() => void)[] {
  return [
    source.on('task.started', ({ task, attempt, workerPid }) =>
      logger.debug('task started', {
        ...fieldsOf(task),
        attempt,
        ...(workerPid === undefined ? {} : { workerPid }),
      }),
    ),
    source.on('task.settled', (settled) => logSettled(settled, logger)),
    source.on('tasks.cancelling', ({ taskIds }) => logger.info('cancellation asked for', { taskIds })),
  ]
}

function logSettled(settled: ManagerEvents['task.settled'], logger: Logger): void {
  const { task, status, failures, maxRetries, durationMs, error, retryAt } = settled
  const reason = error === undefined ? {} : { code: error.code, error: error.message }
  const fields = { ...fieldsOf(task), durationMs: Math.round(durationMs), ...reason }
  switch (status) {
    case 'completed':
      logger.debug('task completed', fields)
      break
    case 'retry': {
      const due = retryAt === undefined ? {} : { retryAt: new Date(retryAt).toISOString() }
      logger.info('task retry', { ...fields, retry: failures, maxRetries, ...due })
      break
    }
    case 'failed':
      logger.warn('task failed', { ...fields, retries: Math.max(0, failures - 1) })
      break
    case 'cancelled':
      logger.info('task cancelled', fields)
      break
    case 'stale':
      logger.warn('task was taken over', fields)
      break
    case 'pending':
    case 'processing':
    case 'waiting':
      logger.debug('task released', fields)
      break
  }
}

function logWorkers(source: EventSource, logger: Logger): (() => void)[] {
  return [
    source.on('worker.started', ({ lane, pid }) => logger.debug('worker started', { lane, pid })),
    source.on('worker.exited', (exit) => logExit(exit, logger)),
    source.on('worker.replaced', ({ lane, pid, bytes, limitBytes, killed, reason }) =>
      logger.warn('worker replaced', { lane, pid, bytes, limitBytes, killed, reason }),
    ),
    source.on('pool.resized', (resized) => logResized(resized, logger)),
    source.on('memory.pressure', ({ percent, usedBytes, limitBytes, reason }) =>
      logger.warn('memory high', { percent: round(percent, 1), usedBytes, limitBytes, reason }),
    ),
    source.on('memory.relieved', ({ percent, usedBytes, limitBytes, reason }) =>
      logger.info('memory relieved', { percent: round(percent, 1), usedBytes, limitBytes, reason }),
    ),
  ]
}

/** A pool that follows its work does so all the time; one that follows the memory is worth a look. */
function logResized({ cause, ...fields }: ManagerEvents['pool.resized'], logger: Logger): void {
  const message = fields.to < fields.from ? 'workers reduced' : 'workers grown'
  if (cause === 'depth') logger.debug(message, fields)
  else if (fields.to < fields.from) logger.warn(message, fields)
  else logger.info(message, fields)
}

/** An end that somebody wanted is nothing to tell; one that the queue suffered is. */
function logExit({ lane, pid, reason, how }: ManagerEvents['worker.exited'], logger: Logger): void {
  const fields = { lane, pid, reason, how }
  if (reason === 'crashed' || reason === 'timeout') logger.warn('worker died', fields)
  else logger.debug('worker exited', fields)
}

function fieldsOf({ id, kind, lane }: TaskRef): { taskId: number; kind: string; lane: string } {
  return { taskId: id, kind, lane }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
