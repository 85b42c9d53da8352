/**
 * What a remote lane's runner needs of Redis, and what it is told.
 *
 * @module
 */

import type { AttemptEnd } from '../runner.ts'
import type { ClaimedTask } from '../task.ts'

/** How a job ended, as far as there is something to say of its attempt. */
export type JobEnd = Extract<AttemptEnd, { readonly outcome: 'completed' | 'error' }>

/** A job's state when it was looked at. `gone`: Redis does not have it, or cannot ever hand it out. */
export type JobState =
  | { readonly state: 'waiting' | 'active' | 'gone' }
  | { readonly state: 'ended'; readonly end: JobEnd }

/** What the events stream of a lane tells of one job. */
export type JobEvent =
  | { readonly type: 'active' }
  | { readonly type: 'ended'; readonly end: JobEnd }
  | { readonly type: 'progress'; readonly value: unknown }
  /** It is not where it was: somebody removed it, or it was put back. */
  | { readonly type: 'moved' }

/** One run of an attempt, to be added. */
export interface RemoteJob {
  readonly jobId: string
  readonly claimed: ClaimedTask
  /** Of the attempt; 0 or Infinity for none. */
  readonly timeoutMs: number
}

/** Requests wait for a Redis that is away; they reject only when Redis refuses, or after a close. */
export interface RemoteLink {
  /** Adding a job twice is harmless. */
  add(lane: string, jobs: readonly RemoteJob[]): Promise<void>
  /** A state for each id. */
  look(lane: string, jobIds: readonly string[]): Promise<ReadonlyMap<string, JobState>>
  /** Takes jobs out that nobody runs; answers the ids of those that are out. */
  remove(lane: string, jobIds: readonly string[]): Promise<ReadonlySet<string>>
  /** Asks the worker host to end what it runs; jobs that nobody runs stay what they are. */
  requestEnd(lane: string, jobIds: readonly string[]): Promise<void>
}
