/**
 * Changes a TIFF directory by appending to the block: nothing that is there moves.
 *
 * @module
 */

import type { TiffDirectory } from './tiff.ts'

/** A value as TIFF stores it: type number, how many, and their bytes in the block's byte order. */
export interface TiffValue {
  readonly type: number
  readonly count: number
  readonly data: Buffer
}

/** ASCII by the letter of the standard; in practice UTF-8, as exiftool and phones write it. Ends in NUL. */
export function ascii(text: string): TiffValue {
  const data = Buffer.from(`${text}\0`)
  return { type: 2, count: data.length, data }
}

/** A value of single bytes: BYTE (1) or UNDEFINED (7). */
export function bytesValue(type: 1 | 7, data: Buffer): TiffValue {
  return { type, count: data.length, data }
}

export function short(value: number, littleEndian: boolean): TiffValue {
  const data = Buffer.alloc(2)
  if (littleEndian) data.writeUInt16LE(value)
  else data.writeUInt16BE(value)
  return { type: 3, count: 1, data }
}

export function long(value: number, littleEndian: boolean): TiffValue {
  return { type: 4, count: 1, data: uint32(value, littleEndian) }
}

/** Fractions of unsigned integers below 2^32. */
export function rationals(
  fractions: readonly (readonly [numerator: number, denominator: number])[],
  littleEndian: boolean,
): TiffValue {
  const data = Buffer.concat(fractions.flat().map((part) => uint32(part, littleEndian)))
  return { type: 5, count: fractions.length, data }
}

/**
 * Applies changes to one directory.
 *
 * @param directory - Undefined to make a new one.
 * @returns A new block, at least as long as the old one, and where the directory now lies: at its old place when
 *   every changed tag was there already, else behind all that was.
 */
export function appendChanges(
  block: Buffer,
  littleEndian: boolean,
  directory: TiffDirectory | undefined,
  changes: ReadonlyMap<number, TiffValue>,
): { bytes: Buffer; at: number } {
  const known = new Map(directory?.entries.map((entry) => [entry.tag, entry.entryAt]))
  const parts: Buffer[] = [Buffer.from(block)]
  let endAt = block.length
  const append = (data: Buffer): number => {
    // TIFF wants values on even offsets.
    const padding = endAt % 2
    const at = endAt + padding
    parts.push(Buffer.alloc(padding), data)
    endAt = at + data.length
    return at
  }
  const entries = new Map<number, Buffer>()
  for (const { tag, entryAt } of directory?.entries ?? []) {
    entries.set(tag, block.subarray(entryAt, entryAt + 12))
  }
  for (const [tag, value] of changes) {
    const place = value.data.length <= 4 ? value.data : uint32(append(value.data), littleEndian)
    entries.set(tag, toEntry(tag, value, place, littleEndian))
  }
  const isInPlace = directory !== undefined && [...changes.keys()].every((tag) => known.has(tag))
  if (!isInPlace) {
    const at = append(toDirectory(entries, directory?.nextAt ?? 0, littleEndian))
    return { bytes: Buffer.concat(parts), at }
  }
  const bytes = Buffer.concat(parts)
  for (const tag of changes.keys()) entries.get(tag)?.copy(bytes, known.get(tag) ?? bytes.length)
  return { bytes, at: directory.at }
}

function toEntry(tag: number, value: TiffValue, place: Buffer, littleEndian: boolean): Buffer {
  const entry = Buffer.alloc(12)
  short(tag, littleEndian).data.copy(entry, 0)
  short(value.type, littleEndian).data.copy(entry, 2)
  uint32(value.count, littleEndian).copy(entry, 4)
  place.copy(entry, 8)
  return entry
}

/** Entries sorted by tag, as TIFF demands. */
function toDirectory(entries: ReadonlyMap<number, Buffer>, nextAt: number, littleEndian: boolean): Buffer {
  const sorted = [...entries].sort(([left], [right]) => left - right).map(([, entry]) => entry)
  return Buffer.concat([short(sorted.length, littleEndian).data, ...sorted, uint32(nextAt, littleEndian)])
}

function uint32(value: number, littleEndian: boolean): Buffer {
  const data = Buffer.alloc(4)
  if (littleEndian) data.writeUInt32LE(value)
  else data.writeUInt32BE(value)
  return data
}
