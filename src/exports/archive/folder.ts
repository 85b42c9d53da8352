/**
 * Lists a folder as an export.
 *
 * Links are never followed (a link to a parent would never end, one to elsewhere would import what nobody
 * named), pipes and devices are never opened; each is told instead. The calls are synchronous: 100,000 stats
 * cost a third of what they cost through the thread pool, and the listing runs where nothing waits for it.
 *
 * @module
 */

import { type Dirent, lstatSync, readdirSync } from 'node:fs'
import { sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { systemCode } from '../../errors.ts'
import type { EntrySource } from '../../storage/entry.ts'
import type { ArchiveEntry, ArchiveProblem } from './archive.ts'
import { InputUnreadableError } from './archive-errors.ts'

export interface FolderListing {
  readonly entries: ArchiveEntry[]
  readonly problems: ArchiveProblem[]
}

/**
 * A file below `root`. Its absolute path is made when it is asked for: kept for each of 200,000 files it would take
 * more memory than all else that is known of them.
 */
class FolderEntry implements ArchiveEntry {
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedAt: number
  readonly #root: string

  constructor(root: string, path: string, { sizeBytes, modifiedAt }: FileStats) {
    this.path = path
    this.sizeBytes = sizeBytes
    this.modifiedAt = modifiedAt
    this.#root = root
  }

  get source(): EntrySource {
    return { kind: 'file', file: toFile(this.#root, this.path) }
  }
}

interface FileStats {
  readonly sizeBytes: number
  readonly modifiedAt: number
}

/** Deeper than any export, and shallow enough that no path gets close to what a system call takes. */
const MAX_DEPTH = 200

/**
 * Every file below `root`, folder by folder, each folder sorted by name.
 *
 * @param root - Absolute path.
 * @throws {@link InputUnreadableError} when `root` itself cannot be read.
 */
export async function listFolder(root: string, signal?: AbortSignal): Promise<FolderListing> {
  const listing: FolderListing = { entries: [], problems: [] }
  const pending = [{ folder: root, prefix: '', depth: 0 }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    signal?.throwIfAborted()
    const { folder, prefix, depth } = next
    const children = readFolder(folder, prefix, listing)
    const folders: typeof pending = []
    for (const child of children) {
      if (child.isDirectory()) {
        folders.push({
          folder: join(folder, child.name),
          prefix: `${prefix}${child.name}/`,
          depth: depth + 1,
        })
      } else listChild(child, root, prefix, listing)
    }
    pushFolders(folders, pending, listing)
    await setImmediate()
  }
  return listing
}

type Pending = { folder: string; prefix: string; depth: number }

function pushFolders(folders: Pending[], pending: Pending[], listing: FolderListing): void {
  for (const folder of folders.reverse()) {
    if (folder.depth <= MAX_DEPTH) pending.push(folder)
    else {
      listing.problems.push({
        path: folder.prefix.slice(0, -1),
        code: 'unreadable',
        message: `folder lies ${folder.depth} folders deep, at most ${MAX_DEPTH} are searched`,
      })
    }
  }
}

function readFolder(folder: string, prefix: string, listing: FolderListing): Dirent[] {
  try {
    const children = readdirSync(folder, { withFileTypes: true })
    return children.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    if (prefix === '') throw new InputUnreadableError(folder, error)
    listing.problems.push(unreadable(prefix.slice(0, -1), error, 'folder cannot be read'))
    return []
  }
}

function listChild(child: Dirent, root: string, prefix: string, listing: FolderListing): void {
  // `join` makes one string; `+` would make a pair of both, and keep a third of the size on top of it.
  const path = [prefix, child.name].join('')
  try {
    // Some network filesystems tell no type while listing, so that lstat has the last word.
    const stats = lstatSync(toFile(root, path))
    if (stats.isFile()) {
      const modifiedAt = Math.round(stats.mtimeMs)
      listing.entries.push(new FolderEntry(root, path, { sizeBytes: stats.size, modifiedAt }))
    } else if (stats.isSymbolicLink()) {
      listing.problems.push({
        path,
        code: 'link',
        message: 'is a link, links are not followed',
        hint: 'Give the folder that it leads to as an export of its own.',
      })
    } else listing.problems.push({ path, code: 'special-file', message: 'is a pipe, socket or device' })
  } catch (error) {
    listing.problems.push(unreadable(path, error, 'file cannot be read'))
  }
}

function unreadable(path: string, error: unknown, what: string): ArchiveProblem {
  // Node cannot spell such a name, so that to the system there is no such file.
  if (path.includes('\uFFFD') && systemCode(error) === 'ENOENT') {
    const message = 'cannot be read: its name is not valid UTF-8'
    return { path, code: 'unreadable', message, hint: 'Rename it.' }
  }
  const message = `${what}: ${error instanceof Error ? error.message : String(error)}`
  return { path, code: 'unreadable', message }
}

/** The absolute path of a file, from its path inside the export. */
function toFile(root: string, path: string): string {
  return join(root, sep === '/' ? path : path.replaceAll('/', sep))
}

/** `path.join` normalizes, which costs more than the stat that follows. */
function join(folder: string, name: string): string {
  return folder.endsWith(sep) ? folder + name : folder + sep + name
}
