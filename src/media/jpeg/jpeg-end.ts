/**
 * Finds out whether a JPEG's picture data comes to its end.
 *
 * A file cut off in a download or on a dying card still opens, with grey where the rest was. The end-of-image
 * marker tells; but it need not be the file's last bytes, for phones append videos and previews, and it must not
 * be looked for inside segments, where thumbnails have ends of their own. So the markers are walked.
 *
 * @module
 */

import { EOI, isJpeg, SOS } from './segments.ts'

/** Watches a JPEG pass by in pieces. */
export interface JpegEndWatch {
  /** Takes the next piece, from the file's first byte on. */
  write(chunk: Buffer): void
  /** True once the end of the first image was seen. */
  readonly isComplete: boolean
}

/** Starts a watch. Costs a look at each 0xFF of the picture data until the end is found, then nothing. */
export function watchJpegEnd(): JpegEndWatch {
  const walk: Walk = { state: 'start', lengthHigh: 0, skipBytes: 0, isScan: false }
  return {
    write: (chunk) => walkChunk(walk, chunk),
    get isComplete() {
      return walk.state === 'end'
    },
  }
}

/** Whether the picture data of a whole file breaks off. False for what is no JPEG: that is another trouble. */
export function isTruncatedJpeg(file: Buffer): boolean {
  if (!isJpeg(file)) return false
  const [last, previous] = [file.at(-1), file.at(-2)]
  if (previous === 0xff && last === EOI) return false
  const watch = watchJpegEnd()
  watch.write(file)
  return !watch.isComplete
}

/**
 * `marker`: 0xFF was seen, its second byte comes. `data`: picture data, or junk between segments. `high`, `low`:
 * the two length bytes of a segment. `skip`: its content.
 */
interface Walk {
  state: 'start' | 'data' | 'marker' | 'high' | 'low' | 'skip' | 'end'
  lengthHigh: number
  skipBytes: number
  isScan: boolean
}

function walkChunk(walk: Walk, chunk: Buffer): void {
  let at = 0
  while (at < chunk.length && walk.state !== 'end') {
    if (walk.state === 'skip') at += skip(walk, chunk.length - at)
    else if (walk.state === 'data') at = seekMarker(walk, chunk, at)
    else {
      step(walk, chunk[at] ?? 0)
      at += 1
    }
  }
}

/** Takes what is there of a segment's content; returns how many bytes that is. */
function skip(walk: Walk, availableBytes: number): number {
  const bytes = Math.min(walk.skipBytes, availableBytes)
  walk.skipBytes -= bytes
  if (walk.skipBytes === 0) walk.state = 'data'
  return bytes
}

/** Goes behind the next 0xFF, or to the chunk's end. */
function seekMarker(walk: Walk, chunk: Buffer, from: number): number {
  const found = chunk.indexOf(0xff, from)
  if (found < 0) return chunk.length
  walk.state = 'marker'
  return found + 1
}

function step(walk: Walk, byte: number): void {
  if (walk.state === 'start') walk.state = byte === 0xff ? 'marker' : 'data'
  else if (walk.state === 'high') {
    walk.lengthHigh = byte
    walk.state = 'low'
  } else if (walk.state === 'low') {
    walk.skipBytes = Math.max(0, walk.lengthHigh * 256 + byte - 2)
    walk.state = walk.skipBytes === 0 ? 'data' : 'skip'
  } else walk.state = afterMarker(walk, byte)
}

function afterMarker(walk: Walk, marker: number): Walk['state'] {
  if (marker === 0xff) return 'marker'
  if (marker === EOI) return walk.isScan ? 'end' : 'data'
  if (marker === SOS) walk.isScan = true
  // 0xFF00 is a stuffed byte; SOI, RSTn and the low markers have no length.
  return marker >= 0xc0 && !(marker >= 0xd0 && marker <= 0xd8) ? 'high' : 'data'
}
