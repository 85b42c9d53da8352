/**
 * Finds the entries of a zip archive whose directory is lost, by walking from one local header to the next.
 *
 * A download that broke off has no directory, as that comes last, but most of its photos are whole. Google writes
 * its archives as a stream: the sizes stand behind the data ("data descriptor"), so the end of each entry is only
 * found by inflating it. That reads the whole archive once; it happens only to broken ones.
 *
 * @module
 */

import { pipeline, Readable } from 'node:stream'
import { crc32, createInflateRaw } from 'node:zlib'
import { maxUnpackedBytes } from './limits.ts'
import {
  type ByteWindow,
  decodeName,
  readExtraFields,
  toModifiedAt,
  widen,
  type ZipRecord,
} from './zip-directory.ts'

const LOCAL_SIGNATURE = 0x04034b50
const LOCAL_BYTES = 30
const DESCRIPTOR_SIGNATURE = 0x08074b50
const DESCRIPTOR_BYTES = Buffer.from([0x50, 0x4b, 0x07, 0x08])
const DESCRIPTOR_FOLLOWS = 0x8
const CHUNK_BYTES = 1024 * 1024
/** Far less than the window holds, so that data full of false signatures is not loaded again for each. */
const SEARCH_BYTES = 64 * 1024

/** What the walk found before it ended. */
export interface Salvage {
  readonly records: readonly ZipRecord[]
  /** The entry that the walk ended at because it is not whole. */
  readonly broken?: { readonly name: string }
}

interface LocalHeader {
  readonly record: ZipRecord
  readonly dataStart: number
}

/** Size, checksum and extent of an entry's data. */
interface Measured {
  readonly compressedSize: number
  readonly sizeBytes: number
  readonly crc32: number
}

/** Walks the archive from its first byte until `endOffset`, or until something that is not an entry. */
export async function salvageZip(
  bytes: ByteWindow,
  endOffset: number,
  signal?: AbortSignal,
): Promise<Salvage> {
  const records: ZipRecord[] = []
  let position = 0
  // What the whole archive may unpack to also bounds the time that the walk takes.
  let leftBytes = maxUnpackedBytes(bytes.sizeBytes)
  while (position < endOffset) {
    signal?.throwIfAborted()
    const header = readLocalHeader(bytes, position)
    if (header === undefined) break
    const found = await measure(bytes, header, leftBytes, signal)
    if (found === undefined) return { records, broken: { name: header.record.name } }
    records.push({ ...header.record, ...found.measured })
    position = found.end
    leftBytes -= found.measured.sizeBytes
  }
  return { records }
}

function readLocalHeader(bytes: ByteWindow, position: number): LocalHeader | undefined {
  const head = bytes.at(position, LOCAL_BYTES)
  if (head?.readUInt32LE(0) !== LOCAL_SIGNATURE) return undefined
  const nameBytes = head.readUInt16LE(26)
  const extraBytes = head.readUInt16LE(28)
  const whole = bytes.at(position, LOCAL_BYTES + nameBytes + extraBytes)
  if (whole === undefined) return undefined
  const rawName = whole.subarray(LOCAL_BYTES, LOCAL_BYTES + nameBytes)
  const fields = readExtraFields(whole.subarray(LOCAL_BYTES + nameBytes))
  const flags = whole.readUInt16LE(6)
  const [sizeBytes = 0, compressedSize = 0] = widen([whole.readUInt32LE(22), whole.readUInt32LE(18)], fields)
  const modifiedAt = toModifiedAt(whole.readUInt16LE(12), whole.readUInt16LE(10), fields)
  const record: ZipRecord = {
    name: decodeName(flags, rawName, fields),
    nameBytes,
    flags,
    method: whole.readUInt16LE(8),
    crc32: whole.readUInt32LE(14),
    compressedSize,
    sizeBytes,
    headerOffset: position,
    unixMode: 0,
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
  }
  return { record, dataStart: position + whole.length }
}

