/**
 * One call of a plan, made: the words of steps become an endpoint's, its answer becomes an outcome for each subject.
 *
 * @module
 */

import type { AutotagApi, IdOutcome } from '../autotag-api.ts'
import type { AlbumRef, Step } from '../plan.ts'
import type { AlbumMember, SnapshotAlbum } from '../snapshot.ts'
import type { Outcome } from '../state.ts'
import { albumKey, subjectsOf } from './step-parts.ts'
import type { ApplyCall, Steps } from './to-calls.ts'

export type Outcomes = Readonly<Record<string, Outcome>>

export interface CallResult {
  readonly outcomes: Outcomes
  /** Of an album that was made, and how many assets the server says are in it. */
  readonly made?: SnapshotAlbum
}

/** What names mean on the server. */
export interface Names {
  /** By their whole path. */
  readonly tagIds: ReadonlyMap<string, string>
  /** Albums that this run has made: key to id. */
  readonly madeAlbums: ReadonlyMap<string, string>
}

/** Rejects with what the client rejects with; nothing is caught. */
export async function performCall({ steps }: ApplyCall, api: AutotagApi, names: Names): Promise<CallResult> {
  const [first] = steps
  switch (first.op) {
    case 'tag.add':
      return await addTags(steps, api, names)
    case 'tag.remove': {
      const tagId = names.tagIds.get(first.tag)
      if (tagId === undefined) return { outcomes: allOf(steps, 'was-so') }
      return { outcomes: outcomesOf(await api.untagAssets(tagId, assetsOf(steps))) }
    }
    case 'album.create':
      return await createAlbum(first, steps, api)
    case 'album.delete':
      await api.deleteAlbum(first.album.id)
      return { outcomes: allOf(steps, 'done') }
    case 'date.set':
      await api.setDate(assetsOf(steps), first.to)
      return { outcomes: allOf(steps, 'done') }
    case 'asset.set':
      await api.setAssets(assetsOf(steps), first.to)
      return { outcomes: allOf(steps, 'done') }
    case 'album.add':
    case 'album.remove':
    case 'share.add':
    case 'share.remove':
    case 'share.role':
      return { outcomes: await changeAlbum(first, steps, api, names) }
  }
}

async function changeAlbum(
  step: Extract<Step, { album: AlbumRef }>,
  steps: Steps,
  api: AutotagApi,
  names: Names,
): Promise<Outcomes> {
  const albumId = albumIdOf(step.album, names)
  // Its making was refused or dropped.
  if (albumId === undefined) return allOf(steps, 'failed')
  switch (step.op) {
    case 'album.add':
      return outcomesOf(await api.addToAlbum(albumId, assetsOf(steps)))
    case 'album.remove':
      return outcomesOf(await api.removeFromAlbum(albumId, assetsOf(steps)))
    case 'share.add':
      await api.addAlbumMembers(albumId, membersOf(steps))
      return allOf(steps, 'done')
    case 'share.role':
      await api.setAlbumRole(albumId, step.userId, step.role)
      return allOf(steps, 'done')
    case 'share.remove':
      await api.removeAlbumMember(albumId, step.userId)
      return allOf(steps, 'done')
    case 'album.create':
    case 'album.delete':
      throw new RangeError(`${step.op} is not a change of an album's content`)
  }
}

async function addTags(steps: Steps, api: AutotagApi, names: Names): Promise<CallResult> {
  const tags = new Set(steps.flatMap((step) => (step.op === 'tag.add' ? [step.tag] : [])))
  const tagIds = [...tags].flatMap((tag) => names.tagIds.get(tag) ?? [])
  if (tagIds.length < tags.size) return { outcomes: allOf(steps, 'failed') }
  // The answer is a number: what was dropped silently is found by looking again afterwards.
  await api.tagAssets(tagIds, assetsOf(steps))
  return { outcomes: allOf(steps, 'done') }
}

async function createAlbum(
  step: Extract<Step, { op: 'album.create' }>,
  steps: Steps,
  api: AutotagApi,
): Promise<CallResult> {
  const assetIds = assetsOf(steps)
  const { name } = step.album
  const made = await api.createAlbum({
    name,
    description: step.description,
    assetIds,
    members: membersOf(steps),
  })
  return { made, outcomes: allOf(steps, 'done') }
}

/** All steps' assets, each once. */
export function assetsOf(steps: readonly Step[]): readonly string[] {
  return [...new Set(steps.flatMap((step) => ('assetIds' in step ? step.assetIds : [])))]
}

export function membersOf(steps: readonly Step[]): readonly AlbumMember[] {
  const roles = new Map(
    steps.flatMap((step) => (step.op === 'share.add' ? [[step.userId, step.role] as const] : [])),
  )
  return [...roles].map(([userId, role]) => ({ userId, role }))
}

export function allOf(steps: readonly Step[], outcome: Outcome): Outcomes {
  return Object.fromEntries(steps.flatMap(subjectsOf).map((subject) => [subject, outcome]))
}

export function albumIdOf(album: AlbumRef, names: Names): string | undefined {
  return 'id' in album ? album.id : names.madeAlbums.get(albumKey(album))
}

function outcomesOf(results: readonly IdOutcome[]): Outcomes {
  return Object.fromEntries(results.map(({ id, outcome }) => [id, outcome]))
}
