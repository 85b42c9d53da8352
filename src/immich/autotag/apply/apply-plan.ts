/**
 * Applies a plan: compare, write down, call, look again. Can be stopped at any moment and resumed.
 *
 * @module
 */

import type { ImmichError } from '../../immich-errors.ts'
import type { AutotagApi } from '../autotag-api.ts'
import type { ApplySummary, AutotagProgress } from '../autotag-jobs.ts'
import type { Plan } from '../plan.ts'
import type { AutotagState } from '../state.ts'
import { carryOut } from './carry-out.ts'
import { checkPlan } from './check-plan.ts'
import { readPresent } from './present.ts'
import { dropChanged } from './still-so.ts'

export interface ApplyOptions {
  readonly api: AutotagApi
  readonly state: AutotagState
  /** Epoch milliseconds. Default: the machine's clock. */
  readonly now?: () => number
  /** Aborted: no new call begins, those under way are finished, and the run can be resumed. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (progress: AutotagProgress) => void
  /** Fewer calls at a time. */
  readonly nice?: boolean
}

export interface ApplyResult extends Omit<ApplySummary, 'stoppedBy'> {
  /** Why it was stopped before its end; it can be resumed. */
  readonly stoppedBy: ImmichError | undefined
}

/**
 * Rejects with a `WrongPlanError`, an `ApplyInProgressError`, or an `ImmichError` of looking at what is there; from the
 * first change on, what goes wrong is in the result.
 */
export async function applyPlan(
  options: ApplyOptions & {
    readonly plan: Plan /** Of an undo: the run. */
    readonly undoes?: string | undefined
  },
): Promise<ApplyResult> {
  const { api, state, plan, signal, undoes, now = Date.now } = options
  const callsBefore = api.traffic?.calls ?? 0
  await checkPlan(plan, api, signal)
  options.onProgress?.({
    stage: 'comparing',
    what: 'changes since the plan',
    done: 0,
    total: undefined,
    calls: 0,
  })
  const unclaim = state.journal.claim(new Date(now()).toISOString())
  try {
    const present = await readPresent(api, plan, { nowMs: now(), signal })
    const madeAlbums = new Set(state.facts().madeAlbums.keys())
    const comparison = dropChanged(plan.steps, present, { snapshot: plan.snapshot, madeAlbums })
    const run = state.journal.begin({
      kind: undoes === undefined ? 'apply' : 'undo',
      undoes,
      plan,
      albumsBefore: [...present.albums.keys()],
      now: new Date(now()).toISOString(),
    })
    return await carryOut({ ...options, run, present, callsBefore }, () => Promise.resolve(comparison))
  } finally {
    unclaim()
  }
}
