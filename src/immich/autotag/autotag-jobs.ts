/**
 * What the command line asks of autotag: types only, so that naming it loads none of it.
 *
 * @module
 */

import type { Clock } from '../../clock.ts'
import type { ErrorRecord } from '../../errors.ts'
import type { Credentials } from '../exchange.ts'
import type { Plan, Step } from './plan.ts'
import type { Locate, ReadRulesOptions, ReadRulesResult } from './rules/read-rules.ts'
import type { Rules, RulesProblem } from './rules.ts'
import type { Outcome, RunRecord } from './state.ts'

export interface AutotagConnection {
  readonly address: string
  readonly credentials: Credentials
  readonly insecure: boolean
}

export interface AutotagProgress {
  readonly stage: 'loading' | 'deciding' | 'comparing' | 'applying' | 'verifying'
  /** What is being read or changed: `assets`, `dates`. */
  readonly what: string
  readonly done: number
  /** Undefined while nobody knows. */
  readonly total: number | undefined
  readonly calls: number
  /** What goes on at the same time, in the same stage. */
  readonly beside?: readonly Pick<AutotagProgress, 'what' | 'done' | 'total'>[]
}

export interface AutotagOptions {
  readonly connection: AutotagConnection
  readonly rules: Rules
  /** Where in the file a part of the rules stands. */
  readonly locate: Locate
  /** The file of this server and user is made in it. */
  readonly stateFolder: string
  readonly nice: boolean
  readonly signal: AbortSignal
  readonly onProgress: (progress: AutotagProgress) => void
  readonly clock?: Clock
}

/** What applying a plan would cost. */
export interface PlanEstimate {
  /** By what they change: `tag`, `album`, `date`, `asset`, `share`. */
  readonly calls: Readonly<Record<string, number>>
  readonly total: number
  readonly ms: number
  /** Sidecar files that the server writes afterwards. */
  readonly serverJobs: number
}

export interface PlanResult {
  readonly plan: Plan
  readonly estimate: PlanEstimate
  /** How memberships were read. */
  readonly strategy: 'session' | 'filter' | 'albums'
  /** Calls that reading took. */
  readonly calls: number
  /** Undefined within the limit of the rules. */
  readonly tooMany: { readonly assets: number; readonly allowed: number } | undefined
}

/** A step, or a part of it, that was not done. */
export interface UndoneStep {
  readonly step: Step
  readonly outcome: Exclude<Outcome, 'done' | 'was-so'>
  readonly ids: readonly string[]
  readonly message: string
}

export interface ApplySummary {
  readonly run: RunRecord
  readonly done: number
  readonly wasSo: number
  readonly undone: readonly UndoneStep[]
  /** What the look afterwards found to be other than written. */
  readonly differences: readonly string[]
  /** Why it was stopped before its end: it can be finished later. */
  readonly stoppedBy: ErrorRecord | undefined
  /** Changes that were not begun. */
  readonly left: number
  /** Written, but not looked at again, because that would have been many calls. */
  readonly unseen: number
  readonly calls: number
}

/** Why one asset is as it is: text that a person reads, and the same as data. */
export interface AssetExplanation {
  readonly lines: readonly string[]
  readonly document: unknown
}

export interface RunSummary extends RunRecord {
  readonly changes: Readonly<Record<string, number>>
  readonly failed: number
}

export interface AutotagReport {
  readonly runs: readonly RunSummary[]
  /** Tags and albums that the rules own, with where to look at them. */
  readonly links: readonly {
    readonly name: string
    readonly kind: 'tag' | 'album'
    readonly address: string
  }[]
}

export interface Autotag {
  /** `forgetOverrides`: what somebody has taken back is planned again, now and from now on. */
  plan(how?: { readonly forgetOverrides?: boolean }): Promise<PlanResult>
  /** `undoes`: of an undo, the run. */
  apply(plan: Plan, undoes?: string): Promise<ApplySummary>
  /** A run that was broken off, if there is one. */
  unfinished(): RunRecord | undefined
  resume(run: RunRecord): Promise<ApplySummary>
  /** Without a run: the last one that changed anything of which something is left to be taken back. */
  undoPlan(which: {
    readonly run?: string | undefined
    readonly rule?: string | undefined
    readonly asset?: string | undefined
  }): Promise<{ readonly plan: Plan; readonly run: string; readonly estimate: PlanEstimate }>
  explain(asset: string): Promise<AssetExplanation>
  /** What can only be seen beside the library: names that are not there, or there twice. */
  lint(): Promise<readonly RulesProblem[]>
  report(): Promise<AutotagReport>
  close(): Promise<void>
}

export interface AutotagJobs {
  readRules(text: string, options: ReadRulesOptions): ReadRulesResult
  /** What can be seen without a server. */
  lint(rules: Rules, locate: Locate): readonly RulesProblem[]
  importConfig(text: string): { readonly yaml: string; readonly remarks: readonly string[] }
  parsePlan(text: string): Plan
  open(options: AutotagOptions): Promise<Autotag>
}
