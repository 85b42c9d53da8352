/**
 * `heirloom autotag undo`: what a run did, taken back where it is still as the run left it.
 *
 * An undo that was broken off is finished first; no other run is undone after it, unless it is named. An apply that was
 * broken off is not finished: who wants it undone does not want the rest of it done.
 *
 * @module
 */

import type { ApplySummary, Autotag, PlanEstimate } from '../../immich/autotag/autotag-jobs.ts'
import type { Plan } from '../../immich/autotag/plan.ts'
import type { CommandContext } from '../command.ts'
import type { AutotagCommandOptions } from '../commands/autotag.ts'
import type { Io } from '../io.ts'
import { UsageError } from '../usage-error.ts'
import { codeOf, finish, resume, tell } from './apply-verb.ts'
import { planLines } from './plan-view.ts'
import type { Session } from './session.ts'
import { print, withAutotag } from './with-autotag.ts'

export async function runUndo(context: CommandContext, options: AutotagCommandOptions): Promise<number> {
  return await withAutotag(context, options, async (autotag, session, signal) => {
    const left = autotag.unfinished()
    if (left?.kind !== 'undo' || options.own['dryRun'] === true) {
      return await undo(context, options, autotag, { session })
    }
    const summary = await resume(autotag, left, session)
    if (signal.aborted || codeOf(summary) !== 0) return finish(summary, session, options)
    if (options.subject === undefined) return finishAlone(summary, session, options)
    tell(summary, session, options)
    return await undo(context, options, autotag, { session, finished: { summary, undoes: left.undoes } })
  })
}

/** Who gave the command again wanted that undo done. Another run is undone when it is asked for. */
function finishAlone(summary: ApplySummary, session: Session, options: AutotagCommandOptions): number {
  const { rule, asset } = options.own
  if (rule !== undefined || asset !== undefined) {
    session.view.say('only the undo that was broken off was finished: give the command again to undo more')
  }
  return finish(summary, session, options)
}

type Undoing = Awaited<ReturnType<Autotag['undoPlan']>>

interface Begun {
  readonly session: Session
  /** An undo that was broken off, and finished now; `undoes`: the run that it was of. */
  readonly finished?: { readonly summary: ApplySummary; readonly undoes: string | undefined }
}

async function undo(
  { io }: CommandContext,
  options: AutotagCommandOptions,
  autotag: Autotag,
  { session, finished }: Begun,
): Promise<number> {
  const { own, subject } = options
  const undoing = await autotag.undoPlan({
    run: subject,
    rule: textOf(own['rule']),
    asset: textOf(own['asset']),
  })
  session.view.stop()
  const resumed = finished?.summary
  if (resumed !== undefined && isAllOf(undoing, finished)) {
    // Told already, but as JSON.
    if (options.json) print(io, [JSON.stringify(resumed)])
    return 0
  }
  return await takeBack({ io, options, session }, autotag, undoing, resumed)
}

/** Whether the undo that was finished was all that was asked for. */
function isAllOf({ plan, run }: Undoing, finished: Begun['finished']): boolean {
  return finished?.undoes === run && plan.steps.length === 0
}

/** Shows it, asks, and does it. */
async function takeBack(
  shown: { readonly io: Io; readonly options: AutotagCommandOptions; readonly session: Session },
  autotag: Autotag,
  { plan, run, estimate }: Undoing,
  resumed: ApplySummary | undefined,
): Promise<number> {
  const { io, options, session } = shown
  const { own, json } = options
  if (!json) print(io, [`To take back of the run ${run}:`, ...undoLines(plan, estimate, session)])
  const isDryRun = own['dryRun'] === true || plan.steps.length === 0
  if (isDryRun || (own['yes'] !== true && !(await agree(io)))) {
    if (json) print(io, [JSON.stringify({ plan, run, resumed })])
    else if (plan.steps.length > 0) print(io, ['Nothing was changed.'])
    return isDryRun ? 0 : 1
  }
  return finish(await autotag.apply(plan, run), session, options, resumed)
}

function undoLines(plan: Plan, estimate: PlanEstimate, { style }: Session): readonly string[] {
  const nothing =
    plan.steps.length === 0 ? ['Nothing: all of it is otherwise by now, or taken back already.'] : []
  return [...nothing, ...planLines(plan, estimate, style)]
}

/** @throws {@link UsageError} when nobody can be asked. */
async function agree(io: Io): Promise<boolean> {
  const answer = await io.confirm('Take it back? [y/N] ')
  if (answer !== undefined) return answer
  throw new UsageError(['nobody can be asked here'], { hint: '--yes does it without a question.' })
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
