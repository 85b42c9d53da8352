/**
 * Makes JPEGs as phones write them: picture, EXIF with maker note and thumbnail, different for every seed.
 *
 * Encoding 12 megapixels takes about half a second, so a series for a benchmark encodes a few pictures once and
 * derives the others: a comment and an EXIF block of their own make every file's bytes different, and a change in
 * the quantization tables makes every file's pixels different, while the entropy-coded data stays valid as it is.
 *
 * @module
 */

import sharp from 'sharp'
import { exifSegment, type PhotoExif } from './exif-block.ts'

export type { PhotoExif } from './exif-block.ts'

export interface PhotoSpec {
  readonly widthPx: number
  readonly heightPx: number
  readonly seed: number
  /** Amplitude of the grain, 0 to 50; 32 brings 12 megapixels to about 3 MB. Default 16. */
  readonly grain?: number
  readonly exif?: PhotoExif
}

/** Gradient in colours of the seed, with grain, encoded at quality 85. */
export async function makePhoto(spec: PhotoSpec): Promise<Buffer> {
  const { widthPx: width, heightPx: height, exif } = spec
  const image = sharp(paint(spec), { raw: { width, height, channels: 3 } })
  const jpeg = await image.jpeg({ quality: 85 }).toBuffer()
  return exif === undefined ? jpeg : withSegments(jpeg, exifSegment(exif))
}

/** Same bytes for the same spec, whatever was made before. */
function paint({ widthPx, heightPx, seed, grain = 16 }: PhotoSpec): Buffer {
  const pixels = Buffer.alloc(widthPx * heightPx * 3)
  let state = Math.imul(seed + 1, 0x9e3779b1)
  const top = [seed * 37, seed * 71 + 40, seed * 113 + 80].map((value) => value % 100)
  let at = 0
  for (let y = 0; y < heightPx; y += 1) {
    for (let x = 0; x < widthPx; x += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      const noise = ((state >>> 24) * grain) >> 8
      pixels[at] = top[0]! + (x * 100) / widthPx + noise
      pixels[at + 1] = top[1]! + (y * 100) / heightPx + noise
      pixels[at + 2] = top[2]! + ((x + y) * 100) / (widthPx + heightPx) + noise
      at += 3
    }
  }
  return pixels
}

/** The JPEG with whole segments put in behind its start marker. */
export function withSegments(jpeg: Buffer, ...segments: readonly Buffer[]): Buffer {
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)])
}

/** A comment segment. */
export function commentSegment(text: string): Buffer {
  return segment(0xfe, Buffer.from(text))
}

/** An XMP segment around `<rdf:Description …>`'s attributes, such as `xmlns:a="…" a:b="c"`. */
export function xmpSegment(attributes: string): Buffer {
  const packet =
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    `<rdf:Description rdf:about="" ${attributes}/></rdf:RDF></x:xmpmeta>`
  return segment(0xe1, Buffer.from(`http://ns.adobe.com/xap/1.0/\0${packet}`))
}

function segment(marker: number, content: Buffer): Buffer {
  const header = Buffer.from([0xff, marker, 0, 0])
  header.writeUInt16BE(content.length + 2, 2)
  return Buffer.concat([header, content])
}

/** A different picture from the same encoded data, about the same to the eye; see the module's comment. */
export function derivePhoto(base: Buffer, seed: number, exif: PhotoExif): Buffer {
  const uniqueId = (seed + 1).toString(16).padStart(32, '0')
  const copy = Buffer.from(base)
  shiftQuantization(copy, seed)
  return withSegments(copy, exifSegment({ ...exif, uniqueId }), commentSegment(`photo ${seed}`))
}

/** Writes the seed, two bits each, onto the finest coefficients of the first quantization table. */
function shiftQuantization(jpeg: Buffer, seed: number): void {
  let at = 2
  while (jpeg[at + 1] !== 0xdb) at += 2 + jpeg.readUInt16BE(at + 2)
  const lastAt = at + 4 + 64
  for (let digit = 0; digit < 8; digit += 1) {
    const value = jpeg[lastAt - digit]!
    jpeg[lastAt - digit] = Math.min(251, value) + ((seed >> (2 * digit)) & 3)
  }
}

/** 8 × 8 pixels, encoded once with sharp at quality 40. */
const TINY = Buffer.from(
  '/9j/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/' +
    '2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARC' +
    'AAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAA' +
    'AAAAAAAAAAAwT/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCACQT/2Q==',
  'base64',
)

/** A valid JPEG of less than 1 kB, different for every seed: 100,000 take about a second. */
export function makeTinyPhoto(seed: number, exif?: PhotoExif): Buffer {
  const comment = commentSegment(`tiny photo ${seed}`)
  return exif === undefined ? withSegments(TINY, comment) : withSegments(TINY, exifSegment(exif), comment)
}
