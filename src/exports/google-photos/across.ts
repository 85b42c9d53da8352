/**
 * What the folders of an export tell of one another: a JSON whose picture lies in another folder.
 *
 * Takeout may split a folder over parts, name its halves differently, or put only the JSON of a picture into an
 * album. Names repeat across folders all the time, so nothing is paired here that another file could claim as well.
 *
 * @module
 */

import type { AssetJson, FolderContents, MediaRecord } from './contents.ts'
import { append, groupBy } from './multimap.ts'
import { formatMediaName, mediaNameOf, nameKey, parseMediaName, parseSidecarName, sanitize } from './names.ts'
import { isBorrowed } from './rules.ts'
import { yearOfFolder } from './words.ts'

/** A JSON of an album, and the picture elsewhere that it makes a member. */
export interface Membership {
  readonly asset: AssetJson
  readonly of: FolderContents
  readonly member: MediaRecord
}

/** The JSON files that no media file of their folder took. */
export function orphansOf({ assets, media }: FolderContents): readonly AssetJson[] {
  const used = new Set(media.map(({ asset }) => asset))
  return assets.filter((asset) => !used.has(asset))
}

/** Gives media without JSON the one that a file of the same name and content has in another folder. */
export function borrowFromCopies(all: readonly FolderContents[]): void {
  const open = openRecords(all)
  const isDated = ({ asset }: MediaRecord): boolean => asset?.takenAt !== undefined
  const described = findRecords(all, new Set(open.map(copyKey)), (record) =>
    isDated(record) ? copyKey(record) : undefined,
  )
  for (const record of open) {
    const copies = described.get(copyKey(record)) ?? []
    const times = new Set(copies.map(({ asset }) => asset?.takenAt))
    const [copy, second] = copies
    // One time only: so whichever copy it is, the statement is the same.
    if (copy?.asset === undefined || times.size !== 1) continue
    const proven = record.entry.contentHint !== undefined
    record.asset = copy.asset
    record.pairing = {
      sidecar: copy.asset.entry.path,
      rule: 'copy-elsewhere',
      ...(second?.asset && { runnerUp: { sidecar: second.asset.entry.path, rule: 'copy-elsewhere' } }),
      ambiguous: !proven,
    }
  }
}

/** Pairs what is left where title and name agree, and no other file or JSON of the export has that name. */
export function pairByTitle(all: readonly FolderContents[]): void {
  const open = openRecords(all)
  if (open.length === 0) return
  const members = new Set(memberships(all).map(({ asset }) => asset))
  const free = all.flatMap(orphansOf).filter((asset) => !members.has(asset) && factsKey(asset) !== undefined)
  const orphans = groupBy(free, ({ title = '', name }) => nameKey(nominalName(title, name)))
  for (const [key, [record, ...rivals]] of groupBy(open, ({ name }) => nameKey(name))) {
    const assets = orphans.get(key) ?? []
    const times = new Set(assets.map(({ takenAt }) => takenAt))
    if (record !== undefined && rivals.length === 0 && times.size === 1) takeByTitle(record, assets[0])
  }
}

/** The records by those of their keys that are wanted: few, where an index of all would hold the export once more. */
function findRecords(
  all: readonly FolderContents[],
  wanted: ReadonlySet<string>,
  keyOf: (record: MediaRecord) => string | undefined,
): ReadonlyMap<string, readonly MediaRecord[]> {
  const found = new Map<string, MediaRecord[]>()
  if (wanted.size === 0) return found
  for (const { media } of all) {
    for (const record of media) {
      const key = keyOf(record)
      if (key !== undefined && wanted.has(key)) append(found, key, record)
    }
  }
  return found
}

/** The media without JSON. */
function openRecords(all: readonly FolderContents[]): readonly MediaRecord[] {
  return all.flatMap(({ media }) => media.filter(({ asset }) => asset === undefined))
}

/** Takes it unless the folder's year says otherwise; without a year a person should look. */
function takeByTitle(record: MediaRecord, asset: AssetJson | undefined): void {
  const year = yearOfFolder(record.folder.name)
  if (asset === undefined || (year !== undefined && !liesIn(year, asset.takenAt))) return
  record.asset = asset
  record.pairing = { sidecar: asset.entry.path, rule: 'title-elsewhere', ambiguous: year === undefined }
}

/** For each JSON without its picture, the picture of another folder that has the same title and time. */
export function memberships(all: readonly FolderContents[]): readonly Membership[] {
  const orphans = all.flatMap((of) =>
    orphansOf(of).flatMap((asset) => {
      const key = factsKey(asset)
      return key === undefined ? [] : [{ asset, of, key }]
    }),
  )
  const owners = findRecords(all, new Set(orphans.map(({ key }) => key)), ({ asset, pairing }) =>
    asset && pairing && !isBorrowed(pairing) ? factsKey(asset) : undefined,
  )
  return orphans.flatMap(({ asset, of, key }): readonly Membership[] => {
    const member = best(owners.get(key) ?? [], asset)
    return member === undefined ? [] : [{ asset, of, member }]
  })
}

/** The file that the JSON's own name points to, then one in a year folder, then any. */
function best(records: readonly MediaRecord[], asset: AssetJson): MediaRecord | undefined {
  const nominal = nameKey(nominalName(asset.title ?? '', asset.name))
  const score = (record: MediaRecord): number =>
    (nameKey(record.name) === nominal ? 2 : 0) + (yearOfFolder(record.folder.name) === undefined ? 0 : 1)
  return records.toSorted((a, b) => score(b) - score(a))[0]
}

function factsKey({ title, takenAt }: AssetJson): string | undefined {
  if (title === undefined || takenAt === undefined) return undefined
  return `${nameKey(sanitize(title))}\0${takenAt}`
}

/** What the media file of a JSON is called, by its title and the counter in its name. */
function nominalName(title: string, sidecar: string): string {
  const made = mediaNameOf(title)
  const { extension } = parseMediaName(made)
  const stem = made.slice(0, made.length - extension.length)
  return formatMediaName({ stem, counter: parseSidecarName(sidecar).counter, extension })
}

function liesIn(year: number, takenAt: number | undefined): boolean {
  const dayMs = 86_400_000
  if (takenAt === undefined) return false
  return takenAt >= Date.UTC(year, 0, 1) - dayMs && takenAt < Date.UTC(year + 1, 0, 1) + dayMs
}

function copyKey({ name, entry }: MediaRecord): string {
  return `${nameKey(name)}\0${entry.sizeBytes}\0${entry.contentHint ?? ''}`
}
