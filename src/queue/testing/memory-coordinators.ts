/**
 * Coordinators of the reference backend.
 *
 * @module
 */

import type { Coordinator, CoordinatorReport } from '../backend.ts'
import { COORDINATOR_GONE_MS } from '../coordinator-life.ts'
import { isProvablyDead } from '../process-identity.ts'

export class MemoryCoordinators {
  readonly #coordinators = new Map<string, Coordinator>()

  report(coordinator: CoordinatorReport, now: number): void {
    this.#coordinators.set(coordinator.id, { ...coordinator, seenAt: now })
  }

  leave(id: string): void {
    this.#coordinators.delete(id)
  }

  alive(now: number): readonly Coordinator[] {
    return [...this.#coordinators.values()]
      .filter(({ seenAt, identity }) => seenAt > now - COORDINATOR_GONE_MS && !isProvablyDead(identity))
      .sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1))
  }

  /** Takes the dead off the list and answers their ids. */
  removeDead(): ReadonlySet<string> {
    const dead = [...this.#coordinators.values()].filter(({ identity }) => isProvablyDead(identity))
    for (const { id } of dead) this.leave(id)
    return new Set(dead.map(({ id }) => id))
  }
}
