/**
 * Tells the raw formats of cameras from each other and from TIFF, which most of them are inside.
 *
 * Only DNG and CR2 say it in so many words. The others are a TIFF with a maker's name whose first directory
 * is a small preview or has a compression of that maker; a TIFF that was developed from a raw has the same
 * maker, but a full picture in its first directory.
 *
 * @module
 */

import { extensionOf } from './formats.ts'

/** Raw formats that are TIFF inside, so that their extension may decide. */
const TIFF_RAW_EXTENSIONS: Readonly<Record<string, string>> = {
  dng: 'dng',
  nef: 'nef',
  nrw: 'nef',
  arw: 'arw',
  sr2: 'arw',
  srf: 'arw',
  pef: 'pef',
  srw: 'srw',
  '3fr': '3fr',
  fff: '3fr',
  iiq: 'iiq',
  erf: 'erf',
  kdc: 'kdc',
  dcr: 'kdc',
  mef: 'mef',
  mos: 'mos',
}

const MAKERS: readonly (readonly [pattern: RegExp, id: string])[] = [
  [/^nikon/iu, 'nef'],
  [/^sony/iu, 'arw'],
  [/^(?:pentax|ricoh|asahi)/iu, 'pef'],
  [/^samsung/iu, 'srw'],
  [/^hasselblad/iu, '3fr'],
  [/^phase one/iu, 'iiq'],
  [/^(?:seiko )?epson/iu, 'erf'],
  [/^(?:eastman )?kodak/iu, 'kdc'],
  [/^mamiya/iu, 'mef'],
  [/^leaf/iu, 'mos'],
]

/** Compressions that only makers' raw data has: Sony, Nikon, Pentax, Samsung, Kodak (exiftool, EXIF tags). */
const RAW_COMPRESSIONS = new Set([32_767, 34_713, 65_535, 32_770, 32_769, 65_000])

const TAG = {
  subfileType: 0xfe,
  compression: 0x103,
  make: 0x10f,
  subIfds: 0x14a,
  dngVersion: 0xc612,
} as const

/** More entries than any real first directory has. */
const MAX_ENTRIES = 512

/** The id of a TIFF-based format, or undefined when `head` is not TIFF. */
export function identifyTiff(head: Buffer, fileName: string): string | undefined {
  if (head.length < 8) return undefined
  const order = head.toString('latin1', 0, 2)
  if (order !== 'II' && order !== 'MM') return undefined
  const signature = head.toString('latin1', 0, 4)
  if (['IIRO', 'IIRS', 'MMOR'].includes(signature)) return 'orf'
  if (signature === 'IIU\0') return 'rw2'
  const view: View = { head, little: order === 'II' }
  const version = u16(view, 2)
  if (version === 43) return 'tiff'
  if (version !== 42) return undefined
  if (head.length >= 10 && head.toString('latin1', 8, 10) === 'CR') return 'cr2'
  return byDirectory(readFirstDirectory(view), fileName)
}

interface View {
  readonly head: Buffer
  readonly little: boolean
}

interface FirstDirectory {
  readonly make: string
  readonly dng: boolean
  readonly raw: boolean
  /** False when the directory lies outside of what was read. */
  readonly seen: boolean
}

function byDirectory(directory: FirstDirectory, fileName: string): string {
  if (directory.dng) return 'dng'
  const named = TIFF_RAW_EXTENSIONS[extensionOf(fileName)]
  const made = MAKERS.find(([pattern]) => pattern.test(directory.make))?.[1]
  if (!directory.seen) return named ?? 'tiff'
  if (directory.raw) return named === undefined || named === 'dng' ? (made ?? named ?? 'tiff') : named
  return named !== undefined && (directory.make !== '' || named !== 'dng') ? named : 'tiff'
}

function readFirstDirectory(view: View): FirstDirectory {
  const start = u32(view, 4)
  const count = Math.min(u16(view, start), MAX_ENTRIES)
  const entries = new Map(
    Array.from({ length: count }, (_, index) => start + 2 + index * 12).map((at) => [u16(view, at), at]),
  )
  const valueAt = (tag: number, read: (view: View, at: number) => number): number => {
    const at = entries.get(tag)
    return at === undefined ? 0 : read(view, at + 8)
  }
  const makeAt = entries.get(TAG.make)
  const preview = valueAt(TAG.subfileType, u32) === 1
  return {
    make: makeAt === undefined ? '' : text(view, makeAt),
    dng: entries.has(TAG.dngVersion),
    raw: RAW_COMPRESSIONS.has(valueAt(TAG.compression, u16)) || (preview && entries.has(TAG.subIfds)),
    seen: count > 0,
  }
}

function text(view: View, at: number): string {
  const length = Math.min(u32(view, at + 4), 64)
  const start = length <= 4 ? at + 8 : u32(view, at + 8)
  return view.head.toString('latin1', start, start + length).replace(/\0.*$/su, '')
}

/** Zero outside of what was read: a hostile offset finds nothing. */
function u16({ head, little }: View, at: number): number {
  if (at + 2 > head.length) return 0
  return little ? head.readUInt16LE(at) : head.readUInt16BE(at)
}

function u32({ head, little }: View, at: number): number {
  if (at + 4 > head.length) return 0
  return little ? head.readUInt32LE(at) : head.readUInt32BE(at)
}
