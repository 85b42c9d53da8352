/**
 * Temporary files of the library: written, hashed, given their times, and made durable.
 *
 * Synchronous on purpose: a worker computes for one task at a time, and a round trip through the thread pool costs
 * more than most of these calls. Only the sync is not, because it waits for the disk, and the next task need not.
 *
 * @module
 */

import { createHash, type Hash, hash } from 'node:crypto'
import { closeSync, fstatSync, fsync, futimesSync, openSync, readSync } from 'node:fs'
import { promisify } from 'node:util'
import { writeAllSync } from './source-file.ts'

const CHUNK_BYTES = 1024 * 1024

const fsyncAsync = promisify(fsync)

export interface WrittenFile {
  /** Hex. */
  readonly sha1: string
  readonly sizeBytes: number
}

/** Writes the pieces one after the other, replacing what an earlier try left. Not yet durable. */
export function writeTemp(file: string, pieces: readonly Buffer[]): WrittenFile {
  const descriptor = openSync(file, 'w', 0o666)
  try {
    for (const piece of pieces) writeAllSync(descriptor, piece)
  } finally {
    closeSync(descriptor)
  }
  return { sha1: hashPieces(pieces), sizeBytes: pieces.reduce((sum, piece) => sum + piece.length, 0) }
}

function hashPieces(pieces: readonly Buffer[]): string {
  const [only] = pieces
  if (only !== undefined && pieces.length === 1) return hash('sha1', only)
  const digest = createHash('sha1')
  for (const piece of pieces) digest.update(piece)
  return digest.digest('hex')
}

/**
 * Sets the times; hashes the file when another program has written it. Not yet durable: see {@link syncTemps}.
 *
 * @param takenAt - Epoch milliseconds; the times are left alone without it.
 */
export function finishTemp(
  file: string,
  written: WrittenFile | undefined,
  takenAt: number | undefined,
): WrittenFile {
  const descriptor = openSync(file, 'r+')
  try {
    const result = written ?? hashDescriptor(descriptor)
    // As dates: of a negative number, Node makes the present time.
    if (takenAt !== undefined) futimesSync(descriptor, new Date(takenAt), new Date(takenAt))
    return result
  } finally {
    closeSync(descriptor)
  }
}

function hashDescriptor(descriptor: number): WrittenFile {
  const digest: Hash = createHash('sha1')
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  for (;;) {
    const length = readSync(descriptor, chunk, 0, CHUNK_BYTES, null)
    if (length === 0) break
    digest.update(chunk.subarray(0, length))
  }
  return { sha1: digest.digest('hex'), sizeBytes: fstatSync(descriptor).size }
}

/** Makes files durable, side by side. */
export async function syncTemps(files: readonly string[]): Promise<void> {
  await Promise.all(
    files.map(async (file) => {
      const descriptor = openSync(file, 'r+')
      try {
        await fsyncAsync(descriptor)
      } finally {
        closeSync(descriptor)
      }
    }),
  )
}
