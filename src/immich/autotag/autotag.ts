/**
 * Autotag as a whole: reads the library, lets the rules decide, applies, undoes, explains.
 *
 * Holds no rule and no call of its own; it puts the parts into their order. Progress of each part becomes that of one job.
 *
 * @module
 */

import { systemClock } from '../../clock.ts'
import { toErrorRecord } from '../../errors.ts'
import { keepHeapSmall } from '../../frugal-heap.ts'
import type { Visibility } from '../api.ts'
import { missingPermissions } from '../permissions.ts'
import { type ApplyResult, applyPlan } from './apply/apply-plan.ts'
import { estimate } from './apply/estimate.ts'
import { inversePlan } from './apply/inverse-plan.ts'
import { resumeRun, unfinishedRun } from './apply/resume-run.ts'
import type { AutotagApi } from './autotag-api.ts'
import { LackingPermissionsError, NothingToUndoError, UnknownAssetError } from './autotag-errors.ts'
import type {
  ApplySummary,
  Autotag,
  AutotagJobs,
  AutotagOptions,
  AutotagProgress,
  PlanResult,
} from './autotag-jobs.ts'
import { createAutotagClient } from './client/autotag-client.ts'
import { allowedAssets, countTouched, exceeds } from './decide/change-limit.ts'
import { decide } from './decide/decide.ts'
import { explainAsset } from './decide/explain-asset.ts'
import { makePlan } from './decide/make-plan.ts'
import { featuresOf } from './features.ts'
import { type LoadProgress, type LoadResult, loadSnapshot } from './load/load-snapshot.ts'
import { parsePlan } from './parse-plan.ts'
import type { Plan } from './plan.ts'
import { reportOf } from './report-of.ts'
import { importAutotagConfig } from './rules/import-config.ts'
import { lint } from './rules/lint.ts'
import { lintAgainst } from './rules/lint-against.ts'
import { needsOf } from './rules/needs.ts'
import { assetIdOf } from './rules/read-predicate.ts'
import { readRules } from './rules/read-rules.ts'
import { runsToUndo, undoNeedsOf } from './runs-to-undo.ts'
import type { Snapshot, SnapshotNeeds } from './snapshot.ts'
import { openAutotagState } from './state/state-file.ts'
import type { AutotagState } from './state.ts'

export const autotagJobs: AutotagJobs = Object.freeze<AutotagJobs>({
  readRules: (text, options) => readRules(text, options),
  lint,
  importConfig: (text) => importAutotagConfig(text),
  parsePlan,
  open: openAutotag,
})

/** @throws ImmichError, {@link LackingPermissionsError}, or an error of the state's file. */
async function openAutotag(options: AutotagOptions): Promise<Autotag> {
  const { connection, rules, stateFolder, nice, signal } = options
  keepHeapSmall('both')
  const api = createAutotagClient({
    address: connection.address,
    key: connection.credentials,
    insecure: connection.insecure,
    isNice: nice,
    concurrency: rules.run.concurrency,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  })
  try {
    await requirePermissions(api, options)
    const me = await api.me(signal)
    const state = openAutotagState({ folder: stateFolder, address: api.address, userId: me?.id ?? 'nobody' })
    return new OpenAutotag(options, api, state)
  } catch (error) {
    await api.close()
    throw error
  }
}

/** A key that does not tell what it may do is tried; its first refusal names the permission. */
async function requirePermissions(api: AutotagApi, { rules, signal }: AutotagOptions): Promise<void> {
  const have = await api.permissions(signal)
  const missing = have === undefined ? [] : missingPermissions(have, featuresOf(rules))
  if (missing.length > 0) throw new LackingPermissionsError(api.address, missing)
}

/** Of forgetting what was taken back: each shows what the one before has hidden. */
const MAX_ROUNDS = 5

type Part = Pick<AutotagProgress, 'what' | 'done' | 'total'>

class OpenAutotag implements Autotag {
  readonly #options: AutotagOptions
  readonly #api: AutotagApi
  readonly #state: AutotagState
  readonly #now: () => number

  constructor(options: AutotagOptions, api: AutotagApi, state: AutotagState) {
    this.#options = options
    this.#api = api
    this.#state = state
    const { clock = systemClock } = options
    this.#now = () => clock.now()
  }

