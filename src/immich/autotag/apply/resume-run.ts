/**
 * Goes on with a run that was broken off, from its journal.
 *
 * @module
 */

import type { AutotagState, RunRecord } from '../state.ts'
import type { ApplyOptions, ApplyResult } from './apply-plan.ts'
import { carryOut } from './carry-out.ts'
import { checkPlan } from './check-plan.ts'
import { readPresent } from './present.ts'
import { foldRun } from './run-so-far.ts'
import { prepareLeft, stepsOpen } from './settle-doubts.ts'

/** Rejects as `applyPlan` does, or with an `UnknownRunError`. The result is that of the whole run. */
export async function resumeRun(options: ApplyOptions & { readonly runId: string }): Promise<ApplyResult> {
  const { api, state, runId, signal, now = Date.now } = options
  const { journal } = state
  const callsBefore = api.traffic?.calls ?? 0
  const plan = journal.planOf(runId)
  await checkPlan(plan, api, signal)
  const run = journal.reopen(runId)
  try {
    const steps = stepsOpen(plan, foldRun(journal.callsOf(runId)))
    const present = await readPresent(api, { ...plan, steps }, { nowMs: now(), signal })
    return await carryOut(
      { ...options, run, present, callsBefore },
      async (runner) =>
        await prepareLeft(runner, {
          api,
          journal,
          runId,
          present,
          madeAlbums: () => new Set(state.facts().madeAlbums.keys()),
        }),
    )
  } catch (error) {
    const [last] = journal.runs().filter(({ id }) => id === runId)
    if (last?.status === 'running') journal.end(runId, 'interrupted', new Date(now()).toISOString())
    throw error
  }
}

/** The last run, if it was broken off: by Ctrl-C, by the server, or with the process. */
export function unfinishedRun({ journal }: AutotagState): RunRecord | undefined {
  const last = journal.runs().at(-1)
  return last?.status === 'running' || last?.status === 'interrupted' ? last : undefined
}
