/**
 * Steps of a plan become calls: as few as the server's bulk routes allow, in stages.
 *
 * Within a stage all calls are independent. A group is what could be one call if calls had no size; it is cut into calls
 * when they are made, because by then it is known how long one takes.
 *
 * @module
 */

import type { Step, StepOp } from '../plan.ts'
import { type CallSizes, sizeKindOf } from './call-sizes.ts'
import { albumKey, changeKey, narrowed, subjectsOf } from './step-parts.ts'
import { assetsInCall, groupTags } from './tag-groups.ts'

export type Steps = readonly [Step, ...Step[]]

/** One call: what the first step does decides the endpoint, the others share its assets or its album. */
export interface ApplyCall {
  readonly steps: Steps
}

/** Calls that do the same to many assets. */
export interface ChangeGroup {
  readonly steps: Steps
  /** Of all steps, each once. */
  readonly subjects: readonly string[]
}

export interface Stage {
  readonly ops: readonly StepOp[]
  readonly groups: readonly ChangeGroup[]
}

/** The order of the plan (see `plan.ts`); what is in one entry may be done at once. */
export const STAGES: readonly (readonly StepOp[])[] = [
  ['album.create'],
  ['album.add'],
  ['tag.add'],
  ['tag.remove'],
  ['date.set', 'asset.set'],
  ['album.remove'],
  ['share.add', 'share.role', 'share.remove'],
  ['album.delete'],
]

/** Without those that have nothing to do. */
export function toStages(steps: readonly Step[], sizes: CallSizes): readonly Stage[] {
  const { creates, others } = fillCreates(steps)
  return STAGES.map((ops): Stage => {
    if (ops.includes('album.create')) return { ops, groups: creates }
    const own = others.filter(({ op }) => ops.includes(op))
    return { ops, groups: ops.includes('tag.add') ? tagGroups(own, sizes.tag) : sameChanges(own) }
  }).filter(({ groups }) => groups.length > 0)
}

/** All calls at sizes that do not change, in their order. */
export function toCalls(steps: readonly Step[], sizes: CallSizes): readonly ApplyCall[] {
  return toStages(steps, sizes).flatMap(({ groups }) =>
    groups.flatMap((group) => [...callsOf(group, (op) => sizes[sizeKindOf(op)])]),
  )
}

function* callsOf(group: ChangeGroup, sizeOf: (op: StepOp) => number): Generator<ApplyCall> {
  for (let rest: ChangeGroup | undefined = group; rest !== undefined; ) {
    const cut: { call: ApplyCall; rest: ChangeGroup | undefined } = cutCall(rest, sizeOf(rest.steps[0].op))
    yield cut.call
    rest = cut.rest
  }
}

/** The next call of a group with at most `size` assets, and what is left. */
export function cutCall(
  group: ChangeGroup,
  size: number,
): { readonly call: ApplyCall; readonly rest: ChangeGroup | undefined } {
  const [first] = group.steps
  if (first.op.startsWith('share') || first.op === 'album.delete') {
    return { call: { steps: group.steps }, rest: undefined }
  }
  const tags = first.op === 'tag.add' ? new Set(group.steps.map(changeKey)).size : 1
  const count = assetsInCall(tags, size)
  if (first.op === 'album.create') return cutCreate(group, count)
  if (group.subjects.length <= count) return { call: { steps: group.steps }, rest: undefined }
  return {
    call: { steps: narrowAll(group.steps, new Set(group.subjects.slice(0, count))) },
    rest: groupOf(narrowAll(group.steps, new Set(group.subjects.slice(count)))),
  }
}

/** An album is made with its first assets and all its members; the other assets are added to it. */
function cutCreate(
  group: ChangeGroup,
  count: number,
): { readonly call: ApplyCall; readonly rest: ChangeGroup | undefined } {
  const assets = [...new Set(group.steps.flatMap((step) => ('assetIds' in step ? step.assetIds : [])))]
  if (assets.length <= count) return { call: { steps: group.steps }, rest: undefined }
  const later = new Set(assets.slice(count))
  const now = new Set(group.subjects.filter((subject) => !later.has(subject)))
  const additions = group.steps.flatMap((step) => asAddition(step, later))
  const [first, ...others] = additions
  return {
    call: { steps: narrowAll(group.steps, now) },
    rest: first === undefined ? undefined : groupOf([first, ...others]),
  }
}

