/**
 * The tables that say where in the file each chunk of samples lies (`stco`, `co64`).
 *
 * @module
 */

import { type Atom, Handover, parseAtoms } from './atoms.ts'

/** A span of the file that holds samples. */
export interface MediaRange {
  readonly from: number
  readonly to: number
}

/** A table as a view into the buffer that the movie's atoms were parsed from. */
interface OffsetTable {
  readonly count: number
  readonly get: (index: number) => number
  readonly set: (index: number, offset: number) => void
}

/** Sample descriptions of encrypted media begin so. */
const ENCRYPTED = /^(?:enc|drm)/u

/** The largest chunk offset of all tracks; -1 where there is none. @throws {@link Handover} */
export function lastChunkOffset(atoms: readonly Atom[]): number {
  let last = -1
  for (const { count, get } of tracksOf(atoms).flatMap(({ tables }) => tables)) {
    for (let index = 0; index < count; index += 1) last = Math.max(last, get(index))
  }
  return last
}

/**
 * Adds `growth` to all offsets from `from` on, in place.
 *
 * @throws {@link Handover} where an offset points at something else than samples, or samples lie in other files.
 */
export function shiftChunkOffsets(
  atoms: readonly Atom[],
  shift: { readonly from: number; readonly growth: number; readonly media: readonly MediaRange[] },
): void {
  for (const { tables, selfContained } of tracksOf(atoms)) {
    if (!selfContained) throw new Handover('a track has its samples in another file')
    for (const table of tables) shiftTable(table, shift)
  }
}

function shiftTable(
  { count, get, set }: OffsetTable,
  { from, growth, media }: { from: number; growth: number; media: readonly MediaRange[] },
): void {
  for (let index = 0; index < count; index += 1) {
    const offset = get(index)
    // A track without samples may have a chunk at the very end of the media.
    if (!media.some((range) => offset >= range.from && offset <= range.to)) {
      throw new Handover('a chunk lies outside the media data')
    }
    if (offset >= from) set(index, offset + growth)
  }
}

interface Track {
  readonly tables: readonly OffsetTable[]
  readonly selfContained: boolean
}

function tracksOf(atoms: readonly Atom[]): Track[] {
  return atoms
    .filter(({ type }) => type === 'trak')
    .map(({ data }) => trackOf(parseAtoms(data, 'trak').atoms))
}

function trackOf(trak: readonly Atom[]): Track {
  const minf = childrenOf(childrenOf(trak, 'mdia'), 'minf')
  const stbl = childrenOf(minf, 'stbl')
  for (const { type, data } of stbl) {
    if (type === 'saio' || (type === 'stsd' && isEncrypted(data)))
      throw new Handover('the media is encrypted')
  }
  const dref = childrenOf(minf, 'dinf').find(({ type }) => type === 'dref')
  return { tables: stbl.flatMap(toTable), selfContained: dref === undefined || isSelfContained(dref.data) }
}

function childrenOf(atoms: readonly Atom[], type: string): readonly Atom[] {
  return atoms.filter((atom) => atom.type === type).flatMap(({ data }) => parseAtoms(data, type).atoms)
}

/** Lenient: some phones write descriptions of their own tracks that do not add up, which matters to nobody here. */
function isEncrypted(stsd: Buffer): boolean {
  let at = 8
  while (at + 8 <= stsd.length) {
    if (ENCRYPTED.test(stsd.toString('latin1', at + 4, at + 8))) return true
    at += Math.max(8, stsd.readUInt32BE(at))
  }
  return false
}

/** Each reference with the flag that says "in this file". */
function isSelfContained(dref: Buffer): boolean {
  return parseAtoms(dref.subarray(8), 'dref').atoms.every(
    ({ type, data }) => type !== 'rsrc' && data[3] === 1,
  )
}

function toTable({ type, data }: Atom): OffsetTable[] {
  if (type !== 'stco' && type !== 'co64') return []
  const width = type === 'stco' ? 4 : 8
  const count = data.length < 8 ? -1 : data.readUInt32BE(4)
  if (count < 0 || data.length < 8 + count * width) throw new Handover('a table of chunk offsets is cut off')
  return [type === 'stco' ? shortTable(data, count) : longTable(data, count)]
}

function shortTable(data: Buffer, count: number): OffsetTable {
  return {
    count,
    get: (index) => data.readUInt32BE(8 + index * 4),
    set: (index, offset) => {
      if (offset > 0xffffffff) throw new Handover('a chunk offset would need 64 bits')
      data.writeUInt32BE(offset, 8 + index * 4)
    },
  }
}

function longTable(data: Buffer, count: number): OffsetTable {
  return {
    count,
    get: (index) => Number(data.readBigUInt64BE(8 + index * 8)),
    set: (index, offset) => {
      data.writeBigUInt64BE(BigInt(offset), 8 + index * 8)
    },
  }
}
