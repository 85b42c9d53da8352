/**
 * A plan that takes back what a run did, where it is still as the run left it. Pure but for reading the journal.
 *
 * What the server cannot take back is said as remarks: a date that had none before stays, a date that was written stays
 * locked against what the file says, and a deleted album comes back with another id.
 *
 * @module
 */

import type { Plan, Step, StepOp } from '../plan.ts'
import { planIdOf } from '../plan-id.ts'
import type { Snapshot, SnapshotNeeds } from '../snapshot.ts'
import type { AutotagState, CallRecord } from '../state.ts'
import { invertSteps } from './invert-steps.ts'
import { albumIdOf } from './perform-call.ts'
import { VISIBILITIES } from './present.ts'
import { foldRun, type RunSoFar } from './run-so-far.ts'
import { changeKey, narrowed, stepKey } from './step-parts.ts'
import { STAGES } from './to-calls.ts'

export interface UndoScope {
  readonly runId: string
  /** Only what this rule did. */
  readonly rule?: string | undefined
  /** Only what was done to this asset. */
  readonly assetId?: string | undefined
}

export function inversePlan(
  scope: UndoScope & {
    readonly state: AutotagState
    readonly snapshot: Snapshot
    /** ISO 8601. Default: now. */
    readonly madeAt?: string
  },
): Plan {
  const { state, snapshot, runId, madeAt = new Date().toISOString() } = scope
  const { journal } = state
  const undone = journal.planOf(runId)
  const soFar = foldRun(journal.callsOf(runId))
  const done = [...doneSteps(journal.callsOf(runId), soFar, scope)]
  const inversion = invertSteps(done, { madeAlbums: soFar.madeAlbums, snapshot })
  const steps = inStageOrder(mergeSteps(inversion.steps))
  const rest: Omit<Plan, 'id'> = {
    format: 1,
    madeAt,
    server: { address: snapshot.address, userId: snapshot.userId, version: snapshot.version },
    rulesHash: undone.rulesHash,
    snapshot: {
      takenAt: snapshot.takenAt,
      assets: snapshot.assets.size,
      albums: touchedFingerprints(steps, snapshot),
    },
    steps,
    overrides: [],
    remarks: inversion.remarks,
  }
  return { id: planIdOf(rest), ...rest }
}

/** Steps of the run with just the subjects that were done. */
function* doneSteps(calls: Iterable<CallRecord>, { settled }: RunSoFar, scope: UndoScope): Generator<Step> {
  const { assetId } = scope
  for (const call of calls) {
    for (const step of [call.step, ...call.alsoSteps]) {
      if (!isWanted(step, scope)) continue
      const last = settled.get(stepKey(step))?.outcomes
      const isMeant = (subject: string): boolean =>
        assetId === undefined || subject === assetId || isAlbumKey(step, subject)
      // What is in doubt is taken for done: an inverse step is made only where it is so now.
      const isDone = (subject: string): boolean =>
        isSettledHere(call, subject) && ['done', undefined].includes(last?.get(subject)?.outcome)
      const left = narrowed(step, (subject) => isMeant(subject) && isDone(subject))
      if (left !== undefined) yield left
    }
  }
}

/** An asset alone has no shares, and no albums that were deleted. */
function isWanted(step: Step, { rule, assetId }: UndoScope): boolean {
  if (rule !== undefined && step.rule !== rule) return false
  return assetId === undefined || ('assetIds' in step && step.assetIds.includes(assetId))
}

function isAlbumKey(step: Step, subject: string): boolean {
  return step.op === 'album.create' && step.album.key === subject
}

/** A subject of several calls counts for the one that did it. */
function isSettledHere({ outcomes }: CallRecord, subject: string): boolean {
  return outcomes === undefined || ['done', undefined].includes(outcomes[subject])
}

/** What has to be read to undo a run: its tags, and the members of the albums that it changed. */
export function undoNeeds({ journal }: AutotagState, runId: string): SnapshotNeeds {
  const soFar = foldRun(journal.callsOf(runId))
  const steps = [...soFar.settled.values()].map(({ step }) => step)
  const tags = new Set(steps.flatMap((step) => ('tag' in step ? [step.tag] : [])))
  const names = { tagIds: new Map<string, string>(), madeAlbums: soFar.madeAlbums }
  const albums = steps.flatMap((step) =>
    'album' in step && 'assetIds' in step ? (albumIdOf(step.album, names) ?? []) : [],
  )
  return {
    visibilities: VISIBILITIES,
    isTagNeeded: (value) => tags.has(value),
    people: false,
    albums: new Set(albums),
    duplicates: false,
    users: false,
  }
}

/** Calls of the run that did the same for one rule become one step. */
function mergeSteps(steps: readonly Step[]): readonly Step[] {
  const merged = new Map<string, Step>()
  for (const [index, step] of steps.entries()) {
    const key = 'assetIds' in step ? `${step.rule} ${changeKey(step)}` : String(index)
    const known = merged.get(key)
    merged.set(key, known === undefined ? step : joined(known, step))
  }
  return [...merged.values()]
}

function joined(a: Step, b: Step): Step {
  if (!('assetIds' in a && 'assetIds' in b)) return a
  const known = new Set(a.assetIds)
  const fresh = narrowed(b, (id) => !known.has(id))
  if (fresh === undefined || !('assetIds' in fresh)) return a
  const assetIds = [...a.assetIds, ...fresh.assetIds]
  if (a.op === 'date.set' && fresh.op === 'date.set') {
    return { ...a, assetIds, before: [...a.before, ...fresh.before] }
  }
  if (a.op === 'asset.set' && fresh.op === 'asset.set') {
    return { ...a, assetIds, before: [...a.before, ...fresh.before] }
  }
  return { ...a, assetIds }
}

function inStageOrder(steps: readonly Step[]): readonly Step[] {
  const place = (op: StepOp): number => STAGES.findIndex((ops) => ops.includes(op))
  return steps.toSorted((a, b) => place(a.op) - place(b.op))
}

function touchedFingerprints(steps: readonly Step[], { albums }: Snapshot): Record<string, string> {
  const names = new Set(steps.flatMap((step) => (step.op === 'album.create' ? [step.album.name] : [])))
  const ids = steps.flatMap((step) => ('album' in step && 'id' in step.album ? [step.album.id] : []))
  // Of a deleted album that comes back, those of its name that are there: they did not come meanwhile.
  const namesakes = [...albums.values()].filter(({ name }) => names.has(name)).map(({ id }) => id)
  return Object.fromEntries(
    [...new Set([...ids, ...namesakes])].flatMap((id) => {
      const album = albums.get(id)
      return album === undefined ? [] : [[id, album.fingerprint]]
    }),
  )
}
