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
 * Gives every failed task that matches all its attempts again, page by page. One that waits for a task of a later page
 * cannot have them before that: those that are left are asked for again until that helps none. Each is revived once,
 * so that what fails again meanwhile is not revived for ever.
 */
export async function retryAllFailed(
  backend: Pick<Backend, 'list' | 'retryFailed'>,
  filter: Omit<TaskFilter, 'status'>,
): Promise<number[]> {
  const retried = new Set<number>()
  const left = new Set<number>()
  const retry = async (ids: readonly number[]): Promise<void> => {
    for (const id of ids) left.add(id)
    for (const id of await backend.retryFailed({ ids }, ids.length)) {
      retried.add(id)
      left.delete(id)
    }
  }
  for await (const ids of pagesOf(backend, { ...filter, status: 'failed' })) await retry(ids)
  for (let before = -1; before < retried.size; ) {
    before = retried.size
    // Newest first: most chains over several pages are older at their end.
    const ids = [...left].reverse()
    for (let from = 0; from < ids.length; from += CHUNK) await retry(ids.slice(from, from + CHUNK))
  }
  return [...retried].sort((a, b) => a - b)
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
