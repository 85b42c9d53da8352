/**
 * A run as its journal tells it: what is settled, what is in doubt, and what is left of the plan. Pure.
 *
 * @module
 */

import type { UndoneStep } from '../autotag-jobs.ts'
import type { DateText, Step } from '../plan.ts'
import type { CallRecord, Outcome } from '../state.ts'
import { albumIdOf } from './perform-call.ts'
import { albumKey, narrowed, stepKey, subjectsOf } from './step-parts.ts'
import { asAddition } from './to-calls.ts'

/** What became of one subject of a step. */
export interface Settled {
  /** Undefined while nobody knows. */
  readonly outcome: Outcome | undefined
  /** Of what went wrong; empty otherwise. */
  readonly message: string
}

export interface SettledStep {
  /** Some step of this change and rule: its subjects are those of one call only. */
  readonly step: Step
  /** By subject, the last one that was written. */
  readonly outcomes: ReadonlyMap<string, Settled>
}

export interface RunSoFar {
  /** By `stepKey`. */
  readonly settled: ReadonlyMap<string, SettledStep>
  /** Calls with subjects that nobody knows about, in their order. */
  readonly inDoubt: readonly CallRecord[]
  /** Key to id. */
  readonly madeAlbums: ReadonlyMap<string, string>
  readonly lastSeq: number
}

export function foldRun(calls: Iterable<CallRecord>): RunSoFar {
  const settled = new Map<string, OpenSettledStep>()
  const inDoubt: CallRecord[] = []
  const madeAlbums = new Map<string, string>()
  let lastSeq = 0
  for (const call of calls) {
    lastSeq = Math.max(lastSeq, call.seq)
    const steps = [call.step, ...call.alsoSteps]
    const isKnown = (subject: string): boolean => call.outcomes?.[subject] !== undefined
    if (!steps.every((step) => subjectsOf(step).every(isKnown))) inDoubt.push(call)
    if (call.albumId !== undefined && call.step.op === 'album.create') {
      madeAlbums.set(albumKey(call.step.album), call.albumId)
    }
    for (const step of steps) enter(settled, step, call)
  }
  return { settled, inDoubt, madeAlbums, lastSeq }
}

interface OpenSettledStep extends SettledStep {
  readonly outcomes: Map<string, Settled>
}

function enter(settled: Map<string, OpenSettledStep>, step: Step, { outcomes, error }: CallRecord): void {
  const key = stepKey(step)
  const entry = settled.get(key) ?? { step, outcomes: new Map<string, Settled>() }
  for (const subject of subjectsOf(step)) {
    entry.outcomes.set(subject, { outcome: outcomes?.[subject], message: error?.message ?? '' })
  }
  settled.set(key, entry)
}

/** What failed may be tried again; all other outcomes are final. */
export function stepsLeft(steps: readonly Step[], { settled, madeAlbums }: RunSoFar): readonly Step[] {
  return steps.flatMap((step) => {
    const outcomes = settled.get(stepKey(step))?.outcomes
    const isLeft = (subject: string): boolean => isOpen(outcomes?.get(subject))
    // Made already: what was planned to be in it from the beginning is added now.
    if (step.op === 'album.create' && madeAlbums.has(albumKey(step.album))) {
      return asAddition(step, new Set(step.assetIds.filter((id) => isPut(settled, step, id) && isLeft(id))))
    }
    return narrowed(step, isLeft) ?? []
  })
}

function isOpen(settled: Settled | undefined): boolean {
  return (settled?.outcome ?? 'failed') === 'failed'
}

/** Whether an asset of an album's making was not put in by an addition of its own, such as one of a later chunk. */
function isPut(settled: RunSoFar['settled'], step: Step & { op: 'album.create' }, id: string): boolean {
  const addition = stepKey({ op: 'album.add', rule: step.rule, album: step.album, assetIds: [] })
  return isOpen(settled.get(addition)?.outcomes.get(id))
}

/**
 * Assets that have not got all that the run was to give them: what else it was to take from them stays, or a picture
 * that moves would end up in neither place.
 */
