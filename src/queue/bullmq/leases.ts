/**
 * Keeps leases alive: BullMQ's locks, extended lane by lane.
 *
 * @module
 */

import type { RenewReport } from '../backend.ts'
import { storedProgress } from '../new-task.ts'
import type { Lease } from '../task.ts'
import type { BullmqContext, LaneQueue } from './context.ts'
import type { Held, HeldJob } from './held.ts'

/** Locks that one script extends: it blocks the server for as long. */
const BATCH = 500

export type TaskProgress = readonly { readonly taskId: number; readonly value: unknown }[]

interface HeldLease {
  readonly lease: Lease
  readonly job: HeldJob
}

interface Renewed {
  readonly lease: Lease
  readonly job: HeldJob
  readonly isLost: boolean
  readonly isCancelled: boolean
}

/** Extends leases to `leaseMs` from now, and stores progress of those that are still held. */
export async function renewLeases(
  { context, held }: { readonly context: BullmqContext; readonly held: Held },
  leases: readonly Lease[],
  leaseMs: number,
  progress: TaskProgress = [],
): Promise<RenewReport> {
  const known = leases.flatMap((lease): HeldLease[] => {
    const job = held.get(lease)
    return job === undefined ? [] : [{ lease, job }]
  })
  const batches = batchesOf(known).map((batch) => renewBatch(context, batch, leaseMs))
  const renewed = (await Promise.all(batches)).flat()
  for (const { lease, isLost } of renewed) if (isLost) held.take(lease)
  const kept = new Set(renewed.filter(({ isLost }) => !isLost).map(({ lease }) => lease))
  await storeProgress(renewed, kept, progress)
  return {
    lost: leases.filter((lease) => !kept.has(lease)),
    cancelRequested: renewed
      .filter(({ isLost, isCancelled }) => isCancelled && !isLost)
      .map(({ lease }) => lease),
  }
}

async function renewBatch(
  { redis, serverMs }: BullmqContext,
  batch: readonly HeldLease[],
  leaseMs: number,
): Promise<readonly Renewed[]> {
  const queue = batch[0]?.job.queue
  if (queue === undefined) return []
  const jobs = batch.map(({ job }) => job)
  const [failed, ...asked] = await Promise.all([
    queue.bull.extendLocks(
      jobs.map(({ jobId }) => jobId),
      jobs.map(({ token }) => token),
      serverMs(leaseMs),
    ),
    ...jobs.map(({ jobId }) => redis.hget(queue.key(jobId), 'cr')),
  ])
  const lost = new Set(failed)
  return batch.map(({ lease, job }, index) => {
    return { lease, job, isLost: lost.has(job.jobId), isCancelled: asked[index] === '1' }
  })
}

/** Progress that is not JSON is not stored, and costs no lease. */
async function storeProgress(
  renewed: readonly Renewed[],
  kept: ReadonlySet<Lease>,
  progress: TaskProgress,
): Promise<void> {
  const jobs = new Map(renewed.filter(({ lease }) => kept.has(lease)).map(({ job }) => [job.taskId, job]))
  const updates = progress.map(async ({ taskId, value }) => {
    const job = jobs.get(taskId)
    const stored = storedProgress(value)
    if (job === undefined || stored === undefined) return
    const told = { attempt: job.attempt, value: JSON.parse(stored) as unknown }
    // It rejects when the job is gone, and then there is nothing to tell.
    await job.queue.bull.updateProgress(job.jobId, told).catch(() => undefined)
  })
  await Promise.all(updates)
}

/** Of one lane each. */
function batchesOf(leases: readonly HeldLease[]): readonly (readonly HeldLease[])[] {
  const byQueue = Map.groupBy(leases, ({ job }): LaneQueue => job.queue)
  return [...byQueue.values()].flatMap((all) => {
    return Array.from({ length: Math.ceil(all.length / BATCH) }, (_, n) =>
      all.slice(n * BATCH, (n + 1) * BATCH),
    )
  })
}
