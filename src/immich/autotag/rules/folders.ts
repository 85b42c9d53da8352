/**
 * The folders of a path that a rule means: `path: '/\/(?<name>\d{4}-\d\d-\d\d[^\/]+)/'` finds a folder, and the name of
 * the album may go on with the folders below it.
 *
 * @module
 */

import type { Predicate, TextPattern } from '../rules.ts'
import { leavesOf } from './predicate-parts.ts'

export interface FolderMatch {
  /** Position among {@link foldersOf} the path. */
  readonly index: number
  readonly folder: string
  readonly groups: Readonly<Record<string, string>>
}

/** Folders of a path, the outermost first, in NFC. */
export function foldersOf(path: string): readonly string[] {
  const parts = path.normalize('NFC').split('/')
  return parts.slice(0, -1).filter((folder) => folder !== '')
}

/**
 * Folders in which a path pattern of the predicate matches, each once, the outermost first. Patterns under `not` find
 * nothing, matches in the file's name and globs neither.
 */
export function findFolders(predicate: Predicate, path: string): readonly FolderMatch[] {
  const normal = path.normalize('NFC')
  const found = new Map<number, FolderMatch>()
  for (const pattern of pathPatternsOf(predicate)) {
    for (const { from, groups } of pattern.findAll(normal)) {
      const match = toFolder(normal, from, groups)
      if (match !== undefined && !found.has(match.index)) found.set(match.index, match)
    }
  }
  return [...found.values()].sort((one, other) => one.index - other.index)
}

function* pathPatternsOf(predicate: Predicate): Generator<TextPattern> {
  for (const { leaf, isNegated } of leavesOf(predicate)) {
    if (isNegated || leaf.kind !== 'text' || leaf.field !== 'path') continue
    yield* leaf.patterns.filter(({ kind }) => kind === 'regex')
  }
}

/**
 * `name` and up to `depth` folders below the matched one, with `/` between: `2019-06-02 Lake/day1`.
 */
export function withFoldersBelow(name: string, match: FolderMatch, path: string, depth: number): string {
  return [name, ...foldersOf(path).slice(match.index + 1, match.index + 1 + depth)].join('/')
}

/** The folder in which a match begins, a `/` at its beginning aside. */
function toFolder(
  path: string,
  from: number,
  groups: Readonly<Record<string, string>>,
): FolderMatch | undefined {
  const start = path[from] === '/' ? from + 1 : from
  const end = path.indexOf('/', start)
  if (end < 0) return undefined
  const before = foldersOf(path.slice(0, start))
  const first = path.lastIndexOf('/', start - 1) + 1
  return { index: before.length, folder: path.slice(first, end), groups }
}
