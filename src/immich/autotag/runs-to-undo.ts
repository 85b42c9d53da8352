/**
 * Which run an undo means that names none: the last one of which something is left to be taken back.
 *
 * A run may have been taken back in parts (`--rule`, `--asset`), and what somebody has changed since is left alone, so
 * whether anything is left is seen only beside the library: here are those that can have something.
 *
 * @module
 */

import { undoNeeds } from './apply/inverse-plan.ts'
import { subjectsOf } from './apply/step-parts.ts'
import type { Step } from './plan.ts'
import type { SnapshotNeeds } from './snapshot.ts'
import type { AutotagState, CallRecord, Journal, Outcome } from './state.ts'

/**
 * Newest first: the last run that was never taken back at all, after those that came later and were taken back in part.
 */
export function runsToUndo(journal: Journal): readonly string[] {
  const runs = journal.runs()
  const candidates: string[] = []
  for (const { id } of runs.filter(({ kind }) => kind === 'apply').toReversed()) {
    const calls = [...journal.callsOf(id)]
    const undos = runs.filter(({ undoes }) => undoes === id)
    if (undos.length === 0 && calls.some(didAnything)) return [...candidates, id]
    const done = changesOf(calls, isPerhapsDone)
    for (const undo of undos) {
      for (const change of changesOf(journal.callsOf(undo.id), isSettled)) done.delete(change)
    }
    if (done.size > 0 && undos.length > 0) candidates.push(id)
  }
  return candidates
}

/** What has to be read to undo any of these runs. */
export function undoNeedsOf(state: AutotagState, runs: readonly string[]): SnapshotNeeds {
  const [first, ...others] = runs.map((run) => undoNeeds(state, run))
  if (first === undefined) throw new RangeError('no run is named')
  const albums = [first, ...others].flatMap((needs) =>
    typeof needs.albums === 'boolean' ? [] : [...needs.albums],
  )
  return {
    ...first,
    isTagNeeded: (value) => [first, ...others].some(({ isTagNeeded }) => isTagNeeded(value)),
    albums: new Set(albums),
  }
}

/** What calls did, as rule and subject. */
function changesOf(
  calls: Iterable<CallRecord>,
  isMeant: (outcome: Outcome | undefined) => boolean,
): Set<string> {
  const changes = new Set<string>()
  for (const { step, alsoSteps, outcomes = {} } of calls) {
    for (const one of [step, ...alsoSteps]) {
      const meant = tellingSubjects(one).filter((subject) => isMeant(outcomes[subject]))
      for (const subject of meant) changes.add(JSON.stringify([one.rule, subject]))
    }
  }
  return changes
}

/** Those that a full undo has, too: an album is made and deleted under other ids, and a first date stays. */
function tellingSubjects(step: Step): readonly string[] {
  if (step.op === 'album.create' || step.op === 'album.delete') return 'assetIds' in step ? step.assetIds : []
  if (step.op === 'date.set') return step.assetIds.filter((_, index) => step.before[index] !== null)
  return subjectsOf(step)
}

function didAnything({ outcomes }: CallRecord): boolean {
  return outcomes === undefined || Object.values(outcomes).some(isPerhapsDone)
}

/** What is in doubt may have been done. */
function isPerhapsDone(outcome: Outcome | undefined): boolean {
  return outcome === undefined || outcome === 'done'
}

function isSettled(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && outcome !== 'failed'
}
