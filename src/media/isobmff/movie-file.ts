/**
 * Writes metadata into a movie too large for memory, in the temporary file where it lies already.
 *
 * @module
 */

import { open } from 'node:fs/promises'
import type { MetadataPatch } from '../metadata.ts'
import { applySpliceInPlace, canSpliceInPlace } from '../splice-in-place.ts'
import type { SplicePlan } from '../splice-parts.ts'
import { planMovieSplice } from './movie-splice.ts'

/** Formats whose boxes are a movie's and that are written to: not `m4a`, which keeps its bytes. */
const WRITABLE: ReadonlySet<string> = new Set(['mp4', 'm4v', 'mov', '3gp', '3g2'])

/** Whether {@link planMovieSplice} knows the format of this id. */
export function isWritableMovie(formatId: string): boolean {
  return WRITABLE.has(formatId)
}

/**
 * Plans the patch and, where the samples can stay at their place, writes it.
 *
 * @param file - A temporary file of our own; unchanged unless the answer is `splice`. Not synced.
 */
export async function spliceMovieFile(file: string, patch: MetadataPatch): Promise<SplicePlan> {
  const plan = await planFile(file, patch)
  if (plan.kind !== 'splice') return plan
  if (!canSpliceInPlace(plan)) return { kind: 'handover', reason: 'too much lies behind the samples' }
  applySpliceInPlace(file, plan)
  return plan
}

async function planFile(file: string, patch: MetadataPatch): Promise<SplicePlan> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const read = async (offset: number, lengthBytes: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offset)
      return buffer.subarray(0, bytesRead)
    }
    return await planMovieSplice(read, size, patch, { mayMoveMedia: false })
  } finally {
    await handle.close()
  }
}
