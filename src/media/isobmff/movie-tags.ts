/**
 * The two places in a movie's header where phones write: Apple's keys, and the place in the user data.
 *
 * Works on whole boxes in memory. What other programs write there is not read, only noticed.
 *
 * @module
 */

interface Atom {
  readonly type: string
  readonly data: Buffer
}

/** More atoms in one box than any program writes. */
const MAX_ATOMS = 1024

function atomsOf(data: Buffer): Atom[] {
  const atoms: Atom[] = []
  let at = 0
  while (at + 8 <= data.length && atoms.length < MAX_ATOMS) {
    const sizeBytes = data.readUInt32BE(at)
    if (sizeBytes < 8 || at + sizeBytes > data.length) break
    atoms.push({ type: data.toString('latin1', at + 4, at + 8), data: data.subarray(at + 8, at + sizeBytes) })
    at += sizeBytes
  }
  return atoms
}

/** QuickTime's `meta` starts with its children, MPEG-4's with four bytes of version and flags. */
function metaAtoms(data: Buffer): Atom[] {
  return atomsOf(data.toString('latin1', 4, 8) === 'hdlr' ? data : data.subarray(4))
}

const PREFIX = 'com.apple.quicktime.'

/** Keys that hold nothing that a merge could lose: read here, or of no interest to us. */
const KNOWN_KEYS = new Set([
  'creationdate',
  'location.ISO6709',
  'location.accuracy.horizontal',
  'content.identifier',
  'description',
  'make',
  'model',
  'software',
  'live-photo.auto',
  'live-photo.vitality-score',
  'live-photo.vitality-scoring-version',
  'full-frame-rate-playback-intent',
  'com.android.version',
  'com.android.manufacturer',
  'com.android.model',
  'com.android.capture.fps',
])

/** The texts of a movie's `meta` box, by Apple's key without its prefix; `complete` when all keys are known. */
export function readKeys(meta: Buffer): { keys: Map<string, string>; complete: boolean } {
  const atoms = metaAtoms(meta)
  const names = keyNames(atoms.find(({ type }) => type === 'keys')?.data)
  const keys = new Map<string, string>()
  for (const { type, data } of atomsOf(atoms.find((atom) => atom.type === 'ilst')?.data ?? Buffer.alloc(0))) {
    const name = names[Buffer.from(type, 'latin1').readUInt32BE(0) - 1]
    const value = atomsOf(data).find((atom) => atom.type === 'data')?.data
    // Type 1 is UTF-8 text; four bytes of type and four of locale stand before the value.
    if (name !== undefined && value !== undefined && value.length > 8 && value.readUInt32BE(0) === 1) {
      keys.set(name, value.toString('utf8', 8).replaceAll('\0', '').trim())
    }
  }
  return { keys, complete: names.every((name) => KNOWN_KEYS.has(name)) && !atoms.some(isForeign) }
}

/** An item list without keys is iTunes' kind of tags, which is not read here. */
function isForeign({ type }: Atom): boolean {
  return !['hdlr', 'keys', 'ilst', 'free'].includes(type)
}

function keyNames(data: Buffer | undefined): string[] {
  if (data === undefined) return ['?']
  return atomsOf(data.subarray(8)).map((atom) => {
    const name = atom.data.toString('latin1')
    return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name
  })
}

/** User data that programs leave without saying anything of the picture: encoder names and padding. */
const SILENT = new Set(['\xa9too', '\xa9enc', '\xa9swr', 'free', 'hnti'])

/** The place in a movie's `udta` box as Android and older iPhones write it. */
export function readPlace(udta: Buffer): { place?: string; complete: boolean } {
  const atoms = atomsOf(udta)
  const data = atoms.find(({ type }) => type === '\xa9xyz')?.data
  const complete = atoms.every(
    (atom) => atom.type === '\xa9xyz' || SILENT.has(atom.type) || isSilentMeta(atom),
  )
  // A length and a language code of two bytes each stand before the text.
  if (data === undefined || data.length < 5) return { complete }
  return { place: data.toString('latin1', 4, 4 + data.readUInt16BE(0)), complete }
}

/** The tags that ffmpeg leaves in every file it touches: its own name and nothing else. */
function isSilentMeta({ type, data }: Atom): boolean {
  if (type !== 'meta') return false
  const list = metaAtoms(data).find((atom) => atom.type === 'ilst')
  return list === undefined || atomsOf(list.data).every((item) => SILENT.has(item.type))
}
