/**
 * What a picture's thumbnails are called in the folder that the user named.
 *
 * `2024/IMG_1.heic` becomes `2024/IMG_1-250.jpg`; where another picture or a file of somebody has that name,
 * `2024/IMG_1.heic-250.jpg`, and then `2024/IMG_1.heic~2-250.jpg`. Pure: what is taken is the caller's business.
 *
 * @module
 */

import { safeSegment } from '../library/names.ts'

/** Leaves room for the number, the size and the extension: most filesystems end a name at 255 bytes. */
const MAX_SEGMENT_BYTES = 200

/** More pictures of one name in one folder are not to be expected, and have to end somewhere. */
const MAX_NUMBER = 99

/** Names without size and extension, best first. @param label - Of the picture: relative, `/` between segments. */
export function shortStems(label: string): readonly string[] {
  const { folder, name } = safeName(label)
  return [...new Set([`${folder}${name.replace(/\.[^.]{1,5}$/u, '')}`, `${folder}${name}`])]
}

/** For when those are taken. */
export function numberedStems(label: string): readonly string[] {
  const { folder, name } = safeName(label)
  return Array.from({ length: MAX_NUMBER - 1 }, (_, index) => `${folder}${name}~${index + 2}`)
}

function safeName(label: string): { readonly folder: string; readonly name: string } {
  const segments = label.split('/').map((segment) => safeSegment(segment, MAX_SEGMENT_BYTES, '_'))
  const name = segments.pop() ?? '_'
  return { folder: segments.map((segment) => `${segment}/`).join(''), name }
}
