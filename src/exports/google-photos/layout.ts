/**
 * Where Google Photos lies in an export, and its files gathered by folder.
 *
 * An export may be unpacked part by part, so one folder of Google Photos may lie in several places
 * (`takeout-001/Takeout/Google Photos/Trip`, `takeout-002/…`): folders are the same when their paths below the
 * container are. Unzippers also change Unicode composition and cut trailing spaces.
 *
 * @module
 */

import type { ArchiveEntry } from '../archive/archive.ts'
import { isMediaExtension, parseMediaName, parseSidecarName } from './names.ts'
import { order } from './sidecar-index.ts'
import { isAlbumFileName, isContainer, yearOfFolder } from './words.ts'

/** One folder of Google Photos, wherever its parts lie. */
export interface PhotoFolder {
  /** Path below the container, normalised: the identity. Empty for the container itself. */
  readonly key: string
  /** Path in the export of the first of its parts. */
  readonly path: string
  /** Last segment of its path. */
  readonly name: string
  readonly media: readonly ArchiveEntry[]
  readonly json: readonly ArchiveEntry[]
  readonly others: readonly { readonly entry: ArchiveEntry; readonly reason: string }[]
}

export function fileNameOf({ path }: Pick<ArchiveEntry, 'path'>): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function folderOf({ path }: Pick<ArchiveEntry, 'path'>): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** Paths of the containers, shallowest first; `''` is the whole export. */
export function findRoots(exportName: string, entries: readonly ArchiveEntry[]): readonly string[] {
  if (isContainer(exportName) || yearOfFolder(exportName) !== undefined) return ['']
  const folders = new Set(entries.map(folderOf))
  const roots = new Set([...folders].flatMap((folder) => containerOf(folder) ?? []))
  // Names only where they can matter: they take more memory than all else here.
  const unknown = entries.filter((entry) => !isBelow(folderOf(entry), roots))
  for (const [folder, names] of namesByFolder(unknown)) {
    if (!isBelow(folder, roots)) for (const root of unnamedRoot(folder, names)) roots.add(root)
  }
  return [...roots].filter((root) => root === '' || !isBelow(folderOf({ path: root }), roots)).toSorted(order)
}

function namesByFolder(entries: readonly ArchiveEntry[]): ReadonlyMap<string, ReadonlySet<string>> {
  const folders = new Map<string, Set<string>>()
  for (const entry of entries) {
    const names = folders.get(folderOf(entry))
    if (names === undefined) folders.set(folderOf(entry), new Set([fileNameOf(entry)]))
    else names.add(fileNameOf(entry))
  }
  return folders
}

/** The container that a folder betrays by its content where no known word does: its parent, itself, or none. */
function unnamedRoot(folder: string, names: ReadonlySet<string>): readonly string[] {
  const isYear = yearOfFolder(fileNameOf({ path: folder })) !== undefined
  const list = [...names]
  const hasSidecar = list.some((name) => isSidecarOf(name, names))
  if (isYear && hasSidecar) return [folderOf({ path: folder })]
  if (hasSidecar && list.some(isAlbumFileName)) return [folder]
  return list.some((name) => SUPPLEMENTED.test(name)) ? [folder] : []
}

/** Deeper than this nobody keeps an export; it bounds the work for hostile paths. */
const MAX_CONTAINER_DEPTH = 64

/** Long enough that nothing else is called so. */
const SUPPLEMENTED = /\.supplem[a-z-]*(?:\(\d+\))?\.json$/iu

/** The entries of Google Photos, and those of the export's own cover page. */
export function claimEntries(exportName: string, entries: readonly ArchiveEntry[]): readonly ArchiveEntry[] {
  const roots = new Set(findRoots(exportName, entries))
  if (roots.size === 0) return []
  return entries.filter((entry) => isBelow(folderOf(entry), roots) || isCoverPage(entry))
}

/** Sorts the claimed entries into folders. */
export function gatherFolders(exportName: string, entries: readonly ArchiveEntry[]): readonly PhotoFolder[] {
  const roots = new Set(findRoots(exportName, entries))
  const folders = new Map<string, MutableFolder>()
  for (const entry of claimEntries(exportName, entries).toSorted((a, b) => order(a.path, b.path))) {
    const path = folderOf(entry)
    const key = keyBelow(path, roots)
    let folder = folders.get(key)
    if (folder === undefined) {
      folder = { key, path, name: fileNameOf({ path }) || exportName, media: [], json: [], others: [] }
      folders.set(key, folder)
    }
    place(folder, entry)
  }
  return [...folders.values()]
}

interface MutableFolder extends PhotoFolder {
  readonly media: ArchiveEntry[]
  readonly json: ArchiveEntry[]
  readonly others: { entry: ArchiveEntry; reason: string }[]
}

function place(folder: MutableFolder, entry: ArchiveEntry): void {
  const name = fileNameOf(entry)
  const reason = uselessReason(name, entry.path)
  if (reason !== undefined) folder.others.push({ entry, reason })
  else if (/\.json$/iu.test(name)) folder.json.push(entry)
  else folder.media.push(entry)
}

/** Why a file is surely no media; whatever is not listed here is looked at by its content. */
function uselessReason(name: string, path: string): string | undefined {
  if (/^(?:\.DS_Store|Thumbs\.db|desktop\.ini|\.nomedia|SYNOFILE_THUMB_.*)$/iu.test(name))
    return 'system file'
  if (/(?:^|\/)(?:@eaDir|__MACOSX)(?:\/|$)/u.test(path)) return 'system file'
  if (name.startsWith('._')) return 'resource fork of macOS'
  if (/\.html?$/iu.test(name)) return 'web page of the export'
  if (/\.csv$/iu.test(name)) return 'table of the export'
  return undefined
}

function isCoverPage(entry: ArchiveEntry): boolean {
  return fileNameOf(entry) === 'archive_browser.html'
}

function containerOf(folder: string): string | undefined {
  const segments = folder.split('/')
  const depth = segments.findIndex(isContainer)
  return depth < 0 ? undefined : segments.slice(0, depth + 1).join('/')
}

function isBelow(folder: string, roots: ReadonlySet<string>): boolean {
  return rootOf(folder, roots) !== undefined
}

function rootOf(folder: string, roots: ReadonlySet<string>): string | undefined {
  if (roots.has('')) return ''
  let end = -1
  for (let depth = 0; depth < MAX_CONTAINER_DEPTH; depth++) {
    end = folder.indexOf('/', end + 1)
    const path = end < 0 ? folder : folder.slice(0, end)
    if (roots.has(path)) return path
    if (end < 0) return undefined
  }
  return undefined
}

function keyBelow(folder: string, roots: ReadonlySet<string>): string {
  const root = rootOf(folder, roots)
  // The cover page lies beside the container: in a folder of its own that holds nothing else.
  if (root === undefined) return `\0${folder}`
  const below = root === '' ? folder : folder.slice(root.length + 1)
  const segments = below.split('/').map((segment) => segment.normalize('NFC').trim())
  return segments.join('/')
}

/** `IMG_1.jpg.json` beside `IMG_1.jpg`. */
function isSidecarOf(name: string, names: ReadonlySet<string>): boolean {
  if (!/\.json$/iu.test(name)) return false
  const { base } = parseSidecarName(name)
  return names.has(base) || isMediaExtension(parseMediaName(base).extension) || SUPPLEMENTED.test(name)
}
