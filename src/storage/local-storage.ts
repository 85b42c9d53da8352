/**
 * A library's files in a local folder (or a mounted share).
 *
 * Publishing is `link` and then `unlink`: unlike `rename`, `link` never replaces. Where the filesystem has no
 * links (exFAT, FAT, some shares) the name is looked up and then renamed to, which is as safe while one
 * coordinator owns the library. Folders on the way are checked to be real folders: a symlink below the root
 * could lead anywhere, so it is refused. The root itself may be a symlink; it is the user's choice.
 *
 * @module
 */

import { constants, type Dirent, lstatSync, type Stats } from 'node:fs'
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  statfs,
  unlink,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '../errors.ts'
import {
  type ByteRange,
  isTempName,
  type PublishOutcome,
  type Storage,
  type StoredFile,
  StoredFileMissingError,
  segmentsOf,
  UnsafeNameError,
} from './storage.ts'

/** Folder of the library's own state, at the root; its content is never listed as the library's. */
export const STATE_FOLDER = '.heirloom'

const CHUNK_BYTES = 1024 * 1024

/** What `link` answers where there are no links, or no more for this file. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV', 'EINVAL'])

/** What syncing a folder answers where folders cannot be synced (Windows, some shares). */
const NO_FOLDER_SYNC = new Set(['EPERM', 'EACCES', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EBADF', 'ENOSYS'])

export interface LocalStorageOptions {
  /** Absolute path of the library. */
  readonly root: string
  /** Absolute path, on the same filesystem; default `ROOT/.heirloom/tmp`. */
  readonly tempFolder?: string
  /** How a link is made; tests give one that fails as a filesystem without links does. */
  readonly link?: (from: string, to: string) => Promise<void>
}

export class LocalStorage implements Storage {
  readonly root: string
  readonly tempFolder: string
  readonly #link: (from: string, to: string) => Promise<void>
  /** Folders below the root that are known to be real, so that a library of many files is not checked by file. */
  readonly #known = new Set<string>()
  /** Folders that may be new, so that their own names are to be made durable with the next files. */
  readonly #fresh = new Set<string>()

  constructor(options: LocalStorageOptions) {
    this.root = options.root
    this.tempFolder = options.tempFolder ?? join(options.root, STATE_FOLDER, 'tmp')
    this.#link = options.link ?? link
  }

  /** Where a worker on this machine writes a temporary file. */
  tempPath(temp: string): string {
    const segments = segmentsOf(temp)
    if (segments.length > 1) throw new UnsafeNameError(`temporary name ${JSON.stringify(temp)} has folders`)
    return join(this.tempFolder, temp)
  }

  async writeTemp(temp: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const path = this.tempPath(temp)
    await mkdir(this.tempFolder, { recursive: true })
    await using file = await open(path, 'w')
    for await (const chunk of content) await file.writeFile(chunk)
    await file.sync()
  }

  async publish(temp: string, final: string): Promise<PublishOutcome> {
    const from = this.tempPath(temp)
    const segments = segmentsOf(final)
    if ((await fileStat(from)) === undefined) return 'missing'
    const to = await this.#prepareFolders(segments)
    if (await this.#placeAgain(from, to, segments)) return 'published'
    if (!(await isSameFile(from, to))) return 'conflict'
    await rm(from, { force: true })
    return 'exists'
  }

  /** As {@link #place}, also when a folder was deleted since it was made. */
  async #placeAgain(from: string, to: string, segments: readonly string[]): Promise<boolean> {
    try {
      return await this.#place(from, to)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
      this.#known.clear()
      await this.#prepareFolders(segments)
      return this.#place(from, to)
    }
  }

  /** False when something has the name already. */
  async #place(from: string, to: string): Promise<boolean> {
    try {
      await this.#link(from, to)
    } catch (error) {
      const code = systemCode(error) ?? ''
      if (code === 'EEXIST') return false
      if (!NO_LINKS.has(code)) throw error
      if ((await lstatOrUndefined(to)) !== undefined) return false
      await rename(from, to)
      return true
    }
    await unlink(from)
    return true
  }

  /** Makes and checks the folders on the way; answers the file's path. */
  async #prepareFolders(segments: readonly string[]): Promise<string> {
    let folder = this.root
    for (const segment of segments.slice(0, -1)) {
      folder = join(folder, segment)
      if (this.#known.has(folder)) continue
      await makeFolder(folder)
      this.#known.add(folder)
      this.#fresh.add(folder)
    }
    return join(folder, segments.at(-1) ?? '')
  }

  async syncFolders(finals: readonly string[]): Promise<void> {
    const folders = new Set<string>()
    for (const final of finals) {
      let folder = dirname(join(this.root, ...segmentsOf(final)))
      folders.add(folder)
      // A folder's name is made durable by its parent, once.
      while (folder !== this.root && this.#fresh.delete(folder)) {
        folder = dirname(folder)
        folders.add(folder)
      }
    }
    for (const folder of [...folders].sort((a, b) => b.length - a.length)) await syncFolder(folder)
  }

  async discard(temp: string): Promise<void> {
    await rm(this.tempPath(temp), { force: true })
  }

  async sweepTemps(keep: ReadonlySet<string>): Promise<number> {
    for (const folder of [dirname(this.tempFolder), this.tempFolder]) {
      const found = await lstatOrUndefined(folder)
      if (found === undefined) return 0
      if (!found.isDirectory()) throw notAFolder(folder)
    }
    const entries = await readdirOrEmpty(this.tempFolder)
    const left = entries.filter((entry) => entry.isFile() && isTempName(entry.name) && !keep.has(entry.name))
    for (const { name } of left) await rm(join(this.tempFolder, name), { force: true })
    return left.length
  }

  /** One look each, with no hop through the thread pool: some microseconds a name on a local disk. */
  async missing(names: readonly string[]): Promise<readonly string[]> {
    return names.filter((name) => {
      const path = join(this.root, ...segmentsOf(name))
      return lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true
    })
  }

  async statTemp(temp: string): Promise<StoredFile | undefined> {
    const found = await fileStat(this.tempPath(temp))
    return found === undefined ? undefined : { name: temp, ...found }
  }

  readTemp(temp: string): AsyncIterable<Uint8Array> {
    return chunksOf(this.tempPath(temp), temp, {})
  }

  async stat(name: string): Promise<StoredFile | undefined> {
    const path = await this.#existing(name)
    const found = path === undefined ? undefined : await fileStat(path)
    return found === undefined ? undefined : { name, ...found }
  }

  async *read(name: string, range: ByteRange = {}): AsyncGenerator<Uint8Array> {
    const path = await this.#existing(name)
    if (path === undefined) throw new StoredFileMissingError(name)
    yield* chunksOf(path, name, range)
  }

  /** The path of a name whose folders all are real folders; undefined when one is not there. */
  async #existing(name: string): Promise<string | undefined> {
    const segments = segmentsOf(name)
    let folder = this.root
    for (const segment of segments.slice(0, -1)) {
      folder = join(folder, segment)
      const found = await lstatOrUndefined(folder)
      if (found === undefined) return undefined
      if (!found.isDirectory()) throw notAFolder(folder)
    }
    return join(folder, segments.at(-1) ?? '')
  }

  async *list(): AsyncGenerator<StoredFile> {
    const waiting = ['']
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      const prefix = folder === '' ? '' : `${folder}/`
      const entries = await readdirOrEmpty(join(this.root, folder))
      const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => prefix + name)
      waiting.push(...folders.filter((name) => name !== STATE_FOLDER))
      yield* this.#files(
        prefix,
        entries.filter((entry) => entry.isFile()),
      )
    }
  }

  async *#files(prefix: string, entries: readonly Dirent[]): AsyncGenerator<StoredFile> {
    for (const entry of entries) {
      const name = prefix + entry.name
      const found = await fileStat(join(this.root, name))
      if (found !== undefined) yield { name, ...found }
    }
  }

  async freeBytes(): Promise<number | undefined> {
    try {
      const { bavail, bsize } = await statfs(this.root)
      return bavail * bsize
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      return undefined
    }
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    if (!(await lstat(folder)).isDirectory()) throw notAFolder(folder)
  }
}