/** What a step of an album's making puts in of `ids`, as an addition to the album. */
export function asAddition(step: Step, ids: ReadonlySet<string>): readonly Step[] {
  if (step.op !== 'album.create' && step.op !== 'album.add') return []
  const assetIds = step.assetIds.filter((id) => ids.has(id))
  return assetIds.length === 0 ? [] : [{ op: 'album.add', rule: step.rule, album: step.album, assetIds }]
}

/** Both halves of a call whose assets cannot all be done at once; undefined for one asset. */
export function halves({ steps }: ApplyCall): readonly [ChangeGroup, ChangeGroup] | undefined {
  const { subjects } = groupOf(steps)
  if (subjects.length < 2) return undefined
  const middle = Math.ceil(subjects.length / 2)
  return [
    groupOf(narrowAll(steps, new Set(subjects.slice(0, middle)))),
    groupOf(narrowAll(steps, new Set(subjects.slice(middle)))),
  ]
}

export function groupOf(steps: Steps): ChangeGroup {
  return { steps, subjects: [...new Set(steps.flatMap(subjectsOf))] }
}

function narrowAll(steps: Steps, subjects: ReadonlySet<string>): Steps {
  const left = steps.flatMap((step) => narrowed(step, (subject) => subjects.has(subject)) ?? [])
  const [first, ...others] = left
  // Subjects are those of the steps, so at least one step has some of them.
  if (first === undefined) throw new RangeError('a call without a change')
  return [first, ...others]
}

/** Additions to and members of albums that are to be made go into the call that makes them. */
function fillCreates(steps: readonly Step[]): { creates: ChangeGroup[]; others: Step[] } {
  const parts = new Map<string, [Step, ...Step[]]>()
  for (const step of steps) {
    if (step.op !== 'album.create') continue
    const known = parts.get(albumKey(step.album))
    if (known === undefined) parts.set(albumKey(step.album), [step])
    else known.push(step)
  }
  const others = steps.filter((step) => {
    if (step.op === 'album.create') return false
    const isPart = step.op === 'album.add' || step.op === 'share.add'
    const create = isPart ? parts.get(albumKey(step.album)) : undefined
    create?.push(step)
    return create === undefined
  })
  return { creates: [...parts.values()].map(groupOf), others }
}

function tagGroups(steps: readonly Step[], chunkSize: number): ChangeGroup[] {
  const wanted = new Map<string, Set<string>>()
  const stepsOf = new Map<string, Step[]>()
  for (const step of steps) {
    if (step.op !== 'tag.add') continue
    const ids = wanted.get(step.tag) ?? new Set()
    for (const id of step.assetIds) ids.add(id)
    wanted.set(step.tag, ids)
    stepsOf.set(step.tag, [...(stepsOf.get(step.tag) ?? []), step])
  }
  return groupTags(wanted, chunkSize).flatMap(({ tags, assetIds }) => {
    const ids = new Set(assetIds)
    const own = tags
      .flatMap((tag) => stepsOf.get(tag) ?? [])
      .flatMap((step) => narrowed(step, (id) => ids.has(id)) ?? [])
    const [first, ...others] = own
    return first === undefined ? [] : [groupOf([first, ...others])]
  })
}

/** Steps of several rules that do the same share a group; a member's role and removal are a call each. */
function sameChanges(steps: readonly Step[]): ChangeGroup[] {
  const groups = new Map<string, [Step, ...Step[]]>()
  for (const [index, step] of steps.entries()) {
    const key = groupKey(step, index)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [step])
    else group.push(step)
  }
  return [...groups.values()].map(groupOf)
}

function groupKey(step: Step, index: number): string {
  if (step.op === 'share.add') return `share ${albumKey(step.album)}`
  if (step.op === 'share.role' || step.op === 'share.remove') return `member ${index}`
  return changeKey(step)
}
