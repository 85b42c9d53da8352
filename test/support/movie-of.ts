/**
 * Tiny movies in every layout that real ones have: header first or last, padding, 64-bit sizes and offsets.
 *
 * @module
 */

import { box, type TinyMovie, tinyMovie } from './tiny-mp4.ts'

export interface MovieSpec extends TinyMovie {
  /** What follows `ftyp`, in order. Default: header, samples. */
  readonly boxes?: (moov: Buffer, mdat: Buffer) => readonly Buffer[]
  /** More boxes in `moov`, behind the others. */
  readonly inMoov?: readonly Buffer[]
  /** 64-bit chunk offsets. */
  readonly co64?: boolean
  /** A 64-bit size of the samples. */
  readonly longMdat?: boolean
  /** 64-bit times in the movie's header. */
  readonly longTimes?: boolean
  /** Leaves `ftyp` out, as before 2001. */
  readonly withoutBrand?: boolean
}

const STBL = ['moov', 'trak', 'mdia', 'minf', 'stbl']

/** What the one chunk of a {@link movieOf} holds. */
export const SAMPLES: Buffer = splitBoxes(tinyMovie({ samplesFirst: true }))[1]!.subarray(8)

export function movieOf(spec: MovieSpec = {}): Buffer {
  const { boxes = (moov, mdat) => [moov, mdat] } = spec
  const [ftyp, plain] = splitBoxes(tinyMovie(spec)).filter((part) => typeOf(part) !== 'mdat')
  let moov = box('moov', plain!.subarray(8), ...(spec.inMoov ?? []))
  if (spec.co64 === true)
    moov = mapBox(moov, [...STBL, 'stco'], () => box('co64', u32(0), u32(1), u32(0), u32(0)))
  if (spec.longTimes === true) moov = mapBox(moov, ['moov', 'mvhd'], toLongTimes)
  const file = Buffer.concat([
    ...(spec.withoutBrand === true ? [] : [ftyp!]),
    ...boxes(moov, spec.longMdat === true ? longBox('mdat', SAMPLES) : box('mdat', SAMPLES)),
  ])
  const table = file.indexOf(spec.co64 === true ? 'co64' : 'stco') + 12
  file.writeUInt32BE(Math.max(0, file.indexOf(SAMPLES)), spec.co64 === true ? table + 4 : table)
  return file
}

/** Where the one chunk begins, as the file says. */
export function chunkOffsetOf(file: Buffer): number {
  const short = file.indexOf('stco')
  return short >= 0 ? file.readUInt32BE(short + 12) : Number(file.readBigUInt64BE(file.indexOf('co64') + 12))
}

/** The boxes that lie side by side, each with its header. */
export function splitBoxes(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const short = bytes.readUInt32BE(at)
    const end = at + (short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short)
    parts.push(bytes.subarray(at, end))
    at = end
  }
  return parts
}

export function typeOf(part: Buffer): string {
  return part.toString('latin1', 4, 8)
}

function mapBox(bytes: Buffer, path: readonly string[], change: (part: Buffer) => Buffer): Buffer {
  const [type, ...rest] = path
  if (typeOf(bytes) !== type) return bytes
  if (rest.length === 0) return change(bytes)
  return box(type, ...splitBoxes(bytes.subarray(8)).map((part) => mapBox(part, rest, change)))
}

/** Version 1 has times and duration in 64 bits. */
function toLongTimes(mvhd: Buffer): Buffer {
  const data = mvhd.subarray(8)
  const high = u32(0)
  return box(
    'mvhd',
    u32(1 << 24),
    ...[high, data.subarray(4, 8), high, data.subarray(8, 12)],
    ...[data.subarray(12, 16), high, data.subarray(16, 20), data.subarray(20)],
  )
}

function longBox(type: string, content: Buffer): Buffer {
  return Buffer.concat([u32(1), Buffer.from(type), u32(0), u32(content.length + 16), content])
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}
