/**
 * Google Photos as Takeout exports it.
 *
 * Format, rules and sources: `docs/formats/google-takeout.md`.
 *
 * @module
 */

import type { TakenEvidence } from '../../media/metadata.ts'
import type { ArchiveEntry } from '../archive/archive.ts'
import type { Album, Companion, MediaFile, MediaItem } from '../media-item.ts'
import type { Listing, NonMedia, Platform, Reading } from '../platform.ts'
import { borrowFromCopies, type Membership, memberships, pairByTitle } from './across.ts'
import { type FolderMeaning, meaningOf } from './albums.ts'
import { type Group, groupRecords } from './companions.ts'
import { type AssetJson, type FolderContents, type MediaRecord, readFolders } from './contents.ts'
import { claimEntries, gatherFolders } from './layout.ts'
import { append } from './multimap.ts'
import { decodeEntities } from './names.ts'
import { remarksOf } from './remarks.ts'
import type { AssetFacts } from './sidecar.ts'

/** Google takes an unknown time for 0, the first second of 1970, and puts the picture into that year's folder. */
const UNDATED_YEAR = 1970

export const googlePhotos: Platform = Object.freeze({
  name: 'Google Photos',
  folder: 'photos',
  stem: 'gphotos',
  priority: 50,
  claim: ({ exportName, entries }: Listing): readonly ArchiveEntry[] => claimEntries(exportName, entries),
  read: readGooglePhotos,
})

async function readGooglePhotos(listing: Listing): Promise<Reading> {
  const folders = gatherFolders(listing.exportName, listing.entries)
  const { folders: all, facts } = await readFolders(listing, folders)
  borrowFromCopies(all)
  pairByTitle(all)
  const members = memberships(all)
  noteDescribed(all, members)
  const memoryTitles = all.flatMap(({ services }) => services.flatMap(({ titles }) => titles))
  const meanings = new Map(all.map((contents) => [contents, meaningOf(contents, memoryTitles)]))
  const albumsOf = membershipAlbums(members, meanings)
  return {
    albums: [...meanings.values()].flatMap(({ album }) => album ?? []),
    nonMedia: all.flatMap(nonMediaOf),
    remarks: remarksOf(all, meanings),
    items: itemsOf(meanings, (asset) => facts.at(asset.facts), albumsOf),
  }
}

/** What the JSON says that describes it. */
type FactsOf = (asset: AssetJson) => AssetFacts
type AlbumsOf = ReadonlyMap<MediaRecord, readonly Album[]>

/** Folder by folder, each forgotten when it is done. */
function* itemsOf(
  folders: Map<FolderContents, FolderMeaning>,
  factsOf: FactsOf,
  albumsOf: AlbumsOf,
): Generator<MediaItem> {
  for (const [contents, meaning] of folders) {
    for (const group of groupRecords(contents)) yield toItem(group, meaning, factsOf, albumsOf)
    folders.delete(contents)
  }
}

/** Names the first file that each JSON was taken for. */
function noteDescribed(all: readonly FolderContents[], members: readonly Membership[]): void {
  for (const { media } of all) for (const { asset, entry } of media) if (asset) asset.of ??= entry.path
  for (const { asset, member } of members) asset.of ??= member.entry.path
}

/** The albums that a JSON without picture adds to a picture of another folder. */
function membershipAlbums(
  members: readonly Membership[],
  meanings: ReadonlyMap<FolderContents, FolderMeaning>,
): AlbumsOf {
  const albums = new Map<MediaRecord, Album[]>()
  for (const { of, member } of members) {
    const album = meanings.get(of)?.album
    if (album !== undefined) append(albums, member, album)
  }
  return albums
}

function toItem(
  { primary, companions }: Group,
  meaning: FolderMeaning,
  factsOf: FactsOf,
  albumsOf: AlbumsOf,
): MediaItem {
  const records = [primary, ...companions.map(({ record }) => record)]
  const asset = records.find((record) => record.asset !== undefined)?.asset
  const facts = asset && factsOf(asset)
  const albums = [meaning.album, ...records.flatMap((record) => albumsOf.get(record) ?? [])]
  const position = facts?.position ?? albums.find((album) => album?.position)?.position
  const { special } = meaning
  return {
    primary: toFile(primary),
    companions: companions.map(({ record, role }): Companion => ({ ...toFile(record), role })),
    ...datesOf(facts, meaning.year),
    ...(position && { position }),
    ...(facts?.caption !== undefined && { caption: facts.caption }),
    people: facts?.people ?? [],
    albums: [...new Set(albums.flatMap((album) => album?.key ?? []))],
    ...(facts?.title !== undefined && { title: decodeEntities(facts.title) }),
    ...(facts?.favourite && { favourite: true }),
    ...((facts?.archived || special === 'archive' || special === 'locked') && { archived: true }),
    ...((facts?.trashed || special === 'trash') && { trashed: true }),
    ...(facts?.shared && { shared: true }),
  }
}

function toFile({ entry, pairing }: MediaRecord): MediaFile {
  return pairing === undefined ? { entry } : { entry, pairing }
}

function datesOf(
  facts: AssetFacts | undefined,
  year: number | undefined,
): Pick<MediaItem, 'taken' | 'isUndated'> {
  const isUndated = year === UNDATED_YEAR && facts?.takenAt === undefined
  if (!isUndated) return { taken: evidenceOf(facts, year) }
  return { taken: evidenceOf(facts, undefined), isUndated }
}

/** The time of upload comes last: it dates nothing that has another date, see `docs/guides/dates.md`. */
function evidenceOf(facts: AssetFacts | undefined, year: number | undefined): readonly TakenEvidence[] {
  const evidence: TakenEvidence[] = [
    ...instant('photoTakenTime', facts?.takenAt),
    ...instant('creationTime', facts?.uploadedAt),
  ]
  if (year !== undefined) {
    evidence.push({
      source: 'folder-name',
      detail: 'year-folder',
      local: `${year}-01-01T00:00:00`,
      precision: 'year',
    })
  }
  return evidence
}

function instant(detail: string, at: number | undefined): TakenEvidence[] {
  return at === undefined ? [] : [{ source: 'export', detail, at, precision: 'second' }]
}

function nonMediaOf({ folder, assets, albums, services, failures }: FolderContents): NonMedia[] {
  return [
    ...assets.map(sidecarOutcome),
    ...albums.map(({ entry }): NonMedia => ({ entry, outcome: 'sidecar', of: folder.path })),
    ...services.map(({ entry, reason }): NonMedia => ({ entry, outcome: 'ignored', reason })),
    ...failures.map(
      ({ entry, reason }): NonMedia => ({ entry, outcome: 'failed', code: 'unreadable', reason }),
    ),
    ...folder.others.map(({ entry, reason }): NonMedia => ({ entry, outcome: 'ignored', reason })),
  ]
}

function sidecarOutcome({ entry, unclear, of }: AssetJson): NonMedia {
  if (of !== undefined) return { entry, outcome: 'sidecar', of }
  const reason = unclear ? 'JSON that describes no picture' : 'its media file is not in this export'
  return { entry, outcome: 'ignored', reason }
}
