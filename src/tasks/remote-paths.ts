/**
 * What the coordinator calls a folder, and where it lies on this host: both ways, for paths and for words about them.
 *
 * Pure: names in, names out. A path is only translated when it is written plainly (absolute, no `..`, nothing doubled),
 * so that it cannot mean anything else than it says; whether a link leads elsewhere is for those who touch the disk
 * (`remote-worker-roots.ts`). A path there and back is the same path: maps for which it would not be are refused.
 *
 * @module
 */

import { HeirloomError, type Recovery } from '../errors.ts'
import type { PathMap } from './remote-api.ts'

/** Thrown for maps that contradict each other or name no folder; all problems in one message. */
export class InvalidMapError extends HeirloomError {
  readonly code = 'remote/invalid-map'
  readonly recovery = 'discard'

  constructor(problems: readonly string[]) {
    super(problems.join('; '), { hint: 'Write each as --map THERE=HERE, two absolute folders.' })
  }
}

/**
 * Thrown for a path that this host does not know, or must not. `retry`: another host may know it; `discard`: it is
 * none that a coordinator writes.
 */
export class PathNotMappedError extends HeirloomError {
  readonly code = 'remote/path-not-mapped'
  readonly recovery: Recovery

  constructor(message: string, recovery: Recovery, hint?: string) {
    super(message, hint === undefined ? {} : { hint })
    this.recovery = recovery
  }
}

export interface MappedPaths {
  /** @throws {@link PathNotMappedError} */
  toHere(path: string): string
  /** @throws {@link PathNotMappedError} */
  toThere(path: string): string
  /** A text for people with the coordinator's names of folders in place of this host's. */
  tell(text: string): string
  /** `here` of the map that a path of this host is in. */
  rootOf(path: string): string | undefined
}

/** Linux's limit, with the NUL at its end. Longer ones could not be opened. */
const MAX_PATH_BYTES = 4_095

/** Paths in messages are cut: a hostile one could be as long as it likes. */
const SHOWN_CHARS = 300

/**
 * The maps as they are used: folders without a slash at their ends.
 *
 * @throws {@link InvalidMapError}
 */
export function verifyMaps(maps: readonly PathMap[]): readonly PathMap[] {
  const plain = maps.map(({ there, here }) => ({ there: withoutSlash(there), here: withoutSlash(here) }))
  const problems = [
    ...plain.flatMap((map) => [map.there, map.here].flatMap(folderProblems)),
    ...plain.flatMap((map, index) => plain.slice(index + 1).flatMap((other) => pairProblems(map, other))),
  ]
  if (problems.length > 0) throw new InvalidMapError([...new Set(problems)])
  return plain
}

/** @param maps - As {@link verifyMaps} answers them. */
export function mappedPaths(maps: readonly PathMap[]): MappedPaths {
  const byThere = maps.toSorted((a, b) => b.there.length - a.there.length)
  const byHere = maps.toSorted((a, b) => b.here.length - a.here.length)
  return {
    toHere: (path) => {
      requirePlain(path)
      const map = byThere.find(({ there }) => isInside(path, there))
      if (map === undefined) throw notMapped(path, maps)
      return map.here + path.slice(map.there.length)
    },
    toThere: (path) => {
      requirePlain(path)
      const map = byHere.find(({ here }) => isInside(path, here))
      if (map === undefined)
        throw new PathNotMappedError(`path ${shown(path)} is in no mapped folder`, 'discard')
      return map.there + path.slice(map.here.length)
    },
    tell: teller(byHere),
    rootOf: (path) => byHere.find(({ here }) => isInside(path, here))?.here,
  }
}

/** Whether `path` is `folder` or something in it, by their names alone. */
export function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/')
}

/** Absolute, and written in the one way that leaves nothing to be resolved. */
function isPlain(path: string): boolean {
  if (path.length > MAX_PATH_BYTES || Buffer.byteLength(path) > MAX_PATH_BYTES) return false
  if (!path.isWellFormed() || !/^(?:\/[^/\0]+)+$/u.test(path)) return false
  return !path.split('/').some((segment) => segment === '.' || segment === '..')
}

function requirePlain(path: string): void {
  if (isPlain(path)) return
  throw new PathNotMappedError(`path ${shown(path)} is not written as an absolute path`, 'discard')
}

function notMapped(path: string, maps: readonly PathMap[]): PathNotMappedError {
  const folders = maps.map(({ there }) => there).join(', ')
  const folder = path.slice(0, path.lastIndexOf('/')) || path
  return new PathNotMappedError(
    `path ${shown(path)} is in none of the mapped folders${folders === '' ? '' : ` (${folders})`}`,
    'retry',
    `Start the worker with --map ${folder.slice(0, SHOWN_CHARS)}=HERE, where HERE is its place on this machine.`,
  )
}

function shown(path: string): string {
  return JSON.stringify(path.length > SHOWN_CHARS ? `${path.slice(0, SHOWN_CHARS)}…` : path)
}

function withoutSlash(folder: string): string {
  return folder.length > 1 ? folder.replace(/\/+$/u, '') : folder
}

function folderProblems(folder: string): string[] {
  // Then every file of the machine could be asked for.
  if (folder === '/' || folder === '') return ['the root of a filesystem cannot be mapped']
  return isPlain(folder) ? [] : [`${shown(folder)} is not the absolute path of a folder`]
}

/** What two maps have against each other. */
function pairProblems(a: PathMap, b: PathMap): string[] {
  if (a.there === b.there) return [`${a.there} is mapped twice`]
  if (a.here === b.here) return [`${a.there} and ${b.there} are both mapped to ${a.here}`]
  const [outer, inner] = isInside(b.here, a.here) ? [a, b] : [b, a]
  if (!isInside(inner.here, outer.here)) return []
  // What lies in the inner folder has two names there, unless they are one.
  return inner.there === outer.there + inner.here.slice(outer.here.length)
    ? []
    : [`${inner.here} is inside of ${outer.here}, but ${inner.there} is not at that place in ${outer.there}`]
}

/**
 * Finds folders in a text by what stands around them: nothing that could be the end of a longer path before, nothing
 * that would make it a longer name behind. Names may have blanks and quotes in them, so some remain in doubt; what is
 * told wrongly then is a message, never a path that is used.
 */
function teller(byHere: readonly PathMap[]): (text: string) => string {
  if (byHere.every(({ here, there }) => here === there)) return (text) => text
  const theres = new Map(byHere.map(({ here, there }) => [here, there]))
  // Those that keep their names are looked for too, so that no shorter one is found in them.
  const names = [...theres.keys()]
    .map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`))
    .join('|')
  const pattern = new RegExp(
    String.raw`(?<![\p{L}\p{N}_.\-/~])(?:${names})(?![\p{L}\p{N}_\-]|\.(?!\s|$))`,
    'gu',
  )
  return (text) => text.replace(pattern, (here) => theres.get(here) ?? here)
}
