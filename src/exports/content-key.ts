/**
 * Finds entries that may have equal content without reading all of it.
 *
 * Files of different sizes differ; of those of equal size a sample of three blocks is hashed. The key is for
 * grouping only: it is equal for equal contents, and nearly always only for those. Whether two files are really
 * the same is decided by the hash of all their bytes, where they are read anyway.
 *
 * @module
 */

import { hash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { ArchiveEntry } from './archive/archive.ts'

const BLOCK_BYTES = 4096

/** Up to here the three blocks would touch or overlap, and the whole file is as cheap. */
const WHOLE_BYTES = 3 * BLOCK_BYTES

const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Reused by every call: they are synchronous, so that no two overlap. */
const buffer = Buffer.allocUnsafeSlow(WHOLE_BYTES)

/**
 * The keys of those entries that have an equal among them; no others, so that of most exports there are few. Those
 * in archives have their keys from the listing. Reads synchronously (100,000 small files take seconds).
 */
export function sharedContentKeys(entries: Iterable<ArchiveEntry>): ReadonlyMap<ArchiveEntry, string> {
  const bySize = new Map<number, ArchiveEntry[]>()
  for (const entry of entries) {
    const same = bySize.get(entry.sizeBytes)
    if (same === undefined) bySize.set(entry.sizeBytes, [entry])
    else same.push(entry)
  }
  const keys = new Map<ArchiveEntry, string>()
  for (const same of bySize.values()) if (same.length > 1) addSharedKeys(same, keys)
  return keys
}

/** @param entries - Of one size; others have other contents. */
function addSharedKeys(entries: readonly ArchiveEntry[], keys: Map<ArchiveEntry, string>): void {
  const firsts = new Map<string, ArchiveEntry>()
  for (const entry of entries) {
    const key = entry.contentHint ?? sampleContentKey(entry)
    if (key === undefined) continue
    const first = firsts.get(key)
    if (first === undefined) firsts.set(key, entry)
    else keys.set(first, key).set(entry, key)
  }
}

/**
 * Size and SHA-1 of the first, middle and last 4 KiB, or of all bytes when there are at most 12 KiB.
 *
 * @returns Undefined when the file cannot be read or is not as it was listed: whoever reads it will say so.
 */
export function sampleContentKey(entry: ArchiveEntry): string | undefined {
  const { source, sizeBytes } = entry
  if (source.kind !== 'file') return entry.contentHint
  try {
    const descriptor = openSync(source.file, OPEN_FLAGS)
    try {
      const stats = fstatSync(descriptor)
      if (!stats.isFile() || stats.size !== sizeBytes) return undefined
      const sample =
        sizeBytes <= WHOLE_BYTES ? readWhole(descriptor, sizeBytes) : readBlocks(descriptor, sizeBytes)
      return sample === undefined ? undefined : `${sizeBytes}:${hash('sha1', sample)}`
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}

function readWhole(descriptor: number, sizeBytes: number): Buffer | undefined {
  return fill(descriptor, 0, sizeBytes, 0) ? buffer.subarray(0, sizeBytes) : undefined
}

function readBlocks(descriptor: number, sizeBytes: number): Buffer | undefined {
  const middle = Math.floor((sizeBytes - BLOCK_BYTES) / 2)
  const starts = [0, middle, sizeBytes - BLOCK_BYTES]
  const isRead = starts.every((start, index) => fill(descriptor, index * BLOCK_BYTES, BLOCK_BYTES, start))
  return isRead ? buffer : undefined
}

/** False when the file ends before the bytes do. */
function fill(descriptor: number, offset: number, lengthBytes: number, position: number): boolean {
  let found = 0
  while (found < lengthBytes) {
    const count = readSync(descriptor, buffer, offset + found, lengthBytes - found, position + found)
    if (count === 0) return false
    found += count
  }
  return true
}
