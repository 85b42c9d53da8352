/**
 * The times in a movie's header: of the movie, of each track, and of each track's media.
 *
 * Written where they stand; no size changes.
 *
 * @module
 */

import { type Atom, Handover, parseAtoms } from './atoms.ts'

/** Seconds from 1904, where QuickTime's time begins, to 1970. */
const EPOCH_OFFSET_SECONDS = 2_082_844_800

/** Before 1970 exiftool and players disagree; from 2040 on, 32 bits are not enough. */
const FIRST_MS = Date.UTC(1970, 0, 1)
const LAST_MS = Date.UTC(2040, 0, 1)

/** Whether QuickTime's seconds can hold an instant (epoch milliseconds). */
export function fitsQuickTime(at: number): boolean {
  return at >= FIRST_MS && at < LAST_MS
}

/** Epoch milliseconds of the movie header's creation time; undefined for zero, "not set". */
export function movieCreatedAt(atoms: readonly Atom[]): number | undefined {
  const mvhd = atoms.find(({ type }) => type === 'mvhd')?.data
  if (mvhd === undefined || mvhd.length < 20) return undefined
  const seconds = mvhd[0] === 1 ? Number(mvhd.readBigUInt64BE(4)) : mvhd.readUInt32BE(4)
  const at = (seconds - EPOCH_OFFSET_SECONDS) * 1000
  return seconds === 0 || Math.abs(at) > 8.64e15 ? undefined : at
}

/** Sets creation and modification times, in the buffer that the atoms of `moov` are views of. @throws {@link Handover} */
export function setMovieTimes(atoms: readonly Atom[], at: number): void {
  const seconds = Math.floor(at / 1000) + EPOCH_OFFSET_SECONDS
  for (const { type, data } of atoms) {
    if (type === 'mvhd') setTimes(data, seconds)
    if (type === 'trak') setTrackTimes(parseAtoms(data, 'trak').atoms, seconds)
  }
}

function setTrackTimes(atoms: readonly Atom[], seconds: number): void {
  for (const { type, data } of atoms) {
    if (type === 'tkhd') setTimes(data, seconds)
    if (type !== 'mdia') continue
    for (const child of parseAtoms(data, 'mdia').atoms)
      if (child.type === 'mdhd') setTimes(child.data, seconds)
  }
}

/** Version and flags, then both times; version 1 has them in 64 bits. */
function setTimes(data: Buffer, seconds: number): void {
  const version = data[0]
  if (data.length < 20 || version === undefined || version > 1)
    throw new Handover('a header is of an unknown kind')
  if (version === 1) {
    data.writeBigUInt64BE(BigInt(seconds), 4)
    data.writeBigUInt64BE(BigInt(seconds), 12)
  } else {
    data.writeUInt32BE(seconds, 4)
    data.writeUInt32BE(seconds, 8)
  }
}
