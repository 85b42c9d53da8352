/**
 * Reads the bytes of one input file, wherever they lie: a file of its own, or a range of a zip archive.
 *
 * A zip entry is read by its range and inflated by node:zlib; its length and CRC-32 are checked against what
 * the directory said, so that a damaged download is never taken for a photo. Short entries are read with
 * synchronous calls, because a worker does one task at a time and a round trip through the thread pool costs
 * more than the read itself; `stream` is asynchronous and holds a few MiB, however large the entry is.
 *
 * Nothing here opens a file for writing, follows a link at the end of an entry's path, or waits for a pipe.
 *
 * @module
 */

import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs'
import { pipeline, Readable } from 'node:stream'
import { promisify } from 'node:util'
import { crc32, createInflateRaw, inflateRawSync } from 'node:zlib'
import type { EntrySource } from './entry.ts'
import {
  CorruptEntryError,
  EntryTooLargeError,
  InputChangedError,
  NotSpooledError,
  TruncatedEntryError,
} from './entry-errors.ts'

/** SHA-1 runs at 1,036 MB/s over reads of this size, at 463 MB/s over those of 64 KiB (measured 2026-11). */
const CHUNK_BYTES = 1024 * 1024

/** Archives kept open per process: the parts of one takeout that neighbouring tasks are likely to need. */
const MAX_OPEN_ARCHIVES = 8

const LOCAL_HEADER_BYTES = 30
const LOCAL_HEADER_SIGNATURE = 0x04034b50

/**
 * Read-only; a link in the place of the listed file is refused (ELOOP), and a pipe does not block the open.
 * Windows has neither flag.
 */
const OPEN_FILE_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

const readAsync = promisify(read)

/** An open entry. Its methods may be called in any order and more than once, until it is closed. */
export interface EntryReader {
  readonly sizeBytes: number
  /**
   * All bytes at once, checked.
   *
   * @param target - Memory to read into, where it is large enough and the bytes lie there as they are; the answer
   *   is then a part of it. A worker that reuses it spares fresh pages and garbage collection by the photo.
   * @throws {@link EntryTooLargeError} when there are more than `limitBytes`, before any is read.
   */
  readAll(limitBytes: number, target?: Buffer): Promise<Buffer>
  /** The first `byteCount` bytes, or all when there are fewer. Not checked against the CRC-32. */
  head(byteCount: number): Promise<Buffer>
  /** All bytes in chunks of at most 1 MiB, which are the caller's to keep; the last one comes after the checks. */
  stream(signal?: AbortSignal): AsyncIterable<Buffer>
  /** Safe twice. */
  close(): Promise<void>
}

/** A contiguous range of an open file. */
interface ByteRange {
  readonly descriptor: number
  readonly file: string
  readonly start: number
  readonly lengthBytes: number
}

/**
 * Opens an entry for reading.
 *
 * @param sizeBytes - The uncompressed size as it was listed; anything else on disk is an error.
 * @throws {@link InputChangedError} for a file of another size, {@link TruncatedEntryError} or
 *   {@link CorruptEntryError} for a zip entry that cannot be there, or the system's error.
 */
export async function openEntry(source: EntrySource, sizeBytes: number): Promise<EntryReader> {
  switch (source.kind) {
    case 'file':
      return openFile(source.file, sizeBytes)
    case 'zip':
      return openZipEntry(source, sizeBytes)
    case 'stream':
      throw new NotSpooledError(source.file, source.ordinal)
  }
}

