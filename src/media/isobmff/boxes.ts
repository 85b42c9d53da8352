/**
 * Walking the boxes of MP4, QuickTime and HEIF files without reading what lies in them.
 *
 * Sizes in a hostile or cut-off file say anything, so nothing is believed beyond the range it was found in, and
 * every walk has an end.
 *
 * @module
 */

/** Reads at most `lengthBytes` at `offset`; fewer at the end of the file. */
export type ReadAt = (offset: number, lengthBytes: number) => Promise<Buffer>

export interface Box {
  /** Four Latin-1 characters. */
  readonly type: string
  /** Where its content begins. */
  readonly from: number
  /** Where the next box begins; may lie behind the end of the file. */
  readonly to: number
}

/** More boxes at one level than any file has, but hour-long fragmented ones. */
const MAX_BOXES = 20_000

export interface BoxWalk {
  readonly boxes: readonly Box[]
  /** True when the last box says that it goes on behind `to`. */
  readonly cutOff: boolean
}

/** The boxes that lie side by side between two positions, without what is no box at the end. */
export async function walkBoxes(read: ReadAt, from: number, to: number): Promise<BoxWalk> {
  const boxes: Box[] = []
  let at = from
  while (at + 8 <= to && boxes.length < MAX_BOXES) {
    const box = parseBox(await read(at, 16), at, to)
    if (box === undefined) break
    boxes.push(box)
    if (box.to > to) return { boxes, cutOff: true }
    at = box.to
  }
  return { boxes, cutOff: false }
}

/** Size 1 means that 64 bits follow, size 0 that the box reaches to the end. Undefined for what is no box. */
function parseBox(header: Buffer, at: number, end: number): Box | undefined {
  if (header.length < 8) return undefined
  const type = header.toString('latin1', 4, 8)
  if (!/^[\x20-\x7e\xa9]{4}$/u.test(type)) return undefined
  const short = header.readUInt32BE(0)
  if (short === 0) return { type, from: at + 8, to: end }
  if (short !== 1) return short < 8 ? undefined : { type, from: at + 8, to: at + short }
  if (header.length < 16) return undefined
  const long = Number(header.readBigUInt64BE(8))
  return long < 16 ? undefined : { type, from: at + 16, to: at + long }
}

/** The content of a box, or undefined when it is larger than anyone would make it. */
export async function readBox(read: ReadAt, box: Box, maxBytes: number): Promise<Buffer | undefined> {
  const sizeBytes = box.to - box.from
  return sizeBytes > maxBytes ? undefined : read(box.from, sizeBytes)
}
