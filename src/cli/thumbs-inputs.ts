/**
 * What `heirloom thumbs` is to work on: a library, or files and folders with a place for their thumbnails.
 *
 * @module
 */

import { existsSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, relative, resolve, sep } from 'node:path'
import { systemCode } from '../errors.ts'
import { STATE_FOLDER } from '../storage/local-storage.ts'
import type { ThumbsInput, ThumbsTarget } from '../tasks/thumbnail-api.ts'
import { findEnclosingLibrary } from './inputs.ts'
import { UsageError } from './usage-error.ts'

export interface ThumbsPaths {
  /** As the user spelled them. */
  readonly paths: readonly string[]
  readonly output: string | undefined
  /** The library of the settings: used when no path is given. */
  readonly library: string
}

/** @throws {@link UsageError} when nothing can be done with these paths. */
export function resolveThumbs({ paths, output, library }: ThumbsPaths, cwd: string): ThumbsTarget {
  if (paths.length === 0 && output === undefined) return { kind: 'library', library }
  if (paths.length === 0) throw new UsageError(['no file or folder given'], { hint: EXAMPLE })
  const problems: string[] = []
  const found = paths.flatMap((path) => findPath(path, cwd, problems))
  if (problems.length > 0) throw new UsageError(problems)
  if (output === undefined) return libraryOf(found)
  const folder = resolve(cwd, output)
  const inputs = inputsOf(found)
  requireApart(inputs, folder)
  return { kind: 'folder', inputs, output: folder }
}

const EXAMPLE = 'Say where the thumbnails shall go: heirloom thumbs PATH… -o DIR'

interface FoundPath {
  readonly given: string
  /** Without links. */
  readonly path: string
  readonly isFolder: boolean
}

function findPath(given: string, cwd: string, problems: string[]): FoundPath[] {
  if (given === '') {
    problems.push('the path is empty: is a variable without a value?')
    return []
  }
  try {
    const path = realpathSync(resolve(cwd, given))
    const stats: Stats = statSync(path)
    if (stats.isFile() || stats.isDirectory()) return [{ given, path, isFolder: stats.isDirectory() }]
    problems.push(`${given} is neither a file nor a folder`)
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    problems.push(
      code === 'ENOENT' || code === 'ENOTDIR'
        ? `no such file or folder: ${given}`
        : `${given} cannot be read (${code})`,
    )
  }
  return []
}

/** Without `-o`: the library itself. */
function libraryOf(found: readonly FoundPath[]): ThumbsTarget {
  const [first] = found
  const libraries = found.filter(({ path, isFolder }) => isFolder && existsSync(resolve(path, STATE_FOLDER)))
  if (first !== undefined && found.length === 1 && libraries.length === 1)
    return { kind: 'library', library: first.path }
  if (libraries.length === found.length) {
    throw new UsageError(['only one library at a time'], { hint: 'Run the command once for each.' })
  }
  const plain = found.find((one) => !libraries.includes(one))
  throw new UsageError([`${plain?.given} is no library, and there is no folder for its thumbnails`], {
    hint: EXAMPLE,
  })
}

/** Several are kept apart by their names; what lies inside another one is part of that. */
function inputsOf(found: readonly FoundPath[]): readonly ThumbsInput[] {
  const tops = found.filter(
    (one, index) =>
      !found.some((other, at) =>
        other.path === one.path ? at < index : other.isFolder && isInside(one.path, other.path),
      ),
  )
  const areMany = tops.length > 1
  return tops.map(({ path, isFolder }) => ({
    path,
    isFolder,
    prefix: isFolder && areMany ? `${basename(path)}/` : '',
  }))
}

/** The thumbnails would be taken for pictures at the next run, or lie among somebody's pictures. */
function requireApart(inputs: readonly ThumbsInput[], output: string): void {
  const real = realPath(output)
  for (const { path, isFolder } of inputs) {
    if (isFolder && isInside(real, path)) {
      throw new UsageError([`the folder for thumbnails ${output} lies inside ${path}`], {
        hint: 'Choose a folder outside of it: -o DIR',
      })
    }
    if (isInside(path, real)) {
      throw new UsageError([`${path} lies inside the folder for thumbnails ${output}`], {
        hint: 'Choose another folder: -o DIR',
      })
    }
  }
  const library = findEnclosingLibrary(output)
  if (library !== undefined) {
    throw new UsageError([`the folder for thumbnails ${output} lies inside the library ${library}`], {
      hint: `Choose a folder outside of it; thumbnails of the library itself: heirloom thumbs ${library}`,
    })
  }
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`) || resolve(way) === way)
}

/** Links are followed, also for a folder that does not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const parent = resolve(path, '..')
    if (systemCode(error) !== 'ENOENT' || parent === path) return path
    return resolve(realPath(parent), basename(path))
  }
}
