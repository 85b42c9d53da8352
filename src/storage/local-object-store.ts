/**
 * Objects as files of a folder, each under its name.
 *
 * A put writes a temporary file in `ROOT/.tmp` and renames it, so that a reader sees the old object, the new one, or
 * none. Several processes may put at the same time. Folders on the way are checked to be real folders: a symlink
 * below the root could lead anywhere, so it is refused. The root itself may be one; it is the user's choice.
 * Unlike in a bucket, an object cannot be named like the folder of others.
 *
 * @module
 */

import { constants, type Dirent, lstatSync } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '../errors.ts'
import { nextTempName, sweepPutTemps } from './local-object-store-temps.ts'
import { LocalStorage, STATE_FOLDER } from './local-storage.ts'
import {
  ObjectMissingError,
  type ObjectStore,
  type ObjectStoreConfig,
  ObjectStoreError,
  type PutOptions,
  type StoredObject,
} from './object-store.ts'
import { contentChunks } from './object-store-content.ts'
import { type ByteRange, StoredFileMissingError, segmentsOf, UnsafeNameError } from './storage.ts'

/** Folder of the puts under way, at the root. */
const TEMP_FOLDER = '.tmp'

/** No object's name begins so; compared in lower case, because some filesystems do. */
const RESERVED = new Set([TEMP_FOLDER, STATE_FOLDER])

/** Removals under way at once: as many as Node has threads for them. */
const REMOVALS = 4