export function owedAssets({ settled }: RunSoFar): ReadonlySet<string> {
  const owed = new Set<string>()
  for (const { step, outcomes } of settled.values()) {
    if (step.op !== 'tag.add' && step.op !== 'album.add' && step.op !== 'album.create') continue
    for (const [subject, one] of outcomes) {
      if (isGiven(one) || (step.op === 'album.create' && !isPut(settled, step, subject))) continue
      owed.add(subject)
    }
  }
  return owed
}

/** Also if the asset is gone, which an answer says; an error says it of the tag or the album. */
function isGiven({ outcome, message }: Settled): boolean {
  return outcome === 'done' || outcome === 'was-so' || (outcome === 'gone' && message === '')
}

/** What should be seen on the server after the run. */
export interface Written {
  /** By path and asset: true, it has it; false, it has it not. */
  readonly tags: ReadonlyMap<string, ReadonlyMap<string, boolean>>
  /** By id of the album and asset: true, it was put in; false, it was taken out. */
  readonly albums: ReadonlyMap<string, ReadonlyMap<string, boolean>>
  readonly dates: ReadonlyMap<string, DateText>
  /** Ids of albums. */
  readonly deleted: ReadonlySet<string>
}

export function writtenBy({ settled, madeAlbums }: RunSoFar): Written {
  const tags = new Map<string, Map<string, boolean>>()
  const albums = new Map<string, Map<string, boolean>>()
  const dates = new Map<string, DateText>()
  const deleted = new Set<string>()
  const names = { tagIds: new Map<string, string>(), madeAlbums }
  for (const { step, outcomes } of settled.values()) {
    const done = [...outcomes].flatMap(([subject, { outcome }]) => (outcome === 'done' ? [subject] : []))
    switch (step.op) {
      case 'tag.add':
      case 'tag.remove':
        note(tags, step.tag, done, step.op === 'tag.add')
        break
      case 'date.set':
        for (const id of done) dates.set(id, step.to)
        break
      case 'album.delete':
        for (const id of done) deleted.add(id)
        break
      case 'album.create':
      case 'album.add':
      case 'album.remove':
        note(albums, albumIdOf(step.album, names), withoutKey(step, done), step.op !== 'album.remove')
        break
      case 'asset.set':
      case 'share.add':
      case 'share.remove':
      case 'share.role':
    }
  }
  return { tags, albums, dates, deleted }
}

function withoutKey(step: Step, subjects: readonly string[]): readonly string[] {
  return step.op === 'album.create' ? subjects.filter((subject) => subject !== step.album.key) : subjects
}

function note(
  things: Map<string, Map<string, boolean>>,
  thing: string | undefined,
  ids: readonly string[],
  is: boolean,
): void {
  if (thing === undefined) return
  const entry = things.get(thing) ?? new Map<string, boolean>()
  for (const id of ids) entry.set(id, is)
  things.set(thing, entry)
}

/** What became of the changes that were begun. */
export function outcomeOf({ settled, madeAlbums }: RunSoFar): {
  readonly done: number
  readonly wasSo: number
  readonly undone: readonly UndoneStep[]
} {
  let done = 0
  let wasSo = 0
  const undone: UndoneStep[] = []
  for (const { step, outcomes } of settled.values()) {
    const groups = Map.groupBy(outcomes, ([, { outcome = 'failed', message }]) => `${outcome} ${message}`)
    for (const group of groups.values()) {
      const [, { outcome = 'failed', message } = { outcome: 'failed', message: '' }] = group[0] ?? []
      const ids = group.map(([subject]) => subject)
      if (outcome === 'done') done += ids.length
      else if (outcome === 'was-so') wasSo += ids.length
      else undone.push({ step, outcome, ids, message })
    }
  }
  return { done, wasSo, undone: undone.filter((part) => !isAddedLater(part, settled, madeAlbums)) }
}

/** What an album's making left out is an addition's business by now. */
function isAddedLater(
  { step, ids }: UndoneStep,
  settled: RunSoFar['settled'],
  madeAlbums: RunSoFar['madeAlbums'],
): boolean {
  if (step.op !== 'album.create' || !madeAlbums.has(albumKey(step.album))) return false
  return ids.every((id) => !isPut(settled, step, id))
}
