/**
 * A library of the size that autotag has to manage: 26,562 assets in 3,400 albums with 40 tags, of which rules change some.
 *
 * @module
 */

import type { Snapshot, SnapshotAlbum, SnapshotAsset } from '../../snapshot.ts'
import { byId, ME, tagId, tagsOf, userOf } from './library.ts'

const DAY_MS = 86_400_000

export interface BigLibrarySize {
  readonly assets: number
  readonly albums: number
  readonly tags: number
}

export const FULL_SIZE: BigLibrarySize = { assets: 26_562, albums: 3400, tags: 40 }

/** The rules of the guide's example, as a rules file without its server. */
export const BIG_RULES = `
scope:  { visibility: [timeline, archive], where: { not: { tag: "auto/skip" } } }
time:   { zone: Europe/Oslo }
patterns:
  pixel:    { file: '/^PXL_(?<d>\\d{8})_(?<t>\\d{6})/', precision: second, zone: utc }
  android:  { file: '/(?<d>\\d{8})[_-](?<t>\\d{6})/', precision: second, zone: local }
  whatsapp: { file: '/(IMG|VID)-(?<d>\\d{8})-WA\\d+/', precision: day }
  wa-long:  { file: '/WhatsApp (Image|Video) (?<d>[\\d-]{10}) at (?<t>[\\d.]{8})/', precision: second }
moves:
  - { id: old-scan-tag, from: { tag: scan }, to: { tag: kind/scan, album: Paper scans }, mode: move, create: true }
  - { id: tag-to-album, each: { tag: "trip/*" }, sync: { album: "{tag.leaf}" }, direction: both }
categories:
  exactly: one
  unsorted: { ensure: { tag: auto/unsorted } }
  clash:    { ensure: { tag: auto/clash }, also: several-albums }
  list:
    - { id: scans, is: { any: [ { tag: kind/scan }, { album: Paper scans } ] } }
    - { id: trips, is: { album: '/^\\d{4}(-\\d\\d){0,2}\\b/' } }
    - { id: memes, is: { tag: meme } }
dates:
  where: { not: { camera: "*" } }
  sources: [ exif, duplicates, patterns: [pixel, android, whatsapp, wa-long], folder ]
  accept: { only: earlier, by: 26h, better-precision: true, same-day-keeps-time: true }
  unsure: { ensure: { tag: auto/date-unsure } }
duplicates:
  carry: { tags: union-of-category, albums: category-albums, favorite: any, rating: max, date: most-precise }
  to: each
  conflict: { ensure: { tag: auto/dup-clash }, group-album: false }
albums:
  - { id: folders, where: { category: none, path: '/\\/(?<name>\\d{4}-\\d\\d-\\d\\d[^\\/]+)/', not: { path: "*whatsapp*" } },
      into: "{match.name}", depth: 3, follow-moves: true, several: { ensure: { tag: auto/two-folders } } }
  - { id: days, where: { category: none }, into: "Inbox {taken:yyyy-MM-dd}", holding: true, max-span: 30d, delete-empty: true }
checks:
  - { id: album-date, when: { album-date-differs: 180d }, ensure: { tag: auto/wrong-date } }
sharing:
  groups: { cousins: [ ada@x.org, bo@x.org ] }
  unresolved: stop
  merge: strongest
  list:
    - { id: reunions, albums: { word: reunion }, grant: { cousins: editor }, exact: true }
`

