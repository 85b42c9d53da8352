/**
 * Pictures that small programs make and large programs die of: PNGs of any size, written by hand.
 *
 * @module
 */

import { crc32, deflateRawSync, constants as zlib } from 'node:zlib'

export interface PngPlan {
  readonly widthPx: number
  readonly heightPx: number
  /** Bits a channel, four channels: 8 or 16. */
  readonly bits: 8 | 16
  /** Rows that have data; fewer than the height is a file that breaks off. Default: all. */
  readonly rows?: number
}

/** A whole, transparent picture that is nothing but zeros: a million bytes of it take a thousand in the file. */
export function makePng({ widthPx, heightPx, bits, rows = heightPx }: PngPlan): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(widthPx, 0)
  header.writeUInt32BE(heightPx, 4)
  header[8] = bits
  header[9] = 6
  const rowBytes = 1 + widthPx * 4 * (bits / 8)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', zlibOfZeros(rowBytes * rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const BLOCK_BYTES = 1024 * 1024

/** What deflating so many zeros comes to, by repeating what one block comes to. */
function zlibOfZeros(sizeBytes: number): Buffer {
  const block = deflateRawSync(Buffer.alloc(BLOCK_BYTES), { finishFlush: zlib.Z_FULL_FLUSH })
  const rest = deflateRawSync(Buffer.alloc(sizeBytes % BLOCK_BYTES))
  // Adler-32 of n zeros: one sum stays 1, the other one counts.
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE((sizeBytes % 65_521) * 65_536 + 1)
  const blocks = Array.from({ length: Math.floor(sizeBytes / BLOCK_BYTES) }, () => block)
  return Buffer.concat([Buffer.from([0x78, 0x9c]), ...blocks, rest, checksum])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const size = Buffer.alloc(4)
  size.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([size, body, sum])
}