/** What syncing a folder answers where folders cannot be synced (Windows, some shares). */
const NO_FOLDER_SYNC = new Set(['EPERM', 'EACCES', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EBADF', 'ENOSYS'])

export class LocalObjectStore implements ObjectStore {
  readonly address: string = 'local'
  readonly #root: string
  readonly #durable: boolean
  /** Reads: the same files, the same refusals. */
  readonly #files: LocalStorage
  /** Folders below the root that are known to be real, so that thousands of puts do not look again. */
  readonly #known = new Set<string>()

  private constructor(root: string, durable: boolean) {
    this.#root = root
    this.#durable = durable
    this.#files = new LocalStorage({ root })
  }

  /**
   * Makes the folder when it is not there, and sweeps what puts of dead processes left.
   *
   * @throws {@link ObjectStoreError} when the folder cannot be used.
   */
  static async open(config: ObjectStoreConfig & { kind: 'local' }): Promise<LocalObjectStore> {
    const store = new LocalObjectStore(config.root, config.durable ?? true)
    await told(config.root, async () => {
      const firstMade = await mkdir(config.root, { recursive: true })
      if (firstMade !== undefined && store.#durable) await syncUpTo(config.root, dirname(firstMade))
      await makeFolder(store.#tempPath(''))
      await sweepPutTemps(store.#tempPath(''), Date.now())
    })
    return store
  }

  async put(
    name: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutOptions,
  ): Promise<StoredObject> {
    const segments = checkedSegments(name)
    const temp = this.#tempPath(nextTempName())
    try {
      const written = await this.#write(name, temp, content, options)
      options.signal?.throwIfAborted()
      await told(name, () => this.#place(temp, segments))
      return { name, ...written }
    } catch (error) {
      await rm(temp, { force: true })
      throw error
    }
  }

  /** Writes the temporary file; what the content throws is passed on as it is, what the disk says is explained. */
  async #write(
    name: string,
    temp: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutOptions,
  ): Promise<Omit<StoredObject, 'name'>> {
    const file = await told(name, () => this.#openTemp(temp))
    try {
      for await (const chunk of contentChunks(name, content, options)) {
        await told(name, () => file.writeFile(chunk))
      }
      return await told(name, async () => {
        if (this.#durable) await file.sync()
        const { size, mtimeMs } = await file.stat()
        return { sizeBytes: size, modifiedAt: Math.trunc(mtimeMs) }
      })
    } finally {
      await file.close()
    }
  }

  async #openTemp(temp: string): Promise<FileHandle> {
    try {
      return await open(temp, 'wx')
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
      // Somebody tidied the folder of temporary files away.
      await makeFolder(dirname(temp))
      return open(temp, 'wx')
    }
  }

  async #place(temp: string, segments: readonly string[]): Promise<void> {
    let folders = await this.#prepareFolders(segments)
    const path = join(this.#root, ...segments)
    try {
      await rename(temp, path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
      // A folder was deleted since it was made.
      this.#known.clear()
      folders = await this.#prepareFolders(segments)
      await rename(temp, path)
    }
    // A new folder's own name is made durable by its parent.
    const toSync = this.#durable ? new Set([dirname(path), ...folders.map((folder) => dirname(folder))]) : []
    for (const folder of toSync) await syncFolder(folder)
    // Only now: a put that found them known would not sync them.
    for (const folder of folders) this.#known.add(folder)
  }

  /** Makes and checks the folders on the way; answers those that may be new, deepest first. */
  async #prepareFolders(segments: readonly string[]): Promise<string[]> {
    const made: string[] = []
    let folder = this.#root
    for (const segment of segments.slice(0, -1)) {
      folder = join(folder, segment)
      if (this.#known.has(folder)) continue
      await makeFolder(folder)
      made.unshift(folder)
    }
    return made
  }

  async stat(name: string): Promise<StoredObject | undefined> {
    checkedSegments(name)
    return this.#files.stat(name)
  }

  async *read(
    name: string,
    range: ByteRange = {},
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array> {
    checkedSegments(name)
    try {
      for await (const chunk of this.#files.read(name, range)) {
        options.signal?.throwIfAborted()
        yield chunk
      }
    } catch (error) {
      if (error instanceof StoredFileMissingError || systemCode(error) === 'EISDIR') {
        throw new ObjectMissingError(name, { cause: error })
      }
      throw error
    }
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) checkedSegments(name)
    const left = names.values()
    const worker = async (): Promise<void> => {
      for (const name of left) await told(name, () => this.#removeOne(name))
    }
    await Promise.all(Array.from({ length: REMOVALS }, worker))
  }

  async #removeOne(name: string): Promise<void> {
    // Also refuses what lies behind a link.
    if ((await this.#files.stat(name)) === undefined) return
    try {
      await unlink(join(this.#root, ...segmentsOf(name)))
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    // The last segment may be the beginning of a name; the folders before it are whole.
    const cut = prefix.lastIndexOf('/')
    const start = cut < 0 ? '' : prefix.slice(0, cut)
    if (start !== '' && !(await this.#hasFolder(start))) return
    const waiting = [start]
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      const { files, folders } = await this.#entries(folder, prefix)
      waiting.push(...folders)
      for (const name of files) {
        const found = await this.#files.stat(name)
        if (found !== undefined) yield found
      }
    }
  }

  /** Names below the root of what lies in `folder` and begins with `prefix`. */
  async #entries(folder: string, prefix: string): Promise<{ files: string[]; folders: string[] }> {
    const before = folder === '' ? '' : `${folder}/`
    const entries = await readdirOrEmpty(join(this.#root, folder))
    const found = entries.filter(
      ({ name }) => (before + name).startsWith(prefix) && !RESERVED.has(before + name),
    )
    const namesOf = (kind: Dirent[]): string[] => kind.map(({ name }) => before + name)
    return {
      files: namesOf(found.filter((entry) => entry.isFile())),
      folders: namesOf(found.filter((entry) => entry.isDirectory())),
    }
  }

  /** @throws {@link UnsafeNameError} when a folder on the way is a link. */
  async #hasFolder(name: string): Promise<boolean> {
    // Asked for a name inside it, which looks at each folder on the way.
    checkedSegments(name)
    await this.#files.stat(`${name}/x`)
    return lstatSync(join(this.#root, name), { throwIfNoEntry: false })?.isDirectory() === true
  }

  async temporaryUrl(name: string): Promise<undefined> {
    checkedSegments(name)
  }

  /** @throws {@link UnsafeNameError} when a folder on the way, or the file, is a link. */
  localPath(name: string): string | undefined {
    let path = this.#root
    const segments = checkedSegments(name)
    for (const [index, segment] of segments.entries()) {
      path = join(path, segment)
      const found = lstatSync(path, { throwIfNoEntry: false })
      if (found === undefined) return undefined
      if (found.isSymbolicLink()) throw new UnsafeNameError(`${path} is a link`)
      if (index === segments.length - 1 ? !found.isFile() : !found.isDirectory()) return undefined
    }
    return path
  }

  async close(): Promise<void> {
    // Each call closes what it opens.
  }

  #tempPath(name: string): string {
    return join(this.#root, TEMP_FOLDER, name)
  }
}

function checkedSegments(name: string): string[] {
  const segments = segmentsOf(name)
  if (RESERVED.has(segments[0]?.toLowerCase() ?? '')) {
    throw new UnsafeNameError(`name ${JSON.stringify(name)} is in a folder that the storage keeps for itself`)
  }
  return segments
}

/** Runs a step of a put or removal of `name`; what the disk answers becomes an error that helps. */
async function told<T>(name: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    throw explained(name, error)
  }
}

function explained(name: string, error: unknown): unknown {
  const code = systemCode(error)
  switch (code ?? '') {
    case 'ENOSPC':
    case 'EDQUOT':
      return new ObjectStoreError('storage/full', `no space left for ${name}`, {
        cause: error,
        recovery: 'retry',
        hint: 'Free space on the disk of the storage folder; the task is tried again.',
      })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new ObjectStoreError('storage/denied', `${name} cannot be written: ${code}`, {
        cause: error,
        recovery: 'discard',
        hint: 'Give the user that runs this program the right to write in the storage folder.',
      })
    case 'EEXIST':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ENOTEMPTY':
      return new ObjectStoreError('storage/name-taken', `${name} cannot be written: ${code}`, {
        cause: error,
        recovery: 'discard',
        hint: 'Move away what has this name in the storage folder: a file where a folder should be, or the reverse.',
      })
    case 'ENAMETOOLONG':
      return new ObjectStoreError('storage/name-too-long', `${name} is too long for this disk`, {
        cause: error,
        recovery: 'discard',
      })
    default:
      return error
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    if ((await lstat(folder)).isDirectory()) return
    throw new UnsafeNameError(`${folder} is a link or a file, not a folder`, {
      hint: 'Move it out of the storage folder: objects are only placed in real folders.',
    })
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

/** Syncs `folder` and those above it, up to `last`. */
async function syncUpTo(folder: string, last: string): Promise<void> {
  for (let each = folder; each.length > last.length; each = dirname(each)) await syncFolder(each)
  await syncFolder(last)
}

async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, constants.O_RDONLY)
    await handle.sync()
  } catch (error) {
    if (!NO_FOLDER_SYNC.has(systemCode(error) ?? '')) throw error
  }
}
