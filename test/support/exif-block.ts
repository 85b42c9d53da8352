/**
 * Builds the EXIF segment of a phone's JPEG, byte by byte.
 *
 * Independent of `src/media/exif` on purpose: a test whose input comes from the code under test proves nothing.
 * Little-endian, four directories (IFD0, Exif, GPS, IFD1 with the thumbnail), a maker note of made-up bytes.
 *
 * @module
 */

export interface PhotoExif {
  readonly make?: string
  readonly model?: string
  /** `2019:07:14 12:11:12`, local time of the camera. */
  readonly takenLocal?: string
  /** `+02:00`; older phones do not write it. */
  readonly offset?: string
  /** Decimal degrees. */
  readonly place?: { readonly latitude: number; readonly longitude: number }
  readonly description?: string
  /** 1 to 8; default 1. */
  readonly orientation?: number
  /** Length of the made-up maker note; default 0, none. */
  readonly makerNoteBytes?: number
  /** A whole small JPEG. */
  readonly thumbnail?: Buffer
  /** 32 hexadecimal digits that tell this file from its siblings. */
  readonly uniqueId?: string
}

interface Field {
  readonly tag: number
  readonly type: number
  readonly count: number
  readonly data: Buffer
}

const ASCII = 2
const SHORT = 3
const LONG = 4
const RATIONAL = 5
const UNDEFINED = 7

/** The whole APP1 segment, marker included. At most 65,533 bytes of content fit; more is a RangeError. */
export function exifSegment(exif: PhotoExif): Buffer {
  const tiff = tiffBlock(exif)
  const content = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff])
  const header = Buffer.alloc(4)
  header.writeUInt16BE(0xffe1, 0)
  header.writeUInt16BE(content.length + 2, 2)
  return Buffer.concat([header, content])
}

function tiffBlock(exif: PhotoExif): Buffer {
  const fields = { main: mainFields(exif), exif: exifFields(exif), gps: gpsFields(exif) }
  const mainAt = 8
  const exifAt = mainAt + directoryBytes(fields.main)
  const gpsAt = exifAt + directoryBytes(fields.exif)
  const thumbnailIfdAt = gpsAt + (fields.gps.length > 0 ? directoryBytes(fields.gps) : 0)
  const head = Buffer.from('49492a0008000000', 'hex')
  const pointers = new Map([
    [0x8769, exifAt],
    [0x8825, gpsAt],
  ])
  const hasThumbnail = exif.thumbnail !== undefined
  const parts = [
    head,
    directory(mainAt, fields.main, hasThumbnail ? thumbnailIfdAt : 0, pointers),
    directory(exifAt, fields.exif, 0, pointers),
  ]
  if (fields.gps.length > 0) parts.push(directory(gpsAt, fields.gps, 0, pointers))
  if (exif.thumbnail !== undefined) parts.push(...thumbnailParts(exif.thumbnail, thumbnailIfdAt))
  return Buffer.concat(parts)
}

function thumbnailParts(thumbnail: Buffer, at: number): Buffer[] {
  const fields = (imageAt: number): Field[] => [
    short(0x0103, 6),
    long(0x0201, imageAt),
    long(0x0202, thumbnail.length),
  ]
  const imageAt = at + directoryBytes(fields(0))
  return [directory(at, fields(imageAt), 0, new Map()), thumbnail]
}

function mainFields(exif: PhotoExif): Field[] {
  const fields: Field[] = []
  if (exif.description !== undefined) fields.push(ascii(0x010e, exif.description))
  fields.push(ascii(0x010f, exif.make ?? 'Google'), ascii(0x0110, exif.model ?? 'Pixel 3a'))
  fields.push(short(0x0112, exif.orientation ?? 1))
  fields.push(rationals(0x011a, [[72, 1]]), rationals(0x011b, [[72, 1]]), short(0x0128, 2))
  fields.push(ascii(0x0131, 'HDR+ 1.0.220943774z'))
  if (exif.takenLocal !== undefined) fields.push(ascii(0x0132, exif.takenLocal))
  fields.push(long(0x8769, 0))
  if (exif.place !== undefined) fields.push(long(0x8825, 0))
  return fields
}

