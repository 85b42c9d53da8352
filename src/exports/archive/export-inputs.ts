/**
 * Decides which paths make up one export, and what it is called in the library.
 *
 * A takeout comes in many archives that must be read as one, since a photo and its JSON often lie in different
 * parts. Nothing here opens an archive; only names and folder listings decide.
 *
 * @module
 */

import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { InputUnreadableError, NotAnExportError } from './archive-errors.ts'
import { archiveStem, isArchiveName, parsePartName } from './part-name.ts'

/** One export: what it is called, and what has to be opened together. */
export interface ExportInput {
  /** Safe as the name of a folder everywhere, and unique among its siblings also where case is folded. */
  readonly name: string
  /** Absolute paths, in part order. */
  readonly inputs: readonly string[]
}

export interface Originals {
  /** Sorted by name. */
  readonly exports: readonly ExportInput[]
  /** Names of the files beside them that are no export, hidden ones and those of file managers not counted. */
  readonly leftOut: readonly string[]
}

/** 200 bytes leave room for what filesystems (255) and our own suffixes need. */
const MAX_NAME_BYTES = 200

/** Written by operating systems and file managers; says nothing about what a folder is for. */
const JUNK = /^(?:\..*|thumbs\.db|desktop\.ini|@eadir)$/iu

const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/iu

interface Group {
  readonly name: string
  readonly inputs: readonly string[]
}

type Kind = 'folder' | 'archive' | 'other'

/**
 * Groups paths that a person gave: parts of one takeout become one export, a folder that holds only archives is
 * looked into, any other folder or archive is an export of its own.
 *
 * @returns In the order in which they are first mentioned.
 * @throws {@link InputUnreadableError} or {@link NotAnExportError}, for the first path that cannot be one.
 */
export async function groupInputs(paths: readonly string[]): Promise<ExportInput[]> {
  const inputs: string[] = []
  for (const path of paths.map((given) => resolve(given))) {
    const kind = await kindOf(path)
    if (kind === 'other') throw new NotAnExportError(path)
    inputs.push(...(kind === 'folder' ? await lookInto(path) : [path]))
  }
  return named(joinParts(inputs))
}

/**
 * The exports in a folder: each sub-folder that is not hidden, and the archives that lie in it.
 *
 * @throws {@link InputUnreadableError} when the folder cannot be read.
 */
export async function listOriginals(folder: string): Promise<Originals> {
  const children = await readFolder(resolve(folder))
  const inputs: string[] = []
  for (const { path, kind } of children) {
    if (kind === 'folder') inputs.push(...(await lookInto(path)))
    else if (kind === 'archive') inputs.push(path)
  }
  const groups = joinParts(inputs).sort((a, b) => compareNames(a.name, b.name))
  const leftOut = children.filter(({ kind }) => kind === 'other').map(({ path }) => basename(path))
  return { exports: named(groups), leftOut }
}

/** Natural order: part 2 before part 10. */
/** Made when two names are first compared: it takes 15 ms. */
let collator: Intl.Collator | undefined

function compareNames(left: string, right: string): number {
  collator ??= new Intl.Collator('en', { numeric: true })
  return collator.compare(left, right)
}

/** Links are followed: what a person links to is meant. */
async function kindOf(path: string): Promise<Kind> {
  const stats = await stat(path).catch((error: unknown) => {
    throw new InputUnreadableError(path, error)
  })
  if (stats.isDirectory()) return 'folder'
  return stats.isFile() && isArchiveName(path) ? 'archive' : 'other'
}

/** Without junk, sorted by name. A link that leads nowhere is `other`. */
async function readFolder(folder: string): Promise<{ path: string; kind: Kind }[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new InputUnreadableError(folder, error)
  })
  const paths = names.filter((name) => !JUNK.test(name)).map((name) => join(folder, name))
  const children: { path: string; kind: Kind }[] = []
  for (const path of paths.sort(compareNames)) {
    children.push({ path, kind: await kindOf(path).catch(() => 'other' as const) })
  }
  return children
}

