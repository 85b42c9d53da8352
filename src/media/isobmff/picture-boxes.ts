/**
 * Tells HEIC and AVIF pictures that survive a rewrite from those that something refers into by its place.
 *
 * exiftool moves the boxes of a picture: the samples go to the end, the offsets of `iloc` with them. Motion photos
 * count from the file's end instead (`Item:Length` in the XMP, Samsung's `SEFT` trailer), and nobody adjusts that.
 *
 * @module
 */

import { type ReadAt, walkBoxes } from './boxes.ts'

/**
 * Boxes whose places only `iloc` knows, or nobody. Not `moov`: a sequence has a second table of offsets.
 * A motion photo's video is in none of them, but in `mpvd`, behind a second `ftyp`, or behind the last box.
 */
const MOVABLE = new Set(['ftyp', 'meta', 'mdat', 'free', 'skip', 'uuid'])

/** True when the picture is made of movable boxes only, up to the last byte. */
export async function isMovablePicture(read: ReadAt, sizeBytes: number): Promise<boolean> {
  const { boxes } = await walkBoxes(read, 0, sizeBytes)
  const files = boxes.filter(({ type }) => type === 'ftyp')
  return files.length === 1 && boxes.at(-1)?.to === sizeBytes && boxes.every(({ type }) => MOVABLE.has(type))
}
