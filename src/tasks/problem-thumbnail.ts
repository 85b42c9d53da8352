/**
 * A small picture of a file that a report has to speak of, where one can be had cheaply.
 *
 * @module
 */

import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ThumbnailOf } from '../library/report.ts'
import { IDENTIFY_BYTES, identify } from '../media/identify.ts'
import { findExifThumbnail } from '../media/jpeg/exif-thumbnail.ts'

/** A picture this small is shown as it is. */
const WHOLE_LIMIT_BYTES = 40_000

/** EXIF, with the thumbnail in it, lies in the first segments. */
const HEAD_BYTES = 128 * 1024

/** Formats that every browser shows. */
const SHOWN: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp'])

/** Reads only the library's own copies, below `root`. */
export function thumbnailIn(root: string): ThumbnailOf {
  return async ({ placedAt }) => {
    if (placedAt === undefined) return undefined
    const file = join(root, placedAt)
    const head = readHead(file)
    const format = identify(head.subarray(0, IDENTIFY_BYTES), placedAt)
    if (format === undefined) return undefined
    const isWhole = head.length <= WHOLE_LIMIT_BYTES && statSync(file).size === head.length
    if (isWhole && SHOWN.has(format.id)) return dataUri(format.mime, head)
    const thumbnail = format.id === 'jpeg' ? findExifThumbnail(head) : undefined
    return thumbnail === undefined ? undefined : dataUri('image/jpeg', thumbnail)
  }
}

function readHead(file: string): Buffer {
  const descriptor = openSync(file, 'r')
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    return head.subarray(0, readSync(descriptor, head, 0, HEAD_BYTES, 0))
  } finally {
    closeSync(descriptor)
  }
}

function dataUri(mime: string, bytes: Buffer): string {
  return `data:${mime};base64,${bytes.toString('base64')}`
}
