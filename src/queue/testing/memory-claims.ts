/**
 * How the reference backend hands tasks out: by looking at all of them.
 *
 * @module
 */

import type { ClaimRequest, RateLimit } from '../backend.ts'
import { believable, freeTokens, nextTokenAt, type TakenTokens, tokenBackAt } from '../rate-window.ts'
import type { ClaimedTask, Task } from '../task.ts'
import { rowLimit } from '../task-filter.ts'
import { canBeClaimed } from './memory-entry.ts'
import type { MemoryTasks } from './memory-tasks.ts'

export class MemoryClaims {
  readonly #tasks: MemoryTasks
  readonly #paused = new Set<string>()
  readonly #tokens = new Map<string, TakenTokens>()
  #lastToken = 0

  constructor(tasks: MemoryTasks) {
    this.#tasks = tasks
  }

  setPaused(lane: string, paused: boolean): void {
    if (paused) this.#paused.add(lane)
    else this.#paused.delete(lane)
  }

  isPaused(lane: string): boolean {
    return this.#paused.has(lane)
  }

  pausedLanes(): readonly string[] {
    return [...this.#paused].sort()
  }

  nextDueAt(lane: string, rate: RateLimit | undefined, now: number): number | undefined {
    const opensAt =
      rate === undefined ? now : nextTokenAt(rate, believable(rate, this.#takenTokens(lane, now), now), now)
    if (opensAt === undefined || this.isPaused(lane)) return undefined
    const due = this.#tasks
      .all()
      .filter((entry) => entry.task.lane === lane && canBeClaimed(entry))
      .filter(({ task }) => task.runAt > now || !this.#tasks.isKeyHeld(task.concurrencyKey))
    if (due.length === 0) return undefined
    return Math.max(opensAt, Math.min(...due.map(({ task }) => task.runAt)))
  }

  claim({ lane, limit, workerId, leaseMs, rate }: ClaimRequest, now: number): readonly ClaimedTask[] {
    const token = `token-${++this.#lastToken}`
    if (rate && !this.isPaused(lane))
      this.#tokens.set(lane, believable(rate, this.#takenTokens(lane, now), now))
    const taken = this.#takenTokens(lane, now)
    const allowed = rowLimit(rate === undefined ? limit : Math.min(limit, freeTokens(rate, taken)))
    const claimed: ClaimedTask[] = []
    const due = this.#tasks
      .all()
      .filter((entry) => entry.task.lane === lane && canBeClaimed(entry) && entry.task.runAt <= now)
      .sort((a, b) => b.task.priority - a.task.priority || a.task.id - b.task.id)
    for (const entry of due) {
      if (this.isPaused(lane) || claimed.length >= allowed) break
      if (this.#tasks.isKeyHeld(entry.task.concurrencyKey)) continue
      const { progress: _old, ...rest } = entry.task
      const attempt = rest.attempt + 1
      const task: Task = { ...rest, status: 'processing', attempt, startedAt: now, workerId }
      this.#tasks.put({ ...entry, task, token, leaseUntil: now + leaseMs })
      claimed.push({ task, lease: { taskId: task.id, attempt, token }, alone: entry.alone })
    }
    if (rate !== undefined && claimed.length > 0) {
      this.#tokens.set(lane, [...taken, { backAt: tokenBackAt(rate, now), tokens: claimed.length }])
    }
    return claimed
  }

  /** In the order in which they come back. */
  #takenTokens(lane: string, now: number): TakenTokens {
    const taken = this.#tokens.get(lane) ?? []
    return taken.filter(({ backAt }) => backAt > now).toSorted((a, b) => a.backAt - b.backAt)
  }
}
