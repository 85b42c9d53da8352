/**
 * What a copy of a placed content knows is added to the catalog.
 *
 * Copies in other exports, and in later runs, may tell what the first one did not: a caption, the right date, who
 * is in the picture. Nothing that is known is forgotten for it. The placed file is not rewritten; which exports
 * know more than the file says is kept in `catalog_only`.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { EvidenceSource, Precision, Taken } from '../media/metadata.ts'
import type { Asset, AssetFacts } from './asset-row.ts'
import type { AssetRole } from './names.ts'
import { orNull, prepared } from './statements.ts'

export interface Copy extends AssetFacts {
  readonly role: AssetRole
  readonly primaryAssetId?: number
}

type Knowledge = Pick<
  AssetFacts,
  'taken' | 'cameraLocal' | 'position' | 'caption' | 'keywords' | 'rating' | 'originalName' | 'people'
> & { readonly [Flag in 'favourite' | 'archived' | 'trashed' | 'shared']?: boolean }

/**
 * Adds what a copy knows, and remembers the export whose copy knew more of the picture than the catalog.
 *
 * A favourite anywhere is one; archived, trashed and shared only when every copy is. People and keywords are
 * united; different captions are all kept, since nobody can tell which one was meant for good. A better founded
 * date replaces the other; the name stays. Place, rating and title are filled in where there were none.
 */
export function mergeKnowledge(db: DatabaseSync, existing: Asset, copy: Copy): void {
  const merged = merge(existing, copy)
  prepared(
    db,
    `UPDATE assets SET taken_at = $takenAt, taken_local = $takenLocal, taken_precision = $takenPrecision,
       taken_offset_minutes = $takenOffsetMinutes, taken_source = $takenSource, taken_detail = $takenDetail,
       taken_zone = $takenZone, camera_local = $cameraLocal,
       latitude = $latitude, longitude = $longitude, altitude_m = $altitudeM,
       caption = $caption, keywords = $keywords, rating = $rating, original_name = $originalName,
       favourite = $favourite, archived = $archived, trashed = $trashed, shared = $shared, people = $people,
       primary_asset_id = coalesce(primary_asset_id, $primaryAssetId)
     WHERE id = $id`,
  ).run({ ...knowledgeColumns(merged), id: existing.id, primaryAssetId: relinked(existing, copy) })
  if (told(merged) === told(existing)) return
  prepared(db, 'INSERT OR IGNORE INTO catalog_only (asset_id, export_id) VALUES (?, ?)').run(
    existing.id,
    copy.exportId,
  )
}

function merge(existing: Asset, copy: Copy): Knowledge {
  const position = existing.position ?? copy.position
  const caption = joinCaptions(existing.caption, copy.caption)
  const rating = existing.rating ?? copy.rating
  const originalName = existing.originalName ?? copy.originalName
  return {
    people: union(existing.people, copy.people),
    keywords: union(existing.keywords, copy.keywords),
    favourite: existing.favourite === true || copy.favourite === true,
    archived: existing.archived === true && copy.archived === true,
    trashed: existing.trashed === true && copy.trashed === true,
    shared: existing.shared === true && copy.shared === true,
    ...mergeDates(existing, copy),
    ...(position === undefined ? {} : { position }),
    ...(caption === undefined ? {} : { caption }),
    ...(rating === undefined ? {} : { rating }),
    ...(originalName === undefined ? {} : { originalName }),
  }
}

/** The file's own date counts as another one only beside the date that it was held against. */
function mergeDates(existing: Asset, copy: Copy): Pick<Knowledge, 'taken' | 'cameraLocal'> {
  const taken = betterTaken(existing.taken, copy.taken)
  const { cameraLocal } = taken === existing.taken ? existing : copy
  return {
    ...(taken === undefined ? {} : { taken }),
    ...(cameraLocal === undefined ? {} : { cameraLocal }),
  }
}

/** What a file can say of itself; where it lies and what it was called are not of that kind. */
function told({ taken, position, caption, keywords, rating, people, favourite }: Knowledge): string {
  const date = [taken?.at, taken?.local, taken?.offsetMinutes, taken?.precision]
  return JSON.stringify([date, position, caption, keywords, rating, people, favourite])
}

function union(some: readonly string[] = [], others: readonly string[] = []): string[] {
  return [...new Set([...some, ...others])]
}

/**
 * Each on lines of its own, as in `mergeFacts` of the exports; one that says all of the other stands for both.
 * Copies begin with the words of the file itself, which are not said twice.
 */
function joinCaptions(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other
  if (one.includes(other.trim())) return one
  if (other.includes(one.trim())) return other
  const added = other.split('\n\n').filter((words) => !`\n${one}\n`.includes(`\n${words.trim()}\n`))
  return [one, ...(added.length === 0 ? [] : [added.join('\n\n')])].join('\n')
}

/**
 * Whom to believe. As in `media/dates.ts`, but for the first two: both readings saw what the file itself says,
 * so one that preferred its export had a reason.
 */
const RANK: Readonly<Record<EvidenceSource, number>> = {
  export: 0,
  embedded: 1,
  'xmp-sidecar': 2,
  'file-name': 3,
  'folder-name': 4,
  'file-time': 6,
}

/** The time of an upload dates a picture only when nothing else does. */
const RANK_OF_UPLOAD = 5

const PRECISIONS: readonly Precision[] = ['second', 'minute', 'day', 'month', 'year']

/** The better founded one, then the finer one, then the one that knows its zone; between equals the first. */
function betterTaken(one: Taken | undefined, other: Taken | undefined): Taken | undefined {
  if (one === undefined || other === undefined) return one ?? other
  const better =
    rankOf(other) - rankOf(one) ||
    PRECISIONS.indexOf(other.precision) - PRECISIONS.indexOf(one.precision) ||
    Number(knowsZone(one)) - Number(knowsZone(other))
  return better < 0 ? other : one
}

function rankOf({ source, detail }: Taken): number {
  return source === 'export' && detail === 'creationTime' ? RANK_OF_UPLOAD : RANK[source]
}

function knowsZone({ zone }: Taken): boolean {
  return zone !== 'user' && zone !== 'unknown'
}

/** A companion whose primary was lost and placed again finds it; an asset is never its own primary. */
function relinked(existing: Asset, copy: Copy): number | null {
  const same = existing.role === copy.role && copy.primaryAssetId !== existing.id
  return same ? orNull(copy.primaryAssetId) : null
}

/** Parameters of the columns, by their names in the statements. */
export function knowledgeColumns(known: Knowledge): Record<string, string | number | null> {
  return {
    takenAt: orNull(known.taken?.at),
    takenLocal: orNull(known.taken?.local),
    takenOffsetMinutes: orNull(known.taken?.offsetMinutes),
    takenPrecision: orNull(known.taken?.precision),
    takenSource: orNull(known.taken?.source),
    takenDetail: orNull(known.taken?.detail),
    takenZone: orNull(known.taken?.zone),
    cameraLocal: orNull(known.cameraLocal),
    latitude: orNull(known.position?.latitude),
    longitude: orNull(known.position?.longitude),
    altitudeM: orNull(known.position?.altitudeM),
    caption: orNull(known.caption),
    keywords: JSON.stringify(known.keywords ?? []),
    rating: orNull(known.rating),
    originalName: orNull(known.originalName),
    favourite: toFlag(known.favourite),
    archived: toFlag(known.archived),
    trashed: toFlag(known.trashed),
    shared: toFlag(known.shared),
    people: JSON.stringify(known.people ?? []),
  }
}

function toFlag(value: boolean | undefined): 0 | 1 {
  return value === true ? 1 : 0
}
