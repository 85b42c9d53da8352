/**
 * Reads the central directory of a zip archive: names and numbers, no judgement.
 *
 * The directory is walked here rather than by yauzl, which ends at the first record that it dislikes (a strong
 * encryption flag, an odd extra field) and makes two reads a record: one bad entry must not cost the rest, and
 * 100,000 records are to be listed at once. The decoding of names (UTF-8, CP437, Info-ZIP's unicode path) and
 * times is yauzl's.
 *
 * Format: PKWARE APPNOTE 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3 (Zip64).
 *
 * @module
 */

import { isUtf8 } from 'node:buffer'
import { readSync } from 'node:fs'
import { dosDateTimeToDate, type ExtraField, getFileNameLowLevel } from 'yauzl'

const END_SIGNATURE = 0x06054b50
const END_BYTES = 22
const ZIP64_LOCATOR_SIGNATURE = 0x07064b50
const ZIP64_LOCATOR_BYTES = 20
const ZIP64_END_SIGNATURE = 0x06064b50
const ZIP64_END_BYTES = 56
const RECORD_SIGNATURE = 0x02014b50
const RECORD_BYTES = 46
const MAX_COMMENT_BYTES = 0xffff
const UINT32_MAX = 0xffffffff

const UTF8_FLAG = 0x800
const ZIP64_FIELD = 0x0001
/** Info-ZIP's "universal timestamp": flags, then seconds since 1970. */
const TIMESTAMP_FIELD = 0x5455

/** Records that are read at most: twenty times the largest takeout seen, and 1 GB of memory. */
const MAX_RECORDS = 2_000_000

/** One entry as the archive tells of it. */
export interface ZipRecord {
  /** Decoded, otherwise as it stands in the archive. */
  readonly name: string
  readonly nameBytes: number
  readonly flags: number
  readonly method: number
  readonly crc32: number
  readonly compressedSize: number
  readonly sizeBytes: number
  readonly headerOffset: number
  /** Type and permissions of a Unix file, or 0 where the archive has none. */
  readonly unixMode: number
  readonly modifiedAt?: number
}

export interface ZipDirectory {
  readonly records: readonly ZipRecord[]
  /** Where the directory begins: no entry's data may reach beyond. */
  readonly startOffset: number
  /** Set when the directory breaks off or holds nonsense, so that there may be more entries than records. */
  readonly damage?: string
}

/** Random reads of a file through one window, for walking along small records. */
export class ByteWindow {
  readonly sizeBytes: number
  readonly #descriptor: number
  #window: Buffer = Buffer.alloc(0)
  #start = 0

  constructor(descriptor: number, sizeBytes: number) {
    this.#descriptor = descriptor
    this.sizeBytes = sizeBytes
  }

