/**
 * `heirloom autotag apply`: a plan that was saved, or one that is made, shown and agreed to now.
 *
 * A run that was broken off is finished first: it was agreed to already.
 *
 * @module
 */

import type { ApplySummary, Autotag, PlanResult } from '../../immich/autotag/autotag-jobs.ts'
import type { RunRecord } from '../../immich/autotag/state.ts'
import { pluralize } from '../../units.ts'
import type { CommandContext } from '../command.ts'
import type { AutotagCommandOptions } from '../commands/autotag.ts'
import { EXIT_INTERRUPTED } from '../interrupt.ts'
import { UsageError } from '../usage-error.ts'
import { applyLines } from './apply-view.ts'
import { shownPlan } from './look-verbs.ts'
import { readNamedFile, type Session } from './session.ts'
import { print, withAutotag } from './with-autotag.ts'

export async function runApply(context: CommandContext, options: AutotagCommandOptions): Promise<number> {
  return await withAutotag(context, options, async (autotag, session, signal) => {
    const left = autotag.unfinished()
    const resumed = left === undefined ? undefined : await resume(autotag, left, session)
    if (resumed !== undefined) {
      if (signal.aborted || codeOf(resumed) !== 0) return finish(resumed, session, options)
      tell(resumed, session, options)
    }
    return options.subject === undefined
      ? await applyNew(context, options, autotag, { session, resumed })
      : await applySaved(options, autotag, { session, resumed })
  })
}

/** What a verb goes on with. */
interface Begun {
  readonly session: Session
  /** Of a run that was broken off, and finished now: `--json` tells it with what follows, in one document. */
  readonly resumed: ApplySummary | undefined
}

async function applyNew(
  context: CommandContext,
  options: AutotagCommandOptions,
  autotag: Autotag,
  { session, resumed }: Begun,
): Promise<number> {
  const { io } = context
  const result = await autotag.plan()
  session.view.stop()
  if (!options.json) print(io, shownPlan(result, session))
  const { plan } = result
  if (plan.steps.length === 0) {
    if (options.json) print(io, [JSON.stringify({ plan, run: null, resumed })])
    return 0
  }
  refuseTooMany(options, result)
  const { auto, yes, yesReally } = options.own
  const isAgreed = auto === true || yes === true || yesReally === true
  if (!(isAgreed || (await agree(context, result)))) {
    if (options.json) print(io, [JSON.stringify({ plan, run: null, resumed })])
    else print(io, ['Nothing was changed.'])
    return 1
  }
  return finish(await autotag.apply(plan), session, options, resumed)
}

/** Finishes a run that was broken off. */
export async function resume(autotag: Autotag, run: RunRecord, session: Session): Promise<ApplySummary> {
  session.view.say(`the run ${run.id} was broken off: finishing it first`)
  const summary = await autotag.resume(run)
  session.view.stop()
  return summary
}

/** What such a run did; with `--json` that is told together with what follows. */
export function tell(summary: ApplySummary, { io, style }: Session, { json }: AutotagCommandOptions): void {
  if (!json) print(io, applyLines(summary, style))
}

async function applySaved(
  options: AutotagCommandOptions,
  autotag: Autotag,
  { session, resumed }: Begun,
): Promise<number> {
  const plan = session.jobs.parsePlan(await readNamedFile(session.io, options.subject ?? ''))
  return finish(await autotag.apply(plan), session, options, resumed)
}

function refuseTooMany({ own }: AutotagCommandOptions, { tooMany }: PlanResult): void {
  if (tooMany === undefined || own['yesReally'] === true) return
  throw new UsageError(
    [`${pluralize(tooMany.assets, 'asset')} would change, and max-changes allows ${tooMany.allowed}`],
    { hint: 'Look at the plan; --yes-really applies it all the same.' },
  )
}

/** @throws {@link UsageError} when nobody can be asked. */
async function agree({ io }: CommandContext, { plan }: PlanResult): Promise<boolean> {
  const answer = await io.confirm(`Apply ${pluralize(plan.steps.length, 'step')}? [y/N] `)
  if (answer !== undefined) return answer
  throw new UsageError(['nobody can be asked here'], {
    hint: '--auto (or --yes) applies without a question.',
  })
}

/** Prints what an apply came to, and answers with the exit code. */
export function finish(
  summary: ApplySummary,
  session: Session,
  { json }: AutotagCommandOptions,
  resumed?: ApplySummary,
): number {
  session.view.stop()
  const document = resumed === undefined ? summary : { ...summary, resumed }
  print(session.io, json ? [JSON.stringify(document)] : applyLines(summary, session.style))
  return codeOf(summary)
}

export function codeOf({ run, undone, differences, stoppedBy }: ApplySummary): number {
  if (run.status === 'interrupted' && stoppedBy === undefined) return EXIT_INTERRUPTED
  const isWell = run.status === 'completed' && undone.every(isHarmless)
  return isWell && differences.length === 0 ? 0 : 1
}

/** What has changed meanwhile is somebody else's wish, or will be in the next plan. */
export function isHarmless({ outcome }: ApplySummary['undone'][number]): boolean {
  return outcome === 'changed-meanwhile' || outcome === 'gone'
}
