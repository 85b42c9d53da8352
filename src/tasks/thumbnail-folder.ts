/**
 * The folder in which people find the thumbnails of plain files: second names (hard links) of what lies in the store.
 *
 * Where the filesystem has no links they are copies, which are given the time of what they are copies of: so it can
 * be seen of either whether it is the current one. A file that is not ours is never replaced: a picture whose
 * name is taken gets another one, once and for all; where only a size that is asked for later is taken, it is told.
 *
 * @module
 */

import {
  type BigIntStats,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  utimesSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { HeirloomError, systemCode } from '../errors.ts'
import {
  THUMBNAIL_EXTENSIONS,
  type ThumbnailOptions,
  thumbnailObjectName,
} from '../media/thumbnail/thumbnail.ts'
import type { Backend } from '../queue/backend.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { UnsafeNameError } from '../storage/storage.ts'
import type { WalkedPicture } from './picture-walk.ts'
import { callLibrary } from './store-calls.ts'
import type { KnownFile } from './thumbnail-calls.ts'
import { numberedStems, shortStems } from './thumbnail-stems.ts'

export interface ThumbnailFolderParts {
  readonly backend: Pick<Backend, 'call'>
  readonly objects: Pick<ObjectStore, 'localPath'>
  readonly options: ThumbnailOptions
  /** How a link is made; tests give one that fails as a filesystem without links does. */
  readonly link?: (from: string, to: string) => void
}

/** Thrown for a file or folder that is not ours where a thumbnail should be. */
export class NameTakenError extends HeirloomError {
  readonly code = 'thumbnail/name-taken'
  readonly recovery = 'discard'

  constructor(path: string) {
    super(`${path} is not a thumbnail of ours, and is left as it is`, {
      hint: 'Move it away, or choose another folder for the thumbnails: -o DIR',
    })
  }
}

export class ThumbnailFolder {
  readonly #root: string
  readonly #backend: Pick<Backend, 'call'>
  readonly #objects: Pick<ObjectStore, 'localPath'>
  readonly #link: (from: string, to: string) => void
  readonly #options: ThumbnailOptions
  /** Folders that are there, and are no links. */
  readonly #known = new Set<string>()

  constructor(root: string, by: ThumbnailFolderParts) {
    this.#root = root
    this.#backend = by.backend
    this.#objects = by.objects
    this.#options = by.options
    this.#link = by.link ?? linkSync
  }

  /** The names of pictures, in their order; those that have none yet get one that is free. */
  async stemsOf(
    pictures: readonly WalkedPicture[],
    known: readonly KnownFile[],
  ): Promise<(string | undefined)[]> {
    const stems = known.map(({ stem }) => stem)
    const given = await this.#claim(
      pictures.filter((_, index) => stems[index] === undefined),
      ({ label }) => shortStems(label),
    )
    const unlucky = pictures.filter(({ path }, index) => stems[index] === undefined && !given.has(path))
    const numbered = await this.#claim(unlucky, ({ label }) => numberedStems(label))
    return pictures.map(({ path }, index) => stems[index] ?? given.get(path) ?? numbered.get(path))
  }

  /** By path, of those that got a name. */
  async #claim(
    pictures: readonly WalkedPicture[],
    candidatesOf: (picture: WalkedPicture) => readonly string[],
  ): Promise<ReadonlyMap<string, string>> {
    if (pictures.length === 0) return new Map()
    const request = pictures.map((picture) => {
      const candidates = candidatesOf(picture).filter((stem) => this.#isFree(stem))
      return { path: picture.path, candidates }
    })
    const given = await callLibrary(this.#backend, 'thumbnails.name', request)
    return new Map(
      pictures.flatMap(({ path }, index) => {
        const stem = given[index] ?? undefined
        return stem === undefined ? [] : [[path, stem] as const]
      }),
    )
  }

  /**
   * Gives a content's thumbnails their names, replacing what the picture had before.
   *
   * @param formerSizes - In which the picture had thumbnails in this style before.
   * @throws {@link NameTakenError}
   */
  place(stem: string, sha1: string, formerSizes: readonly number[]): void {
    for (const size of this.#options.sizes) {
      const from = this.#objects.localPath(thumbnailObjectName(sha1, this.#options, size))
      if (from === undefined) throw new TypeError(`thumbnail of ${stem} is not on this machine`)
      this.#placeOne(from, this.#pathOf(stem, size), formerSizes.includes(size))
    }
  }

  #placeOne(from: string, to: string, isOurs: boolean): void {
    const source = lstatSync(from, { bigint: true })
    const found = lstatSync(to, { bigint: true, throwIfNoEntry: false })
    if (found !== undefined) {
      if (isCurrent(found, source)) return
      // What has another name is not lost when it loses this one.
      if (!found.isFile() || !(isOurs || found.nlink > 1n)) throw new NameTakenError(to)
    }
    this.#makeFolder(dirname(to))
    const temp = join(this.#root, '.heirloom', 'placing.part')
    rmSync(temp, { force: true })
    if (!this.#isLinked(from, temp)) {
      copyFileSync(from, temp)
      utimesSync(temp, Number(source.atimeMs) / 1000, Number(source.mtimeMs) / 1000)
    }
    // A rename replaces; of two names of the same file it would leave both, which is why that was ruled out above.
    renameSync(temp, to)
  }

  #isLinked(from: string, to: string): boolean {
    try {
      this.#link(from, to)
      return true
    } catch (error) {
      if (NO_LINKS.has(systemCode(error) ?? '')) return false
      throw error
    }
  }

  #pathOf(stem: string, size: number): string {
    return join(this.#root, `${stem}-${size}.${THUMBNAIL_EXTENSIONS[this.#options.format]}`)
  }

  /** Nothing lies under the name yet, in any size that is wanted. */
  #isFree(stem: string): boolean {
    return this.#options.sizes.every(
      (size) => lstatSync(this.#pathOf(stem, size), { throwIfNoEntry: false }) === undefined,
    )
  }

  /** @throws UnsafeNameError when a folder on the way is a link: it could lead anywhere, to the pictures too. */
  #makeFolder(folder: string): void {
    if (this.#known.has(folder)) return
    if (folder !== this.#root) {
      this.#makeFolder(dirname(folder))
      mkdirUnlessThere(folder)
      if (!lstatSync(folder).isDirectory())
        throw new UnsafeNameError(`${folder} is a link or a file, not a folder`)
    }
    this.#known.add(folder)
  }
}

/** Codes of filesystems that have no links, or no more for this file. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV', 'EINVAL'])

/** The same file by its second name, or a copy of it. */
function isCurrent(found: BigIntStats, source: BigIntStats): boolean {
  if (found.ino === source.ino && found.dev === source.dev) return true
  // A copy has no other name. Times are set by way of floating point numbers: milliseconds are what is sure.
  return (
    found.isFile() && found.nlink === 1n && found.size === source.size && found.mtimeMs === source.mtimeMs
  )
}

function mkdirUnlessThere(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
}
