/**
 * The items of an export, one after the other: what an export of 100,000 photos says of them is not to lie in
 * memory at once.
 *
 * @module
 */

import type { TakenEvidence } from '../media/metadata.ts'
import { findDateInFolder, findDateInName } from '../media/name-dates.ts'
import type { ArchiveEntry } from './archive/archive.ts'
import type { CompanionRole, MediaFile, MediaItem, Pairing } from './media-item.ts'
import { PackedValues } from './packed-values.ts'

/** Items by their index. */
export interface ItemList {
  readonly length: number
  /** May be another object, of equal content, each time. Best asked for in the order of the list. */
  at(index: number): MediaItem
  /** Its primary, then its companions. */
  filesOf(index: number): readonly ArchiveEntry[]
}

/** The zero of a zip's clock is 1980-01-01 local time, that of a disk 1970: nobody knew. */
const FIRST_FILE_TIME_MS = Date.UTC(1980, 0, 3)

type Said = Omit<MediaItem, 'primary' | 'companions'> & {
  /** Of the primary, then of the companions; shorter when the last ones have none. */
  readonly pairings: readonly (Pairing | null)[]
}

/** Files that belong to a primary one: of most items there are none. */
interface Belongings {
  readonly files: readonly ArchiveEntry[]
  readonly roles: readonly CompanionRole[]
  /** By file, from the primary on. */
  readonly xmps: readonly (ArchiveEntry | undefined)[]
}

/** Items as platforms read them, with what path and file time say added; only their files lie in memory as they are. */
export class PackedItems implements ItemList {
  readonly #now: number
  readonly #primaries: ArchiveEntry[] = []
  readonly #belongings = new Map<number, Belongings>()
  readonly #said = new PackedValues<Said>()

  /** @param now - Epoch milliseconds. */
  constructor(now: number) {
    this.#now = now
  }

  get length(): number {
    return this.#primaries.length
  }

  add({ primary, companions, ...said }: MediaItem): void {
    const files: readonly MediaFile[] = [primary, ...companions]
    if (companions.length > 0 || primary.xmp !== undefined) {
      this.#belongings.set(this.length, {
        files: files.map(({ entry }) => entry),
        roles: companions.map(({ role }) => role),
        xmps: files.map(({ xmp }) => xmp),
      })
    }
    this.#primaries.push(primary.entry)
    this.#said.add({ ...said, pairings: files.map(({ pairing }) => pairing ?? null) })
  }

  filesOf(index: number): readonly ArchiveEntry[] {
    return this.#belongings.get(index)?.files ?? [this.#primary(index)]
  }

  at(index: number): MediaItem {
    const { pairings, ...said } = this.#said.at(index)
    const { roles = [], xmps = [] } = this.#belongings.get(index) ?? {}
    const [primary = { entry: this.#primary(index) }, ...others] = this.filesOf(index).map(
      (entry, place): MediaFile => {
        const [pairing, xmp] = [pairings[place] ?? undefined, xmps[place]]
        return { entry, ...(pairing === undefined ? {} : { pairing }), ...(xmp === undefined ? {} : { xmp }) }
      },
    )
    const companions = others.map((file, place) => ({ ...file, role: roles[place] ?? 'edited' }))
    return withPathEvidence({ primary, companions, ...said }, this.#now)
  }

  #primary(index: number): ArchiveEntry {
    const entry = this.#primaries[index]
    if (entry === undefined) throw new RangeError(`there is no item ${index} of ${this.length}`)
    return entry
  }
}

/** What the path and the file's time say comes after all that the platform knows. */
function withPathEvidence({ isUndated, ...item }: MediaItem, now: number): MediaItem {
  const { entry } = item.primary
  const found = [
    findDateInName(entry.path, now) ??
      (item.title === undefined ? undefined : findDateInName(item.title, now)),
    ...(isUndated === true ? [] : [findDateInFolder(entry.path, now), fileTime(entry)]),
  ].filter((evidence) => evidence !== undefined)
  return found.length === 0 ? item : { ...item, taken: [...item.taken, ...found] }
}

function fileTime({ modifiedAt, source }: ArchiveEntry): TakenEvidence | undefined {
  if (modifiedAt === undefined || modifiedAt < FIRST_FILE_TIME_MS) return undefined
  const detail = source.kind === 'zip' ? 'zip-time' : 'mtime'
  return { source: 'file-time', detail, at: modifiedAt, precision: 'second' }
}
