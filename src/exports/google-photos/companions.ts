/**
 * Which files of a folder are one picture: edited copies, live videos, motion films, raw files.
 *
 * @module
 */

import type { CompanionRole } from '../media-item.ts'
import type { AssetJson, FolderContents, MediaRecord } from './contents.ts'
import { editedName, originalsOf } from './edited-names.ts'
import { folderOf } from './layout.ts'
import { groupBy } from './multimap.ts'
import { formatMediaName, kindOf, type MediaKind, nameKey, parseMediaName, STILLS } from './names.ts'
import { isBorrowed } from './rules.ts'

/** One primary file and what belongs to it. */
export interface Group {
  readonly primary: MediaRecord
  readonly companions: readonly { readonly record: MediaRecord; readonly role: CompanionRole }[]
}

interface Bond {
  readonly to: MediaRecord
  readonly role: CompanionRole
}

/** The still and the film of a live photo carry the same second, or the next. */
const SAME_MOMENT_MS = 2000

/** Puts every record of the folder into exactly one group. */
export function groupRecords(contents: FolderContents): readonly Group[] {
  const folder = new RecordIndex(contents.media)
  const bonds = new Map<MediaRecord, Bond>()
  for (const record of contents.media) {
    const bond = byAsset(folder, record) ?? byName(folder, record)
    if (bond !== undefined && bond.to !== record) bonds.set(record, bond)
  }
  const groups = new Map<MediaRecord, { record: MediaRecord; role: CompanionRole }[]>()
  for (const record of contents.media) {
    const root = rootOf(record, bonds)
    const members = groups.get(root) ?? []
    groups.set(root, members)
    const role = bonds.get(record)?.role
    if (root !== record && role !== undefined) members.push({ record, role })
  }
  return [...groups].map(([primary, companions]) => ({ primary, companions }))
}

/** Follows the bonds to a file that is bound to none; a file in a ring of bonds stands for itself. */
function rootOf(record: MediaRecord, bonds: ReadonlyMap<MediaRecord, Bond>): MediaRecord {
  const seen = new Set<MediaRecord>()
  let root = record
  for (let bond = bonds.get(root); bond !== undefined; bond = bonds.get(root)) {
    if (seen.has(root)) return record
    seen.add(root)
    root = bond.to
  }
  return root
}

class RecordIndex {
  readonly #byAsset: ReadonlyMap<AssetJson | undefined, readonly MediaRecord[]>
  readonly #byName: ReadonlyMap<string, readonly MediaRecord[]>
  readonly #byStem: ReadonlyMap<string, readonly MediaRecord[]>

  constructor(records: readonly MediaRecord[]) {
    this.#byAsset = groupBy(records.filter(isOwner).toSorted(byPreference), ({ asset }) => asset)
    this.#byName = groupBy(records, ({ name }) => nameKey(name))
    this.#byStem = groupBy(records.toSorted(byPreference), ({ name }) => {
      const { stem, counter } = parseMediaName(name)
      return nameKey(formatMediaName({ stem, counter, extension: '' }))
    })
  }

  /** The file that the JSON was written for; the one beside `record` where parts of a folder hold it twice. */
  owner(record: MediaRecord): MediaRecord | undefined {
    return beside(record, record.asset ? (this.#byAsset.get(record.asset) ?? []) : [])
  }

  named(record: MediaRecord, name: string): MediaRecord | undefined {
    return beside(record, this.#byName.get(nameKey(name)) ?? [])
  }

  /** The best still of this name, its extension aside. */
  still(record: MediaRecord, stem: string): MediaRecord | undefined {
    const stills = (this.#byStem.get(nameKey(stem)) ?? []).filter((other) => kindOfRecord(other) === 'still')
    return beside(record, stills)
  }
}

/** What the rule of its pairing says: a borrowed JSON binds a file to the one that the JSON was written for. */
function byAsset(folder: RecordIndex, record: MediaRecord): Bond | undefined {
  const to = folder.owner(record)
  if (to === undefined || to === record || record.pairing === undefined) return undefined
  const kind = kindOfRecord(record)
  if (!isBorrowed(record.pairing)) {
    return kind === 'video' && kindOfRecord(to) === 'still' ? { to, role: 'live-video' } : undefined
  }
  switch (record.pairing.rule) {
    case 'effect':
      return undefined // A picture that Google made of this one and perhaps of others: one of its own.
    case 'live-video':
      return { to, role: 'live-video' }
    case 'motion-part':
      return { to, role: 'motion-video' }
    case 'raw-companion':
      return rawBond(record, to)
    default:
      return { to, role: kind === 'motion' || kind === 'none' ? 'motion-video' : 'edited' }
  }
}

/** The raw file is never the primary one, whichever of the two has the JSON. */
function rawBond(record: MediaRecord, to: MediaRecord): Bond | undefined {
  return kindOfRecord(record) === 'raw' ? { to, role: 'raw' } : undefined
}

/** What the names say, for files with a JSON of their own or none at all. */
function byName(folder: RecordIndex, record: MediaRecord): Bond | undefined {
  const { stem, counter, extension } = parseMediaName(record.name)
  const name = formatMediaName({ stem, counter, extension: '' })
  const bond = (to: MediaRecord | undefined, role: CompanionRole): Bond | undefined =>
    to !== undefined && isSameMoment(record, to) ? { to, role } : undefined
  switch (kindOf(extension)) {
    case 'video':
      return bond(folder.still(record, name), 'live-video') ?? editedBond(folder, record)
    case 'motion':
      return bond(folder.still(record, record.name) ?? folder.still(record, name), 'motion-video')
    case 'none':
      return bond(folder.still(record, record.name), 'motion-video')
    case 'raw':
      return bond(folder.still(record, name), 'raw') ?? editedBond(folder, record)
    case 'still':
      return editedBond(folder, record)
    case 'other':
      return undefined
  }
}

/** An edited copy whose original has no JSON either. */
function editedBond(folder: RecordIndex, record: MediaRecord): Bond | undefined {
  const copy = record.asset === undefined ? editedName(record.name) : undefined
  if (copy === undefined || copy.guess || copy.rule === 'effect') return undefined
  for (const original of originalsOf(copy)) {
    const to = folder.named(record, original)
    if (to !== undefined) return { to, role: 'edited' }
  }
  return undefined
}

function isSameMoment(a: MediaRecord, b: MediaRecord): boolean {
  const [one, other] = [a.asset?.takenAt, b.asset?.takenAt]
  return one === undefined || other === undefined || Math.abs(one - other) <= SAME_MOMENT_MS
}

function isOwner({ pairing }: MediaRecord): boolean {
  return pairing !== undefined && !isBorrowed(pairing)
}

function beside(record: MediaRecord, candidates: readonly MediaRecord[]): MediaRecord | undefined {
  const folder = folderOf(record.entry)
  return candidates.find(({ entry }) => folderOf(entry) === folder) ?? candidates[0]
}

function kindOfRecord({ name }: MediaRecord): MediaKind {
  return kindOf(parseMediaName(name).extension)
}

/** Stills first, in the order of their formats. */
function byPreference(a: MediaRecord, b: MediaRecord): number {
  return rank(a) - rank(b)
}

function rank({ name }: MediaRecord): number {
  const place = STILLS.indexOf(parseMediaName(name).extension.toLowerCase())
  return place < 0 ? STILLS.length : place
}
