/**
 * Changes to many tasks at once, in transactions short enough that nobody waits for them.
 *
 * @module
 */

import type { Backend, TaskFilter } from './backend.ts'
import type { TaskStatus } from './task.ts'

/** Rows that one transaction changes: a few milliseconds. */
const CHUNK = 1_000

/** Tasks that have not ended and do not run; those first that would fail when what they wait for is cancelled. */
const NOT_RUNNING: readonly TaskStatus[] = ['waiting', 'retry', 'pending']

/**
 * Gives every failed task that matches all its attempts again. Page by page of what had failed before: one that fails
 * again meanwhile is not revived for ever.
 */
export async function retryAllFailed(
  backend: Pick<Backend, 'list' | 'retryFailed'>,
  filter: Omit<TaskFilter, 'status'>,
): Promise<number[]> {
  const retried: number[] = []
  for await (const ids of pagesOf(backend, { ...filter, status: 'failed' })) {
    retried.push(...(await backend.retryFailed({ ids }, ids.length)))
  }
  return retried
}

/** Cancels every open task that does not run. Answers how many. */
export async function cancelAllWaiting(backend: Pick<Backend, 'list' | 'cancel'>): Promise<number> {
  let count = 0
  for (const status of NOT_RUNNING) {
    for await (const ids of pagesOf(backend, { status }))
      count += (await backend.cancel(ids)).cancelled.length
  }
  return count
}

/** Forgets what has ended and matches, at most `most`, oldest first. Answers how many. */
export async function pruneAll(
  backend: Pick<Backend, 'prune'>,
  filter: TaskFilter & { readonly endedBefore: number },
  most: number = Number.POSITIVE_INFINITY,
): Promise<number> {
  let pruned = 0
  while (pruned < most) {
    const limit = Math.min(CHUNK, most - pruned)
    const some = await backend.prune(filter, limit)
    pruned += some
    if (some < limit) break
  }
  return pruned
}

/** Ids of the tasks that match, oldest first. */
async function* pagesOf(
  backend: Pick<Backend, 'list'>,
  filter: TaskFilter,
): AsyncGenerator<readonly number[]> {
  let afterId = 0
  for (;;) {
    const tasks = await backend.list({ ...filter, afterId, limit: CHUNK })
    if (tasks.length === 0) return
    afterId = tasks.at(-1)?.id ?? afterId
    yield tasks.map(({ id }) => id)
  }
}
