/**
 * The albums of a library while rules are being decided: those of the server, and those that rules are about to make.
 *
 * A name finds one album or none. Several of a name are a fault of the rule that asks for it, never of the run: names on
 * the server need not be unique, and whoever has two albums called `Summer` may go on so.
 *
 * @module
 */

import type { AlbumRef, AppliedFacts, Remark } from '../plan.ts'
import type { AlbumRule } from '../rules.ts'
import type { Snapshot, SnapshotAlbum } from '../snapshot.ts'
import type { AlbumKey } from './asset-draft.ts'
import { type DayRange, daysInName } from './dated-album.ts'
import { type HoldingNames, holdingNamesOf } from './holding-name.ts'

export interface AlbumDraft {
  readonly key: AlbumKey
  readonly name: string
  /** Undefined for one that is to be made. */
  readonly existing: SnapshotAlbum | undefined
  readonly isOwned: boolean
  /** Owned, or shared with us to be edited. */
  readonly isEditable: boolean
  /** Id of the holding rule that it belongs to. */
  readonly holdingRule: string | undefined
  /** Its assets may be taken out: we made it, or its name can only be the rule's. */
  readonly isOurs: boolean
  /** Of dated albums, without holding ones. */
  readonly days: DayRange | undefined
  /** Of one that is to be made: the rule that asked for it first. */
  readonly maker: string | undefined
}

export type AlbumProblem = Pick<Remark, 'kind' | 'says'>

export type FoundAlbum =
  | { readonly album: AlbumDraft; readonly problem?: never }
  | { readonly album?: never; readonly problem: AlbumProblem }

export interface AlbumRegister {
  get(key: AlbumKey): AlbumDraft | undefined
  /** The one album that is meant by a name; none is made in memory for the rule `maker`, if one is given. */
  find(name: string, maker?: string): FoundAlbum
  findById(id: string): FoundAlbum
  all(): Iterable<AlbumDraft>
}

const NEW = 'new:'

/** The name of an album as names are compared. */
export function toAlbumName(name: string): string {
  return name.normalize('NFC').trim()
}

export function newAlbumKey(name: string): AlbumKey {
  return NEW + toAlbumName(name)
}

export function toAlbumRef({ key, name, existing }: AlbumDraft): AlbumRef {
  return existing === undefined ? { key: key.slice(NEW.length), name } : { id: existing.id, name }
}

export function createAlbumRegister(
  snapshot: Snapshot,
  facts: AppliedFacts,
  rules: readonly AlbumRule[],
): AlbumRegister {
  const toDraft = albumDrafter(snapshot.userId, facts, rules)
  const byKey = new Map<AlbumKey, AlbumDraft>()
  const byName = new Map<string, AlbumDraft[]>()
  const add = (album: AlbumDraft): AlbumDraft => {
    byKey.set(album.key, album)
    const name = toAlbumName(album.name)
    byName.set(name, [...(byName.get(name) ?? []), album])
    return album
  }
  for (const album of snapshot.albums.values())
    add(toDraft(album.name, album, facts.madeAlbums.get(album.id)))
  return {
    get: (key) => byKey.get(key),
    find: (name, maker) => {
      const plain = toAlbumName(name)
      const known = byName.get(plain) ?? []
      if (known.length > 0) return pickOne(plain, known)
      if (maker === undefined) return problem('album-missing', `there is no album "${plain}"`)
      return { album: add(toDraft(plain, undefined, maker)) }
    },
    findById: (id) => {
      const album = byKey.get(id)
      if (album === undefined) return problem('album-missing', `there is no album with the id ${id}`)
      return album.isEditable ? { album } : problem('not-owned', `album "${album.name}" belongs to others`)
    },
    all: () => byKey.values(),
  }
}

function pickOne(name: string, known: readonly AlbumDraft[]): FoundAlbum {
  const owned = known.filter(({ isOwned }) => isOwned)
  const candidates = owned.length > 0 ? owned : known.filter(({ isEditable }) => isEditable)
  const [album, second] = candidates
  if (album === undefined) return problem('not-owned', `album "${name}" belongs to others`)
  if (second === undefined) return { album }
  return problem('album-name-not-unique', `${candidates.length} albums are called "${name}"`)
}

function problem(kind: AlbumProblem['kind'], says: string): FoundAlbum {
  return { problem: { kind, says } }
}

type Drafter = (name: string, existing: SnapshotAlbum | undefined, maker: string | undefined) => AlbumDraft

function albumDrafter(userId: string, facts: AppliedFacts, rules: readonly AlbumRule[]): Drafter {
  const holding = rules.filter((rule) => rule.holding)
  const shapes = holding.map((rule) => ({ id: rule.id, names: holdingNamesOf(rule.into) }))
  const holderOf = (name: string, maker: string | undefined): Holder | undefined => {
    const made = holding.find((rule) => maker === `albums/${rule.id}`)
    if (made !== undefined) return { id: made.id, isOurs: true }
    return shapeOf(shapes, name)
  }
  return (name, existing, maker) => {
    const holder = holderOf(name, maker)
    const isOwned = existing?.isOwned ?? true
    return {
      key: existing?.id ?? newAlbumKey(name),
      name,
      existing,
      isOwned,
      isEditable: isOwned || isEditor(existing, userId),
      holdingRule: holder?.id,
      isOurs: existing === undefined || (holder?.isOurs ?? facts.madeAlbums.has(existing.id)),
      days: holder === undefined ? daysInName(name) : undefined,
      maker: existing === undefined ? maker : undefined,
    }
  }
}

interface Holder {
  readonly id: string
  readonly isOurs: boolean
}

function shapeOf(
  shapes: readonly { readonly id: string; readonly names: HoldingNames | undefined }[],
  name: string,
): Holder | undefined {
  for (const { id, names } of shapes) {
    if (names?.isHolding(name) === true) return { id, isOurs: names.isReserved }
  }
  return undefined
}

function isEditor(album: SnapshotAlbum | undefined, userId: string): boolean {
  return album?.members.some((member) => member.userId === userId && member.role === 'editor') ?? false
}
