/**
 * What autotag remembers between runs, for one server and user: members of albums, what it has applied, and its journal.
 *
 * The seam between those who decide and call, and the SQLite file that keeps it (`state/state-file.ts`).
 *
 * @module
 */

import type { AppliedFacts, Fact, Override, Plan, Step } from './plan.ts'

/** All assets that an album could show, at one moment; by it what comes back into albums is told. */
export interface Listing {
  /** Of its own. */
  readonly id: string
  /** By the server's clock, when the albums had been read: epoch milliseconds. */
  readonly endedAtMs: number
  readonly assetIds: readonly string[]
}

export interface KnownMembers {
  /** Of when they were read or confirmed. */
  readonly fingerprint: string
  readonly assetIds: readonly string[]
  /** Id of the listing that was made with them; {@link ALL_EVER}; undefined: none. */
  readonly listing: string | undefined
}

/** In place of a listing: nothing else was ever put into the album, hidden or in the trash by now. */
export const ALL_EVER = 'all-ever'

/** Members of albums under the fingerprint that they were read at: another fingerprint may be another content. */
export interface MembershipCache {
  /** Undefined when it is not known for this fingerprint. */
  read(albumId: string, fingerprint: string): readonly string[] | undefined
  /** Whatever its fingerprint. */
  last(albumId: string): KnownMembers | undefined
  /** `listing`: as of {@link KnownMembers}. */
  write(albumId: string, fingerprint: string, assetIds: readonly string[], listing?: string): void
  /** Forgets albums that are not among these. */
  keepOnly(albumIds: ReadonlySet<string>): void
  /** The last one. */
  listing(): Listing | undefined
  /** Remembers the listing, and that what is known of these albums, at these fingerprints, goes with it. */
  confirm(listing: Listing, fingerprints: ReadonlyMap<string, string>): void
}

export type RunStatus = 'running' | 'completed' | 'failed' | 'interrupted'

export interface RunRecord {
  /** `2026-11-22T09-15-00Z-4f2a`, by time. */
  readonly id: string
  readonly kind: 'apply' | 'undo'
  /** Of an undo: the run that it undoes. */
  readonly undoes: string | undefined
  readonly planId: string
  readonly startedAt: string
  readonly endedAt: string | undefined
  readonly status: RunStatus
}

/** One call as it is written down before it is made. */
export interface Intent {
  /** Position in the run, from 1. */
  readonly seq: number
  /** What it does, as a step with just the assets of this call. */
  readonly step: Step
  /** Steps whose assets share the call, such as two tags for the same assets. */
  readonly alsoSteps: readonly Step[]
}

/** Of one asset (or album, or member) of a call. */
export type Outcome = 'done' | 'was-so' | 'gone' | 'refused' | 'changed-meanwhile' | 'failed'

export interface CallRecord extends Intent {
  readonly startedAt: string
  readonly endedAt: string | undefined
  /** By subject; undefined while it is not known what became of it, without the subjects that are in doubt. */
  readonly outcomes: Readonly<Record<string, Outcome>> | undefined
  /** Of an album that was made. */
  readonly albumId: string | undefined
  /** Code and message of what went wrong. */
  readonly error: { readonly code: string; readonly message: string } | undefined
}

export interface Journal {
  /**
   * Takes the right to apply before the server is looked at, so that nobody else changes it in between: until
   * {@link end}, or until what is answered is called.
   *
   * @throws {@link ApplyInProgressError} when another process, or another run of this one, applies with this state.
   */
  claim(now: string): () => void
  /**
   * Takes the right to apply, if it was not claimed, until {@link end}. `albumsBefore`: ids of all albums that the user saw then, so that an
   * album whose making was never answered can be told from one that was there.
   *
   * @throws {@link ApplyInProgressError} when another process applies with this state.
   */
  begin(run: {
    readonly kind: 'apply' | 'undo'
    readonly undoes?: string | undefined
    readonly plan: Plan
    readonly albumsBefore: readonly string[]
    readonly now: string
  }): RunRecord
  /** Takes the right to apply for a run that was broken off. @throws as {@link begin} */
  reopen(runId: string): RunRecord
  albumsBefore(runId: string): ReadonlySet<string>
  /** On the disk when it returns, all of them in one transaction. */
  intend(runId: string, intents: readonly Intent[], now: string): void
  /**
   * Facts of what was done are written in the same transaction. Subjects that `outcomes` lacks are in doubt: nobody
   * knows what became of them.
   */
  settle(
    runId: string,
    seq: number,
    result: {
      readonly outcomes: Readonly<Record<string, Outcome>>
      readonly albumId?: string
      readonly error?: { readonly code: string; readonly message: string }
      readonly facts: readonly { readonly subjectId: string; readonly rule: string; readonly fact: Fact }[]
    },
    now: string,
  ): void
  end(runId: string, status: Exclude<RunStatus, 'running'>, now: string): void
  runs(): readonly RunRecord[]
  /** @throws {@link UnknownRunError} */
  planOf(runId: string): Plan
  /** In the order of `seq`, read piece by piece. */
  callsOf(runId: string): Iterable<CallRecord>
}

export interface AutotagState {
  readonly members: MembershipCache
  readonly journal: Journal
  facts(): AppliedFacts
  /** Lets rules do again what users have taken back: these facts of a plan's overrides, or all that was ever applied. */
  forgetOverrides(overrides?: readonly Override[]): void
  close(): void
}
