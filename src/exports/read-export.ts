/**
 * Reads an opened export with every platform that finds something in it, and answers for each of its files.
 *
 * A file goes to the first platform, by priority, that claims it. What comes back is checked against the listing:
 * a file that nobody answers for, or that two answer for, would be a lost or a doubled photo, so it ends the run
 * as the bug that it is.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'
import type { Archive, ArchiveEntry, ArchiveProblem } from './archive/archive.ts'
import { distinctPath } from './archive/entry-path.ts'
import { type ItemList, PackedItems } from './item-list.ts'
import type { Album } from './media-item.ts'
import type { Listing, NonMedia, Platform, Reading } from './platform.ts'

/** Largest metadata file that is read: Instagram's message files reach some tens of MB. */
const MAX_METADATA_BYTES = 64 * 1024 * 1024

export interface ReadExportOptions {
  /** Folder or archive name without part number and extension. */
  readonly exportName: string
  /** The name of the only platform to read with, in any case. Other files are then left alone. */
  readonly only?: string
  /** Epoch milliseconds. */
  readonly now: number
}

export interface PlatformReading {
  readonly platform: Platform
  readonly items: ItemList
}

/** Every entry of the archive is in one item, or in `nonMedia`, and nowhere twice. */
export interface ExportReading {
  /** Those that found something, by priority. */
  readonly platforms: readonly PlatformReading[]
  readonly albums: readonly Album[]
  /** With the files that the archive could not open, as `failed`. */
  readonly nonMedia: readonly NonMedia[]
  readonly remarks: Reading['remarks']
}

/** Thrown for a platform name that no platform has. */
export class UnknownPlatformError extends HeirloomError {
  readonly code = 'exports/unknown-platform'
  readonly recovery = 'discard'

  constructor(name: string, platforms: readonly Platform[]) {
    super(`no processor is called ${name}`, {
      hint: `Choose one of: ${platforms.map((platform) => platform.name).join(', ')}.`,
    })
  }
}

/** @throws {@link UnknownPlatformError} */
export async function readExport(
  archive: Archive,
  platforms: readonly Platform[],
  options: ReadExportOptions,
): Promise<ExportReading> {
  const chosen = choosePlatforms(platforms, options.only)
  const { claims, left } = claimAll(chosen, archive, options.exportName)
  const readings: (PlatformReading & { readonly reading: Omit<Reading, 'items'> })[] = []
  for (const { platform, listing } of claims) {
    if (listing.entries.length === 0) continue
    const { items, ...reading } = await platform.read(listing)
    readings.push({ platform, reading, items: takeItems(platform, listing, { items, ...reading }, options) })
  }
  return {
    platforms: readings.map(({ platform, items }) => ({ platform, items })),
    albums: readings.flatMap(({ reading }) => reading.albums),
    nonMedia: [
      ...readings.flatMap(({ reading }) => reading.nonMedia),
      ...left.map((entry) => leftAlone(entry, options.only)),
      ...failedEntries(archive),
    ],
    remarks: [...containerRemarks(archive), ...readings.flatMap(({ reading }) => reading.remarks)],
  }
}

function choosePlatforms(platforms: readonly Platform[], only: string | undefined): readonly Platform[] {
  const byPriority = platforms.toSorted((a, b) => b.priority - a.priority)
  if (only === undefined) return byPriority
  const wanted = only.toLowerCase()
  const chosen = byPriority.filter(({ name }) => name.toLowerCase() === wanted)
  if (chosen.length === 0) throw new UnknownPlatformError(only, platforms)
  return chosen
}

interface Claim {
  readonly platform: Platform
  readonly listing: Listing
}

/** Gives each entry to the first platform that claims it; `left` are those that none does. */
function claimAll(
  platforms: readonly Platform[],
  archive: Archive,
  exportName: string,
): { readonly claims: readonly Claim[]; readonly left: readonly ArchiveEntry[] } {
  const left = new Set(archive.entries)
  const read = (entry: ArchiveEntry): Promise<Buffer> => archive.readSmall(entry, MAX_METADATA_BYTES)
  const claims = platforms.map((platform): Claim => {
    const entries = platform.claim({ exportName, entries: [...left], read })
    for (const entry of entries) {
      if (!left.delete(entry)) throw new Error(`${platform.name} claims ${entry.path} twice or out of turn`)
    }
    return { platform, listing: { exportName, entries, read } }
  })
  return { claims, left: [...left] }
}

/**
 * Walks the platform's items once, and keeps them packed.
 *
 * @throws Error when the platform does not answer exactly once for each entry that it claimed.
 */
function takeItems(
  platform: Platform,
  { entries }: Listing,
  reading: Reading,
  { now }: ReadExportOptions,
): ItemList {
  const open = new Set(entries)
  const settle = (entry: ArchiveEntry): void => {
    if (!open.delete(entry)) throw new Error(`${platform.name} answers twice for ${entry.path}`)
  }
  for (const { entry } of reading.nonMedia) settle(entry)
  const items = new PackedItems(now)
  for (const item of reading.items) {
    settle(item.primary.entry)
    for (const companion of item.companions) settle(companion.entry)
    items.add(item)
  }
  const [forgotten] = open
  if (forgotten !== undefined) {
    throw new Error(`${platform.name} has no answer for ${forgotten.path} (${open.size} in all)`)
  }
  return items
}

function leftAlone(entry: ArchiveEntry, only: string | undefined): NonMedia {
  if (only === undefined) return { entry, outcome: 'ignored', reason: 'no platform knows it' }
  return { entry, outcome: 'ignored', code: 'other-processor', reason: `only ${only} was asked for` }
}

// # What the container could not give

/** A file that is in the container and cannot be had counts as found, and as failed. */
function failedEntries(archive: Archive): readonly NonMedia[] {
  const paths = new Set(archive.entries.map(({ path }) => path))
  return archive.problems.flatMap((problem): NonMedia[] => {
    if (!isFailedFile(problem)) return []
    // The ledger knows files by their path, and an archive may hold several of one.
    const path = paths.has(problem.path)
      ? distinctPath(problem.path, (other) => paths.has(other))
      : problem.path
    paths.add(path)
    const source = { kind: 'file', file: archive.inputs[0] ?? '' } as const
    const entry = { path, sizeBytes: problem.sizeBytes ?? 0, source }
    return [{ entry, outcome: 'failed', code: problem.code, reason: wordsOf(problem) }]
  })
}

/** Problems of the container as a whole, and of files that can be had all the same. */
function containerRemarks(archive: Archive): Reading['remarks'] {
  return archive.problems
    .filter((problem) => !isFailedFile(problem))
    .map((problem) => {
      const { code, path } = problem
      const message = wordsOf(problem)
      return path === undefined ? { code, message } : { code, message, path }
    })
}

/** The hint too: the ledger and the report have one text. */
function wordsOf({ message, hint }: ArchiveProblem): string {
  return hint === undefined ? message : `${message}: ${hint}`
}

function isFailedFile(problem: ArchiveProblem): problem is ArchiveProblem & { readonly path: string } {
  return problem.path !== undefined && problem.delivered !== true
}
