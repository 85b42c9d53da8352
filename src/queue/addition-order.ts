/**
 * In which order the tasks of one addition are stored, so that each comes after those that it depends on.
 *
 * @module
 */

import { DependencyCycleError, DuplicateRefError, UnknownRefError } from './queue-errors.ts'
import type { NewTask } from './task.ts'

/** Whether the order of the call may have to be changed, so that ids must be given out before tasks are stored. */
export function usesRefs(tasks: readonly NewTask[]): boolean {
  return tasks.some(({ ref, dependsOn }) => ref !== undefined || dependsOn?.some((on) => 'ref' in on))
}

/**
 * Indexes of `tasks`, dependencies first, else in the order of the call.
 *
 * @throws {@link DuplicateRefError} {@link UnknownRefError} {@link DependencyCycleError}
 */
export function additionOrder(tasks: readonly NewTask[]): readonly number[] {
  const indexes = indexByRef(tasks)
  const parents = tasks.map((task) => refsOf(task).map((ref) => indexOf(ref, indexes)))
  const order: number[] = []
  const done = new Set<number>()
  for (const index of tasks.keys()) visit(index, { parents, done, order, tasks })
  return order
}

interface Walk {
  readonly tasks: readonly NewTask[]
  readonly parents: readonly (readonly number[])[]
  readonly done: Set<number>
  readonly order: number[]
}

/** Depth first with a list instead of recursion: a chain may be as long as the addition. */
function visit(start: number, { tasks, parents, done, order }: Walk): void {
  if (done.has(start)) return
  const path = [{ index: start, next: 0 }]
  const open = new Set([start])
  for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
    const parent = parents[step.index]?.[step.next++]
    if (parent === undefined) {
      path.pop()
      open.delete(step.index)
      done.add(step.index)
      order.push(step.index)
    } else if (open.has(parent)) {
      const ring = path.slice(path.findIndex(({ index }) => index === parent)).map(({ index }) => index)
      throw new DependencyCycleError([...ring, parent].map((index) => tasks[index]?.ref ?? ''))
    } else if (!done.has(parent)) {
      path.push({ index: parent, next: 0 })
      open.add(parent)
    }
  }
}

function indexByRef(tasks: readonly NewTask[]): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>()
  for (const [index, { ref }] of tasks.entries()) {
    if (ref === undefined) continue
    if (indexes.has(ref)) throw new DuplicateRefError(ref)
    indexes.set(ref, index)
  }
  return indexes
}

function indexOf(ref: string, indexes: ReadonlyMap<string, number>): number {
  const index = indexes.get(ref)
  if (index === undefined) throw new UnknownRefError(ref)
  return index
}

function refsOf({ dependsOn = [] }: NewTask): readonly string[] {
  return dependsOn.flatMap((on) => ('ref' in on ? [on.ref] : []))
}
