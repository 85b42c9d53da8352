/**
 * The boxes of a movie file at its top level, where the samples are not read but every byte is accounted for.
 *
 * @module
 */

import { Handover } from './atoms.ts'
import type { ReadAt } from './boxes.ts'

export interface TopBox {
  readonly type: string
  /** Where its header begins. */
  readonly at: number
  /** Where its content begins. */
  readonly from: number
  /** Where the next box begins. */
  readonly to: number
  /** A `uuid` box that holds an XMP packet: the packet begins 16 bytes behind `from`. */
  readonly isXmp: boolean
}

export const XMP_UUID: Buffer = Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex')

/** Of a whole movie with its samples at the side. Others (fragments, indexes, picture items) hold offsets. */
const UNDERSTOOD = new Set(['ftyp', 'mdat', 'moov', 'free', 'skip', 'wide', 'uuid', 'udta', 'pnot', 'PICT'])

/** More than any camera writes. */
const MAX_BOXES = 1000

/** All boxes, one directly behind the other up to the file's end. @throws {@link Handover} where that is not so. */
export async function readTopBoxes(read: ReadAt, sizeBytes: number): Promise<TopBox[]> {
  const boxes: TopBox[] = []
  let at = 0
  while (at < sizeBytes) {
    const box = parseTopBox(await read(at, 32), at)
    if (box.to > sizeBytes) throw new Handover(`the ${box.type} box ends behind the end of the file`)
    if (boxes.length >= MAX_BOXES) throw new Handover(`there are more than ${MAX_BOXES} boxes`)
    boxes.push(box)
    at = box.to
  }
  return boxes
}

function parseTopBox(header: Buffer, at: number): TopBox {
  if (header.length < 8) throw new Handover('there are bytes behind the last box')
  const type = header.toString('latin1', 4, 8)
  if (!UNDERSTOOD.has(type)) throw new Handover(`there is a ${JSON.stringify(type)} box beside the movie`)
  const short = header.readUInt32BE(0)
  const headerBytes = short === 1 ? 16 : 8
  const sizeBytes = short === 1 && header.length >= 16 ? Number(header.readBigUInt64BE(8)) : short
  // Zero would mean that the box goes on to the file's end, so that nothing could follow it.
  if (sizeBytes < headerBytes || !Number.isSafeInteger(at + sizeBytes)) {
    throw new Handover(`the ${type} box has no size of its own`)
  }
  const from = at + headerBytes
  const uuid = header.subarray(headerBytes, headerBytes + 16)
  const isXmp = type === 'uuid' && sizeBytes >= headerBytes + 16 && uuid.equals(XMP_UUID)
  return { type, at, from, to: at + sizeBytes, isXmp }
}
