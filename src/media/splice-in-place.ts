/**
 * Makes the new file out of the old one where it lies, without copying what stays at its place.
 *
 * For temporary files of our own only: an end in the middle leaves a file that is neither the old nor the new
 * one. Not synced.
 *
 * @module
 */

import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { movedRanges, type Splice } from './splice-parts.ts'

/** What moves is held in memory meanwhile: small boxes behind a movie's header, not its samples. */
const MAX_MOVED_BYTES = 16 * 1024 * 1024

/** Whether so little moves that {@link applySpliceInPlace} can be used. */
export function canSpliceInPlace({ parts }: Splice): boolean {
  return movedRanges(parts).reduce((sum, { from, to }) => sum + to - from, 0) <= MAX_MOVED_BYTES
}

/** @throws {RangeError} when {@link canSpliceInPlace} says no, before anything is written; else errors of the disk. */
export function applySpliceInPlace(file: string, splice: Splice): void {
  if (!canSpliceInPlace(splice)) throw new RangeError(`${file}: too much would move within the file`)
  const descriptor = openSync(file, 'r+')
  try {
    // All that moves is read before the first byte is written.
    const writes = [...newBytes(splice), ...movedBytes(descriptor, splice)]
    for (const { at, bytes } of writes) writeAt(descriptor, bytes, at)
    ftruncateSync(descriptor, splice.sizeBytes)
  } finally {
    closeSync(descriptor)
  }
}

interface Write {
  readonly at: number
  readonly bytes: Buffer
}

function newBytes({ parts }: Splice): Write[] {
  const writes: Write[] = []
  let at = 0
  for (const part of parts) {
    if (Buffer.isBuffer(part)) writes.push({ at, bytes: part })
    at += Buffer.isBuffer(part) ? part.length : part.to - part.from
  }
  return writes
}

function movedBytes(descriptor: number, { parts }: Splice): Write[] {
  return movedRanges(parts).map(({ from, to, target }) => {
    const bytes = Buffer.alloc(to - from)
    let filled = 0
    while (filled < bytes.length) {
      const count = readSync(descriptor, bytes, filled, bytes.length - filled, from + filled)
      if (count === 0) throw new RangeError(`the file ends before ${to}`)
      filled += count
    }
    return { at: target, bytes }
  })
}

/** A write may be short; the rest is written or the error is thrown. */
function writeAt(descriptor: number, bytes: Buffer, at: number): void {
  let written = 0
  while (written < bytes.length) {
    written += writeSync(descriptor, bytes, written, bytes.length - written, at + written)
  }
}
