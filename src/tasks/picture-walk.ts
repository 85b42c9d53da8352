/**
 * Finds the pictures below what the user named, a page at a time.
 *
 * Read-only; links are not followed, hidden files and folders are left out. A file whose name promises a picture or
 * video is one until its content says otherwise; of any other, the first bytes are looked at.
 *
 * @module
 */

import { closeSync, constants, type Dirent, lstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { toErrorRecord } from '../errors.ts'
import type { FileFacts } from '../library/hashed-files.ts'
import { formatByName, type MediaFormat } from '../media/formats.ts'
import { IDENTIFY_BYTES, identify } from '../media/identify.ts'
import type { Problem } from './problem.ts'
import type { ThumbsInput } from './thumbnail-api.ts'

export interface WalkedPicture extends FileFacts {
  /** Relative to its input, behind that one's prefix; `/` between segments. */
  readonly label: string
}

export interface WalkedPage {
  readonly pictures: readonly WalkedPicture[]
  /** Files that are no pictures. */
  readonly ignored: number
  readonly problems: readonly Problem[]
}

/** Deeper than any collection, and shallow enough that no path gets close to what a system call takes. */
const MAX_DEPTH = 200

const PAGE_FILES = 250

/** @param inputs - See `ThumbsInput`. */
export async function* walkPictures(inputs: readonly ThumbsInput[]): AsyncGenerator<WalkedPage> {
  let page = new OpenPage()
  for (const entry of entriesOf(inputs)) {
    page.add(entry)
    if (page.size < PAGE_FILES) continue
    yield page
    page = new OpenPage()
    await setImmediate()
  }
  yield page
}

/** How many files {@link walkPictures} will look at; quick, since it looks at names only. */
export async function countFiles(inputs: readonly ThumbsInput[], signal: AbortSignal): Promise<number> {
  let count = 0
  for (const entry of entriesOf(inputs)) {
    if ('code' in entry) continue
    count += 1
    if (count % PAGE_FILES === 0) await setImmediate()
    if (signal.aborted) break
  }
  return count
}

interface FoundFile {
  readonly path: string
  readonly label: string
  /** By the user, one by one. */
  readonly isNamed: boolean
}

class OpenPage implements WalkedPage {
  readonly pictures: WalkedPicture[] = []
  readonly problems: Problem[] = []
  ignored = 0

  get size(): number {
    return this.pictures.length + this.problems.length + this.ignored
  }

  add(entry: FoundFile | Problem): void {
    if ('code' in entry) {
      this.problems.push(entry)
      return
    }
    const { path, label, isNamed } = entry
    try {
      const stats = lstatSync(path)
      // Some network filesystems tell no type while listing, so that lstat has the last word.
      if (!stats.isFile() || !(isNamed || mayBePicture(path))) this.ignored += 1
      else this.pictures.push({ path, label, sizeBytes: stats.size, modifiedAt: Math.round(stats.mtimeMs) })
    } catch (error) {
      this.problems.push(unreadable(label, error))
    }
  }
}

function* entriesOf(inputs: readonly ThumbsInput[]): Generator<FoundFile | Problem> {
  for (const { path, isFolder, prefix } of inputs) {
    if (isFolder) yield* walkFolder(path, prefix)
    else yield { path, label: prefix + basename(path), isNamed: true }
  }
}

interface Folder {
  readonly path: string
  /** With a `/` at its end, or empty. */
  readonly label: string
  readonly depth: number
}

/** Every file below `root`, folder by folder, each sorted by name. */
function* walkFolder(root: string, prefix: string): Generator<FoundFile | Problem> {
  const pending: Folder[] = [{ path: root, label: prefix, depth: 0 }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const entries = readFolder(next)
    yield* entries.filter(
      (entry): entry is FoundFile | Problem => entry !== undefined && !isFolderEntry(entry),
    )
    const folders = entries.filter(isFolderEntry)
    if (next.depth < MAX_DEPTH) pending.push(...folders.reverse())
    else yield* folders.map(tooDeep)
  }
}

function readFolder(folder: Folder): readonly (FoundFile | Folder | Problem | undefined)[] {
  try {
    const children = readdirSync(folder.path, { withFileTypes: true })
    return children.sort((a, b) => (a.name < b.name ? -1 : 1)).map((child) => entryOf(child, folder))
  } catch (error) {
    return [unreadable(folder.label === '' ? folder.path : folder.label, error)]
  }
}

/** Undefined for what is hidden, and for links. */
function entryOf(child: Dirent, { path, label, depth }: Folder): FoundFile | Folder | undefined {
  const { name } = child
  if (name.startsWith('.') || child.isSymbolicLink()) return undefined
  if (child.isDirectory()) return { path: join(path, name), label: `${label}${name}/`, depth: depth + 1 }
  return { path: join(path, name), label: label + name, isNamed: false }
}

function isFolderEntry(entry: FoundFile | Folder | Problem | undefined): entry is Folder {
  return entry !== undefined && 'depth' in entry
}

function tooDeep({ label, depth }: Folder): Problem {
  return { path: label, code: 'unreadable', message: `lies ${depth} folders deep, ${MAX_DEPTH} are searched` }
}

function unreadable(path: string, error: unknown): Problem {
  const { code, message } = toErrorRecord(error)
  return { path, code, message }
}

function mayBePicture(path: string): boolean {
  const format = formatByName(path) ?? identifyFile(path)
  return format !== undefined && format.kind !== 'audio'
}

function identifyFile(path: string): MediaFormat | undefined {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const head = Buffer.alloc(IDENTIFY_BYTES)
    return identify(head.subarray(0, readSync(file, head, 0, head.length, 0)), path)
  } catch {
    // What cannot be read is no picture, as far as anybody knows: its name does not promise one either.
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