function notAFolder(folder: string): UnsafeNameError {
  return new UnsafeNameError(`${folder} is a link or a file, not a folder`, {
    hint: 'Move it out of the library: files are only placed in real folders.',
  })
}

async function fileStat(path: string): Promise<Omit<StoredFile, 'name'> | undefined> {
  const found = await lstatOrUndefined(path)
  if (found === undefined || !found.isFile()) return undefined
  return { sizeBytes: found.size, modifiedAt: Math.trunc(found.mtimeMs) }
}

async function lstatOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

async function readdirOrEmpty(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

/** The same inode, or the same bytes. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one, { bigint: true }), lstat(other, { bigint: true })])
  if (!b.isFile() || a.size !== b.size) return false
  // Some filesystems have no inode numbers and answer 0 for all.
  if (a.ino === b.ino && a.dev === b.dev && a.ino !== 0n) return true
  return isSameContent(one, other)
}

async function isSameContent(one: string, other: string): Promise<boolean> {
  await using a = await open(one, constants.O_RDONLY)
  await using b = await open(other, constants.O_RDONLY)
  const left = Buffer.allocUnsafe(CHUNK_BYTES)
  const right = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let position = 0; ; position += CHUNK_BYTES) {
    const [bytes, others] = await Promise.all([
      fill(a, left, position, CHUNK_BYTES),
      fill(b, right, position, CHUNK_BYTES),
    ])
    if (bytes !== others || left.compare(right, 0, bytes, 0, bytes) !== 0) return false
    if (bytes < CHUNK_BYTES) return true
  }
}

/** Reads until `length` bytes are there or the file ends; one read may give less. */
async function fill(file: FileHandle, buffer: Buffer, position: number, length: number): Promise<number> {
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

async function* chunksOf(path: string, name: string, range: ByteRange): AsyncGenerator<Uint8Array> {
  await using file = await openFile(path, name)
  let position = range.offset ?? 0
  const end = range.length === undefined ? Number.POSITIVE_INFINITY : position + range.length
  while (position < end) {
    const wanted = Math.min(CHUNK_BYTES, end - position)
    // A buffer of its own for each chunk: the reader may keep it.
    const buffer = Buffer.allocUnsafe(wanted)
    const bytes = await fill(file, buffer, position, wanted)
    if (bytes > 0) yield buffer.subarray(0, bytes)
    if (bytes < wanted) return
    position += bytes
  }
}

async function openFile(path: string, name: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') throw new StoredFileMissingError(name, { cause: error })
    if (code === 'ELOOP') throw new UnsafeNameError(`${name} is a link`, { cause: error })
    throw error
  }
}

async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, constants.O_RDONLY)
    await handle.sync()
  } catch (error) {
    if (!NO_FOLDER_SYNC.has(systemCode(error) ?? '')) throw error
  }
}
