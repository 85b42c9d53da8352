/**
 * Writes metadata into MP4 and QuickTime files without touching a sample.
 *
 * Only the header (`moov`) and the XMP packet are made anew. The difficulty is that the header's tables count from
 * the file's start: as long as nothing before or among the samples changes its size, no offset changes. A header
 * behind the samples, as cameras write it, may grow freely; one before them grows into the padding behind it or,
 * where the whole file is at hand, moves the samples and adds the growth to the tables. Fragmented, encrypted,
 * compressed and damaged movies are handed over: see `docs/formats/media.md`.
 *
 * @module
 */

import type { MetadataPatch } from '../metadata.ts'
import { movedRanges, type SpliceEdit, type SplicePlan, toSplice } from '../splice-parts.ts'
import { Handover } from './atoms.ts'
import type { ReadAt } from './boxes.ts'
import { lastChunkOffset } from './chunk-offsets.ts'
import { type Movie, moveChunks, placeHeader, placeXmp } from './movie-layout.ts'
import { findMovieXmp, parseMovie, patchMovie, patchMovieXmp, putMovieXmp } from './movie-patch.ts'
import { readTopBoxes, type TopBox } from './top-boxes.ts'

export interface MovieSpliceOptions {
  /** True where copying the whole file costs nothing more, as its bytes are in memory anyway. */
  readonly mayMoveMedia: boolean
}

/** A header of an hour is about 1 MB; a larger one is copied some times over in memory. */
const MAX_MOOV_BYTES = 16 * 1024 * 1024

const MAX_XMP_BYTES = 16 * 1024 * 1024

/**
 * Plans the write of a patch into a movie of `sizeBytes`.
 *
 * Never throws for what the file contains; errors of `read` go through.
 */
export async function planMovieSplice(
  read: ReadAt,
  sizeBytes: number,
  patch: MetadataPatch,
  options: MovieSpliceOptions,
): Promise<SplicePlan> {
  try {
    const movie = await readMovie(read, sizeBytes)
    const edits = await planEdits(read, movie, patch, options)
    if (edits.length === 0) return { kind: 'unchanged' }
    return { kind: 'splice', ...toSplice(edits, sizeBytes) }
  } catch (error) {
    if (error instanceof Handover) return { kind: 'handover', reason: error.message }
    throw error
  }
}

async function readMovie(read: ReadAt, sizeBytes: number): Promise<Movie> {
  const boxes = await readTopBoxes(read, sizeBytes)
  const [moov, ...otherMovies] = boxes.filter(({ type }) => type === 'moov')
  const [xmp, ...otherXmp] = boxes.filter(({ isXmp }) => isXmp)
  const media = boxes.filter(({ type }) => type === 'mdat')
  if (moov === undefined || media.length === 0) throw new Handover('the movie has no header or no samples')
  if (otherMovies.length + otherXmp.length > 0) throw new Handover('there are several movies or XMP packets')
  if (moov.from !== moov.at + 8) throw new Handover('the header has a size of 64 bits')
  const header = await readAll(read, moov, MAX_MOOV_BYTES)
  const mediaEnd = Math.max(...media.map(({ to }) => to))
  const isQuickTime = await isQuickTimeFile(read, boxes[0])
  return { boxes, moov, header, xmp, media, mediaEnd, sizeBytes, isQuickTime }
}

async function readAll(read: ReadAt, box: TopBox, maxBytes: number): Promise<Buffer> {
  const lengthBytes = box.to - box.from
  if (lengthBytes > maxBytes) throw new Handover(`the ${box.type} box has ${lengthBytes} bytes`)
  const bytes = await read(box.from, lengthBytes)
  if (bytes.length !== lengthBytes) throw new Handover(`the ${box.type} box cannot be read as a whole`)
  return bytes
}

/** By the brands behind the major one and its version, as exiftool decides; no brands at all are QuickTime's too. */
async function isQuickTimeFile(read: ReadAt, first: TopBox | undefined): Promise<boolean> {
  if (first?.type !== 'ftyp') return true
  const brands = await readAll(read, first, 1024)
  for (let at = 4; at + 4 <= brands.length; at += 4) {
    if (brands.toString('latin1', at, at + 4) === 'qt  ') return true
  }
  return false
}

async function planEdits(
  read: ReadAt,
  movie: Movie,
  patch: MetadataPatch,
  options: MovieSpliceOptions,
): Promise<SpliceEdit[]> {
  const { xmp } = movie
  const beside = xmp === undefined ? undefined : (await readAll(read, xmp, MAX_XMP_BYTES)).subarray(16)
  const { header, packet } = patchContents(movie, beside, patch)
  const edits = packet === undefined ? [] : placeXmp(movie, packet)
  if (!header.equals(movie.header)) edits.push(await placeHeader(read, movie, header))
  const growth = edits.reduce((sum, edit) => sum + growthBefore(edit, movie.mediaEnd), 0)
  if (growth === 0) {
    checkNothingMovedIsNeeded(movie, edits)
  } else {
    if (!options.mayMoveMedia) throw new Handover('the header does not fit in its place before the samples')
    moveChunks(movie, edits, growth)
  }
  return edits
}

/** The new header, and the new packet where it belongs beside the movie and something is to be written. */
function patchContents(
  { header, isQuickTime }: Movie,
  beside: Buffer | undefined,
  patch: MetadataPatch,
): { header: Buffer; packet: Buffer | undefined } {
  const inside = findMovieXmp(header)
  if (beside !== undefined && inside !== undefined) throw new Handover('there are two XMP packets')
  const packet = patchMovieXmp(beside ?? inside, patch)
  const patched = patchMovie(header, patch)
  const goesInside = inside !== undefined || (beside === undefined && isQuickTime)
  if (packet === undefined || !goesInside) return { header: patched, packet }
  return { header: putMovieXmp(patched, packet), packet: undefined }
}

function growthBefore({ at, to, bytes }: SpliceEdit, mediaEnd: number): number {
  return at < mediaEnd ? bytes.length - (to - at) : 0
}

/** What stands behind the samples moves with what grows there; no chunk may be found in it. */
function checkNothingMovedIsNeeded({ header, sizeBytes }: Movie, edits: readonly SpliceEdit[]): void {
  const firstMoved = movedRanges(toSplice(edits, sizeBytes).parts)[0]?.from ?? sizeBytes
  if (lastChunkOffset(parseMovie(header).atoms) >= firstMoved)
    throw new Handover('a chunk lies behind the media data')
}
