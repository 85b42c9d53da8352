/**
 * Tells a file's format by its content.
 *
 * Exports are full of wrong names: Google renames HEIC to `.jpg`, messengers give every picture the same
 * extension. So only bytes count; the name decides just where the bytes leave it open, which is among the raw
 * formats that are TIFF inside. Hostile and truncated input gives undefined or a guess, never an exception.
 *
 * @module
 */

import { extensionOf, formatById, formatByName, type MediaFormat } from './formats.ts'
import { identifyIsoBmff } from './isobmff/brands.ts'
import { identifyTiff } from './tiff-kind.ts'

/** The bytes to hand to {@link identify}: enough for every format that is told by more than a magic number. */
export const IDENTIFY_BYTES = 4096

type Detector = (head: Buffer, fileName: string) => string | undefined

/**
 * The format of a file, or undefined when the content is of none that we know.
 *
 * @param head - The first {@link IDENTIFY_BYTES} bytes or more, or the whole file when it is shorter.
 * @param fileName - Used only to choose among formats that the same bytes fit.
 */
export function identify(head: Buffer, fileName = ''): MediaFormat | undefined {
  for (const detect of DETECTORS) {
    const id = detect(head, fileName)
    if (id !== undefined) return formatById(id)
  }
  return undefined
}

/** Fixed bytes at a fixed place: format, offset, bytes in Latin-1. Sources in `docs/formats/media.md`. */
const MAGIC: readonly (readonly [id: string, offset: number, bytes: string])[] = [
  ['jpeg', 0, '\xff\xd8\xff'],
  ['png', 0, '\x89PNG\r\n\x1a\n'],
  ['gif', 0, 'GIF87a'],
  ['gif', 0, 'GIF89a'],
  ['jxl', 0, '\xff\x0a'],
  ['jxl', 0, '\0\0\0\x0cJXL \r\n\x87\n'],
  ['jp2', 0, '\0\0\0\x0cjP  \r\n\x87\n'],
  ['jp2', 0, '\xff\x4f\xff\x51'],
  ['psd', 0, '8BPS\0\x01'],
  ['psd', 0, '8BPS\0\x02'],
  ['raf', 0, 'FUJIFILMCCD-RAW'],
  ['x3f', 0, 'FOVb'],
  ['mrw', 0, '\0MRM'],
  ['crw', 0, 'II\x1a\0\0\0HEAPCCDR'],
  ['mpg', 0, '\0\0\x01\xba'],
  ['mpg', 0, '\0\0\x01\xb3'],
  ['flv', 0, 'FLV\x01'],
  ['flac', 0, 'fLaC'],
  ['amr', 0, '#!AMR'],
  ['caf', 0, 'caff\0\x01'],
]

function byMagic(head: Buffer): string | undefined {
  return MAGIC.find(([, offset, bytes]) => hasBytes(head, offset, bytes))?.[0]
}

function hasBytes(head: Buffer, offset: number, bytes: string): boolean {
  return (
    head.length >= offset + bytes.length && head.toString('latin1', offset, offset + bytes.length) === bytes
  )
}

const RIFF_CONTENTS: ReadonlyMap<string, string> = new Map([
  ['WEBP', 'webp'],
  ['AVI ', 'avi'],
  ['WAVE', 'wav'],
])

function byChunkContainer(head: Buffer): string | undefined {
  if (head.length < 12) return undefined
  const container = head.toString('latin1', 0, 4)
  const content = head.toString('latin1', 8, 12)
  if (container === 'RIFF' || container === 'RF64') {
    return RIFF_CONTENTS.get(content)
  }
  return container === 'FORM' && (content === 'AIFF' || content === 'AIFC') ? 'aiff' : undefined
}

/** Sizes that the header behind the file header has in the known versions of BMP. */
const BMP_HEADER_SIZES = new Set([12, 16, 40, 52, 56, 64, 108, 124])

function byBmpHeader(head: Buffer): string | undefined {
  if (!hasBytes(head, 0, 'BM') || head.length < 18) return undefined
  return BMP_HEADER_SIZES.has(head.readUInt32LE(14)) && head.readUInt32LE(6) === 0 ? 'bmp' : undefined
}

/** EBML: the document type stands near the start, as element 0x4282 with a one-byte length. */
function byEbml(head: Buffer): string | undefined {
  if (!hasBytes(head, 0, '\x1a\x45\xdf\xa3')) return undefined
  const at = head.subarray(0, 256).indexOf('\x42\x82', 4, 'latin1')
  const docType = at < 0 ? '' : head.toString('latin1', at + 3, at + 3 + ((head[at + 2] ?? 0x80) & 0x7f))
  return docType.startsWith('webm') ? 'webm' : 'mkv'
}

