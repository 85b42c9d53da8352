/**
 * Where a movie's new header and XMP packet find their place in the file.
 *
 * Behind the samples everything may grow. Before them, only into padding; a header that does not fit there grows all
 * the same, and the samples with all that lies behind it move by that much.
 *
 * @module
 */

import type { SpliceEdit } from '../splice-parts.ts'
import { Handover, toBox, uint32 } from './atoms.ts'
import type { ReadAt } from './boxes.ts'
import { shiftChunkOffsets } from './chunk-offsets.ts'
import { parseMovie } from './movie-patch.ts'
import { type TopBox, XMP_UUID } from './top-boxes.ts'

export interface Movie {
  readonly boxes: readonly TopBox[]
  readonly moov: TopBox
  /** Content of `moov`. */
  readonly header: Buffer
  /** The file's XMP packet where it lies beside the movie; at most one. */
  readonly xmp: TopBox | undefined
  readonly media: readonly TopBox[]
  /** Behind the last sample. */
  readonly mediaEnd: number
  readonly sizeBytes: number
  /** Whether its XMP belongs into the user data, as in QuickTime files, or beside the movie, as in MP4. */
  readonly isQuickTime: boolean
}

/** The edit that puts the new header in. Its size differs from what it replaces where it finds no room. */
export async function placeHeader(
  read: ReadAt,
  { boxes, moov, mediaEnd }: Movie,
  content: Buffer,
): Promise<SpliceEdit> {
  const box = toBox('moov', content)
  const grown: SpliceEdit = { at: moov.at, to: moov.to, bytes: box }
  if (moov.at >= mediaEnd || moov.at + box.length === moov.to) return grown
  const end = moov.at + box.length
  const padding = end > moov.to ? paddingBehind(boxes, moov) : undefined
  const roomEnd = padding?.to ?? moov.to
  if (end === roomEnd && (await isEmpty(read, padding, roomEnd))) return { ...grown, to: roomEnd, bytes: box }
  // What is left becomes padding, for which it needs eight bytes; the old padding's own header goes into it.
  const headerEnd = Math.max(end + 8, padding?.from ?? moov.to)
  const leftBytes = roomEnd - end
  if (leftBytes < 8 || leftBytes > MAX_PADDING_BYTES || !(await isEmpty(read, padding, headerEnd)))
    return grown
  const header = Buffer.concat([uint32(leftBytes), Buffer.from('free'), Buffer.alloc(headerEnd - end - 8)])
  return { at: moov.at, to: headerEnd, bytes: Buffer.concat([box, header]) }
}

function paddingBehind(boxes: readonly TopBox[], moov: TopBox): TopBox | undefined {
  return boxes.find(({ type, at }) => at === moov.to && (type === 'free' || type === 'skip'))
}

/** The size of a padding must fit into its 32 bits. */
const MAX_PADDING_BYTES = 0xffffffff

/** Dashcams hide their GPS tracks in boxes that are called free: only zeros are padding. */
async function isEmpty(read: ReadAt, padding: TopBox | undefined, to: number): Promise<boolean> {
  if (padding === undefined || to <= padding.from) return true
  const bytes = await read(padding.from, to - padding.from)
  return bytes.every((byte) => byte === 0)
}

/**
 * The edits that put the packet in. Where it does not fit before the samples, it goes behind them; what stands at the
 * file's end stays there, as some programs look for it from the end.
 */
export function placeXmp({ moov, xmp, mediaEnd }: Movie, packet: Buffer): SpliceEdit[] {
  const bytes = toBox('uuid', XMP_UUID, packet)
  const end = Math.max(mediaEnd, moov.to)
  const behind: SpliceEdit = { at: end, to: end, bytes }
  if (xmp === undefined) return [behind]
  const oldBytes = xmp.to - xmp.at
  if (xmp.at >= mediaEnd || bytes.length === oldBytes) return [{ at: xmp.at, to: xmp.to, bytes }]
  return [{ at: xmp.at, to: xmp.to, bytes: toBox('free', Buffer.alloc(oldBytes - 8)) }, behind]
}

/**
 * Adds to the tables of the new header, in place, by how much the samples behind it move.
 *
 * @throws {@link Handover}
 */
export function moveChunks(
  { moov, media, mediaEnd }: Movie,
  edits: readonly SpliceEdit[],
  growth: number,
): void {
  const edit = edits.find(({ at }) => at === moov.at)
  if (edit === undefined || edit.at >= mediaEnd)
    throw new Handover('something else than the header would grow')
  const { atoms } = parseMovie(edit.bytes.subarray(8))
  // Canon's hold offsets into the file.
  if (atoms.some(({ type }) => type === 'uuid')) throw new Handover('the movie has data of its own kind')
  shiftChunkOffsets(atoms, { from: moov.to, growth, media })
}
