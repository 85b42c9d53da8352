/**
 * How far an archive is trusted. The reasons are told in docs/formats/archives.md.
 *
 * @module
 */

import { formatBytes, formatCount } from '../../units.ts'
import type { ArchiveProblem } from './archive.ts'

/**
 * Deflate cannot shrink by more than 1,032 (RFC 1951: 258 bytes from 2 bits); photos and videos shrink by 1.1 at
 * most, JSON by 20. A big entry beyond 1,000 holds one byte repeated, or a wrong number.
 */
const MAX_ENTRY_RATIO = 1000

/** Below this an entry may shrink as it likes: a blank bitmap does. */
const RATIO_COUNTS_FROM_BYTES = 100_000_000

/** A whole export of JSON shrinks by about 20. */
const MAX_ARCHIVE_RATIO = 100

/** Below this total the archive's ratio does not matter: no disk is filled by it. */
const ARCHIVE_RATIO_COUNTS_FROM_BYTES = 1_000_000_000

/** Why an entry is taken for a zip bomb, or undefined. */
export function suspectEntry(sizeBytes: number, compressedSize: number): string | undefined {
  if (sizeBytes <= RATIO_COUNTS_FROM_BYTES || sizeBytes <= MAX_ENTRY_RATIO * compressedSize) return undefined
  return `claims ${formatBytes(sizeBytes)} from ${formatBytes(compressedSize)}, more than ${formatCount(MAX_ENTRY_RATIO)} times as many`
}

/** How many bytes an archive of that size may unpack to in all. */
export function maxUnpackedBytes(archiveBytes: number): number {
  return Math.max(ARCHIVE_RATIO_COUNTS_FROM_BYTES, MAX_ARCHIVE_RATIO * archiveBytes)
}

export function bombProblem(path: string, sizeBytes: number, message: string): ArchiveProblem {
  return { path, sizeBytes, code: 'bomb', message, hint: 'Do not unpack it; ask whoever made the archive.' }
}