  /** Undefined when the file has not that many bytes there. Valid until the next call. */
  at(position: number, lengthBytes: number): Buffer | undefined {
    if (position < 0 || position + lengthBytes > this.sizeBytes) return undefined
    const offset = position - this.#start
    if (offset < 0 || offset + lengthBytes > this.#window.length) {
      if (!this.#load(position, lengthBytes)) return undefined
    }
    const start = position - this.#start
    return this.#window.subarray(start, start + lengthBytes)
  }

  #load(position: number, lengthBytes: number): boolean {
    const wanted = Math.min(Math.max(lengthBytes, 1024 * 1024), this.sizeBytes - position)
    const window = Buffer.allocUnsafe(wanted)
    let found = 0
    while (found < wanted) {
      const count = readSync(this.#descriptor, window, found, wanted - found, position + found)
      if (count === 0) break
      found += count
    }
    this.#window = window.subarray(0, found)
    this.#start = position
    return found >= lengthBytes
  }
}

/** The directory, or undefined when the archive has none, as one that was cut off. */
export function readZipDirectory(bytes: ByteWindow): ZipDirectory | undefined {
  const end = findEnd(bytes)
  if (end === undefined) return undefined
  const records: ZipRecord[] = []
  let position = end.directoryStart
  while (position < end.directoryEnd && records.length < MAX_RECORDS) {
    const record = readRecord(bytes, position, end.shift)
    if (record === undefined) break
    records.push(record.record)
    position += record.lengthBytes
  }
  const directory = { records, startOffset: end.directoryStart }
  if (position === end.directoryEnd && records.length === end.recordCount) return directory
  const damage = `directory promises ${end.recordCount} entries, ${records.length} can be read`
  return { ...directory, damage }
}

interface DirectoryEnd {
  readonly directoryStart: number
  readonly directoryEnd: number
  readonly recordCount: number
  /** What to add to every offset in the archive: bytes were put in front of it. */
  readonly shift: number
}

/** The end record lies last, behind it only a comment (and whatever a download appended). */
function findEnd(bytes: ByteWindow): DirectoryEnd | undefined {
  const tailBytes = Math.min(bytes.sizeBytes, END_BYTES + MAX_COMMENT_BYTES + 1)
  const tailStart = bytes.sizeBytes - tailBytes
  // A copy: the window moves on while the candidates are tried.
  const tail = Buffer.from(bytes.at(tailStart, tailBytes) ?? [])
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail[at] !== 0x50 || tail.readUInt32LE(at) !== END_SIGNATURE) continue
    const end = toDirectoryEnd(bytes, tail.subarray(at, at + END_BYTES), tailStart + at)
    if (end !== undefined) return end
  }
  return undefined
}

function toDirectoryEnd(bytes: ByteWindow, end: Buffer, position: number): DirectoryEnd | undefined {
  const zip64 = findZip64End(bytes, position)
  if (zip64 !== undefined) return zip64
  return placeDirectory(bytes, {
    recordCount: end.readUInt16LE(10),
    lengthBytes: end.readUInt32LE(12),
    statedStart: end.readUInt32LE(16),
    directoryEnd: position,
  })
}

function findZip64End(bytes: ByteWindow, endPosition: number): DirectoryEnd | undefined {
  const locatorAt = endPosition - ZIP64_LOCATOR_BYTES
  const locator = bytes.at(locatorAt, ZIP64_LOCATOR_BYTES)
  if (locator?.readUInt32LE(0) !== ZIP64_LOCATOR_SIGNATURE) return undefined
  const stated = toNumber(locator.readBigUInt64LE(8))
  // The second guess holds when bytes were put in front of the archive.
  for (const position of [stated, locatorAt - ZIP64_END_BYTES]) {
    const end = bytes.at(position, ZIP64_END_BYTES)
    if (end?.readUInt32LE(0) !== ZIP64_END_SIGNATURE) continue
    return placeDirectory(bytes, {
      recordCount: toNumber(end.readBigUInt64LE(32)),
      lengthBytes: toNumber(end.readBigUInt64LE(40)),
      statedStart: toNumber(end.readBigUInt64LE(48)),
      directoryEnd: position,
    })
  }
  return undefined
}

function placeDirectory(
  bytes: ByteWindow,
  end: { recordCount: number; lengthBytes: number; statedStart: number; directoryEnd: number },
): DirectoryEnd | undefined {
  const { recordCount, lengthBytes, statedStart, directoryEnd } = end
  if (recordCount === 0 && lengthBytes === 0) {
    return { recordCount, directoryStart: directoryEnd, directoryEnd, shift: 0 }
  }
  for (const directoryStart of [statedStart, directoryEnd - lengthBytes]) {
    if (bytes.at(directoryStart, 4)?.readUInt32LE(0) !== RECORD_SIGNATURE) continue
    const shift = directoryStart - statedStart
    return { recordCount, directoryStart, directoryEnd: directoryStart + lengthBytes, shift }
  }
  return undefined
}

