/**
 * Which tasks of the reference backend may be forgotten.
 *
 * @module
 */

import type { Backend } from '../backend.ts'
import { matches, rowLimit } from '../task-filter.ts'
import { type Entry, isOpen } from './memory-entry.ts'

/** Ids of at most `limit` entries, those that ended first before others. */
export function prunable(
  entries: readonly Entry[],
  filter: Parameters<Backend['prune']>[0],
  limit: number,
): readonly number[] {
  const awaited = new Set(entries.filter(isOpen).flatMap(({ parents }) => [...parents.keys()]))
  const { endedBefore, ...wanted } = filter
  return entries
    .filter((entry) => !isOpen(entry) && !awaited.has(entry.task.id))
    .map(({ task }) => task)
    .filter((task) => (task.finishedAt ?? endedBefore) < endedBefore && matches(task, wanted))
    .sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0) || a.id - b.id)
    .slice(0, rowLimit(limit))
    .map(({ id }) => id)
}
