/**
 * Reads the directories of a TIFF block, as EXIF carries them.
 *
 * Every offset and count in such a block may be a lie, so nothing is followed outside the block, no directory is
 * entered twice, and the work is bounded. What looks wrong is not repaired but named in `oddities`: reading goes
 * on with the rest, and the writer refuses to touch such a block.
 *
 * @module
 */

/** Bytes of one value by TIFF type number (TIFF 6.0, and IFD = 13 of its supplement). */
const TYPE_BYTES: readonly number[] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4]

/** Camera directories hold fewer than 100 entries; more than this is garbage read as a directory. */
const MAX_ENTRIES = 1000

export const EXIF_POINTER = 0x8769
export const GPS_POINTER = 0x8825
const INTEROP_POINTER = 0xa005
const THUMBNAIL_OFFSET = 0x0201
const THUMBNAIL_LENGTH = 0x0202

/** One directory entry. `valueAt` is where its bytes lie, in the entry itself when they are four or fewer. */
export interface TiffEntry {
  readonly tag: number
  readonly type: number
  readonly count: number
  /** Offset of the entry's 12 bytes. */
  readonly entryAt: number
  readonly valueAt: number
  /** 0 for an unknown type. */
  readonly sizeBytes: number
}

/** One directory: its entries, and the offset of the next one (0 = none). */
export interface TiffDirectory {
  readonly at: number
  readonly endAt: number
  readonly entries: readonly TiffEntry[]
  readonly nextAt: number
}

/** A block with the directories that photo metadata lives in. All offsets count from the block's start. */
export interface TiffBlock {
  readonly bytes: Buffer
  readonly littleEndian: boolean
  readonly image: TiffDirectory | undefined
  readonly exif: TiffDirectory | undefined
  readonly gps: TiffDirectory | undefined
  /** Why the block is not to be written to; empty for a sound one. */
  readonly oddities: readonly string[]
}

/** Parses a TIFF block; undefined when it does not begin like one. Never throws, never reads outside. */
export function parseTiff(bytes: Buffer): TiffBlock | undefined {
  const order = bytes.toString('latin1', 0, 2)
  if (bytes.length < 8 || (order !== 'II' && order !== 'MM')) return undefined
  const littleEndian = order === 'II'
  if (readUint(bytes, 2, 2, littleEndian) !== 42) return undefined

  const oddities: string[] = []
  const found: TiffDirectory[] = []
  const enter = (name: string, at: number): TiffDirectory | undefined => {
    const directory = at === 0 ? undefined : readDirectory(bytes, at, littleEndian)
    if (directory === undefined) {
      oddities.push(`${name} lies outside the block`)
      return undefined
    }
    if (found.some((other) => at < other.endAt && other.at < directory.endAt)) {
      oddities.push(`${name} overlaps another directory`)
      return undefined
    }
    found.push(directory)
    oddities.push(...oddEntries(name, directory, bytes))
    return directory
  }
  const follow = (name: string, from: TiffDirectory | undefined, tag: number): TiffDirectory | undefined => {
    const pointer = from?.entries.find((entry) => entry.tag === tag)
    return pointer === undefined ? undefined : enter(name, readInteger(bytes, pointer, littleEndian) ?? 0)
  }

  const image = enter('IFD0', readUint(bytes, 4, 4, littleEndian))
  const exif = follow('ExifIFD', image, EXIF_POINTER)
  const gps = follow('GPS', image, GPS_POINTER)
  follow('InteropIFD', exif, INTEROP_POINTER)
  if (image !== undefined && image.nextAt !== 0) {
    const thumbnail = enter('IFD1', image.nextAt)
    if (thumbnail !== undefined) oddities.push(...oddThumbnail(thumbnail, bytes, littleEndian))
  }
  return { bytes, littleEndian, image, exif, gps, oddities }
}

