/**
 * Finds out what became of calls whose answer nobody has seen, and says what of the plan is left.
 *
 * What can be asked is asked: dates, favourites, members and albums. Additions of tags and to albums are simply made again,
 * which changes nothing where the first attempt had come through.
 *
 * @module
 */

import type { AutotagApi, FoundAsset } from '../autotag-api.ts'
import type { Plan, Step } from '../plan.ts'
import type { CallRecord, Journal, Outcome } from '../state.ts'
import type { CallRunner } from './call-runner.ts'
import { findMadeAlbum } from './find-made-album.ts'
import { albumIdOf, allOf } from './perform-call.ts'
import type { Present } from './present.ts'
import { foldRun, type RunSoFar, stepsLeft } from './run-so-far.ts'
import { isSameDate, subjectsOf, wordOf } from './step-parts.ts'
import { type Comparison, dropChanged } from './still-so.ts'
import type { ApplyCall, ChangeGroup } from './to-calls.ts'

export interface DoubtContext {
  readonly api: AutotagApi
  readonly journal: Journal
  readonly runId: string
  readonly present: Present
  /** Ids of albums that this tool made. */
  readonly madeAlbums: () => ReadonlySet<string>
}

/** Steps that a run still has to do, or that nobody knows about. */
export function stepsOpen(plan: Plan, soFar: RunSoFar): readonly Step[] {
  return [
    ...stepsLeft(plan.steps, soFar),
    ...soFar.inDoubt.flatMap(({ step, alsoSteps }) => [step, ...alsoSteps]),
  ]
}

/** Settles what is in doubt, then compares what is left of the plan with what is there. */
export async function prepareLeft(runner: CallRunner, context: DoubtContext): Promise<Comparison> {
  const { journal, runId, present } = context
  const plan = journal.planOf(runId)
  await settleDoubts(runner, context)
  const left = stepsLeft(plan.steps, foldRun(journal.callsOf(runId)))
  return dropChanged(left, present, { snapshot: plan.snapshot, madeAlbums: context.madeAlbums() })
}

export async function settleDoubts(runner: CallRunner, context: DoubtContext): Promise<void> {
  const { journal, runId } = context
  for (const record of foldRun(journal.callsOf(runId)).inDoubt) {
    if (runner.isOver) return
    await runner.run(await settleDoubt(runner, record, context))
  }
}

async function settleDoubt(
  runner: CallRunner,
  { seq, step, alsoSteps }: CallRecord,
  { api, journal, runId, present }: DoubtContext,
): Promise<readonly ChangeGroup[]> {
  const call: ApplyCall = { steps: [step, ...alsoSteps] }
  if (step.op === 'album.create') {
    const claimed = new Set(runner.madeAlbums.values())
    const found = await findMadeAlbum(call, api, journal.albumsBefore(runId), claimed)
    const { rest, ...ending } = found ?? { outcomes: allOf(call.steps, 'failed'), rest: [] }
    runner.settle(call, seq, ending)
    return rest
  }
  if (step.op.startsWith('tag') || step.op === 'album.add' || step.op === 'album.remove') {
    await runner.repeat(call, seq)
    return []
  }
  const outcomes = Object.fromEntries(
    call.steps.flatMap((part) =>
      subjectsOf(part).map((subject, index) => [subject, outcomeSeen(part, subject, index, present, runner)]),
    ),
  )
  // What was not done counts as failed, and is done by the calls for what is left.
  runner.settle(call, seq, { outcomes })
  return []
}

/** By what is there now: done, not done (`failed`), or somebody else's doing. */
function outcomeSeen(
  step: Step,
  subject: string,
  index: number,
  present: Present,
  runner: CallRunner,
): Outcome {
  switch (step.op) {
    case 'date.set':
    case 'asset.set': {
      const now = present.changed.get(subject)
      return now === undefined ? 'failed' : assetOutcome(step, index, now)
    }
    case 'album.delete':
      return present.albums.has(subject) ? 'failed' : 'done'
    case 'share.add':
    case 'share.role':
    case 'share.remove': {
      const album = present.albums.get(albumIdOf(step.album, runner) ?? '')
      const role = album?.members.find(({ userId }) => userId === subject)?.role
      return role === (step.op === 'share.remove' ? undefined : step.role) ? 'done' : 'failed'
    }
    case 'album.add':
    case 'album.create':
    case 'album.remove':
    case 'tag.add':
    case 'tag.remove':
      return 'failed'
  }
}

function assetOutcome(
  step: Extract<Step, { op: 'date.set' | 'asset.set' }>,
  index: number,
  asset: FoundAsset,
): Outcome {
  if (step.op === 'date.set') {
    if (isSameDate(step.before[index] ?? null, asset.taken)) return 'failed'
    return isSameDate(step.to, asset.taken) ? 'done' : 'changed-meanwhile'
  }
  const { wanted, now } = wordOf(step, asset)
  if (now === step.before[index]) return 'failed'
  return now === wanted ? 'done' : 'changed-meanwhile'
}
