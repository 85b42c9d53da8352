/**
 * Small libraries and rules for tests, written as shortly as they are thought.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { readRules } from '../../rules/read-rules.ts'
import type { Rules } from '../../rules.ts'
import type {
  AlbumMember,
  DuplicateGroup,
  Snapshot,
  SnapshotAlbum,
  SnapshotAsset,
  SnapshotTag,
  SnapshotUser,
} from '../../snapshot.ts'

export const ME = 'me'

/** An asset; `tags` and `albums` by name. */
export interface TestAsset extends Partial<Omit<SnapshotAsset, 'tagIds' | 'albumIds' | 'taken'>> {
  readonly id: string
  readonly tags?: readonly string[]
  readonly albums?: readonly string[]
  /** ISO 8601 with an offset, or undefined for none. */
  readonly date?: string
  readonly zone?: string
}

/** An album; its id is `album <name>` where no other is given. */
export interface TestAlbum {
  readonly name: string
  readonly id?: string
  readonly isOwned?: boolean
  readonly members?: readonly AlbumMember[]
  /** Other than the assets that are listed. */
  readonly extraAssets?: number
}

export interface TestLibrary {
  readonly assets?: readonly TestAsset[]
  readonly albums?: readonly TestAlbum[]
  /** Tags that nothing has. */
  readonly tags?: readonly string[]
  readonly duplicates?: readonly (readonly string[])[]
  readonly keep?: readonly string[]
  readonly users?: readonly SnapshotUser[]
  readonly takenAt?: string
}

export function albumId(name: string): string {
  return `album ${name}`
}

export function tagId(value: string): string {
  return `tag ${value}`
}

/** As a server would show it: parents of tags, counts of albums, wall clocks. */
export function snapshotOf(library: TestLibrary): Snapshot {
  const { assets = [], duplicates = [] } = library
  const groupOf = new Map(
    duplicates.flatMap((ids, index) => ids.map((id) => [id, `group-${index}`] as const)),
  )
  const plain = assets.map((asset) => toAsset(asset, groupOf.get(asset.id)))
  return {
    address: 'https://pics.example.org',
    version: { major: 3, minor: 2, patch: 0 },
    userId: ME,
    takenAt: library.takenAt ?? '2026-11-22T12:00:00.000Z',
    assets: byId(plain),
    tags: byId(tagsOf([...(library.tags ?? []), ...assets.flatMap(({ tags = [] }) => tags)])),
    albums: byId(albumsOf(library, plain)),
    duplicates: duplicates.map(
      (assetIds, index): DuplicateGroup => ({
        id: `group-${index}`,
        assetIds,
        suggestedKeepIds: assetIds.filter((id) => library.keep?.includes(id) ?? false),
      }),
    ),
    users: library.users ?? [],
  }
}

function toAsset(asset: TestAsset, duplicateId: string | undefined): SnapshotAsset {
  const { tags = [], albums = [], date, zone, ...rest } = asset
  const atMs = date === undefined ? undefined : Date.parse(date)
  return {
    ownerId: ME,
    fileName: `${asset.id}.jpg`,
    path: `/data/upload/${asset.fileName ?? `${asset.id}.jpg`}`,
    type: 'image',
    visibility: 'timeline',
    isFavourite: false,
    rating: undefined,
    description: '',
    taken: atMs === undefined ? undefined : { atMs, zone },
    fileCreatedAtMs: atMs ?? 0,
    fileModifiedAtMs: atMs ?? 0,
    uploadedAtMs: Date.UTC(2025, 0, 1),
    wallClockMs: date === undefined ? 0 : wallClockOfText(date),
    updatedAt: '2025-01-01T00:00:00.000Z',
    camera: { make: undefined, model: undefined },
    place: { city: undefined, state: undefined, country: undefined },
    widthPixels: 4000,
    heightPixels: 3000,
    sizeBytes: 1000,
    duplicateId,
    people: undefined,
    ...rest,
    id: asset.id,
    tagIds: withParents(tags).map(tagId),
    albumIds: albums.map((name) => (name.startsWith('#') ? name.slice(1) : albumId(name))),
  }
}

/** `2021-03-04T10:00:00+01:00` → 10:00 as if UTC. */
function wallClockOfText(date: string): number {
  return Date.parse(`${date.slice(0, 19)}Z`)
}

export function withParents(tags: readonly string[]): string[] {
  const all = new Set<string>()
  for (const tag of tags) {
    const parts = tag.split('/')
    for (let length = 1; length <= parts.length; length += 1) all.add(parts.slice(0, length).join('/'))
  }
  return [...all]
}

export function tagsOf(values: readonly string[]): readonly SnapshotTag[] {
  const all = withParents(values)
  return all.map((value) => ({
    id: tagId(value),
    value,
    hasChildren: all.some((other) => other.startsWith(`${value}/`)),
  }))
}

function albumsOf(library: TestLibrary, assets: readonly SnapshotAsset[]): readonly SnapshotAlbum[] {
  const named = (library.albums ?? []).map(({ id, ...album }) => ({
    ...album,
    id: id ?? albumId(album.name),
  }))
  const known = new Set(named.map(({ id }) => id))
  const implied = [...new Set(assets.flatMap((asset) => asset.albumIds))]
    .filter((id) => !known.has(id))
    .map((id): TestAlbum & { readonly id: string } => ({ id, name: id.slice('album '.length) }))
  return [...named, ...implied].map(({ id, name, isOwned = true, members = [], extraAssets = 0 }) => {
    const held = assets.filter((asset) => asset.albumIds.includes(id))
    const days = held.map(({ wallClockMs }) => wallClockMs)
    return {
      id,
      name,
      description: '',
      isOwned,
      assetCount: held.length + extraAssets,
      startMs: days.length === 0 ? undefined : Math.min(...days),
      endMs: days.length === 0 ? undefined : Math.max(...days),
      members,
      fingerprint: `${id} ${held.map((asset) => asset.id).join()}`,
    }
  })
}

export function byId<Item extends { readonly id: string }>(
  items: readonly Item[],
): ReadonlyMap<string, Item> {
  return new Map(items.map((item) => [item.id, item]))
}

/** Rules of a file without its server; fails on whatever the reader calls an error. */
export function rulesOf(yaml: string): Rules {
  const text = `version: 1\nserver: { url: 'https://pics.example.org', key: k }\n${yaml}`
  const { rules, problems } = readRules(text, { fileName: 'rules.yaml', env: {}, machineZone: 'UTC' })
  assert.ok(rules, problems.map(({ line, where, message }) => `${line} ${where}: ${message}`).join('\n'))
  return rules
}

export function userOf(id: string): SnapshotUser {
  return { id, name: id, email: `${id}@x.org` }
}