/** Undefined when the data is not whole. */
async function measure(
  bytes: ByteWindow,
  { record, dataStart }: LocalHeader,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<{ measured: Measured; end: number } | undefined> {
  const { compressedSize, sizeBytes, crc32: crc } = record
  if ((record.flags & DESCRIPTOR_FOLLOWS) === 0) {
    const end = dataStart + compressedSize
    return end > bytes.sizeBytes ? undefined : { measured: { compressedSize, sizeBytes, crc32: crc }, end }
  }
  // Where an encrypted or otherwise packed entry ends cannot be told without its directory.
  const isPlain = (record.flags & 1) === 0
  if (isPlain && record.method === 8) return measureDeflated(bytes, dataStart, maxBytes, signal)
  if (isPlain && record.method === 0) return measureStored(bytes, dataStart, signal)
  return undefined
}

async function measureDeflated(
  bytes: ByteWindow,
  dataStart: number,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<{ measured: Measured; end: number } | undefined> {
  const inflater = createInflateRaw({ chunkSize: CHUNK_BYTES })
  // Errors surface in the loop: pipeline destroys the inflater with them.
  pipeline(
    Readable.from(chunksFrom(bytes, dataStart), { objectMode: true, highWaterMark: 1 }),
    inflater,
    () => undefined,
  )
  let sizeBytes = 0
  let crc = 0
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      signal?.throwIfAborted()
      sizeBytes += chunk.length
      crc = crc32(chunk, crc)
      if (sizeBytes > maxBytes) return undefined
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) return undefined
    throw error
  }
  const measured = { compressedSize: inflater.bytesWritten, sizeBytes, crc32: crc }
  const end = endOfDescriptor(bytes, dataStart + measured.compressedSize, measured)
  return end === undefined ? undefined : { measured, end }
}

function* chunksFrom(bytes: ByteWindow, start: number): Generator<Buffer> {
  for (let position = start; position < bytes.sizeBytes; position += CHUNK_BYTES) {
    const chunk = bytes.at(position, Math.min(CHUNK_BYTES, bytes.sizeBytes - position))
    if (chunk === undefined) return
    yield chunk
  }
}

/** Looks for a descriptor that tells exactly the size and checksum of what lies before it. */
async function measureStored(
  bytes: ByteWindow,
  dataStart: number,
  signal: AbortSignal | undefined,
): Promise<{ measured: Measured; end: number } | undefined> {
  let crc = 0
  let position = dataStart
  /** 1 when a signature stands at `position` that has been tried already. */
  let tried = 0
  while (position + 4 <= bytes.sizeBytes) {
    signal?.throwIfAborted()
    const window = bytes.at(position, Math.min(SEARCH_BYTES, bytes.sizeBytes - position))
    if (window === undefined) return undefined
    const hit = window.indexOf(DESCRIPTOR_BYTES, tried)
    tried = hit === -1 ? 0 : 1
    // The last three bytes may be the beginning of a signature.
    const stepBytes = hit === -1 ? window.length - 3 : hit
    crc = crc32(window.subarray(0, stepBytes), crc)
    position += stepBytes
    const sizeBytes = position - dataStart
    const measured = { compressedSize: sizeBytes, sizeBytes, crc32: crc }
    const end = hit === -1 ? undefined : endOfDescriptor(bytes, position, measured)
    if (end !== undefined) return { measured, end }
  }
  return undefined
}

/** The descriptor's signature is optional and its sizes have 4 or 8 bytes (APPNOTE 4.3.9): whichever form fits. */
function endOfDescriptor(bytes: ByteWindow, start: number, measured: Measured): number | undefined {
  const hasSignature = bytes.at(start, 4)?.readUInt32LE(0) === DESCRIPTOR_SIGNATURE
  const at = hasSignature ? start + 4 : start
  const wide = bytes.at(at, 20)
  if (wide !== undefined && wide.readUInt32LE(0) === measured.crc32) {
    const fits =
      wide.readBigUInt64LE(4) === BigInt(measured.compressedSize) &&
      wide.readBigUInt64LE(12) === BigInt(measured.sizeBytes)
    if (fits) return at + 20
  }
  const narrow = bytes.at(at, 12)
  if (narrow === undefined || narrow.readUInt32LE(0) !== measured.crc32) return undefined
  const fits =
    narrow.readUInt32LE(4) === measured.compressedSize % 2 ** 32 &&
    narrow.readUInt32LE(8) === measured.sizeBytes % 2 ** 32
  return fits ? at + 12 : undefined
}
