/**
 * Which files of one plain folder belong together, told by their names: live photos, RAW with JPEG, edited
 * copies, motion clips.
 *
 * Hard because equal names are only a hint: counters of phones wrap at 9999, and a camera may number clips and
 * pictures apart. Only pairs that a known program writes are joined, and nothing is lost when one is wrong: each
 * file keeps its own bytes and its own embedded date.
 *
 * @module
 */

import type { ArchiveEntry } from '../archive/archive.ts'
import { editedName, originalsOf } from '../google-photos/edited-names.ts'
import type { CompanionRole } from '../media-item.ts'
import { extensionOf, type FileKind } from './file-kinds.ts'
import { groupBy } from './group-by.ts'

/** A live photo's clip lasts three seconds (2 to 8 MB seen); a larger file is a clip of its own. */
const MAX_LIVE_BYTES = 32 * 1024 * 1024

/** Stills that a phone makes live photos of, and RAW files come with; the first is the one to show. */
const LEADING_STILLS: readonly string[] = ['heic', 'heif', 'jpg', 'jpeg', 'jpe']

const LIVE_VIDEOS = new Set(['mov', 'mp4'])

/** `IMG_E1234` is the edited copy of `IMG_1234` in what iPhones hand over by cable and as "unmodified originals". */
const APPLE_EDITED = /^(?<prefix>[a-z]{3}_)e(?<number>\d{4,})$/u

/** A media file with the parts of its name, in lower case and composed form. */
export interface NamedFile {
  readonly entry: ArchiveEntry
  readonly kind: FileKind
  /** Whole name, such as `img_1234.heic`. */
  readonly name: string
  /** Name without its extension. */
  readonly stem: string
  readonly extension: string
}

export interface Belonging {
  readonly role: CompanionRole
  readonly primary: NamedFile
}

/** Reduces a path to what names are compared by. */
export function toNamedFile(entry: ArchiveEntry, kind: FileKind): NamedFile {
  const name = entry.path
    .slice(entry.path.lastIndexOf('/') + 1)
    .normalize('NFC')
    .toLowerCase()
  const extension = extensionOf(name)
  const stem = extension === '' ? name : name.slice(0, -extension.length - 1)
  return { entry, kind, name, stem, extension }
}

/**
 * Finds the companions among the media files of one folder, each with its primary. A primary is never itself a
 * companion: the edited copy of a live photo's clip belongs to the live photo.
 */
export function findCompanions(files: readonly NamedFile[]): ReadonlyMap<NamedFile, Belonging> {
  const byStem = groupBy(files, ({ stem }) => stem)
  const byName = new Map(files.map((file) => [file.name, file]))
  const direct = new Map<NamedFile, Belonging>()
  for (const file of files) {
    const belonging = editedOf(file, byStem, byName) ?? besideStill(file, byStem)
    if (belonging !== undefined) direct.set(file, belonging)
  }
  return new Map(
    [...direct].map(([file, { role, primary }]) => [file, { role, primary: rootOf(direct, primary) }]),
  )
}

/** Ends: each step takes a suffix off the name, or goes from a clip or RAW file to a still, which stays one. */
function rootOf(direct: ReadonlyMap<NamedFile, Belonging>, file: NamedFile): NamedFile {
  let root = file
  for (let next = direct.get(root); next !== undefined; next = direct.get(root)) root = next.primary
  return root
}

/** Clips and RAW files beside a still of the same name. */
function besideStill(
  file: NamedFile,
  byStem: ReadonlyMap<string, readonly NamedFile[]>,
): Belonging | undefined {
  if (file.kind === 'motion') {
    // `PXL_1.MP.jpg` with `PXL_1.MP`, and the older `PXL_1.jpg` with `PXL_1.MP`.
    const still = leadingStill(byStem.get(file.name)) ?? leadingStill(byStem.get(file.stem))
    return still === undefined ? undefined : { role: 'motion-video', primary: still }
  }
  const role = roleBeside(file)
  const still = role === undefined ? undefined : leadingStill(byStem.get(file.stem))
  return role === undefined || still === undefined ? undefined : { role, primary: still }
}

function roleBeside({ kind, extension, entry }: NamedFile): CompanionRole | undefined {
  if (kind === 'raw') return 'raw'
  const isLive = kind === 'video' && LIVE_VIDEOS.has(extension) && entry.sizeBytes <= MAX_LIVE_BYTES
  return isLive ? 'live-video' : undefined
}

function leadingStill(files: readonly NamedFile[] | undefined): NamedFile | undefined {
  if (files === undefined) return undefined
  for (const extension of LEADING_STILLS) {
    const found = files.find((file) => file.extension === extension)
    if (found !== undefined) return found
  }
  return undefined
}

function editedOf(
  file: NamedFile,
  byStem: ReadonlyMap<string, readonly NamedFile[]>,
  byName: ReadonlyMap<string, NamedFile>,
): Belonging | undefined {
  if (file.kind !== 'still' && file.kind !== 'video') return undefined
  const original = appleOriginal(file, byStem) ?? suffixOriginal(file, byName)
  return original === undefined ? undefined : { role: 'edited', primary: original }
}

function appleOriginal(
  { stem, kind }: NamedFile,
  byStem: ReadonlyMap<string, readonly NamedFile[]>,
): NamedFile | undefined {
  const { prefix, number } = APPLE_EDITED.exec(stem)?.groups ?? {}
  if (prefix === undefined || number === undefined) return undefined
  const candidates = byStem.get(prefix + number) ?? []
  return leadingStill(candidates) ?? candidates.find((candidate) => candidate.kind === kind)
}

/** `IMG_1-edited.jpg` and its translations; only where the suffix is no guess and the original is there. */
function suffixOriginal(file: NamedFile, byName: ReadonlyMap<string, NamedFile>): NamedFile | undefined {
  const edited = editedName(file.name)
  if (edited === undefined || edited.guess) return undefined
  return originalsOf(edited)
    .map((name) => byName.get(name.toLowerCase()))
    .find((original) => original !== undefined && original !== file)
}