function openFile(file: string, sizeBytes: number): EntryReader {
  const descriptor = openSync(file, OPEN_FILE_FLAGS)
  try {
    assertUnchanged(descriptor, file, sizeBytes)
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
  const range: ByteRange = { descriptor, file, start: 0, lengthBytes: sizeBytes }
  const cutShort = (found: number): Error =>
    new InputChangedError(file, `${sizeBytes} bytes were listed, ${found} could be read`)
  let isOpen = true
  return {
    sizeBytes,
    readAll: async (limitBytes, target) => {
      assertWithin(file, sizeBytes, limitBytes)
      const bytes = readRange(range, cutShort, target)
      assertUnchanged(descriptor, file, sizeBytes)
      return bytes
    },
    head: async (byteCount) => readRange({ ...range, lengthBytes: Math.min(byteCount, sizeBytes) }, cutShort),
    async *stream(signal) {
      yield* streamRange(range, cutShort, signal)
      assertUnchanged(descriptor, file, sizeBytes)
    },
    close: async () => {
      if (isOpen) closeSync(descriptor)
      isOpen = false
    },
  }
}

function assertUnchanged(descriptor: number, file: string, sizeBytes: number): void {
  const stats = fstatSync(descriptor)
  if (!stats.isFile()) throw new InputChangedError(file, 'it is not a regular file any more')
  if (stats.size === sizeBytes) return
  throw new InputChangedError(file, `${sizeBytes} bytes were listed, it has ${stats.size} now`)
}

function assertWithin(file: string, sizeBytes: number, limitBytes: number): void {
  if (sizeBytes > limitBytes) throw new EntryTooLargeError(file, sizeBytes, limitBytes)
}

type ZipSource = Extract<EntrySource, { kind: 'zip' }>

function openZipEntry(source: ZipSource, sizeBytes: number): EntryReader {
  const archive = borrowArchive(source.file)
  let isOpen = true
  const close = async (): Promise<void> => {
    if (isOpen) returnArchive(archive)
    isOpen = false
  }
  try {
    const range = dataRange(archive, source, sizeBytes)
    return { sizeBytes, close, ...zipMethods(range, source, sizeBytes) }
  } catch (error) {
    returnArchive(archive)
    throw error
  }
}

function zipMethods(
  range: ByteRange,
  source: ZipSource,
  sizeBytes: number,
): Pick<EntryReader, 'readAll' | 'head' | 'stream'> {
  const { file } = source
  const cutShort = (found: number): Error =>
    new TruncatedEntryError(file, `${range.lengthBytes} bytes are promised, ${found} are there`)
  const plain = (signal?: AbortSignal): AsyncIterable<Buffer> =>
    source.method === 0
      ? streamRange(range, cutShort, signal)
      : inflate(streamRange(range, cutShort, signal), file)
  return {
    readAll: async (limitBytes, target) => {
      assertWithin(`entry in ${file}`, sizeBytes, limitBytes)
      const raw = readRange(range, cutShort, target)
      const bytes = source.method === 0 ? raw : inflateAll(raw, file, sizeBytes)
      assertIntact(source, sizeBytes, bytes.length, crc32(bytes))
      return bytes
    },
    head: async (byteCount) => {
      const wanted = Math.min(byteCount, sizeBytes)
      if (source.method === 0) return readRange({ ...range, lengthBytes: wanted }, cutShort)
      return collect(plain(), wanted)
    },
    stream: (signal) => checked(plain(signal), source, sizeBytes, signal),
  }
}

/** Holds back the last chunk until length and CRC-32 are known to be right. */
async function* checked(
  chunks: AsyncIterable<Buffer>,
  source: ZipSource,
  sizeBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  let found = 0
  let crc = 0
  let held: Buffer | undefined
  for await (const chunk of chunks) {
    signal?.throwIfAborted()
    found += chunk.length
    if (found > sizeBytes) assertIntact(source, sizeBytes, found, crc)
    crc = crc32(chunk, crc)
    if (held !== undefined) yield held
    held = chunk
  }
  assertIntact(source, sizeBytes, found, crc)
  if (held !== undefined) yield held
}

function assertIntact(source: ZipSource, sizeBytes: number, found: number, crc: number): void {
  if (found !== sizeBytes) {
    const amount = found > sizeBytes ? 'more' : `only ${found}`
    throw new CorruptEntryError(source.file, `${sizeBytes} bytes are promised, ${amount} came out`)
  }
  if (crc !== source.crc32) {
    throw new CorruptEntryError(source.file, `its CRC-32 is ${hex(crc)}, not ${hex(source.crc32)}`)
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}

/** Finds the data behind the local header, whose name and extra field may differ in length from the directory's. */
function dataRange(archive: OpenArchive, source: ZipSource, sizeBytes: number): ByteRange {
  const { file, headerOffset, compressedSize } = source
  const { descriptor } = archive
  const headerRange = { descriptor, file, start: headerOffset, lengthBytes: LOCAL_HEADER_BYTES }
  const header = readRange(
    headerRange,
    () => new TruncatedEntryError(file, `nothing is left at byte ${headerOffset}`),
  )
  if (header.readUInt32LE(0) !== LOCAL_HEADER_SIGNATURE) {
    throw new CorruptEntryError(file, `no entry begins at byte ${headerOffset}`)
  }
  if (source.method === 0 && compressedSize !== sizeBytes) {
    throw new CorruptEntryError(file, `stored with ${compressedSize} bytes, listed with ${sizeBytes}`)
  }
  const start = headerOffset + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (start + compressedSize > archive.sizeBytes) {
    throw new TruncatedEntryError(
      file,
      `it needs ${start + compressedSize} bytes, the archive has ${archive.sizeBytes}`,
    )
  }
  return { descriptor, file, start, lengthBytes: compressedSize }
}

function inflateAll(raw: Buffer, file: string, sizeBytes: number): Buffer {
  try {
    // One output chunk of the right size saves the usual growing by 16 KiB; one byte more shows an overlong entry.
    const maxOutputLength = sizeBytes + 1
    return inflateRawSync(raw, {
      chunkSize: Math.min(Math.max(maxOutputLength, 64), CHUNK_BYTES),
      maxOutputLength,
    })
  } catch (error) {
    throw asCorrupt(error, file)
  }
}

async function* inflate(compressed: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer> {
  const inflater = createInflateRaw({ chunkSize: CHUNK_BYTES })
  // Errors of either side surface in the loop below: pipeline destroys the inflater with them.
  pipeline(Readable.from(compressed, { objectMode: true, highWaterMark: 1 }), inflater, () => undefined)
  try {
    for await (const chunk of inflater) yield chunk as Buffer
  } catch (error) {
    throw asCorrupt(error, file)
  }
}

/** Wraps what zlib throws; anything else goes through. */
function asCorrupt(error: unknown, file: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ERR_BUFFER_TOO_LARGE') {
    return new CorruptEntryError(file, 'more bytes than promised came out', { cause: error })
  }
  if (!code.startsWith('Z_') || !(error instanceof Error)) return error
  return new CorruptEntryError(file, error.message, { cause: error })
}

async function collect(chunks: AsyncIterable<Buffer>, byteCount: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let found = 0
  if (byteCount > 0) {
    for await (const chunk of chunks) {
      parts.push(chunk)
      found += chunk.length
      if (found >= byteCount) break
    }
  }
  return Buffer.concat(parts).subarray(0, byteCount)
}

function readRange(range: ByteRange, cutShort: (found: number) => Error, target?: Buffer): Buffer {
  const { lengthBytes } = range
  const fits = target !== undefined && target.length >= lengthBytes
  const bytes = fits ? target.subarray(0, lengthBytes) : Buffer.allocUnsafe(lengthBytes)
  let found = 0
  while (found < bytes.length) {
    const count = readSync(range.descriptor, bytes, found, bytes.length - found, range.start + found)
    if (count === 0) throw cutShort(found)
    found += count
  }
  return bytes
}

async function* streamRange(
  range: ByteRange,
  cutShort: (found: number) => Error,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  let found = 0
  while (found < range.lengthBytes) {
    signal?.throwIfAborted()
    const wanted = Math.min(CHUNK_BYTES, range.lengthBytes - found)
    const position = range.start + found
    const buffer = Buffer.allocUnsafeSlow(wanted)
    const { bytesRead } = await readAsync(range.descriptor, buffer, 0, wanted, position)
    if (bytesRead === 0) throw cutShort(found)
    found += bytesRead
    yield bytesRead === wanted ? buffer : buffer.subarray(0, bytesRead)
  }
}

interface OpenArchive {
  readonly file: string
  readonly descriptor: number
  readonly sizeBytes: number
  borrowers: number
}

/** Least recently used first. Bounded per process; entries in use are never closed. */
const openArchives = new Map<string, OpenArchive>()

function borrowArchive(file: string): OpenArchive {
  const known = openArchives.get(file)
  const archive = known ?? openArchiveFile(file)
  archive.borrowers += 1
  openArchives.delete(file)
  openArchives.set(file, archive)
  closeIdleArchives(MAX_OPEN_ARCHIVES)
  return archive
}

function openArchiveFile(file: string): OpenArchive {
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  return { file, descriptor, sizeBytes: fstatSync(descriptor).size, borrowers: 0 }
}

function returnArchive(archive: OpenArchive): void {
  archive.borrowers -= 1
  closeIdleArchives(MAX_OPEN_ARCHIVES)
}

/** Closes the archives that nobody reads, oldest first, until at most `keep` are open. 0 closes all of them. */
export function closeIdleArchives(keep: number = 0): void {
  for (const archive of openArchives.values()) {
    if (openArchives.size <= keep) return
    if (archive.borrowers > 0) continue
    openArchives.delete(archive.file)
    closeSync(archive.descriptor)
  }
}
