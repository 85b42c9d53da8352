/**
 * `heirloom autotag undo`: what a run did, taken back where it is still as the run left it.
 *
 * An undo that was broken off is finished first. An apply that was broken off is not: who wants it undone does not want
 * the rest of it done.
 *
 * @module
 */

import type { ApplySummary, Autotag, PlanEstimate } from '../../immich/autotag/autotag-jobs.ts'
import type { Plan } from '../../immich/autotag/plan.ts'
import type { CommandContext } from '../command.ts'
import type { AutotagCommandOptions } from '../commands/autotag.ts'
import type { Io } from '../io.ts'
import { UsageError } from '../usage-error.ts'
import { codeOf, finish, resume } from './apply-verb.ts'
import { planLines } from './plan-view.ts'
import type { Session } from './session.ts'
import { print, withAutotag } from './with-autotag.ts'

export async function runUndo(context: CommandContext, options: AutotagCommandOptions): Promise<number> {
  return await withAutotag(context, options, async (autotag, session, signal) => {
    const left = autotag.unfinished()
    const isToFinish = left?.kind === 'undo' && options.own['dryRun'] !== true
    const resumed = isToFinish ? await resume(autotag, left, session, options) : undefined
    if (resumed !== undefined && (signal.aborted || codeOf(resumed) !== 0)) {
      return finish(resumed, session, options)
    }
    return await undo(context, options, autotag, { session, resumed })
  })
}

async function undo(
  { io }: CommandContext,
  options: AutotagCommandOptions,
  autotag: Autotag,
  { session, resumed }: { readonly session: Session; readonly resumed: ApplySummary | undefined },
): Promise<number> {
  const { own, json, subject } = options
  const { plan, run, estimate } = await autotag.undoPlan({
    run: subject,
    rule: textOf(own['rule']),
    asset: textOf(own['asset']),
  })
  session.view.stop()
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
