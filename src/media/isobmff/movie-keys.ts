/**
 * Apple's keys: a list of names (`keys`) and a list of values (`ilst`) that counts through the names.
 *
 * All keys and values that are there stay, in their order, with their numbers.
 *
 * @module
 */

import { type Atom, type Atoms, Handover, onlyAtom, parseAtoms, toBox, toContent, uint32 } from './atoms.ts'

const PREFIX = 'com.apple.quicktime.'

/** A key without Apple's prefix and the text it is to have. `mayReplace` is asked with the text that is there. */
export interface KeyEdit {
  readonly name: string
  readonly value: string
  readonly mayReplace?: (existing: string | undefined) => boolean
}

/** The parts of a movie's `meta` box; `head` are the four bytes that MPEG-4 begins it with and QuickTime does not. */
interface KeyBox {
  readonly head: Buffer
  readonly children: Atoms
  /** Names without Apple's prefix; undefined for keys of another namespace. */
  readonly names: readonly (string | undefined)[]
  readonly items: Atoms
}

/** Whether the movie has a key of this name. @throws {@link Handover} */
export function hasKey(meta: Buffer | undefined, name: string): boolean {
  return meta !== undefined && parseKeyBox(meta).names.includes(name)
}

/**
 * The content of `meta` with the texts put in.
 *
 * @returns Undefined when nothing changes.
 * @throws {@link Handover} where the box is of another kind, or a text is there in several languages.
 */
export function patchKeys(meta: Buffer | undefined, edits: readonly KeyEdit[]): Buffer | undefined {
  if (edits.length === 0) return undefined
  if (meta === undefined) return newKeys(edits.filter(({ mayReplace }) => mayReplace?.(undefined) ?? true))
  const box = parseKeyBox(meta)
  const replaced = new Map<Atom | undefined, Buffer>()
  const added: KeyEdit[] = []
  for (const edit of edits) {
    const item = findItem(box, edit.name)
    if (item === undefined) added.push(edit)
    else replaceText(item, edit, replaced)
  }
  const wanted = added.filter(({ mayReplace }) => mayReplace?.(undefined) ?? true)
  return replaced.size + wanted.length === 0 ? undefined : rebuild(box, replaced, wanted)
}

function newKeys(edits: readonly KeyEdit[]): Buffer | undefined {
  if (edits.length === 0) return undefined
  const handler = Buffer.concat([uint32(0), uint32(0), Buffer.from('mdta'), Buffer.alloc(13)])
  const names = edits.map(({ name }) => keyEntry(name))
  const items = edits.map(({ value }, index) => newItem(index + 1, value))
  return Buffer.concat([
    toBox('hdlr', handler),
    toBox('keys', uint32(0), uint32(names.length), ...names),
    toBox('ilst', ...items),
  ])
}

function keyEntry(name: string): Buffer {
  return toBox('mdta', Buffer.from(PREFIX + name))
}

function newItem(number: number, value: string): Buffer {
  // The "type" of an item is the number of its key. Type 1 is UTF-8; no language.
  return toBox(uint32(number).toString('latin1'), toBox('data', uint32(1), uint32(0), Buffer.from(value)))
}

function parseKeyBox(meta: Buffer): KeyBox {
  const head = meta.subarray(0, meta.toString('latin1', 4, 8) === 'hdlr' ? 0 : 4)
  if (head.some((byte) => byte !== 0)) throw new Handover('the meta box does not begin with its handler')
  const children = parseAtoms(meta.subarray(head.length), 'meta')
  const [first] = children.atoms
  if (first?.type !== 'hdlr' || first.data.toString('latin1', 8, 12) !== 'mdta') {
    throw new Handover('the meta box is not of keys')
  }
  const [keys, ilst] = [onlyAtom(children.atoms, 'keys'), onlyAtom(children.atoms, 'ilst')]
  if (keys === undefined || ilst === undefined) throw new Handover('the meta box lacks keys or values')
  return { head, children, names: namesOf(keys.data), items: parseAtoms(ilst.data, 'ilst') }
}

function namesOf(keys: Buffer): (string | undefined)[] {
  const { atoms, rest } = parseAtoms(keys.subarray(8), 'keys')
  if (keys.length < 8 || keys.readUInt32BE(4) !== atoms.length || rest.length > 0) {
    throw new Handover('the keys are not as many as they say')
  }
  return atoms.map(({ type, data }) => {
    if (type !== 'mdta') return undefined
    const name = data.toString('latin1').replace(/\0.*$/su, '')
    return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name
  })
}

/** The value of a key; undefined when there is no such key. */
function findItem({ names, items }: KeyBox, name: string): Atom | undefined {
  const number = names.indexOf(name) + 1
  if (number === 0) return undefined
  if (names.indexOf(name, number) >= 0) throw new Handover(`the key ${name} is there twice`)
  const item = onlyAtom(items.atoms, uint32(number).toString('latin1'))
  if (item === undefined) throw new Handover(`the key ${name} has no value`)
  return item
}

function replaceText(item: Atom, edit: KeyEdit, replaced: Map<Atom | undefined, Buffer>): void {
  const parts = parseAtoms(item.data, edit.name)
  const data = onlyAtom(parts.atoms, 'data')
  if (data === undefined || data.data.length < 8 || data.data.readUInt32BE(0) !== 1) {
    throw new Handover(`the key ${edit.name} holds no UTF-8 text`)
  }
  const existing = data.data.toString('utf8', 8).replace(/\0+$/u, '')
  if (existing === edit.value || edit.mayReplace?.(existing) === false) return
  // Without the country and language that iPhones put there: the new text is of no country.
  const text = Buffer.concat([uint32(1), uint32(0), Buffer.from(edit.value)])
  replaced.set(item, toContent(parts, new Map([[data, text]])))
}

function rebuild(
  { head, children, names, items }: KeyBox,
  replaced: ReadonlyMap<Atom | undefined, Buffer>,
  added: readonly KeyEdit[],
): Buffer {
  const keys = onlyAtom(children.atoms, 'keys')
  const ilst = onlyAtom(children.atoms, 'ilst')
  const newItems = added.map(({ value }, index) => newItem(names.length + index + 1, value))
  const newNames = Buffer.concat([
    keys?.data.subarray(0, 4) ?? uint32(0),
    uint32(names.length + added.length),
    keys?.data.subarray(8) ?? Buffer.alloc(0),
    ...added.map(({ name }) => keyEntry(name)),
  ])
  const contents = new Map<Atom | undefined, Buffer>([
    [keys, newNames],
    [ilst, toContent(items, replaced, newItems)],
  ])
  return Buffer.concat([head, toContent(children, contents)])
}
