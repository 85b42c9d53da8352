/**
 * The order of a run: what does not depend on each other goes on beside each other.
 *
 * First all is given: albums are made and filled, tags and dates are set. Only then is anything taken, and nothing from
 * an asset that did not get what it was to get: a picture that moves is in both places for a moment, never in none.
 * Albums are shared when what does not belong in them is out, and deleted last, when they are seen to be empty.
 *
 * @module
 */

import { ForbiddenError, ImmichError, RejectedError } from '../../immich-errors.ts'
import type { AutotagApi } from '../autotag-api.ts'
import type { UndoneStep } from '../autotag-jobs.ts'
import type { Step, StepOp } from '../plan.ts'
import type { CallRunner } from './call-runner.ts'
import { sizesOf } from './call-sizes.ts'
import type { Present } from './present.ts'
import { narrowed, subjectsOf } from './step-parts.ts'
import { type ChangeGroup, type Stage, toStages } from './to-calls.ts'

/** Lanes go on beside each other; each does its stages one after the other. */
type Lanes = readonly (readonly StepOp[])[]

const GIVING: Lanes = [['album.create', 'album.add'], ['tag.add'], ['date.set', 'asset.set']]

const TAKING: Lanes = [
  ['album.remove', 'share.add', 'share.role', 'share.remove', 'album.delete'],
  ['tag.remove'],
]

/** Makes what is missing, and gives. */
export async function give(runner: CallRunner, steps: readonly Step[], api: AutotagApi): Promise<void> {
  const giving = stepsIn(GIVING, steps)
  const possible = await stopOnError(runner, [], async () => await makeTags(runner, giving, api))
  await runLanes(runner, GIVING, possible, api)
}

/** Takes, but from none of the `owed` assets. */
export async function take(
  runner: CallRunner,
  steps: readonly Step[],
  { api, owed }: { readonly api: AutotagApi; readonly owed: ReadonlySet<string> },
): Promise<void> {
  const free = stepsIn(TAKING, steps).flatMap((step) => {
    if (step.op !== 'tag.remove' && step.op !== 'album.remove') return [step]
    const ids = step.assetIds.filter((id) => owed.has(id))
    if (ids.length === 0) return [step]
    const message = 'it did not get all that it was to get, so nothing is taken from it'
    runner.notMade.push({ step: { ...step, assetIds: ids }, outcome: 'failed', ids, message })
    return narrowed(step, (id) => !owed.has(id)) ?? []
  })
  await runLanes(runner, TAKING, free, api)
}

/** Assets of additions that were not even begun. */
export function owedByUndone(undone: readonly UndoneStep[], { albums }: Present): ReadonlySet<string> {
  return new Set(
    undone.flatMap(({ step, outcome, ids }) => {
      if (step.op === 'album.create') return step.assetIds
      const isLost = step.op === 'album.add' && !('id' in step.album && albums.has(step.album.id))
      // Otherwise somebody else has given it meanwhile.
      const isRefused = outcome !== 'changed-meanwhile' && (step.op === 'album.add' || step.op === 'tag.add')
      return isLost || isRefused ? ids : []
    }),
  )
}

function stepsIn(lanes: Lanes, steps: readonly Step[]): readonly Step[] {
  return steps.filter(({ op }) => lanes.some((ops) => ops.includes(op)))
}

async function runLanes(
  runner: CallRunner,
  lanes: Lanes,
  steps: readonly Step[],
  api: AutotagApi,
): Promise<void> {
  const stages = toStages(steps, sizesOf(api))
  const runLane = async (ops: readonly StepOp[]): Promise<void> => {
    for (const stage of stages.filter((one) => one.ops.some((op) => ops.includes(op)))) {
      if (runner.isOver) for (const { subjects } of stage.groups) runner.left += subjects.length
      else await runner.run(await groupsOf(stage, runner, api))
    }
  }
  const ended = await Promise.allSettled(lanes.map(runLane))
  const failed = ended.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

/** What the server could not say stops the run where it is; it can be resumed. */
export async function stopOnError<Result>(
  runner: CallRunner,
  otherwise: Result,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ImmichError)) throw error
    runner.stoppedBy ??= error
    return otherwise
  }
}

/** One call makes all tags that are missing; it may be repeated, so it is not in the journal. */
async function makeTags(
  runner: CallRunner,
  steps: readonly Step[],
  api: AutotagApi,
): Promise<readonly Step[]> {
  const wanted = new Set(steps.flatMap((step) => (step.op === 'tag.add' ? [step.tag] : [])))
  const missing = [...wanted].filter((tag) => !runner.tagIds.has(tag))
  if (missing.length === 0) return steps
  try {
    for (const { value, id } of await api.createTags(missing)) runner.tagIds.set(value, id)
    return steps
  } catch (error) {
    if (!(error instanceof ForbiddenError || error instanceof RejectedError)) throw error
    const cannot = new Set(missing)
    return steps.filter((step) => {
      if (step.op !== 'tag.add' || !cannot.has(step.tag)) return true
      const undone: UndoneStep = { step, outcome: 'refused', ids: step.assetIds, message: error.message }
      runner.notMade.push(undone)
      return false
    })
  }
}

/** Albums are deleted only when nothing is in them: somebody may have put something in while the run went on. */
async function groupsOf(stage: Stage, runner: CallRunner, api: AutotagApi): Promise<readonly ChangeGroup[]> {
  if (!stage.ops.includes('album.delete')) return stage.groups
  const albums = await stopOnError(runner, [], async () => await api.albums())
  const counts = new Map(albums.map(({ id, assetCount }) => [id, assetCount]))
  return stage.groups.filter(({ steps: [step] }) => {
    const count = step.op === 'album.delete' ? (counts.get(step.album.id) ?? 0) : 0
    if (count === 0) return true
    const message = `the album is not empty: ${count} assets`
    runner.notMade.push({ step, outcome: 'changed-meanwhile', ids: subjectsOf(step), message })
    return false
  })
}
