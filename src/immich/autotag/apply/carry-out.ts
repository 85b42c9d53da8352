/**
 * The part of a run that changes things: calls, then the look at what they did. The same for a new run and for
 * one that is resumed.
 *
 * @module
 */

import { ImmichError } from '../../immich-errors.ts'
import type { Plan, Step, StepOp } from '../plan.ts'
import type { CallRecord, RunRecord } from '../state.ts'
import type { ApplyOptions, ApplyResult } from './apply-plan.ts'
import { CallRunner } from './call-runner.ts'
import { sizesOf } from './call-sizes.ts'
import { type Present, readPresent } from './present.ts'
import { readAdded, rememberMembers } from './remember-members.ts'
import { give, owedByUndone, stopOnError, take } from './run-lanes.ts'
import { foldRun, outcomeOf, owedAssets, type RunSoFar, stepsLeft, writtenBy } from './run-so-far.ts'
import { settleDoubts } from './settle-doubts.ts'
import { narrowed, stepKey, subjectsOf } from './step-parts.ts'
import type { Comparison } from './still-so.ts'
import { toStages } from './to-calls.ts'
import { type TagDifference, type Verification, verify } from './verify.ts'

/** Calls under way at a time; of each kind fewer (see `call-gate.ts`). */
const WIDTH = 8
const NICE_WIDTH = 3

export interface CarryOutOptions extends ApplyOptions {
  readonly run: RunRecord
  readonly present: Present
  readonly callsBefore: number
}

/** `prepare` settles what an earlier attempt left in doubt and says what is to be done. */
export async function carryOut(
  options: CarryOutOptions,
  prepare: (runner: CallRunner) => Promise<Comparison>,
): Promise<ApplyResult> {
  const { state, run, api, now = Date.now } = options
  const plan = state.journal.planOf(run.id)
  const progress = progressOf(options, plan)
  const soFar = foldRun(state.journal.callsOf(run.id))
  const countsBefore = countsBeforeRun(options.present, soFar)
  const runner = new CallRunner(
    {
      api,
      journal: state.journal,
      runId: run.id,
      width: options.nice === true ? NICE_WIDTH : WIDTH,
      signal: options.signal,
      now,
      onCall: progress.onCall,
    },
    soFar.lastSeq,
  )
  for (const [key, id] of soFar.madeAlbums) runner.madeAlbums.set(key, id)
  for (const [tag, id] of options.present.tagIds) runner.tagIds.set(tag, id)
  let comparison: Comparison = { steps: [], dropped: [] }
  let verification: Verification = { differences: [], tags: [], unseen: 0, albums: new Map() }
  try {
    comparison = await stopOnError(runner, comparison, async () => await prepare(runner))
    await runSteps(runner, plan, comparison, options)
    if (!runner.isOver) {
      progress.verifying()
      verification = await lookAgain(runner, plan, countsBefore, options)
      await remember(runner, verification, options)
    }
  } catch (error) {
    // A bug, or a disk that is full: what was done is in the journal, and the rest can be resumed.
    state.journal.end(run.id, 'interrupted', new Date(now()).toISOString())
    throw error
  }
  const outcome = outcomeOf(foldRun(state.journal.callsOf(run.id)))
  const undone = [...comparison.dropped, ...runner.notMade, ...outcome.undone]
  const hasFailed = undone.some(({ outcome }) => outcome === 'failed' || outcome === 'refused')
  const status = runner.isOver ? 'interrupted' : hasFailed ? 'failed' : 'completed'
  const endedAt = new Date(now()).toISOString()
  state.journal.end(run.id, status, endedAt)
  return {
    run: { ...run, status, endedAt },
    done: outcome.done,
    wasSo: outcome.wasSo,
    undone,
    differences: [...verification.differences, ...verification.tags.map(tagDifferenceWords)],
    unseen: verification.unseen,
    calls: (api.traffic?.calls ?? 0) - options.callsBefore,
    stoppedBy: runner.stoppedBy,
    left: runner.left,
  }
}

/** First what gives, then what takes; after each, what was left in doubt is asked about. */
async function runSteps(
  runner: CallRunner,
  plan: Plan,
  { steps, dropped }: Comparison,
  options: CarryOutOptions,
): Promise<void> {
  const { api, state, run, present } = options
  const settle = async (): Promise<void> =>
    await stopOnError(runner, undefined, async () => await settleOwnDoubts(runner, plan, options))
  await give(runner, steps, api)
  await settle()
  const owed = runner.isOver
    ? new Set<string>()
    : new Set([
        ...owedAssets(foldRun(state.journal.callsOf(run.id))),
        ...owedByUndone([...dropped, ...runner.notMade], present),
      ])
  await take(runner, steps, { api, owed })
  await settle()
}

/** Calls that the server could not answer may have come through: once more, before the run is called failed. */
async function settleOwnDoubts(
  runner: CallRunner,
  plan: Plan,
  { api, state, run, signal, now = Date.now }: CarryOutOptions,
): Promise<void> {
  const { journal } = state
  const soFar = foldRun(journal.callsOf(run.id))
  if (runner.isOver || soFar.inDoubt.length === 0) return
  const steps = stepsOf(soFar.inDoubt)
  const present = await readPresent(api, { ...plan, steps }, { nowMs: now(), signal })
  const madeAlbums = (): ReadonlySet<string> => new Set(state.facts().madeAlbums.keys())
  const asked = { api, journal, runId: run.id, present, madeAlbums }
  await settleDoubts(runner, asked)
  const again = new Set(steps.map(stepKey))
  const left = stepsLeft(plan.steps, foldRun(journal.callsOf(run.id))).filter((step) =>
    again.has(stepKey(step)),
  )
  await give(runner, left, api)
  await take(runner, left, { api, owed: new Set() })
}

