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
import type { TakenEvidence } from '../media/metadata.ts'
import { findDateInFolder, findDateInName } from '../media/name-dates.ts'
import type { Archive, ArchiveEntry, ArchiveProblem } from './archive/archive.ts'
import { distinctPath } from './archive/entry-path.ts'
import type { Album, MediaItem } from './media-item.ts'
import type { Listing, NonMedia, Platform, Reading } from './platform.ts'

/** Largest metadata file that is read: Instagram's message files reach some tens of MB. */
const MAX_METADATA_BYTES = 64 * 1024 * 1024

/** The zero of a zip's clock is 1980-01-01 local time, that of a disk 1970: nobody knew. */
const FIRST_FILE_TIME_MS = Date.UTC(1980, 0, 3)

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
  readonly items: readonly MediaItem[]
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
  const left = new Set(archive.entries)
  const claims = chosen.map((platform) => claimEntries(platform, left, archive, options.exportName))
  const readings: { platform: Platform; reading: Reading }[] = []
  for (const { platform, listing } of claims) {
    if (listing.entries.length === 0) continue
    const reading = await platform.read(listing)
    verifyReading(platform, listing.entries, reading)
    readings.push({ platform, reading })
  }
  return {
    platforms: readings.map(({ platform, reading }) => ({
      platform,
      items: reading.items.map((item) => withPathEvidence(item, options.now)),
    })),
    albums: readings.flatMap(({ reading }) => reading.albums),
    nonMedia: [
      ...readings.flatMap(({ reading }) => reading.nonMedia),
      ...[...left].map((entry) => leftAlone(entry, options.only)),
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

/** Takes what the platform claims out of `left`. */
function claimEntries(
  platform: Platform,
  left: Set<ArchiveEntry>,
  archive: Archive,
  exportName: string,
): { platform: Platform; listing: Listing } {
  const read = (entry: ArchiveEntry): Promise<Buffer> => archive.readSmall(entry, MAX_METADATA_BYTES)
  const entries = platform.claim({ exportName, entries: [...left], read })
  for (const entry of entries) {
    if (!left.delete(entry)) throw new Error(`${platform.name} claims ${entry.path} twice or out of turn`)
  }
  return { platform, listing: { exportName, entries, read } }
}

/** @throws Error when the platform does not answer exactly once for each entry that it claimed. */
function verifyReading(platform: Platform, claimed: readonly ArchiveEntry[], reading: Reading): void {
  const open = new Set(claimed)
  const settle = (entry: ArchiveEntry): void => {
    if (!open.delete(entry)) throw new Error(`${platform.name} answers twice for ${entry.path}`)
  }
  for (const { primary, companions } of reading.items) {
    settle(primary.entry)
    for (const companion of companions) settle(companion.entry)
  }
  for (const { entry } of reading.nonMedia) settle(entry)
  const [forgotten] = open
  if (forgotten !== undefined) {
    throw new Error(`${platform.name} has no answer for ${forgotten.path} (${open.size} in all)`)
  }
}

function leftAlone(entry: ArchiveEntry, only: string | undefined): NonMedia {
  if (only === undefined) return { entry, outcome: 'ignored', reason: 'no platform knows it' }
  return { entry, outcome: 'ignored', code: 'other-processor', reason: `only ${only} was asked for` }
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
    return [{ entry, outcome: 'failed', reason: `${problem.code}: ${problem.message}` }]
  })
}

/** Problems of the container as a whole, and of files that can be had all the same. */
function containerRemarks(archive: Archive): Reading['remarks'] {
  return archive.problems
    .filter((problem) => !isFailedFile(problem))
    .map(({ code, message, hint, path }) => {
      const whole = hint === undefined ? message : `${message}: ${hint}`
      return path === undefined ? { code, message: whole } : { code, message: whole, path }
    })
}

function isFailedFile(problem: ArchiveProblem): problem is ArchiveProblem & { readonly path: string } {
  return problem.path !== undefined && problem.delivered !== true
}
