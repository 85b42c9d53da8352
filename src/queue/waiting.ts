/**
 * Refuses tasks that would wait for themselves.
 *
 * Dependencies alone cannot form a ring, because a task names only tasks that exist. Groups can: a task that
 * joins group G holds up whoever waits for G, so it must not itself wait, over any number of tasks and groups,
 * for one of those.
 *
 * @module
 */

/** What the walk needs to know about the tasks that are open; each answer holds ids of open tasks only. */
export interface WaitGraph {
  /** Open tasks that `taskId` depends on. */
  dependenciesOf(taskId: number): readonly number[]
  /** The group that `taskId` belongs to. */
  groupOf(taskId: number): string | undefined
  /** The group whose end `taskId` still waits for. */
  groupAwaitedBy(taskId: number): string | undefined
  /** Members of `group` that wait for something. */
  waitingIn(group: string): readonly number[]
  /** Whether a task waits for the end of `group`. */
  isAwaited(group: string): boolean
}

export interface Joining {
  readonly group?: string
  readonly afterGroup?: string
  readonly dependsOn: readonly number[]
}

/** Whether a task that joins `group` would end up waiting for that group, and so for itself. */
export function wouldWaitForItself(joining: Joining, graph: WaitGraph): boolean {
  const { group, afterGroup } = joining
  if (group === undefined) return false
  if (group === afterGroup) return true
  const waitsForNothing = afterGroup === undefined && joining.dependsOn.length === 0
  if (waitsForNothing || !graph.isAwaited(group)) return false
  return reaches(group, joining, graph)
}

function reaches(group: string, { afterGroup, dependsOn }: Joining, graph: WaitGraph): boolean {
  const tasks = new Set(dependsOn)
  const groups = new Set<string>()
  const visitGroup = (awaited: string): void => {
    if (groups.has(awaited)) return
    groups.add(awaited)
    for (const member of graph.waitingIn(awaited)) tasks.add(member)
  }
  if (afterGroup !== undefined) visitGroup(afterGroup)
  // A Set may grow while it is walked: each task is visited once.
  for (const id of tasks) {
    // Nothing has waited for itself so far: a member waits for nothing that waits for the group.
    if (graph.groupOf(id) === group) continue
    for (const dependency of graph.dependenciesOf(id)) tasks.add(dependency)
    const awaited = graph.groupAwaitedBy(id)
    if (awaited === group) return true
    if (awaited !== undefined) visitGroup(awaited)
  }
  return false
}