/** The same for the same numbers; nearly all assets are in a dated album, one in forty is not sorted. */
export function bigLibrary({ assets: count, albums: albumCount, tags: tagCount }: BigLibrarySize): Snapshot {
  const random = seeded(42)
  const first = Date.UTC(2010, 0, 1)
  const albums = Array.from({ length: albumCount }, (_, index): SnapshotAlbum => {
    const day = first + Math.floor((index / albumCount) * 5000) * DAY_MS
    const date = new Date(day).toISOString().slice(0, 10)
    return {
      id: `album-${String(index).padStart(5, '0')}`,
      name: `${date} ${index % 100 === 0 ? 'reunion' : 'outing'} ${index}`,
      description: '',
      isOwned: true,
      assetCount: 8,
      startMs: day,
      endMs: day,
      members: index % 100 === 0 ? [{ userId: 'ada', role: 'viewer' }] : [],
      fingerprint: String(index),
    }
  })
  const values = Array.from({ length: tagCount }, (_, index) => tagName(index))
  const tags = tagsOf(values)
  const assets = Array.from({ length: count }, (_, index) => bigAsset(index, albums, values, random))
  const groups = assets.filter(({ duplicateId }) => duplicateId !== undefined)
  return {
    address: 'https://pics.example.org',
    version: { major: 3, minor: 2, patch: 0 },
    userId: ME,
    takenAt: '2026-11-22T12:00:00.000Z',
    assets: byId(assets),
    tags: byId(tags),
    albums: byId(albums),
    duplicates: [...Map.groupBy(groups, ({ duplicateId = '' }) => duplicateId)]
      .filter(([, members]) => members.length > 1)
      .map(([id, members]) => ({ id, assetIds: members.map((asset) => asset.id), suggestedKeepIds: [] })),
    users: [userOf('ada'), userOf('bo')],
  }
}

function tagName(index: number): string {
  const named = ['scan', 'kind/scan', 'meme', 'auto/unsorted', 'auto/clash', 'trip/lake', 'trip/sea']
  return named[index] ?? `topic/${index}`
}

function bigAsset(
  index: number,
  albums: readonly SnapshotAlbum[],
  tags: readonly string[],
  random: () => number,
): SnapshotAsset {
  const album = albums[index % albums.length]
  const isSorted = random() > 0.04
  const day = album?.startMs ?? 0
  const takenMs = day + Math.floor(random() * 86_400) * 1000
  const date = new Date(takenMs).toISOString()
  const fileName = nameOf(index, date, random)
  const hasCamera = random() > 0.2
  return {
    id: `asset-${String(index).padStart(6, '0')}`,
    ownerId: ME,
    fileName,
    path: `/data/library/me/${random() > 0.9 ? `${date.slice(0, 10)} Folder ${index % 50}` : date.slice(0, 4)}/${fileName}`,
    type: 'image',
    visibility: random() > 0.95 ? 'archive' : 'timeline',
    isFavourite: random() > 0.95,
    rating: undefined,
    description: '',
    taken: { atMs: takenMs + (hasCamera || random() > 0.3 ? 0 : 400 * DAY_MS), zone: 'Europe/Oslo' },
    fileCreatedAtMs: takenMs,
    fileModifiedAtMs: takenMs,
    uploadedAtMs: takenMs,
    wallClockMs: takenMs + 3_600_000,
    updatedAt: date,
    camera: hasCamera ? { make: 'Google', model: 'Pixel 8' } : { make: undefined, model: undefined },
    place: { city: undefined, state: undefined, country: undefined },
    widthPixels: 4000,
    heightPixels: 3000,
    sizeBytes: 3_000_000,
    duplicateId: index % 20 < 2 ? `group-${Math.floor(index / 20)}` : undefined,
    people: undefined,
    tagIds: bigTags(tags, random),
    albumIds: isSorted && album !== undefined ? [album.id] : [],
  }
}

/** One in five has a tag, with the one above it. */
function bigTags(tags: readonly string[], random: () => number): readonly string[] {
  if (random() < 0.8) return []
  const tag = tags[Math.floor(random() ** 2 * tags.length)] ?? ''
  const parent = tag.split('/')[0] ?? ''
  return tag === parent ? [tagId(tag)] : [tagId(tag), tagId(parent)]
}

function nameOf(index: number, date: string, random: () => number): string {
  const day = date.slice(0, 10).replaceAll('-', '')
  const time = date.slice(11, 19).replaceAll(':', '')
  const kind = random()
  if (kind > 0.9) return `IMG-${day}-WA${String(index % 10_000).padStart(4, '0')}.jpg`
  if (kind > 0.6) return `PXL_${day}_${time}123.jpg`
  return kind > 0.3 ? `IMG_${day}_${time}.jpg` : `DSC${String(index % 100_000).padStart(5, '0')}.jpg`
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
