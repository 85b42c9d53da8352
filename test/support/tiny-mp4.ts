/**
 * Minimal movies, byte by byte: `ftyp`, `moov` with one video track, `mdat` with made-up samples.
 *
 * exiftool and our own reader take them for real; no player would show a picture.
 *
 * @module
 */

export interface TinyMovie {
  /** Major brand: `isom` for MP4, `qt  ` for MOV, `3gp4`, `M4V `. */
  readonly brand?: string
  /** Epoch milliseconds; undefined leaves the header's time at zero, "not set". */
  readonly createdAt?: number
  /** Apple's keys, without `com.apple.quicktime.`. */
  readonly keys?: Readonly<Record<string, string>>
  /** `+48.8577+002.2950/` in the user data, as Android writes it. */
  readonly place?: string
  /** Puts the samples before the header, as cameras do. */
  readonly samplesFirst?: boolean
}

const EPOCH_OFFSET_SECONDS = 2_082_844_800
const SAMPLES = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 37) % 251))

/** A box: size, type, content. */
export function box(type: string, ...content: readonly Buffer[]): Buffer {
  const data = Buffer.concat(content)
  const header = Buffer.alloc(8)
  header.writeUInt32BE(data.length + 8)
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, data])
}

export function tinyMovie(options: TinyMovie = {}): Buffer {
  const ftyp = box(
    'ftyp',
    text(options.brand ?? 'isom'),
    u32(512),
    text(options.brand ?? 'isom'),
    text('mp41'),
  )
  const mdat = box('mdat', SAMPLES)
  const moovBytes = moov(options, 0).length
  const samplesAt = ftyp.length + 8 + (options.samplesFirst === true ? 0 : moovBytes)
  const header = moov(options, samplesAt)
  return Buffer.concat(options.samplesFirst === true ? [ftyp, mdat, header] : [ftyp, header, mdat])
}

function moov(options: TinyMovie, samplesAt: number): Buffer {
  const seconds = options.createdAt === undefined ? 0 : options.createdAt / 1000 + EPOCH_OFFSET_SECONDS
  const times = [u32(seconds), u32(seconds)]
  const speed = [u32(0x10000), u16(0x100), zeros(10)]
  return box(
    'moov',
    box('mvhd', u32(0), ...times, u32(1000), u32(2500), ...speed, MATRIX, zeros(24), u32(2)),
    trak(times, samplesAt),
    ...(options.place === undefined ? [] : [box('udta', placeBox(options.place))]),
    ...(options.keys === undefined ? [] : [keysBox(options.keys)]),
  )
}

function trak(times: readonly Buffer[], samplesAt: number): Buffer {
  const size = [u32(64 << 16), u32(48 << 16)]
  const tkhd = box('tkhd', u32(7), ...times, u32(1), u32(0), u32(2500), zeros(16), MATRIX, ...size)
  const mdhd = box('mdhd', u32(0), ...times, u32(1000), u32(2500), u16(0x55c4), u16(0))
  const hdlr = box('hdlr', u32(0), u32(0), text('vide'), zeros(12), text('v\0'))
  const entry = box('avc1', zeros(6), u16(1), zeros(16), u16(64), u16(48), zeros(50))
  const stbl = box(
    'stbl',
    box('stsd', u32(0), u32(1), entry),
    box('stts', u32(0), u32(1), u32(1), u32(2500)),
    box('stsc', u32(0), u32(1), u32(1), u32(1), u32(1)),
    box('stsz', u32(0), u32(SAMPLES.length), u32(1)),
    box('stco', u32(0), u32(1), u32(samplesAt)),
  )
  const dinf = box('dinf', box('dref', u32(0), u32(1), box('url ', u32(1))))
  const minf = box('minf', box('vmhd', u32(1), zeros(8)), dinf, stbl)
  return box('trak', tkhd, box('mdia', mdhd, hdlr, minf))
}

function keysBox(keys: Readonly<Record<string, string>>): Buffer {
  const names = Object.keys(keys).map((key) => box('mdta', text(`com.apple.quicktime.${key}`)))
  const items = Object.values(keys).map((value, index) =>
    box(u32(index + 1).toString('latin1'), box('data', u32(1), u32(0), Buffer.from(value))),
  )
  const hdlr = box('hdlr', u32(0), u32(0), text('mdta'), zeros(12), text('\0'))
  return box('meta', hdlr, box('keys', u32(0), u32(names.length), ...names), box('ilst', ...items))
}

function placeBox(place: string): Buffer {
  return box('\xa9xyz', u16(place.length), u16(0x15c7), text(place))
}

const MATRIX = Buffer.concat([0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].map(u32))

function text(latin1: string): Buffer {
  return Buffer.from(latin1, 'latin1')
}

function zeros(count: number): Buffer {
  return Buffer.alloc(count)
}

function u16(value: number): Buffer {
  const buffer = Buffer.alloc(2)
  buffer.writeUInt16BE(value)
  return buffer
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}