function byOgg(head: Buffer): string | undefined {
  if (!hasBytes(head, 0, 'OggS')) return undefined
  const codec = head.toString('latin1', 28, 36)
  if (codec.startsWith('OpusHead')) return 'opus'
  return codec.startsWith('\x80theora') || codec.startsWith('\x01video') ? 'ogv' : 'ogg'
}

const ASF_HEADER = '\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c'
const ASF_VIDEO_STREAM = '\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b'
const ASF_AUDIO_STREAM = '\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b'

function byAsf(head: Buffer): string | undefined {
  if (!hasBytes(head, 0, ASF_HEADER)) return undefined
  const audioOnly =
    head.includes(ASF_AUDIO_STREAM, 0, 'latin1') && !head.includes(ASF_VIDEO_STREAM, 0, 'latin1')
  return audioOnly ? 'wma' : 'wmv'
}

/** MPEG transport stream: a sync byte every 188 bytes, or every 192 with a time code before each (AVCHD). */
function byTransportStream(head: Buffer): string | undefined {
  return hasSyncBytes(head, 0, 188) || hasSyncBytes(head, 4, 192) ? 'mts' : undefined
}

function hasSyncBytes(head: Buffer, first: number, step: number): boolean {
  const packets = Math.min(8, Math.floor((head.length - first - 1) / step) + 1)
  if (packets < 4) return false
  return Array.from({ length: packets }, (_, index) => head[first + index * step]).every((x) => x === 0x47)
}

/** MP3 and AAC start with as little as eleven set bits, so the next frame must be where the first says. */
function byAudioFrames(head: Buffer, fileName: string): string | undefined {
  if (hasBytes(head, 0, 'ID3')) return formatByName(fileName)?.id === 'aac' ? 'aac' : 'mp3'
  if (head.length < 8 || head[0] !== 0xff) return undefined
  const adts = adtsFrameBytes(head, 0)
  if (adts !== undefined && adtsFrameBytes(head, adts) !== undefined) return 'aac'
  const mpeg = mpegFrameBytes(head, 0)
  return mpeg !== undefined && mpegFrameBytes(head, mpeg) !== undefined ? 'mp3' : undefined
}

function adtsFrameBytes(head: Buffer, at: number): number | undefined {
  if (at + 6 > head.length || head[at] !== 0xff || ((head[at + 1] ?? 0) & 0xf6) !== 0xf0) return undefined
  const sizeBytes = (head.readUIntBE(at + 3, 3) >> 5) & 0x1fff
  return sizeBytes >= 7 ? at + sizeBytes : undefined
}

/** Kilobit/s of MPEG 1 layer III, then of MPEG 2 and 2.5 layer III; index 0 and 15 are not usable. */
const MP3_BITRATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
] as const
const MP3_SAMPLE_RATES = [44_100, 48_000, 32_000, 0] as const

/** Position of the frame behind the layer III frame at `at`, or undefined when there is none. */
function mpegFrameBytes(head: Buffer, at: number): number | undefined {
  if (at + 4 > head.length) return undefined
  const header = head.readUInt32BE(at)
  const version = (header >>> 19) & 3
  if (header >>> 21 !== 0x7ff || version === 1 || ((header >>> 17) & 3) !== 1) return undefined
  const first = version === 3
  const bitrate = MP3_BITRATES[first ? 0 : 1][(header >>> 12) & 15] ?? 0
  const rate = (MP3_SAMPLE_RATES[(header >>> 10) & 3] ?? 0) / { 0: 4, 2: 2, 3: 1 }[version as 0 | 2 | 3]
  if (bitrate === 0 || rate === 0) return undefined
  const padding = (header >>> 9) & 1
  return at + Math.floor(((first ? 144 : 72) * bitrate * 1000) / rate) + padding
}

/** Strong evidence first. */
const DETECTORS: readonly Detector[] = [
  byMagic,
  identifyTiff,
  identifyIsoBmff,
  byChunkContainer,
  byEbml,
  byOgg,
  byAsf,
  byBmpHeader,
  byTransportStream,
  byAudioFrames,
]

/** True when the name promises a format and the content is of another. */
export function isMisnamed(fileName: string, format: MediaFormat): boolean {
  return !format.extensions.includes(extensionOf(fileName))
}
