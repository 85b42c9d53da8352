/**
 * How far the thumbnails are: what waits, what runs, and how many can run, here or on worker hosts.
 *
 * @module
 */

import { availableParallelism } from 'node:os'
import { readCounts } from '../queue/sqlite/read-counts.ts'
import { capacityOf, type RemoteAnswer, type RemoteAnswers } from './remote-answers.ts'
import type { ServerContext } from './server-context.ts'

const LANE = 'thumbnail'

/** The seed's words. */
export interface ThumbnailStatus {
  /** Tasks that wait. */
  readonly queueSize: number
  /** Tasks that run. */
  readonly activeWorkers: number
  /** Tasks that can run at a time. Absent where that is not known: Redis is away, or another process has the library. */
  readonly maxWorkers?: number
  readonly processing: boolean
  readonly cpuCount: number
}

export async function readThumbnailStatus(
  context: ServerContext,
  answers: RemoteAnswers,
): Promise<ThumbnailStatus> {
  // Not by the backend: it would wait for the disk with every commit.
  const counts = readCounts(context.reading(), LANE)
  const role = context.role()
  const remote = role.kind === 'working' ? role.remote : undefined
  const { activeWorkers, maxWorkers } =
    remote === undefined
      ? { activeWorkers: counts.processing, maxWorkers: await ownPlaces(context) }
      : remotePlaces(counts.processing, await answers.of(remote))
  return {
    queueSize: counts.waiting + counts.pending + counts.retry + counts.processing - activeWorkers,
    activeWorkers,
    ...(maxWorkers === undefined ? {} : { maxWorkers }),
    processing: counts.processing > 0,
    cpuCount: availableParallelism(),
  }
}

async function ownPlaces(context: ServerContext): Promise<number | undefined> {
  const role = context.role()
  if (role.kind === 'working') return role.queue.lanes().find(({ name }) => name === LANE)?.concurrency ?? 0
  const lanes = (await context.backend().coordinators()).flatMap(({ lanes: { [LANE]: lane } }) => lane ?? [])
  // Without a process of its own it is idle, or hands out to worker hosts: then the number is that of its window.
  if (lanes.some(({ workers, concurrency }) => workers === 0 && concurrency > 0)) return undefined
  return lanes.reduce((sum, { concurrency }) => sum + concurrency, 0)
}

/** What is handed out runs once a worker host has it; until then it lies in Redis and waits. */
export function remotePlaces(
  handedOut: number,
  answer: RemoteAnswer | undefined,
): Pick<ThumbnailStatus, 'activeWorkers' | 'maxWorkers'> {
  if (answer === undefined) return { activeWorkers: 0 }
  const maxWorkers = capacityOf(answer.hosts, LANE).concurrency
  const active = answer.depths.find(({ lane }) => lane === LANE)?.active ?? 0
  return { activeWorkers: Math.min(handedOut, active, maxWorkers), maxWorkers }
}
