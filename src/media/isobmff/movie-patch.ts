/**
 * What a patch means for a movie: times in the header, Apple's keys, user data, and an XMP packet.
 *
 * The same fields with the same meaning as `exiftool/write-args.ts` has for movies. Pure.
 *
 * @module
 */

import { mayReplaceCaption } from '../exif/caption-text.ts'
import { formatOffset } from '../exif/metadata-date.ts'
import type { MetadataPatch } from '../metadata.ts'
import { BrokenXmpError } from '../xmp/xmp-packet.ts'
import { patchXmp, toXmlText } from '../xmp/xmp-writer.ts'
import { type Atom, type Atoms, Handover, onlyAtom, parseAtoms, toBox, toContent } from './atoms.ts'
import { hasKey, type KeyEdit, patchKeys } from './movie-keys.ts'
import { fitsQuickTime, movieCreatedAt, setMovieTimes } from './movie-times.ts'
import { findUserData, PLACE, putUserData, toIso6709, toPlaceContent, XMP } from './movie-user-data.ts'
import { XMP_UUID } from './top-boxes.ts'

/** A movie in fragments, compressed, elsewhere or protected; and a list of GPS data by its place in the file. */
const NOT_UNDERSTOOD = new Set(['mvex', 'cmov', 'rmra', 'pssh', 'gps ', XMP])

/**
 * The content of a `moov` box with all of the patch that belongs there, but for XMP.
 *
 * @returns A buffer of its own, even where nothing changed.
 * @throws {@link Handover}
 */
export function patchMovie(moov: Buffer, patch: MetadataPatch): Buffer {
  const copy = Buffer.from(moov)
  const movie = parseMovie(copy)
  const { atoms } = movie
  const { taken, position } = patch
  const meta = onlyAtom(atoms, 'meta')
  const newMeta = patchKeys(meta?.data, keyEdits(atoms, patch, meta?.data))
  if (taken !== undefined && fitsQuickTime(taken.at)) setMovieTimes(atoms, taken.at)
  const contents = new Map<string, Buffer>()
  if (newMeta !== undefined) contents.set('meta', newMeta)
  if (position !== undefined) {
    const udta = onlyAtom(atoms, 'udta')?.data
    const content = toPlaceContent(position, findUserData(udta, PLACE))
    contents.set('udta', putUserData(udta, PLACE, content))
  }
  return withChildren(movie, contents)
}

/** The `moov` box's children, all of them understood well enough to put others beside them. @throws {@link Handover} */
export function parseMovie(moov: Buffer): Atoms {
  const movie = parseAtoms(moov, 'moov')
  const strange = movie.atoms.find(({ type }) => NOT_UNDERSTOOD.has(type))
  if (strange !== undefined) throw new Handover(`the movie has a ${strange.type.trim()} box`)
  if (movie.atoms.some(({ type, data }) => type === 'uuid' && data.subarray(0, 16).equals(XMP_UUID))) {
    throw new Handover('the XMP packet is at an unusual place')
  }
  if (onlyAtom(movie.atoms, 'mvhd') === undefined) throw new Handover('the movie has no header')
  // Items keep offsets into the file, wherever they are: in a track, in the user data.
  if (moov.includes('iloc')) throw new Handover('the movie has items')
  return movie
}

/** The content of the XMP packet in the user data. @throws {@link Handover} */
export function findMovieXmp(moov: Buffer): Buffer | undefined {
  return findUserData(onlyAtom(parseMovie(moov).atoms, 'udta')?.data, XMP)?.data
}

/** The `moov` box's content with this packet in the user data. @throws {@link Handover} */
export function putMovieXmp(moov: Buffer, packet: Buffer): Buffer {
  const movie = parseMovie(moov)
  const udta = onlyAtom(movie.atoms, 'udta')?.data
  return withChildren(movie, new Map([['udta', putUserData(udta, XMP, packet)]]))
}

/**
 * The packet with what a movie has no other field for, merged into the one that is there.
 *
 * @returns Undefined when there is nothing to write.
 * @throws {@link Handover} where the existing packet cannot be read.
 */
export function patchMovieXmp(existing: Buffer | undefined, patch: MetadataPatch): Buffer | undefined {
  const text = existing?.toString('utf8')
  if (existing !== undefined && !Buffer.from(text ?? '').equals(existing)) {
    throw new Handover('the XMP packet is not in UTF-8')
  }
  try {
    const packet = patchXmp(text, xmpPart(patch))
    return packet === undefined ? undefined : Buffer.from(packet)
  } catch (error) {
    if (error instanceof BrokenXmpError) throw new Handover(error.message)
    throw error
  }
}

/** Without what stands in QuickTime's own fields: dates that fit there, and the place. */
function xmpPart({ position: _, offsetMinutes: __, taken, ...rest }: MetadataPatch): MetadataPatch {
  return taken === undefined || fitsQuickTime(taken.at) ? rest : { ...rest, taken }
}

function withChildren(movie: Atoms, contents: ReadonlyMap<string, Buffer>): Buffer {
  const replaced = new Map<Atom | undefined, Buffer>()
  const added: Buffer[] = []
  for (const [type, content] of contents) {
    const atom = onlyAtom(movie.atoms, type)
    if (atom === undefined) added.push(toBox(type, content))
    else replaced.set(atom, content)
  }
  return toContent(movie, replaced, added)
}

function keyEdits(atoms: readonly Atom[], patch: MetadataPatch, meta: Buffer | undefined): KeyEdit[] {
  const creationDate = creationDateOf(atoms, patch, meta)
  const caption = toXmlText(patch.caption ?? '').trim()
  const mayReplace = (existing: string | undefined): boolean => mayReplaceCaption(existing, caption)
  const edits: KeyEdit[] = []
  if (creationDate !== undefined) edits.push({ name: 'creationdate', value: creationDate })
  if (caption !== '') edits.push({ name: 'description', value: caption, mayReplace })
  if (patch.position) edits.push({ name: 'location.ISO6709', value: toIso6709(patch.position) })
  return edits
}

/** The wall clock with its offset: of the new date, or of the header's own when only the offset was missing. */
function creationDateOf(
  atoms: readonly Atom[],
  { taken, offsetMinutes }: MetadataPatch,
  meta: Buffer | undefined,
): string | undefined {
  if (taken !== undefined) {
    return taken.offsetMinutes === undefined ? undefined : toCreationDate(taken.local, taken.offsetMinutes)
  }
  const createdAt = movieCreatedAt(atoms)
  if (offsetMinutes === undefined || createdAt === undefined || hasKey(meta, 'creationdate')) return undefined
  return toCreationDate(new Date(createdAt + offsetMinutes * 60_000).toISOString(), offsetMinutes)
}

/** `2019-06-01T12:00:00+0200`. */
function toCreationDate(local: string, offsetMinutes: number): string {
  return local.slice(0, 19) + formatOffset(offsetMinutes).replace(':', '')
}