/** The archives of a folder that holds nothing else; any other folder itself. */
async function lookInto(folder: string): Promise<string[]> {
  // A folder of photos may be long: one name that is no archive decides before any file is looked at.
  const names = await readdir(folder).catch((error: unknown) => {
    throw new InputUnreadableError(folder, error)
  })
  if (!names.every((name) => JUNK.test(name) || isArchiveName(name))) return [folder]
  const children = await readFolder(folder)
  const holdsOnlyArchives = children.length > 0 && children.every(({ kind }) => kind === 'archive')
  return holdsOnlyArchives ? children.map(({ path }) => path) : [folder]
}

/**
 * The parts of one takeout belong together wherever they were downloaded to. When two folders have the same part,
 * each has a takeout of its own: two people may have asked for theirs in the same second.
 */
function joinParts(inputs: readonly string[]): Group[] {
  const paths = [...new Set(inputs)]
  const apart = repeatedTakeouts(paths)
  const groups = new Map<string, { name: string; inputs: string[] }>()
  for (const path of paths) {
    const file = basename(path)
    const part = isArchiveName(file) ? parsePartName(file) : undefined
    const takeout = part?.takeout.toLowerCase() ?? ''
    const folder = apart.has(takeout) ? dirname(path) : ''
    const key = part === undefined ? path : `takeout:${takeout}:${folder}`
    const name = part?.takeout ?? (isArchiveName(file) ? archiveStem(file) : file)
    const group = groups.get(key) ?? { name, inputs: [] }
    group.inputs.push(path)
    groups.set(key, group)
  }
  return [...groups.values()].map((group) => ({ ...group, inputs: group.inputs.sort(byPart) }))
}

/** Takeouts of which the same part lies in two folders, in lower case. */
function repeatedTakeouts(paths: readonly string[]): Set<string> {
  const folders = new Map<string, string>()
  const repeated = new Set<string>()
  for (const path of paths) {
    const part = parsePartName(basename(path))
    if (part === undefined) continue
    const takeout = part.takeout.toLowerCase()
    const key = `${takeout}-${part.series ?? ''}-${part.number}`
    const folder = folders.get(key) ?? dirname(path)
    folders.set(key, folder)
    if (folder !== dirname(path)) repeated.add(takeout)
  }
  return repeated
}

function byPart(left: string, right: string): number {
  return compareNames(basename(left), basename(right)) || compareNames(left, right)
}

/** `Takeout` of two people: the folder above tells them apart, a number when even that does not. */
function named(groups: readonly Group[]): ExportInput[] {
  const wanted = groups.map(({ name }) => fold(toFolderName(name)))
  const taken = new Set<string>()
  return groups.map(({ name, inputs }) => {
    const safe = toFolderName(name)
    const alone = wanted.indexOf(fold(safe)) === wanted.lastIndexOf(fold(safe))
    const above = basename(dirname(inputs[0] ?? ''))
    const base = alone || above === '' ? safe : toFolderName(`${above}-${name}`)
    let unique = base
    // A name that another export has by itself is not given away, whichever comes first.
    const isTaken = (): boolean =>
      taken.has(fold(unique)) || (unique !== safe && wanted.includes(fold(unique)))
    for (let number = 2; isTaken(); number += 1) unique = `${base} (${number})`
    taken.add(fold(unique))
    return { name: unique, inputs }
  })
}

/** Equal for names that some filesystem holds for the same. */
function fold(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

/**
 * A name that every filesystem takes for a folder, and that is not hidden: `.heirloom` must stay the library's.
 */
export function toFolderName(name: string): string {
  const cleaned = name
    .normalize('NFC')
    // Cs are lone halves of surrogate pairs, which UTF-8 cannot express.
    .replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}<>:"/\\|?*]/gu, '_')
    .replace(/^[.\s]+/u, '')
  const short = cutToBytes(cleaned, MAX_NAME_BYTES).replace(/[.\s]+$/u, '')
  if (short === '') return 'export'
  return WINDOWS_DEVICE.test(short) ? `_${short}` : short
}

function cutToBytes(text: string, maxBytes: number): string {
  let bytes = 0
  let cut = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > maxBytes) return cut
    cut += character
  }
  return cut
}