/** One directory at a known place; undefined when it does not fit into the bytes. */
export function readDirectory(bytes: Buffer, at: number, littleEndian: boolean): TiffDirectory | undefined {
  if (at < 8 || at + 2 > bytes.length) return undefined
  const count = readUint(bytes, at, 2, littleEndian)
  const endAt = at + 2 + count * 12
  if (count > MAX_ENTRIES || endAt > bytes.length) return undefined
  const entries = Array.from({ length: count }, (_, index) =>
    readEntry(bytes, at + 2 + index * 12, littleEndian),
  )
  // A few writers leave the pointer to the next directory off at the block's end.
  const nextAt = endAt + 4 <= bytes.length ? readUint(bytes, endAt, 4, littleEndian) : 0
  return { at, endAt: Math.min(endAt + 4, bytes.length), entries, nextAt }
}

function readEntry(bytes: Buffer, entryAt: number, littleEndian: boolean): TiffEntry {
  const tag = readUint(bytes, entryAt, 2, littleEndian)
  const type = readUint(bytes, entryAt + 2, 2, littleEndian)
  const count = readUint(bytes, entryAt + 4, 4, littleEndian)
  const sizeBytes = (TYPE_BYTES[type] ?? 0) * count
  const valueAt = sizeBytes <= 4 ? entryAt + 8 : readUint(bytes, entryAt + 8, 4, littleEndian)
  return { tag, type, count, entryAt, valueAt, sizeBytes }
}

function oddEntries(name: string, directory: TiffDirectory, bytes: Buffer): string[] {
  const odd: string[] = []
  const seen = new Set<number>()
  for (const { tag, type, valueAt, sizeBytes } of directory.entries) {
    const label = `${name} 0x${tag.toString(16).padStart(4, '0')}`
    if (TYPE_BYTES[type] === undefined || type === 0) odd.push(`${label} has the unknown type ${type}`)
    if (valueAt + sizeBytes > bytes.length) odd.push(`${label} lies outside the block`)
    if (seen.has(tag)) odd.push(`${label} occurs twice`)
    seen.add(tag)
  }
  return odd
}

function oddThumbnail(directory: TiffDirectory, bytes: Buffer, littleEndian: boolean): string[] {
  const numberOf = (tag: number): number => {
    const entry = directory.entries.find((candidate) => candidate.tag === tag)
    return (entry === undefined ? undefined : readInteger(bytes, entry, littleEndian)) ?? 0
  }
  const endAt = numberOf(THUMBNAIL_OFFSET) + numberOf(THUMBNAIL_LENGTH)
  return endAt > bytes.length ? ['the thumbnail lies outside the block'] : []
}

/** An unsigned integer of 1, 2 or 4 bytes at a place that the caller knows to be inside. */
export function readUint(bytes: Buffer, at: number, sizeBytes: 1 | 2 | 4, littleEndian: boolean): number {
  return littleEndian ? bytes.readUIntLE(at, sizeBytes) : bytes.readUIntBE(at, sizeBytes)
}

/** The bytes of an entry's value; undefined when they lie outside the block or there are none. */
export function valueBytes(bytes: Buffer, entry: TiffEntry): Buffer | undefined {
  if (entry.sizeBytes === 0 || entry.valueAt + entry.sizeBytes > bytes.length) return undefined
  return bytes.subarray(entry.valueAt, entry.valueAt + entry.sizeBytes)
}

/** The first value of an entry of an integer type (BYTE, SHORT, LONG, IFD). */
export function readInteger(bytes: Buffer, entry: TiffEntry, littleEndian: boolean): number | undefined {
  const value = valueBytes(bytes, entry)
  if (value === undefined) return undefined
  if (entry.type === 1) return value[0]
  if (entry.type === 3) return readUint(value, 0, 2, littleEndian)
  return entry.type === 4 || entry.type === 13 ? readUint(value, 0, 4, littleEndian) : undefined
}

/** The values of an entry of RATIONAL type; a zero denominator gives NaN, as for "not known". */
export function readRationals(bytes: Buffer, entry: TiffEntry, littleEndian: boolean): readonly number[] {
  const value = valueBytes(bytes, entry)
  if (value === undefined || (entry.type !== 5 && entry.type !== 10)) return []
  // No photo field has more than a handful; a hostile count must not cost memory.
  return Array.from({ length: Math.min(entry.count, 16) }, (_, index) => {
    const numerator = readUint(value, index * 8, 4, littleEndian)
    const denominator = readUint(value, index * 8 + 4, 4, littleEndian)
    return denominator === 0 ? Number.NaN : numerator / denominator
  })
}
