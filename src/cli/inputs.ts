/**
 * Turns the paths of a command line into exports: which exist, which belong together, and what each is called.
 *
 * Only names and kinds of files are looked at, nothing is opened. The parts of one takeout (`…-001.zip`,
 * `…-002.zip`) are one export, wherever they stand among the arguments. Problems are gathered.
 *
 * @module
 */

import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join, parse, relative, resolve } from 'node:path'
import { systemCode } from '../errors.ts'
import type { ExportInput } from '../tasks/ingest-api.ts'
import { didYouMean } from './suggest.ts'
import { UsageError } from './usage-error.ts'

/** What can be opened; anything else that is a file is refused by name. */
const ARCHIVE = /\.(?:zip|tgz|tar\.gz)$/iu

/**
 * Part of a takeout: `takeout-20240101T000000Z-001.zip`, since 2023 also `…Z-3-001.zip`, and `…-001 (1).zip`
 * when a browser fetched it twice.
 */
const PART = /^(?<name>takeout-\d{8}T\d{6}Z)(?<part>(?:-\d+)*)(?: ?\(\d+\))?$/iu

export interface ResolvedExports {
  readonly exports: readonly ExportInput[]
  readonly warnings: readonly string[]
}

/** The exports that are named one by one. @throws {@link UsageError} with every path that will not do. */
export function resolveExports(paths: readonly string[], cwd: string): ResolvedExports {
  const problems: string[] = []
  const warnings: string[] = []
  const found = paths.flatMap((path) => {
    const absolute = resolve(cwd, path)
    const stats = statOrSay(absolute, path, problems)
    if (stats === undefined) return []
    if (stats.isDirectory()) warnings.push(...archivesInside(absolute, path))
    else if (!stats.isFile() || !ARCHIVE.test(path)) {
      problems.push(`${path} is neither a folder nor a .zip, .tgz or .tar.gz archive`)
      return []
    }
    return [absolute]
  })
  if (problems.length > 0) throw new UsageError(problems)
  return { exports: groupParts(found), warnings }
}

/**
 * The exports inside a folder: each direct sub-folder and each archive that is not hidden, sorted by name.
 *
 * @throws {@link UsageError} when the folder is missing or holds none.
 */
export function resolveOriginals(path: string, cwd: string): ResolvedExports {
  const problems: string[] = []
  const absolute = resolve(cwd, path)
  const stats = statOrSay(absolute, path, problems)
  if (stats !== undefined && !stats.isDirectory()) problems.push(`--originals ${path}: not a folder`)
  if (problems.length > 0) throw new UsageError(problems)
  const inside = readdirSync(absolute)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => join(absolute, name))
    .filter((child) => isExport(child))
  if (inside.length > 0) return { exports: groupParts(inside), warnings: [] }
  throw new UsageError([`--originals ${path}: no sub-folder and no archive in it`], {
    hint: `If ${path} is itself the export: heirloom ingest ${path}`,
  })
}

/** Absolute path of a library that must exist. @throws {@link UsageError} with the nearest name. */
export function requireLibrary(path: string, cwd: string): string {
  const problems: string[] = []
  const absolute = resolve(cwd, path)
  const stats = statOrSay(absolute, path, problems)
  if (stats !== undefined && !stats.isDirectory()) problems.push(`${path} is not a folder`)
  if (problems.length > 0) throw new UsageError(problems)
  return absolute
}

/** Why no library can be made here: there is a file in the way. */
export function findObstacle(library: string): string | undefined {
  const stats = statSync(library, { throwIfNoEntry: false })
  return stats === undefined || stats.isDirectory() ? undefined : `the library ${library} is not a folder`
}

/**
 * Why this library cannot take these exports: the one lies inside the other, so that the job would read what it
 * writes. Links are followed, also for a library that does not exist yet.
 */
export function findOverlaps(exports: readonly ExportInput[], library: string): string[] {
  const home = realPath(library)
  return exports.flatMap(({ inputs }) =>
    inputs.flatMap((input) => {
      const real = realPath(input)
      if (isInside(home, real)) return [`the library ${library} lies inside the export ${input}`]
      return isInside(real, home) ? [`the export ${input} lies inside the library ${library}`] : []
    }),
  )
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return (
    way === '' || !(way === '..' || way.startsWith('../') || way.startsWith('..\\') || parse(way).root !== '')
  )
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) return path
    return join(realPath(dirname(path)), basename(path))
  }
}

function isExport(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats !== undefined && (stats.isDirectory() || (stats.isFile() && ARCHIVE.test(path)))
}

/** A folder that holds nothing but archives was most likely meant as `--originals`. */
function archivesInside(absolute: string, path: string): string[] {
  let names: string[]
  try {
    names = readdirSync(absolute).filter((name) => !name.startsWith('.'))
  } catch {
    return [] // Unreadable: the job itself will say so, with the reason.
  }
  if (names.length === 0 || !names.every((name) => ARCHIVE.test(name))) return []
  return [`${path} holds only archives, which are not looked into there; to ingest them: --originals ${path}`]
}

function statOrSay(absolute: string, path: string, problems: string[]): Stats | undefined {
  try {
    return statSync(absolute)
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    problems.push(
      code === 'ENOENT' || code === 'ENOTDIR'
        ? `no such file or folder: ${path}${nearName(absolute, path)}`
        : `${path} cannot be read (${code})`,
    )
    return undefined
  }
}

function nearName(absolute: string, path: string): string {
  try {
    const nearest = didYouMean(basename(absolute), readdirSync(dirname(absolute)))
    return nearest.replace(
      /did you mean (?<name>.*)\?$/su,
      (_, name: string) => `did you mean ${join(dirname(path), name)}?`,
    )
  } catch {
    return '' // The folder is not there either, so there is no name to offer.
  }
}

/** Puts parts together and gives every export a name of its own. Order: first mention. */
export function groupParts(paths: readonly string[]): ExportInput[] {
  const groups = new Map<string, { name: string; folder: string; inputs: string[] }>()
  for (const path of new Set(paths)) {
    const stem = basename(path).replace(ARCHIVE, '')
    const isArchive = stem !== basename(path)
    const name = (isArchive && PART.exec(stem)?.groups?.['name']) || stem || 'root'
    const key = isArchive ? join(dirname(path), name.toLowerCase()) : path
    const group = groups.get(key) ?? { name, folder: dirname(path), inputs: [] }
    group.inputs.push(path)
    groups.set(key, group)
  }
  const sorted = [...groups.values()].map((group) => ({ ...group, inputs: group.inputs.sort(byPart) }))
  return uniqueNames(sorted)
}

function byPart(left: string, right: string): number {
  return basename(left).localeCompare(basename(right), 'en', { numeric: true })
}

/** `Takeout` of two people: the folder above tells them apart, a number when even that does not. */
function uniqueNames(groups: readonly { name: string; folder: string; inputs: string[] }[]): ExportInput[] {
  const taken = new Set<string>()
  const names = groups.map(({ name }) => name.toLowerCase())
  return groups.map(({ name, folder, inputs }) => {
    const alone = names.filter((other) => other === name.toLowerCase()).length === 1
    const wanted = alone ? name : `${basename(folder)}-${name}`
    let unique = wanted
    for (let number = 2; taken.has(unique.toLowerCase()); number += 1) unique = `${wanted}-${number}`
    taken.add(unique.toLowerCase())
    return { name: unique, inputs }
  })
}
