/**
 * Decides which paths make up one export, and what it is called in the library.
 *
 * A takeout comes in many archives that must be read as one, since a photo and its JSON often lie in different
 * parts. Nothing here opens an archive; only names and folder listings decide.
 *
 * @module
 */

import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { InputUnreadableError, NotAnExportError } from './archive-errors.ts'
import { archiveStem, isArchiveName, parsePartName } from './part-name.ts'

/** One export: what it is called, and what has to be opened together. */
export interface ExportInput {
  /** Safe as the name of a folder everywhere, and unique among its siblings also where case is folded. */
  readonly name: string
  /** Absolute paths. */
  readonly inputs: readonly string[]
}

/** 200 bytes leave room for what filesystems (255) and our own suffixes need. */
const MAX_NAME_BYTES = 200

/** Written by operating systems and file managers; says nothing about what a folder is for. */
const JUNK = /^(?:\..*|thumbs\.db|desktop\.ini|@eadir)$/iu

const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/iu

interface Group {
  readonly name: string
  readonly inputs: string[]
}

/**
 * Groups paths that a person gave: parts of one takeout become one export, a folder that holds only archives is
 * looked into, any other folder or archive is an export of its own.
 *
 * @throws {@link InputUnreadableError} or {@link NotAnExportError}, for the first path that cannot be one.
 */
export async function groupInputs(paths: readonly string[]): Promise<ExportInput[]> {
  const groups = new Map<string, Group>()
  for (const path of new Set(paths.map((given) => resolve(given)))) {
    const stats = await stat(path).catch((error: unknown) => {
      throw new InputUnreadableError(path, error)
    })
    if (stats.isDirectory()) await addFolder(path, groups)
    else if (stats.isFile() && isArchiveName(path)) addArchive(path, groups)
    else throw new NotAnExportError(path)
  }
  return named([...groups.values()])
}

/**
 * The exports in a folder: each sub-folder that is not hidden, and the archives that lie in it.
 *
 * @returns Sorted by name; other files in the folder are no exports and are left out.
 * @throws {@link InputUnreadableError} when the folder cannot be read.
 */
export async function listOriginals(folder: string): Promise<ExportInput[]> {
  const root = resolve(folder)
  const groups = new Map<string, Group>()
  for (const child of await readFolder(root)) {
    if (JUNK.test(child.name)) continue
    const path = join(root, child.name)
    if (child.isDirectory()) await addFolder(path, groups)
    else if (child.isFile() && isArchiveName(child.name)) addArchive(path, groups)
  }
  const sorted = [...groups.values()].sort((a, b) => compareNames(a.name, b.name))
  return named(sorted)
}

const compareNames = new Intl.Collator('en', { numeric: true }).compare

async function readFolder(folder: string): Promise<Dirent[]> {
  try {
    const children = await readdir(folder, { withFileTypes: true })
    return children.sort((a, b) => compareNames(a.name, b.name))
  } catch (error) {
    throw new InputUnreadableError(folder, error)
  }
}

async function addFolder(folder: string, groups: Map<string, Group>): Promise<void> {
  const children = (await readFolder(folder)).filter(({ name }) => !JUNK.test(name))
  const holdsOnlyArchives =
    children.length > 0 && children.every((child) => child.isFile() && isArchiveName(child.name))
  if (holdsOnlyArchives) {
    for (const { name } of children) addArchive(join(folder, name), groups)
  } else groups.set(folder, { name: basename(folder), inputs: [folder] })
}

function addArchive(path: string, groups: Map<string, Group>): void {
  const file = basename(path)
  const part = parsePartName(file)
  // The parts of one takeout belong together wherever they were downloaded to.
  const key = part === undefined ? path : `takeout:${part.takeout}`
  const group = groups.get(key)
  if (group === undefined) groups.set(key, { name: part?.takeout ?? archiveStem(file), inputs: [path] })
  else group.inputs.push(path)
}

function named(groups: readonly Group[]): ExportInput[] {
  const taken = new Set<string>()
  return groups.map(({ name, inputs }) => {
    const safe = toFolderName(name)
    let unique = safe
    for (let number = 2; taken.has(fold(unique)); number += 1) unique = `${safe} (${number})`
    taken.add(fold(unique))
    return { name: unique, inputs: inputs.toSorted(compareNames) }
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
