/**
 * The whole content of a file, for decoders that take nothing less.
 *
 * @module
 */

import { readFile, stat } from 'node:fs/promises'
import { DamagedPictureError } from './errors.ts'
import type { ThumbnailSource } from './thumbnail.ts'

/** Ten times the largest HEIC or JXL that a camera writes. */
const MAX_BYTES = 256 * 1024 * 1024

export async function readWhole({ bytes, path }: ThumbnailSource): Promise<Buffer> {
  if (bytes !== undefined) return bytes
  const { size } = await stat(path)
  if (size > MAX_BYTES)
    throw new DamagedPictureError(`${size} bytes are more than a picture of this format has`)
  return await readFile(path)
}
