/**
 * Counts what ended in this process, by lane.
 *
 * The store's counters cover everybody and all time; what this run has done is known here only.
 *
 * @module
 */

import type { QueueEvents } from './events.ts'
import type { RunCounts } from './statistics.ts'

export class RunCounter {
  #lanes = new Map<string, { completed: number; failed: number; cancelled: number }>()

  reset(): void {
    this.#lanes = new Map()
  }

  /** Counts a task that went to a final state; false for an attempt that is followed by another one. */
  count({ task: { lane }, status }: QueueEvents['task.settled']): boolean {
    if (status !== 'completed' && status !== 'failed' && status !== 'cancelled') return false
    const counts = this.#lanes.get(lane) ?? { completed: 0, failed: 0, cancelled: 0 }
    counts[status] += 1
    this.#lanes.set(lane, counts)
    return true
  }

  get byLane(): Readonly<Record<string, RunCounts>> {
    return Object.fromEntries([...this.#lanes].map(([lane, counts]) => [lane, { ...counts }]))
  }
}
