/**
 * Boxes in memory, taken apart and put together again without losing a byte.
 *
 * Strict where the readers are lenient: whoever writes must account for every byte, so anything that does not add
 * up is a {@link Handover} to a program that knows more.
 *
 * @module
 */

/** Thrown inside this folder only: the plan becomes a handover. */
export class Handover extends Error {}

export interface Atom {
  /** Four Latin-1 characters. */
  readonly type: string
  /** Its content, a view into the buffer it was parsed from. */
  readonly data: Buffer
}

export interface Atoms {
  readonly atoms: readonly Atom[]
  /** Up to some zero bytes at the end: QuickTime's user data is ended by four. */
  readonly rest: Buffer
}

/** More atoms in one box than any program writes. */
const MAX_ATOMS = 20_000

/** The boxes that fill `data`. `what` names the box for the reason. @throws {@link Handover} */
export function parseAtoms(data: Buffer, what: string): Atoms {
  const atoms: Atom[] = []
  let at = 0
  while (at + 8 <= data.length) {
    const sizeBytes = data.readUInt32BE(at)
    if (sizeBytes === 0) break
    if (sizeBytes < 8 || at + sizeBytes > data.length || atoms.length >= MAX_ATOMS) {
      throw new Handover(`${what} holds a box of an unexpected size`)
    }
    atoms.push({ type: data.toString('latin1', at + 4, at + 8), data: data.subarray(at + 8, at + sizeBytes) })
    at += sizeBytes
  }
  const rest = data.subarray(at)
  if (rest.some((byte) => byte !== 0)) throw new Handover(`${what} does not end with a box`)
  return { atoms, rest }
}

/** A box with its header. */
export function toBox(type: string, ...content: readonly Buffer[]): Buffer {
  const sizeBytes = content.reduce((sum, { length }) => sum + length, 8)
  const header = Buffer.alloc(8)
  header.writeUInt32BE(sizeBytes)
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, ...content], sizeBytes)
}

/** The only box of a type; several would leave open which one counts. @throws {@link Handover} */
export function onlyAtom(atoms: readonly Atom[], type: string): Atom | undefined {
  const found = atoms.filter((atom) => atom.type === type)
  if (found.length > 1) throw new Handover(`there are ${found.length} ${type} boxes`)
  return found[0]
}

/** The boxes put together again, some of them with other content; new ones behind the last. */
export function toContent(
  { atoms, rest }: Atoms,
  replaced: ReadonlyMap<Atom | undefined, Buffer>,
  added: readonly Buffer[] = [],
): Buffer {
  const kept = atoms.map((atom) => toBox(atom.type, replaced.get(atom) ?? atom.data))
  return Buffer.concat([...kept, ...added, rest])
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