/**
 * How many assets the albums had before the run did anything. Those that calls in doubt may have changed are left out:
 * nobody knows.
 */
function countsBeforeRun({ albums }: Present, soFar: RunSoFar): ReadonlyMap<string, number> {
  const counts = new Map([...albums.values()].map(({ id, assetCount }) => [id, assetCount]))
  for (const [id, members] of writtenBy(soFar).albums) {
    let count = counts.get(id)
    // Not listed, because what is left of the run touches no album.
    if (count === undefined) continue
    for (const isIn of members.values()) count -= isIn ? 1 : -1
    counts.set(id, count)
  }
  for (const step of stepsOf(soFar.inDoubt)) {
    if ('album' in step && 'id' in step.album) counts.delete(step.album.id)
  }
  return counts
}

function stepsOf(records: readonly CallRecord[]): Step[] {
  return records.flatMap(({ step, alsoSteps }) => [step, ...alsoSteps])
}

async function lookAgain(
  runner: CallRunner,
  plan: Plan,
  countsBefore: ReadonlyMap<string, number>,
  options: CarryOutOptions,
): Promise<Verification> {
  const { api, state, run, signal } = options
  const look = async (): Promise<Verification> =>
    await verify({
      api,
      written: writtenBy(foldRun(state.journal.callsOf(run.id))),
      since: plan.snapshot.takenAt,
      tagIds: runner.tagIds,
      parentTags: parentsOf(runner.tagIds.keys()),
      madeAlbums: new Set(runner.madeAlbums.values()),
      countsBefore,
      signal,
    })
  try {
    const first = await look()
    const again = first.tags.flatMap((difference) => repeatedSteps(plan.steps, difference))
    if (again.length === 0) return first
    for (const { groups } of toStages(again, sizesOf(api))) {
      await runner.run(groups)
    }
    return await look()
  } catch (error) {
    if (!(error instanceof ImmichError)) throw error
    const says = `what was written could not be looked at: ${error.message}`
    return { differences: [says], tags: [], unseen: 0, albums: new Map() }
  }
}

/** What is not remembered is read again the next time. */
async function remember(
  runner: CallRunner,
  { albums }: Verification,
  { api, state, run, signal }: CarryOutOptions,
): Promise<void> {
  const written = writtenBy(foldRun(state.journal.callsOf(run.id)))
  const changed = { cache: state.members, written, albums, madeAs: runner.madeAs }
  rememberMembers(changed)
  try {
    await readAdded(changed, api, signal)
  } catch (error) {
    if (!(error instanceof ImmichError) && signal?.aborted !== true) throw error
  }
}

/** Tags that did not stick, once more. */
function repeatedSteps(steps: readonly Step[], { tag, is, assetIds }: TagDifference): Step[] {
  const op: StepOp = is ? 'tag.add' : 'tag.remove'
  const ids = new Set(assetIds)
  return steps.flatMap((step) =>
    step.op === op && step.tag === tag ? (narrowed(step, (id) => ids.has(id)) ?? []) : [],
  )
}

function parentsOf(tags: Iterable<string>): ReadonlySet<string> {
  const parents = new Set<string>()
  for (const tag of tags) {
    for (let slash = tag.lastIndexOf('/'); slash > 0; slash = tag.lastIndexOf('/', slash - 1)) {
      parents.add(tag.slice(0, slash))
    }
  }
  return parents
}

function tagDifferenceWords({ tag, is, assetIds }: TagDifference): string {
  const shown = assetIds.slice(0, 3).join(', ')
  const more = assetIds.length > 3 ? ` and ${assetIds.length - 3} more` : ''
  return `${is ? 'lack' : 'still have'} the tag ${tag}: ${shown}${more}`
}

/** What is told while it goes on. */
function progressOf(
  { onProgress, api, callsBefore }: CarryOutOptions,
  plan: Plan,
): { readonly onCall: (op: StepOp, subjects: number) => void; readonly verifying: () => void } {
  const total = plan.steps.reduce((sum, step) => sum + subjectsOf(step).length, 0)
  let done = 0
  const tell = (stage: 'applying' | 'verifying', what: string): void =>
    onProgress?.({ stage, what, done, total, calls: (api.traffic?.calls ?? 0) - callsBefore })
  return {
    onCall: (op, subjects) => {
      done = Math.min(total, done + subjects)
      tell('applying', WORDS[op])
    },
    verifying: () => tell('verifying', 'what was written'),
  }
}

const WORDS: Readonly<Record<StepOp, string>> = {
  'album.create': 'new albums',
  'album.add': 'albums',
  'album.remove': 'albums',
  'album.delete': 'empty albums',
  'tag.add': 'tags',
  'tag.remove': 'tags',
  'date.set': 'dates',
  'asset.set': 'favourites and ratings',
  'share.add': 'sharing',
  'share.role': 'sharing',
  'share.remove': 'sharing',
}
