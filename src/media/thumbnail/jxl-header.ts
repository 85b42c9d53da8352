/**
 * The size of a JPEG XL picture, from the first bits of its codestream (ISO/IEC 18181-1, `SizeHeader`).
 *
 * Read so that a picture beyond the limit is never handed to the decoder, which has no limit of its own.
 *
 * @module
 */

import { type ReadAt, walkBoxes } from '../isobmff/boxes.ts'

export interface JxlSize {
  /** As stored; the decoder may turn it. */
  readonly widthPx: number
  readonly heightPx: number
}

/** Undefined when no codestream begins where one should. */
export async function readJxlSize(file: Buffer): Promise<JxlSize | undefined> {
  const codestream = isCodestream(file) ? file : await findCodestream(file)
  return codestream === undefined ? undefined : parseSize(codestream)
}

function isCodestream(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0x0a
}

/** In a container it is one `jxlc` box, or `jxlp` boxes that begin with a number of four bytes. */
async function findCodestream(file: Buffer): Promise<Buffer | undefined> {
  const read: ReadAt = (offset, lengthBytes) => Promise.resolve(file.subarray(offset, offset + lengthBytes))
  const { boxes } = await walkBoxes(read, 0, file.length)
  const box = boxes.find(({ type }) => type === 'jxlc' || type === 'jxlp')
  if (box === undefined) return undefined
  const bytes = file.subarray(box.type === 'jxlp' ? box.from + 4 : box.from)
  return isCodestream(bytes) ? bytes : undefined
}

/** Width by height, by the number of the ratio. */
const RATIOS: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
]

function parseSize(codestream: Buffer): JxlSize | undefined {
  if (codestream.length < 12) return undefined
  const bits = new BitReader(codestream.subarray(2))
  const isSmall = bits.take(1) === 1
  const readEdge = (): number =>
    isSmall ? (bits.take(5) + 1) * 8 : bits.take(EDGE_BITS[bits.take(2)] ?? 30) + 1
  const heightPx = readEdge()
  const ratio = RATIOS[bits.take(3) - 1]
  if (ratio === undefined) return { widthPx: readEdge(), heightPx }
  return { widthPx: Math.floor((heightPx * ratio[0]) / ratio[1]), heightPx }
}

const EDGE_BITS = [9, 13, 18, 30]

/** Least significant bit first. Behind the end come zeros. */
class BitReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  take(count: number): number {
    let value = 0
    for (let bit = 0; bit < count; bit += 1) {
      const byte = this.#bytes[this.#at >> 3] ?? 0
      value += ((byte >> (this.#at & 7)) & 1) * 2 ** bit
      this.#at += 1
    }
    return value
  }
}
