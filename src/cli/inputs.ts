/**
 * Turns the paths of a command line into exports, or says everything that is wrong with them at once.
 *
 * Which paths belong together and what each export is called is decided in `exports/archive/export-inputs.ts`.
 * Only names and kinds of files are looked at, nothing is opened.
 *
 * @module
 */

import { accessSync, constants, existsSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join, parse, relative, resolve } from 'node:path'
import { systemCode } from '../errors.ts'
import { type ExportInput, groupInputs, listOriginals } from '../exports/archive/export-inputs.ts'
import { isArchiveName } from '../exports/archive/part-name.ts'
import { libraryPaths } from '../library/library-folder.ts'
import { formatCount, pluralize } from '../units.ts'
import { didYouMean } from './suggest.ts'
import { UsageError } from './usage-error.ts'

export interface ResolvedExports {
  readonly exports: readonly ExportInput[]
  /** Absolute paths as they were given: the library may lie in none of these either. */
  readonly roots: readonly string[]
  readonly warnings: readonly string[]
}

/** Files that a warning names before it counts the rest. */
const NAMED_FILES = 3

/** The exports that are named one by one. @throws {@link UsageError} with every path that will not do. */
export async function resolveExports(paths: readonly string[], cwd: string): Promise<ResolvedExports> {
  const problems: string[] = []
  const roots = paths.map((path) => resolve(cwd, path))
  for (const path of paths) {
    const stats = path === '' ? undefined : statOrSay(resolve(cwd, path), path, problems)
    if (path === '') problems.push(emptyPath('of an export '))
    if (stats === undefined || stats.isDirectory()) continue
    if (!stats.isFile() || !isArchiveName(path)) {
      problems.push(`${path} is neither a folder nor a .zip, .tgz, .tar.gz or .tar archive`)
    }
  }
  if (problems.length > 0) throw new UsageError(problems)
  return { exports: await groupInputs(roots), roots, warnings: [] }
}

/**
 * The exports inside a folder: each direct sub-folder and each archive that is not hidden, sorted by name.
 *
 * @throws {@link UsageError} when the folder is missing or holds none.
 */
export async function resolveOriginals(path: string, cwd: string): Promise<ResolvedExports> {
  const problems: string[] = []
  if (path === '') throw new UsageError([emptyPath('of --originals ')])
  const folder = resolve(cwd, path)
  const stats = statOrSay(folder, path, problems)
  if (stats !== undefined && !stats.isDirectory()) problems.push(`--originals ${path}: not a folder`)
  if (problems.length > 0) throw new UsageError(problems)
  const { exports, leftOut } = await listOriginals(folder)
  if (exports.length === 0) {
    throw new UsageError([`--originals ${path}: no sub-folder and no archive in it`], {
      hint: `If ${path} is itself the export: heirloom ingest ${path}`,
    })
  }
  return { exports, roots: [folder], warnings: leftOut.length === 0 ? [] : [leftOutWarning(path, leftOut)] }
}

/** Only folders and archives are exports, so a photo that lies between them would be missed without a word. */
function leftOutWarning(path: string, leftOut: readonly string[]): string {
  const named = leftOut.slice(0, NAMED_FILES).join(', ')
  const more = leftOut.length > NAMED_FILES ? ` and ${formatCount(leftOut.length - NAMED_FILES)} more` : ''
  return `${pluralize(leftOut.length, 'file')} in ${path} ${leftOut.length === 1 ? 'lies' : 'lie'} in no export and ${leftOut.length === 1 ? 'is' : 'are'} left out: ${named}${more}`
}

/** The working folder is `.`: an empty word is a variable of a script that has no value. */
function emptyPath(of: string): string {
  return `the path ${of}is empty: is a variable without a value?`
}

/** Absolute path of a library that must exist. @throws {@link UsageError} with the nearest name. */
export function requireLibrary(path: string, cwd: string): string {
  const problems: string[] = []
  if (path === '') throw new UsageError([emptyPath('')])
  const absolute = resolve(cwd, path)
  const stats = statOrSay(absolute, path, problems)
  if (stats !== undefined && !stats.isDirectory()) problems.push(`${path} is not a folder`)
  if (problems.length > 0) throw new UsageError(problems)
  return absolute
}

/** Why no library can be made or written here: there is a file in the way, or, when it is to be written, the folder is closed to us. */
export function findObstacle(library: string, willWrite: boolean): string | undefined {
  const nearest = nearestExisting(library)
  if (!statSync(nearest).isDirectory()) {
    return nearest === library
      ? `the library ${library} is not a folder`
      : `the library ${library} cannot be made: ${nearest} is not a folder`
  }
  if (!willWrite) return undefined
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return `the library ${library} cannot be written (${systemCode(error) ?? String(error)} at ${nearest})`
  }
}

function nearestExisting(path: string): string {
  const exists = statSync(path, { throwIfNoEntry: false }) !== undefined
  return exists || dirname(path) === path ? path : nearestExisting(dirname(path))
}

/**
 * Why this library cannot take these exports: the one lies inside the other, so that the job would read what it
 * writes. Links are followed, also for a library that does not exist yet.
 */
export function findOverlaps({ exports, roots }: ResolvedExports, library: string): string[] {
  const home = realPath(library)
  const inputs = new Set([...roots, ...exports.flatMap((one) => one.inputs)])
  for (const input of inputs) {
    const real = realPath(input)
    if (isInside(home, real)) return [`the library ${library} lies inside the export ${input}`]
    if (isInside(real, home)) return [`the export ${input} lies inside the library ${library}`]
  }
  return []
}

/**
 * The library whose folder this one would lie in: both would call the same files theirs. Links are followed, also
 * for a library that does not exist yet. One that keeps its database elsewhere (`--state`) is known by its id.
 */
export function findEnclosingLibrary(library: string): string | undefined {
  let folder = dirname(realPath(library))
  while (!holdsLibrary(folder)) {
    if (dirname(folder) === folder) return undefined
    folder = dirname(folder)
  }
  return folder
}

function holdsLibrary(folder: string): boolean {
  const { database, idFile } = libraryPaths(folder)
  return existsSync(database) || existsSync(idFile)
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
