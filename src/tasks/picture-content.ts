/**
 * Reads a picture once, for its hash, its format and its decoder.
 *
 * @module
 */

import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { HeirloomError } from '../errors.ts'
import type { FileFacts } from '../library/hashed-files.ts'
import type { MediaFormat } from '../media/formats.ts'
import { IDENTIFY_BYTES, identify } from '../media/identify.ts'

export interface PictureContent {
  /** As it was when it was read. */
  readonly file: FileFacts
  /** Undefined when the content is of no format that we know. */
  readonly format?: MediaFormat
  /** Hex; undefined when nobody wanted it. */
  readonly sha1?: string
  /**
   * The whole file, where it is a picture and not too large for that. In memory that the next picture is read into:
   * not to be kept beyond the {@link PictureBuffer}'s lease.
   */
  readonly bytes?: Buffer
}

/** Thrown when somebody writes the file while it is read: hash and thumbnails would be of two different contents. */
export class FileChangedError extends HeirloomError {
  readonly code = 'file/changed'
  readonly recovery = 'retry'

  constructor(fileName: string) {
    super(`${fileName} was changed while it was read`, { hint: 'Run the command again when it is complete.' })
  }
}

/** Thrown for a pipe, a device or a folder where a file should be. */
export class NotAFileError extends HeirloomError {
  readonly code = 'file/special'
  readonly recovery = 'discard'
}

/** A larger picture is read by its decoder: a worker's memory is for pixels. */
const WHOLE_LIMIT_BYTES = 64 * 1024 * 1024

/** Fastest for SHA-1 (`docs/guides/benchmarks.md`): a stream's 64 KiB take twice the CPU time. */
const CHUNK_BYTES = 1024 * 1024

/** Larger than what phones and most cameras write; one that is larger still gets memory of its own. */
const KEPT_BYTES = 16 * 1024 * 1024
const FIRST_KEPT_BYTES = 4 * 1024 * 1024

/**
 * Memory that one picture after the other is read into: each in memory of its own costs a tenth of the processor time of a
 * small thumbnail, since every few megabytes outside of its heap make V8 collect all of it.
 */
export class PictureBuffer {
  #kept = Buffer.alloc(0)
  #isTaken = false

  /** Runs `work` with the memory; while that runs, another picture gets memory of its own. */
  async lend<Result>(work: (take: TakeBytes) => Promise<Result>): Promise<Result> {
    if (this.#isTaken) return await work((sizeBytes) => Buffer.allocUnsafeSlow(sizeBytes))
    this.#isTaken = true
    try {
      return await work((sizeBytes) => this.#ofSize(sizeBytes))
    } finally {
      this.#isTaken = false
    }
  }

  #ofSize(sizeBytes: number): Buffer {
    if (sizeBytes > KEPT_BYTES) return Buffer.allocUnsafeSlow(sizeBytes)
    if (this.#kept.length < sizeBytes) {
      let length = FIRST_KEPT_BYTES
      while (length < sizeBytes) length *= 2
      this.#kept = Buffer.allocUnsafeSlow(length)
    }
    return this.#kept.subarray(0, sizeBytes)
  }
}

/** Memory of that many bytes, with anything in it. */
export type TakeBytes = (sizeBytes: number) => Buffer

export interface ReadPictureOptions {
  /** Chooses among formats that the same bytes fit. */
  readonly fileName: string
  /** The content's hash is known. */
  readonly isHashed: boolean
  readonly signal: AbortSignal
  /** For the whole file, once. Default: new memory. */
  readonly take?: TakeBytes
}

/** @throws {@link FileChangedError}, {@link NotAFileError}, and what the system says. */
export async function readPicture(path: string, options: ReadPictureOptions): Promise<PictureContent> {
  // Opening a pipe would wait for its other end.
  await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const before = await factsOf(handle, path)
  const content = await readFrom(handle, before, options)
  const { sizeBytes, modifiedAt } = await factsOf(handle, path)
  if (sizeBytes !== before.sizeBytes || modifiedAt !== before.modifiedAt)
    throw new FileChangedError(options.fileName)
  return { file: before, ...content }
}

async function factsOf(handle: FileHandle, path: string): Promise<FileFacts> {
  const stats = await handle.stat()
  if (!stats.isFile()) throw new NotAFileError(`${path} is not a file`)
  return { path, sizeBytes: stats.size, modifiedAt: Math.round(stats.mtimeMs) }
}

async function readFrom(
  handle: FileHandle,
  { sizeBytes }: FileFacts,
  { fileName, isHashed, signal, take = Buffer.allocUnsafeSlow }: ReadPictureOptions,
): Promise<Omit<PictureContent, 'file'>> {
  const isSmall = sizeBytes <= WHOLE_LIMIT_BYTES
  const head = Buffer.allocUnsafe(Math.min(sizeBytes, IDENTIFY_BYTES))
  const found = await fill(handle, head, 0)
  const format = identify(found, fileName)
  const known = format === undefined ? {} : { format }
  if (isSmall && format?.kind === 'image') {
    const bytes = take(sizeBytes)
    const whole = await fill(handle, bytes, 0)
    const sha1 = isHashed ? {} : { sha1: createHash('sha1').update(whole).digest('hex') }
    return { ...known, ...sha1, bytes: whole }
  }
  return isHashed ? known : { ...known, sha1: await hashAll(handle, sizeBytes, signal) }
}

/** As much of the buffer as the file has. */
async function fill(handle: FileHandle, buffer: Buffer, from: number): Promise<Buffer> {
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, from + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

async function hashAll(handle: FileHandle, sizeBytes: number, signal: AbortSignal): Promise<string> {
  const hash: Hash = createHash('sha1')
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, sizeBytes)))
  for (let position = 0; position < sizeBytes; ) {
    signal.throwIfAborted()
    const chunk = await fill(handle, buffer, position)
    if (chunk.length === 0) break
    hash.update(chunk)
    position += chunk.length
  }
  return hash.digest('hex')
}
