/**
 * The mapped folders as the disk has them: whether they are there, and whether a path leads out of them by a link.
 *
 * A share that is not mounted looks like an empty folder, or like none. A task that ran then would fail for what is not
 * its fault, or write where nobody looks; so a folder has to be there, hold something, and be a mount when it was one.
 *
 * What is protected: a link that is there when a task begins is not followed out of the mapped folders, whether it is the
 * file or a folder on the way. What is not: somebody who can write in these folders may put a link in the place of a
 * folder between this look and the opening. Files of exports are then still opened without following a link in their own
 * place (`entry-reader.ts`).
 *
 * @module
 */

import { lstat, opendir, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path/posix'
import { HeirloomError, systemCode } from '../errors.ts'
import type { PathMap } from './remote-api.ts'
import { isInside } from './remote-paths.ts'
import type { HostRoot } from './remote-payload-paths.ts'

/** Thrown when a mapped folder is away: nothing is wrong with the task, and it is to be run by another host, or later. */
export class RootUnreachableError extends HeirloomError {
  readonly code = 'remote/root-unreachable'
  readonly recovery = 'retry'

  constructor(folder: string, why: string) {
    super(`folder ${folder} ${why}`, { hint: 'Mount it; the worker goes on by itself.' })
  }
}

export const ROOT_UNREACHABLE: RootUnreachableError['code'] = 'remote/root-unreachable'

/** Thrown for a path that a link leads out of the mapped folders. */
export class LinkOutsideError extends HeirloomError {
  readonly code = 'remote/link-outside'
  readonly recovery = 'discard'

  constructor(path: string) {
    super(`a link leads ${path} out of the mapped folders`, {
      hint: 'Replace the link by what it leads to, or map the folder that it leads to.',
    })
  }
}

/**
 * The folders at the start of a worker host.
 *
 * @throws {@link RootUnreachableError} for one that is not there or is no folder. An empty one may be filled later.
 */
export async function findRoots(maps: readonly PathMap[]): Promise<readonly HostRoot[]> {
  return Promise.all(
    maps.map(async (map) => {
      const found = await inTime(findRoot(map))
      if (typeof found === 'string') throw new RootUnreachableError(map.here, found)
      return found
    }),
  )
}

/** The folder, or why it cannot be used. */
async function findRoot(map: PathMap): Promise<HostRoot | string> {
  try {
    if (!(await stat(map.here)).isDirectory()) return 'is no folder'
    return { ...map, isMount: await isMountPoint(map.here) }
  } catch (error) {
    return whyOf(error)
  }
}

/** A share that has not answered for so long is away. */
const LOOK_LIMIT_MS = 10_000

/** What a look at a folder answers, or that it does not answer: a dead share blocks whoever asks for ever. */
export async function inTime<Found>(
  look: Promise<Found>,
  limitMs: number = LOOK_LIMIT_MS,
): Promise<Found | string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const limit = setTimeout(() => resolve(`has not answered for ${limitMs / 1_000} s`), limitMs)
  try {
    return await Promise.race([look, promise])
  } finally {
    clearTimeout(limit)
  }
}

/** Why a folder cannot be used now; undefined when it can. */
export async function whyUnreachable({ here, isMount }: HostRoot): Promise<string | undefined> {
  try {
    if (isMount && !(await isMountPoint(here))) return 'is not mounted any more'
    await using folder = await opendir(here)
    return (await folder.read()) === null ? 'is empty, as if it were not mounted' : undefined
  } catch (error) {
    return whyOf(error)
  }
}

/** @throws {@link RootUnreachableError} */
export async function requireRoots(roots: readonly HostRoot[]): Promise<void> {
  for (const root of roots) {
    const why = await whyUnreachable(root)
    if (why !== undefined) throw new RootUnreachableError(root.here, why)
  }
}

/** @throws {@link RootUnreachableError} for a folder that the coordinator sees and this host does not */
export async function requireFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const found = await stat(folder).catch(whyOf)
    if (typeof found === 'string') throw new RootUnreachableError(folder, found)
    if (!found.isDirectory()) throw new RootUnreachableError(folder, 'is no folder')
  }
}

/** Where mapped folders really are. Those that cannot be asked for are left out: nothing is inside of them. */
export async function realRoots(roots: readonly HostRoot[]): Promise<readonly string[]> {
  const found = await Promise.all(roots.map(({ here }) => realpath(here).catch(() => undefined)))
  return found.filter((path) => path !== undefined)
}

/**
 * Looks at what there is of a path, which may be all, or only a folder above it.
 *
 * @param roots - As {@link realRoots} answers them.
 * @throws {@link LinkOutsideError}
 */
export async function requireInside(path: string, roots: readonly string[]): Promise<void> {
  for (let at = path; ; at = dirname(at)) {
    const real = await realOrMissing(at)
    if (real === undefined && at !== '/') {
      // A link to what is not there yet: whatever is made under its name would be made elsewhere.
      if (await isLink(at)) throw new LinkOutsideError(path)
      continue
    }
    if (real === undefined || !roots.some((root) => isInside(real, root))) throw new LinkOutsideError(path)
    return
  }
}

/** Undefined where there is nothing, or nothing that this user may look at: then it cannot be opened either. */
async function realOrMissing(path: string): Promise<string | undefined> {
  try {
    return await realpath(path)
  } catch (error) {
    if (systemCode(error) === 'ELOOP') throw new LinkOutsideError(path)
    return undefined
  }
}

async function isLink(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  return found?.isSymbolicLink() === true
}

async function isMountPoint(folder: string): Promise<boolean> {
  const [own, above] = await Promise.all([stat(folder), stat(dirname(folder))])
  return own.dev !== above.dev
}

function whyOf(error: unknown): string {
  const code = systemCode(error)
  if (code === 'ENOENT') return 'is not there'
  return code === undefined ? `cannot be read: ${String(error)}` : `cannot be read (${code})`
}
