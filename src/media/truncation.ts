/**
 * Tells files that were cut off in a download or on a dying card, where their format says how it ends.
 *
 * JPEG and movies have their own ways (`jpeg/`, `isobmff/`).
 *
 * @module
 */

import type { MediaFormat } from './formats.ts'
import { type ReadAt, walkBoxes } from './isobmff/boxes.ts'

type EndCheck = (read: ReadAt, sizeBytes: number) => Promise<boolean>

/** Programs append a little after the end; an end further from the end of the file than this is not found. */
const TAIL_BYTES = 64 * 1024

async function endsBefore(read: ReadAt, sizeBytes: number, end: string): Promise<boolean> {
  const tail = await read(Math.max(0, sizeBytes - TAIL_BYTES), TAIL_BYTES)
  return !tail.includes(end, 0, 'latin1')
}

/** RIFF says its size at the start; recorders that were switched off leave it 0 or at its maximum. */
async function runsPastRiffSize(read: ReadAt, sizeBytes: number): Promise<boolean> {
  const head = await read(0, 12)
  if (head.length < 12) return true
  const stated = head.readUInt32LE(4)
  return stated !== 0 && stated !== 0xffffffff && stated + 8 > sizeBytes
}

async function isBoxCutOff(read: ReadAt, sizeBytes: number): Promise<boolean> {
  const { boxes, cutOff } = await walkBoxes(read, 0, sizeBytes)
  return cutOff || !boxes.some(({ type }) => type === 'meta' || type === 'moov')
}

const CHECKS: Readonly<Record<string, EndCheck>> = {
  png: (read, sizeBytes) => endsBefore(read, sizeBytes, 'IEND\xaeB`\x82'),
  gif: async (read, sizeBytes) =>
    (await read(sizeBytes - 1, 1))[0] !== 0x3b && endsBefore(read, sizeBytes, '\0;'),
  webp: runsPastRiffSize,
  wav: runsPastRiffSize,
  avi: runsPastRiffSize,
  heic: isBoxCutOff,
  heif: isBoxCutOff,
  avif: isBoxCutOff,
  cr3: isBoxCutOff,
}

/** True when the file ends before its content does; false also where the format does not tell. */
export async function isTruncated(format: MediaFormat, read: ReadAt, sizeBytes: number): Promise<boolean> {
  return (await CHECKS[format.id]?.(read, sizeBytes)) ?? false
}