function exifFields(exif: PhotoExif): Field[] {
  const fields: Field[] = [rationals(0x829a, [[1, 120]]), rationals(0x829d, [[18, 10]]), short(0x8827, 63)]
  fields.push(field(0x9000, UNDEFINED, Buffer.from('0231')))
  if (exif.takenLocal !== undefined)
    fields.push(ascii(0x9003, exif.takenLocal), ascii(0x9004, exif.takenLocal))
  if (exif.offset !== undefined) fields.push(ascii(0x9011, exif.offset))
  if (exif.makerNoteBytes !== undefined) fields.push(field(0x927c, UNDEFINED, makerNote(exif.makerNoteBytes)))
  if (exif.uniqueId !== undefined) fields.push(ascii(0xa420, exif.uniqueId))
  return fields
}

function gpsFields({ place }: PhotoExif): Field[] {
  if (place === undefined) return []
  return [
    field(0x0000, 1, Buffer.from([2, 3, 0, 0])),
    ascii(0x0001, place.latitude < 0 ? 'S' : 'N'),
    rationals(0x0002, degrees(place.latitude)),
    ascii(0x0003, place.longitude < 0 ? 'W' : 'E'),
    rationals(0x0004, degrees(place.longitude)),
  ]
}

/** Degrees, minutes, seconds to a ten-thousandth: 3 mm on the ground. */
function degrees(decimal: number): [number, number][] {
  const whole = Math.round(Math.abs(decimal) * 36_000_000)
  return [
    [Math.floor(whole / 36_000_000), 1],
    [Math.floor((whole % 36_000_000) / 600_000), 1],
    [whole % 600_000, 10_000],
  ]
}

function makerNote(lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes)
  for (let index = 0; index < lengthBytes; index += 1) bytes[index] = (index * 131 + 17) % 253
  bytes.write('SAMPLECAM\0', 0, 'latin1')
  return bytes
}

function directoryBytes(fields: readonly Field[]): number {
  return 2 + 12 * fields.length + 4 + fields.reduce((sum, { data }) => sum + outsideBytes(data), 0)
}

/** Values of more than four bytes lie behind the directory, on even offsets. */
function outsideBytes(data: Buffer): number {
  return data.length <= 4 ? 0 : data.length + (data.length % 2)
}

function directory(
  at: number,
  fields: readonly Field[],
  next: number,
  pointers: ReadonlyMap<number, number>,
): Buffer {
  const bytes = Buffer.alloc(directoryBytes(fields))
  bytes.writeUInt16LE(fields.length, 0)
  let outside = 2 + 12 * fields.length + 4
  for (const [index, { tag, type, count, data }] of fields.entries()) {
    const entryAt = 2 + 12 * index
    bytes.writeUInt16LE(tag, entryAt)
    bytes.writeUInt16LE(type, entryAt + 2)
    bytes.writeUInt32LE(count, entryAt + 4)
    const pointer = pointers.get(tag)
    if (pointer !== undefined) bytes.writeUInt32LE(pointer, entryAt + 8)
    else if (data.length <= 4) data.copy(bytes, entryAt + 8)
    else {
      bytes.writeUInt32LE(at + outside, entryAt + 8)
      data.copy(bytes, outside)
      outside += outsideBytes(data)
    }
  }
  bytes.writeUInt32LE(next, 2 + 12 * fields.length)
  return bytes
}

function field(tag: number, type: number, data: Buffer, count: number = data.length): Field {
  return { tag, type, count, data }
}

function ascii(tag: number, text: string): Field {
  return field(tag, ASCII, Buffer.from(`${text}\0`))
}

function short(tag: number, value: number): Field {
  return field(tag, SHORT, Buffer.from([value & 0xff, value >> 8]), 1)
}

function long(tag: number, value: number): Field {
  const data = Buffer.alloc(4)
  data.writeUInt32LE(value)
  return field(tag, LONG, data, 1)
}

function rationals(tag: number, values: readonly (readonly [number, number])[]): Field {
  const data = Buffer.alloc(8 * values.length)
  for (const [index, [over, under]] of values.entries()) {
    data.writeUInt32LE(over, 8 * index)
    data.writeUInt32LE(under, 8 * index + 4)
  }
  return field(tag, RATIONAL, data, values.length)
}
