/**
 * `heirloom queue status`, `list` and `show`: what is there, changing nothing.
 *
 * @module
 */

import { readSnapshot } from '../../tasks/queue-snapshot.ts'
import { jsonLine } from '../queue-json.ts'
import type { QueueRequest } from '../queue-request.ts'
import { statusLines } from '../queue-status-view.ts'
import { listLines, taskLines } from '../queue-task-view.ts'
import type { QueueWork } from './queue-run.ts'

export async function runLook(
  work: QueueWork,
  request: Extract<QueueRequest, { verb: 'status' | 'list' | 'show' }>,
): Promise<number> {
  switch (request.verb) {
    case 'status':
      return runStatus(work)
    case 'list':
      return runList(work, request)
    case 'show':
      return runShow(work, request.id)
  }
}

async function runStatus({ backend, place, io, json, style }: QueueWork): Promise<number> {
  const snapshot = await readSnapshot(backend, place, io.clock.now())
  io.stdout.write(json ? jsonLine(snapshot) : `${statusLines(snapshot, style).join('\n')}\n`)
  return 0
}

async function runList(
  { backend, io, json, style }: QueueWork,
  { where, newestFirst, limit }: Extract<QueueRequest, { verb: 'list' }>,
): Promise<number> {
  const tasks = await backend.list({ ...where, newestFirst, limit })
  io.stdout.write(json ? jsonLine(tasks) : `${listLines(tasks, io.clock.now(), style).join('\n')}\n`)
  return 0
}

/** 1 when there is no such task; as JSON that is `null`. */
async function runShow({ backend, io, json, style }: QueueWork, id: number): Promise<number> {
  const task = await backend.get(id)
  if (json) io.stdout.write(jsonLine(task ?? null))
  else if (task !== undefined) io.stdout.write(`${taskLines(task, io.clock.now(), style).join('\n')}\n`)
  if (task !== undefined) return 0
  io.stderr.write(`error: there is no task ${id}\n`)
  return 1
}