  async plan({ forgetOverrides = false }: Parameters<Autotag['plan']>[0] = {}): Promise<PlanResult> {
    const { rules } = this.#options
    const { snapshot, calls, strategy } = await this.#load(needsOf(rules))
    this.#options.onProgress({
      stage: 'deciding',
      what: '',
      done: 0,
      total: undefined,
      calls: this.#api.traffic?.calls ?? 0,
    })
    const plan = this.#decide(snapshot, forgetOverrides)
    const { maxChanges } = rules.run
    const tooMany = exceeds(plan, snapshot, maxChanges)
      ? { assets: countTouched(plan), allowed: allowedAssets(snapshot, maxChanges) }
      : undefined
    return { plan, estimate: estimate(plan), strategy, calls, tooMany }
  }

  /** Forgets only what the plan leaves alone: the rest is what rules follow, such as which album they put an asset into. */
  #decide(snapshot: Snapshot, forgetOverrides: boolean): Plan {
    const { rules } = this.#options
    for (let round = 1; ; round += 1) {
      const facts = this.#state.facts()
      const decision = decide(snapshot, rules, facts)
      const plan = makePlan({ snapshot, rules, decision, facts, madeAt: this.#iso() })
      // What is done again may let another rule meet what was taken back from it.
      if (!forgetOverrides || plan.overrides.length === 0 || round === MAX_ROUNDS) return plan
      this.#state.forgetOverrides(plan.overrides)
    }
  }

  async apply(plan: Plan, undoes?: string): ReturnType<Autotag['apply']> {
    return summaryOf(await applyPlan({ ...this.#applyOptions(), plan, undoes }))
  }

  unfinished(): ReturnType<Autotag['unfinished']> {
    return unfinishedRun(this.#state)
  }

  async resume({ id }: Parameters<Autotag['resume']>[0]): ReturnType<Autotag['resume']> {
    return summaryOf(await resumeRun({ ...this.#applyOptions(), runId: id }))
  }

  async undoPlan({ run, rule, asset }: Parameters<Autotag['undoPlan']>[0]): ReturnType<Autotag['undoPlan']> {
    const runs = run === undefined ? this.#lastApplied() : [run]
    // Not the hidden as well, unless the rules look at them: their albums would have to be read anew.
    const visibilities = [
      ...new Set<Visibility>(['timeline', 'archive', ...this.#options.rules.scope.visibilities]),
    ]
    const scope = { rule, assetId: asset === undefined ? undefined : this.#assetId(asset) }
    const { snapshot } = await this.#load({ ...undoNeedsOf(this.#state, runs), visibilities })
    const plans = runs.map((runId) => {
      const plan = inversePlan({ ...scope, runId, state: this.#state, snapshot, madeAt: this.#iso() })
      return { plan, run: runId, estimate: estimate(plan) }
    })
    const found = plans.find(({ plan }) => plan.steps.length > 0) ?? plans[0]
    if (found === undefined) throw new NothingToUndoError()
    return found
  }

  async explain(asset: string): ReturnType<Autotag['explain']> {
    const { rules } = this.#options
    const id = this.#assetId(asset)
    const { snapshot } = await this.#load(needsOf(rules))
    if (!snapshot.assets.has(id)) throw new UnknownAssetError(asset)
    return explainAsset(snapshot, rules, this.#state.facts(), id)
  }

  async lint(): ReturnType<Autotag['lint']> {
    const { rules, locate } = this.#options
    const { snapshot } = await this.#load(needsOf(rules))
    return lintAgainst(rules, snapshot, locate)
  }

  async report(): ReturnType<Autotag['report']> {
    return reportOf(this.#state, this.#options.rules, this.#api.address)
  }

  async close(): Promise<void> {
    this.#state.close()
    await this.#api.close()
  }

  async #load(needs: SnapshotNeeds): Promise<LoadResult> {
    const { rules, signal } = this.#options
    const parts = new Map<string, Part>()
    return await loadSnapshot({
      api: this.#api,
      needs,
      read: rules.server.read,
      cache: this.#state.members,
      signal,
      now: this.#now,
      onProgress: (progress) => this.#tellLoading(parts, progress),
    })
  }

  #applyOptions(): Omit<Parameters<typeof resumeRun>[0], 'runId'> {
    const { signal, onProgress, nice } = this.#options
    return { api: this.#api, state: this.#state, now: this.#now, signal, onProgress, nice }
  }

  /** Of the last part that moved, with the others beside it. */
  #tellLoading(parts: Map<string, Part>, { stage, done, total }: LoadProgress): void {
    const beside = [...parts.values()].filter(({ what }) => what !== stage)
    parts.set(stage, { what: stage, done, total })
    const calls = this.#api.traffic?.calls ?? 0
    this.#options.onProgress({ stage: 'loading', what: stage, done, total, calls, beside })
  }

  #iso(): string {
    return new Date(this.#now()).toISOString()
  }

  /** @throws {@link NothingToUndoError} */
  #lastApplied(): readonly string[] {
    const runs = runsToUndo(this.#state.journal)
    if (runs.length === 0) throw new NothingToUndoError()
    return runs
  }

  /** @throws {@link UnknownAssetError} */
  #assetId(asset: string): string {
    const id = assetIdOf(asset)
    if (id === undefined) throw new UnknownAssetError(asset)
    return id
  }
}

function summaryOf(result: ApplyResult): ApplySummary {
  const { stoppedBy } = result
  return { ...result, stoppedBy: stoppedBy === undefined ? undefined : toErrorRecord(stoppedBy) }
}
