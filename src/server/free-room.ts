/**
 * Whether the disk has room for what is announced: told before its bytes are sent, and before the disk is so full that
 * nothing else works any more.
 *
 * @module
 */

import { statfs } from 'node:fs/promises'
import { RequestError } from './http-errors.ts'

/** What is left free on the disk for everything else. */
const SPARE_BYTES = 256 * 1024 * 1024

/** @throws RequestError 507 */
export async function requireFreeRoom(folder: string, sizeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (sizeBytes + SPARE_BYTES <= bavail * bsize) return
  throw new RequestError(507, 'upload/no-room', 'the disk has no room for this', {
    hint: 'Free some space and try again.',
  })
}