function readRecord(
  bytes: ByteWindow,
  position: number,
  shift: number,
): { record: ZipRecord; lengthBytes: number } | undefined {
  const head = bytes.at(position, RECORD_BYTES)
  if (head?.readUInt32LE(0) !== RECORD_SIGNATURE) return undefined
  const nameBytes = head.readUInt16LE(28)
  const extraBytes = head.readUInt16LE(30)
  const lengthBytes = RECORD_BYTES + nameBytes + extraBytes + head.readUInt16LE(32)
  const whole = bytes.at(position, lengthBytes)
  if (whole === undefined) return undefined
  const nameEnd = RECORD_BYTES + nameBytes
  const fields = readExtraFields(whole.subarray(nameEnd, nameEnd + extraBytes))
  const record = toRecord(whole, whole.subarray(RECORD_BYTES, nameEnd), fields)
  return {
    record: shift === 0 ? record : { ...record, headerOffset: record.headerOffset + shift },
    lengthBytes,
  }
}

function toRecord(whole: Buffer, rawName: Buffer, fields: readonly ExtraField[]): ZipRecord {
  const flags = whole.readUInt16LE(8)
  // In this order, and each only where the 32-bit field is full (APPNOTE 4.5.3).
  const wide = [whole.readUInt32LE(24), whole.readUInt32LE(20), whole.readUInt32LE(42)]
  const [sizeBytes = 0, compressedSize = 0, headerOffset = 0] = widen(wide, fields)
  const modifiedAt = toModifiedAt(whole.readUInt16LE(14), whole.readUInt16LE(12), fields)
  return {
    name: decodeName(flags, rawName, fields),
    nameBytes: rawName.length,
    flags,
    method: whole.readUInt16LE(10),
    crc32: whole.readUInt32LE(16),
    compressedSize,
    sizeBytes,
    headerOffset,
    unixMode: whole.readUInt32LE(38) >>> 16,
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
  }
}

/** Replaces each full 32-bit number by the next 64-bit one of the Zip64 field; leaves it where there is none. */
export function widen(narrow: readonly number[], fields: readonly ExtraField[]): number[] {
  const data = fields.find(({ id }) => id === ZIP64_FIELD)?.data
  let at = 0
  return narrow.map((value) => {
    if (value !== UINT32_MAX || data === undefined || at + 8 > data.length) return value
    at += 8
    return toNumber(data.readBigUInt64LE(at - 8))
  })
}

/** Beyond 2^53 no file ends: such a number fails every comparison with a real size. */
function toNumber(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
}

/**
 * Info-ZIP's unicode path first, then what the UTF-8 flag says. Without the flag names are CP437 by the standard,
 * but macOS and zip(1) write UTF-8 all the same: what is valid UTF-8 is taken for it.
 */
export function decodeName(flags: number, rawName: Buffer, fields: readonly ExtraField[]): string {
  const isStrict = true // leaves backslashes as they are
  return getFileNameLowLevel(isUtf8(rawName) ? flags | UTF8_FLAG : flags, rawName, [...fields], isStrict)
}

/** Ends at the first field that reaches beyond the rest, as real archives hold padding and half fields. */
export function readExtraFields(bytes: Buffer): ExtraField[] {
  const fields: ExtraField[] = []
  let at = 0
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt16LE(at + 2)
    if (end > bytes.length) break
    fields.push({ id: bytes.readUInt16LE(at), data: bytes.subarray(at + 4, end) })
    at = end
  }
  return fields
}

/**
 * The DOS time is local time wherever the archive was made; this machine's zone is the best guess. The first
 * instant that it can express, and impossible months, stand for "unknown".
 */
export function toModifiedAt(date: number, time: number, fields: readonly ExtraField[]): number | undefined {
  const stamp = fields.find(({ id }) => id === TIMESTAMP_FIELD)?.data
  if (stamp !== undefined && stamp.length >= 5 && ((stamp[0] ?? 0) & 1) !== 0) {
    return stamp.readInt32LE(1) * 1000
  }
  const month = (date >> 5) & 0xf
  const day = date & 0x1f
  if (month < 1 || month > 12 || day < 1 || (date === 0x21 && time === 0)) return undefined
  return dosDateTimeToDate(date, time).getTime()
}
