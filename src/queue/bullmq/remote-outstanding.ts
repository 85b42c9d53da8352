/**
 * The tasks of a remote lane that are under way: which job in Redis stands for which, and when to look at it.
 *
 * An attempt may need several jobs, one after the other: Redis can lose one. Each is a *run* with a job id of its own,
 * and only the newest is listened to.
 *
 * @module
 */

import type { ClaimedTask } from '../task.ts'

/** A job whose end was not told is looked at after this long, and then ever more seldom. */
export const FIRST_LOOK_MS = 5_000
const LAST_LOOK_MS = 30_000

/** The same while it is to leave Redis. */
const WISHED_LOOK_MS = 500

export interface Outstanding {
  readonly claimed: ClaimedTask
  /** Of its newest run. */
  readonly jobId: string
  /** From 1. */
  readonly run: number
  /** Whether Redis has answered that it has the job. */
  isAdded: boolean
  /** Whether the engine was told that it has begun. */
  hasStarted: boolean
  /** `release`: it is to leave Redis unless somebody runs it. `end`: in any case, also if it has to be ended. */
  wish?: 'release' | 'end'
  /** By the clock. */
  nextLookAt: number
  lookMs: number
}

export class OutstandingTasks {
  readonly #nameJob: (claimed: ClaimedTask, run: number) => string
  readonly #firstLookMs: number
  readonly #byJob = new Map<string, Outstanding>()
  readonly #byTask = new Map<number, Outstanding>()

  /** `nameJob` answers the job id of a run; no other run may have it. */
  constructor(nameJob: (claimed: ClaimedTask, run: number) => string, firstLookMs: number = FIRST_LOOK_MS) {
    this.#nameJob = nameJob
    this.#firstLookMs = firstLookMs
  }

  get size(): number {
    return this.#byTask.size
  }

  get all(): readonly Outstanding[] {
    return [...this.#byTask.values()]
  }

  add(claimed: ClaimedTask): Outstanding {
    return this.#put(claimed, 1, false)
  }

  /** Another job for the same attempt; undefined when that has ended meanwhile. */
  runAgain(last: Outstanding): Outstanding | undefined {
    if (this.#byJob.get(last.jobId) !== last) return undefined
    this.#byJob.delete(last.jobId)
    return this.#put(last.claimed, last.run + 1, last.hasStarted)
  }

  ofJob(jobId: string): Outstanding | undefined {
    return this.#byJob.get(jobId)
  }

  ofTask(taskId: number): Outstanding | undefined {
    return this.#byTask.get(taskId)
  }

  has(entry: Outstanding): boolean {
    return this.#byJob.get(entry.jobId) === entry
  }

  /** False when it was not there: whoever gets true answers for it. */
  remove(entry: Outstanding): boolean {
    if (!this.has(entry)) return false
    this.#byJob.delete(entry.jobId)
    this.#byTask.delete(entry.claimed.task.id)
    return true
  }

  /** Jobs in Redis that are to be looked at, at most `limit`, and after that later. */
  takeDue(now: number, limit: number): Outstanding[] {
    const due: Outstanding[] = []
    for (const entry of this.#byTask.values()) {
      if (!entry.isAdded || entry.nextLookAt > now) continue
      entry.nextLookAt = now + (entry.wish === undefined ? entry.lookMs : WISHED_LOOK_MS)
      entry.lookMs = Math.min(entry.lookMs * 2, LAST_LOOK_MS)
      if (due.push(entry) === limit) break
    }
    return due
  }

  /** All are due: something may have happened that nobody told. */
  lookAtAll(): void {
    for (const entry of this.#byTask.values()) entry.nextLookAt = Number.NEGATIVE_INFINITY
  }

  #put(claimed: ClaimedTask, run: number, hasStarted: boolean): Outstanding {
    const entry: Outstanding = {
      claimed,
      jobId: this.#nameJob(claimed, run),
      run,
      isAdded: false,
      hasStarted,
      nextLookAt: Number.POSITIVE_INFINITY,
      lookMs: this.#firstLookMs,
    }
    this.#byJob.set(entry.jobId, entry)
    this.#byTask.set(claimed.task.id, entry)
    return entry
  }
}

/** Notes that Redis has the job. */
export function noteAdded(entry: Outstanding, now: number): void {
  entry.isAdded = true
  entry.nextLookAt = now + entry.lookMs
  entry.lookMs *= 2
}
