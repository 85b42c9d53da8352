/**
 * Reading an input file once: its hash and, when it is small enough, its bytes.
 *
 * @module
 */

import { createHash, hash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { HeirloomError } from '../errors.ts'
import { MAX_SIDECAR_BYTES } from '../media/xmp/kept-sidecar.ts'
import { openEntry } from '../storage/entry-reader.ts'
import type { ItemCopy, KeptSidecar } from './item.ts'

/** Files up to this size are read into memory as a whole, which is what makes the usual photo quick. */
const WHOLE_LIMIT_BYTES = 64 * 1024 * 1024

/** Enough of a file to tell its format by, and to hold a large JPEG's metadata. */
const HEAD_BYTES = 64 * 1024

/**
 * One photo after the other is read into the same memory, which spares fresh pages and garbage collection; copies
 * that are only compared have a place of their own. Each grows to the largest file so far and is kept.
 */
const scratch = { placed: Buffer.alloc(0), compared: Buffer.alloc(0) }

/** Larger files get memory of their own, so that one huge file does not stay with the process for ever. */
const MAX_SCRATCH_BYTES = 16 * 1024 * 1024

const MIN_SCRATCH_BYTES = 4 * 1024 * 1024

function scratchFor(use: keyof typeof scratch, sizeBytes: number): Buffer | undefined {
  if (sizeBytes > MAX_SCRATCH_BYTES) return undefined
  if (scratch[use].length < sizeBytes) {
    scratch[use] = Buffer.allocUnsafeSlow(Math.max(sizeBytes, MIN_SCRATCH_BYTES))
  }
  return scratch[use]
}

/** A source's content: in memory (until the next one is read), or (when it is too large) already written to the temporary file. */
export interface SourceContent {
  readonly sha1: string
  readonly sizeBytes: number
  readonly head: Buffer
  /** Absent when the file is too large to be held. Then `temp` holds the bytes. */
  readonly whole?: Buffer
}

/** Thrown around any error of reading an input, to tell it from errors of writing the library. */
export class SourceError extends HeirloomError {
  readonly code = 'item/source-unreadable'
  readonly recovery = 'discard'
}

/** Thrown for an input of no bytes: there is nothing to keep, and a person should know. */
export class EmptySourceError extends HeirloomError {
  readonly code = 'item/empty'
  readonly recovery = 'discard'
}

/**
 * Reads the whole of `copy`, hashing it. A file that is too large for memory is written to `temp`, which the
 * caller must delete when this throws.
 *
 * @throws {@link SourceError} whatever goes wrong with the input; other errors are of writing `temp`.
 */
export async function readSource(
  copy: ItemCopy,
  temp: string,
  signal: AbortSignal,
  wholeLimitBytes: number = WHOLE_LIMIT_BYTES,
): Promise<SourceContent> {
  if (copy.sizeBytes === 0) throw new EmptySourceError(`${copy.path} is empty`)
  if (copy.sizeBytes > wholeLimitBytes) return copyToTemp(copy, temp, signal)
  const whole = await reading(copy, async () => {
    const reader = await openEntry(copy.source, copy.sizeBytes)
    try {
      return await reader.readAll(WHOLE_LIMIT_BYTES, scratchFor('placed', copy.sizeBytes))
    } finally {
      await reader.close()
    }
  })
  return { sha1: hash('sha1', whole), sizeBytes: whole.length, head: whole.subarray(0, HEAD_BYTES), whole }
}

/** The SHA-1 of a copy's content, in constant memory. */
export async function hashSource(copy: ItemCopy, signal: AbortSignal): Promise<string> {
  if (copy.sha1 !== undefined) return copy.sha1
  return reading(copy, async () => {
    const reader = await openEntry(copy.source, copy.sizeBytes)
    try {
      const target = scratchFor('compared', copy.sizeBytes)
      if (target !== undefined) return hash('sha1', await reader.readAll(MAX_SCRATCH_BYTES, target))
      const digest = createHash('sha1')
      for await (const chunk of reader.stream(signal)) digest.update(chunk)
      return digest.digest('hex')
    } finally {
      await reader.close()
    }
  })
}

/** All bytes of an input's own sidecar. @throws {@link SourceError} */
export async function readSidecar(xmp: KeptSidecar): Promise<Buffer> {
  return reading(xmp, async () => {
    const reader = await openEntry(xmp.source, xmp.sizeBytes)
    try {
      return await reader.readAll(MAX_SIDECAR_BYTES)
    } finally {
      await reader.close()
    }
  })
}

async function copyToTemp(copy: ItemCopy, temp: string, signal: AbortSignal): Promise<SourceContent> {
  const reader = await reading(copy, () => openEntry(copy.source, copy.sizeBytes))
  const file = openSync(temp, 'wx')
  try {
    const digest = createHash('sha1')
    let head: Buffer = Buffer.alloc(0)
    const chunks = reader.stream(signal)[Symbol.asyncIterator]()
    for (;;) {
      const next = await reading(copy, () => chunks.next())
      if (next.done === true) break
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, next.value]).subarray(0, HEAD_BYTES)
      digest.update(next.value)
      writeAllSync(file, next.value)
    }
    return { sha1: digest.digest('hex'), sizeBytes: copy.sizeBytes, head }
  } finally {
    closeSync(file)
    await reader.close()
  }
}

/** A write may be short (a signal, a nearly full disk); the rest is written or the error is thrown. */
export function writeAllSync(file: number, bytes: Uint8Array): void {
  let written = 0
  while (written < bytes.length) written += writeSync(file, bytes, written, bytes.length - written)
}

async function reading<T>(copy: { readonly path: string }, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof HeirloomError && error.recovery === 'discard') throw asSourceError(copy, error)
    if (error instanceof Error && error.name === 'AbortError') throw error
    throw asSourceError(copy, error)
  }
}

function asSourceError(copy: { readonly path: string }, error: unknown): SourceError {
  const message = error instanceof Error ? error.message : String(error)
  const hint = error instanceof HeirloomError ? error.hint : undefined
  return new SourceError(`${copy.path}: ${message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  })
}
