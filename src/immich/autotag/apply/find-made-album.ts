/**
 * Finds the album that a call has made whose answer was lost.
 *
 * Two albums may have one name, so it is not the name that tells: it is the one of that name that was not there when the
 * run began and that no other call of the run has made. (The ids of the time before are in the journal, which the
 * clocks of two machines cannot upset.)
 *
 * @module
 */

import type { AutotagApi } from '../autotag-api.ts'
import type { SnapshotAlbum } from '../snapshot.ts'
import type { Outcome } from '../state.ts'
import { assetsOf, membersOf } from './perform-call.ts'
import { subjectsOf } from './step-parts.ts'
import { type ApplyCall, asAddition, type ChangeGroup, groupOf } from './to-calls.ts'

export interface MadeAlbum {
  readonly albumId: string
  readonly outcomes: Readonly<Record<string, Outcome>>
  readonly rest: readonly ChangeGroup[]
}

/** Undefined when it is not there. Rejects with an `ImmichError` when that cannot be known. */
export async function findMadeAlbum(
  call: ApplyCall,
  api: AutotagApi,
  before: ReadonlySet<string>,
  claimed: ReadonlySet<string>,
): Promise<MadeAlbum | undefined> {
  const [first] = call.steps
  if (first.op !== 'album.create') return undefined
  const isNew = (album: SnapshotAlbum): boolean =>
    album.isOwned && album.name === first.album.name && !before.has(album.id) && !claimed.has(album.id)
  const candidates = (await api.albums()).filter(isNew)
  // A person may have made one of the same name meanwhile: ours has our description and as many assets at least.
  const album = candidates.find(({ description }) => description === first.description) ?? candidates[0]
  if (album === undefined) return undefined
  const inside = new Set(
    assetsOf(call.steps).length === 0
      ? []
      : await api.albumAssetIds(album.id, ['timeline', 'archive', 'hidden']),
  )
  return { albumId: album.id, ...settled(call, album, inside) }
}

function settled(
  call: ApplyCall,
  album: SnapshotAlbum,
  inside: ReadonlySet<string>,
): Omit<MadeAlbum, 'albumId'> {
  const members = new Set(album.members.map(({ userId }) => userId))
  const wantedMembers = new Set(membersOf(call.steps).map(({ userId }) => userId))
  const assets = new Set(assetsOf(call.steps))
  const isThere = (subject: string): boolean => {
    if (assets.has(subject)) return inside.has(subject)
    return !wantedMembers.has(subject) || members.has(subject)
  }
  const subjects = call.steps.flatMap(subjectsOf)
  const missing = new Set(subjects.filter((subject) => !isThere(subject)))
  const additions = call.steps.flatMap((step) => asAddition(step, missing))
  const shares = call.steps.filter((step) => step.op === 'share.add' && missing.has(step.userId))
  const rest = [additions, shares].flatMap(([step, ...others]) =>
    step === undefined ? [] : [groupOf([step, ...others])],
  )
  const outcomes = Object.fromEntries(
    subjects.map((subject) => [subject, missing.has(subject) ? ('failed' as const) : ('done' as const)]),
  )
  return { outcomes, rest }
}
