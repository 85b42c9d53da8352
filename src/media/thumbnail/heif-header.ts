/**
 * What the header of a HEIC picture says: sizes, which codec, and what its colours mean.
 *
 * libheif hands out pixels in the file's own primaries and does not tell which those are. ISO/IEC 23008-12 keeps them
 * in the `colr` property of the primary item: `meta` > `pitm`, and `iprp` > `ipma` (item -> properties) and `ipco`.
 * Rotation (`irot`, `imir`) is not read: libheif applies it.
 *
 * @module
 */

import type { ReadAt } from '../isobmff/boxes.ts'
import { type Box, walkBoxes } from '../isobmff/boxes.ts'

export interface HeifHeader {
  /** The largest picture that the file announces, as it is stored; undefined when it announces none. */
  readonly largest: { readonly widthPx: number; readonly heightPx: number } | undefined
  /** True when a picture is coded in AV1, as in AVIF. */
  readonly isAv1: boolean
  /** ICC profile of the primary picture. */
  readonly icc: Buffer | undefined
  /** Colour primaries of the primary picture by ITU-T H.273: 1 is sRGB's, 12 is Display P3's. */
  readonly primaries: number | undefined
  /** The file ends within a box. */
  readonly cutOff: boolean
}

/** Never throws for what the file contains. */
export async function readHeifHeader(file: Buffer): Promise<HeifHeader> {
  const read: ReadAt = (offset, lengthBytes) => Promise.resolve(file.subarray(offset, offset + lengthBytes))
  const within = async ({ from, to }: Box, skipBytes = 0): Promise<readonly Box[]> =>
    (await walkBoxes(read, from + skipBytes, Math.min(to, file.length))).boxes
  const { boxes, cutOff } = await walkBoxes(read, 0, file.length)
  const meta = find(boxes, 'meta')
  // `meta` and `iprp`'s `ipma` are full boxes: four bytes of version and flags come first.
  const inMeta = meta === undefined ? [] : await within(meta, 4)
  const iprp = find(inMeta, 'iprp')
  const inIprp = iprp === undefined ? [] : await within(iprp)
  const ipco = find(inIprp, 'ipco')
  const properties = ipco === undefined ? [] : await within(ipco)
  const content = (box: Box | undefined): Buffer =>
    box === undefined ? Buffer.alloc(0) : file.subarray(box.from, box.to)
  const primary = primaryItem(content(find(inMeta, 'pitm')))
  const indexes = propertiesOf(primary, content(find(inIprp, 'ipma')))
  const own = indexes.map((index) => properties[index - 1]).filter((box) => box !== undefined)
  return {
    largest: largestOf(properties.filter(({ type }) => type === 'ispe').map(content)),
    isAv1: find(properties, 'av1C') !== undefined,
    ...colorOf(own.filter(({ type }) => type === 'colr').map(content)),
    cutOff,
  }
}

function find(boxes: readonly Box[], type: string): Box | undefined {
  return boxes.find((box) => box.type === type)
}

/** Version 0 has 16 bits, version 1 has 32. */
function primaryItem(pitm: Buffer): number {
  if (pitm.length < 6) return 0
  return pitm[0] === 0 || pitm.length < 8 ? pitm.readUInt16BE(4) : pitm.readUInt32BE(4)
}

/** One-based indexes into `ipco`, from `ipma`: entries of item, count, and count indexes of 7 or 15 bits. */
function propertiesOf(item: number, ipma: Buffer): number[] {
  if (ipma.length < 8) return []
  const idBytes = ipma[0] === 0 ? 2 : 4
  const indexBytes = ((ipma[3] ?? 0) & 1) === 1 ? 2 : 1
  let at = 8
  for (let left = ipma.readUInt32BE(4); left > 0 && at + idBytes < ipma.length; left -= 1) {
    const id = ipma.readUIntBE(at, idBytes)
    const count = ipma[at + idBytes] ?? 0
    const from = at + idBytes + 1
    at = from + count * indexBytes
    if (id === item && at <= ipma.length) return readIndexes(ipma.subarray(from, at), indexBytes)
  }
  return []
}

function readIndexes(bytes: Buffer, indexBytes: 1 | 2): number[] {
  const mask = indexBytes === 1 ? 0x7f : 0x7fff
  return Array.from(
    { length: bytes.length / indexBytes },
    (_, index) => bytes.readUIntBE(index * indexBytes, indexBytes) & mask,
  )
}

/** `ispe`: version and flags, width, height. */
function largestOf(extents: readonly Buffer[]): HeifHeader['largest'] {
  return extents
    .filter(({ length }) => length >= 12)
    .map((ispe) => ({ widthPx: ispe.readUInt32BE(4), heightPx: ispe.readUInt32BE(8) }))
    .toSorted((one, other) => other.widthPx * other.heightPx - one.widthPx * one.heightPx)[0]
}

/** `colr`: a type, then a whole profile or three numbers. A picture may have one of each; the profile says more. */
function colorOf(colors: readonly Buffer[]): Pick<HeifHeader, 'icc' | 'primaries'> {
  const ofType = (types: readonly string[]): Buffer | undefined =>
    colors.find((color) => color.length > 8 && types.includes(color.toString('latin1', 0, 4)))
  return {
    icc: ofType(['prof', 'rICC'])?.subarray(4),
    primaries: ofType(['nclx'])?.readUInt16BE(4),
  }
}
