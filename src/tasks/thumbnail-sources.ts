/**
 * Where the pictures of a run come from, page by page: a library's catalog, or files and folders.
 *
 * @module
 */

import { join } from 'node:path'
import type { ThumbnailOptions } from '../media/thumbnail/thumbnail.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { countFiles, type WalkedPage, walkPictures } from './picture-walk.ts'
import type { Problem } from './problem.ts'
import { callLibrary } from './store-calls.ts'
import type { ThumbsInput, ThumbsTarget } from './thumbnail-api.ts'
import { ThumbnailFolder } from './thumbnail-folder.ts'
import type { Picture } from './thumbnail-lane.ts'
import type { ThumbnailPlaces } from './thumbnail-places.ts'

export interface PicturePage {
  readonly pictures: readonly Picture[]
  /** Files that could not be looked at, or found no name. */
  readonly problems: readonly Problem[]
}

export interface PictureSource {
  /** Folder that has the thumbnails. */
  readonly output: string
  /** Files that turned out to be no pictures, so far. */
  readonly ignored: number
  /** @param style - Of the thumbnails: see `thumbnailStyle`. */
  pages(style: string): AsyncGenerator<PicturePage>
  /** All files that will be looked at. */
  count(signal: AbortSignal): Promise<number>
  /** Called with each picture whose thumbnails are in the store. */
  readonly place?: (picture: Picture, sha1: string) => Promise<void>
}

const PAGE_ASSETS = 500

export function sourceOf(
  target: ThumbsTarget,
  places: ThumbnailPlaces,
  objects: ObjectStore,
  options: ThumbnailOptions,
): PictureSource {
  if (target.kind === 'library') return new LibrarySource(places)
  return new FolderSource(
    target.inputs,
    places,
    new ThumbnailFolder(places.root, { ...places, objects, options }),
  )
}

export class LibrarySource implements PictureSource {
  readonly output: string
  readonly ignored = 0
  readonly #places: Pick<ThumbnailPlaces, 'backend' | 'root'>

  constructor(places: Pick<ThumbnailPlaces, 'backend' | 'root' | 'store'>) {
    this.#places = places
    this.output = places.store.kind === 'local' ? places.store.root : places.root
  }

  /** From the asset behind `afterId` on. */
  async *pages(style: string, afterId = 0): AsyncGenerator<PicturePage & { readonly lastId: number }> {
    const { backend, root } = this.#places
    for (let lastId = afterId; ; ) {
      const assets = await callLibrary(backend, 'thumbnails.assets', {
        style,
        afterId: lastId,
        limit: PAGE_ASSETS,
      })
      lastId = assets.at(-1)?.assetId ?? lastId
      const pictures = assets.map(({ path, sha1, set }) => {
        const picture = { path: join(root, ...path.split('/')), label: path, sha1 }
        return set === undefined ? picture : { ...picture, set }
      })
      yield { pictures, problems: [], lastId }
      if (assets.length < PAGE_ASSETS) return
    }
  }

  count(): Promise<number> {
    return callLibrary(this.#places.backend, 'thumbnails.count', null)
  }
}

/** A picture with the name that its thumbnails have. */
interface NamedPicture extends Picture {
  readonly stem: string
  readonly formerSizes: readonly number[]
}

class FolderSource implements PictureSource {
  readonly output: string
  ignored = 0
  readonly #inputs: readonly ThumbsInput[]
  readonly #places: ThumbnailPlaces
  readonly #folder: ThumbnailFolder

  constructor(inputs: readonly ThumbsInput[], places: ThumbnailPlaces, folder: ThumbnailFolder) {
    this.#inputs = inputs
    this.#places = places
    this.#folder = folder
    this.output = places.root
  }

  async *pages(style: string): AsyncGenerator<PicturePage> {
    for await (const page of walkPictures(this.#inputs)) {
      this.ignored += page.ignored
      yield await this.#nameAll(page, style)
    }
  }

  count(signal: AbortSignal): Promise<number> {
    return countFiles(this.#inputs, signal)
  }

  readonly place = async (picture: Picture, sha1: string): Promise<void> => {
    const { stem, formerSizes } = picture as NamedPicture
    this.#folder.place(stem, sha1, formerSizes)
  }

  async #nameAll(page: WalkedPage, style: string): Promise<PicturePage> {
    const { pictures: walked } = page
    const files = walked.map(({ path, sizeBytes, modifiedAt }) => ({ path, sizeBytes, modifiedAt }))
    const known = await callLibrary(this.#places.backend, 'thumbnails.files', { style, files })
    const stems = await this.#folder.stemsOf(walked, known)
    const problems = [...page.problems]
    const pictures: NamedPicture[] = []
    for (const [index, { path, label, sizeBytes }] of walked.entries()) {
      const stem = stems[index]
      const { sha1, set, formerSizes = [] } = known[index] ?? {}
      if (stem === undefined) problems.push(noName(label))
      else
        pictures.push({
          path,
          label,
          sizeBytes,
          stem,
          formerSizes,
          ...(sha1 === undefined ? {} : { sha1 }),
          ...(set === undefined ? {} : { set }),
        })
    }
    return { pictures, problems }
  }
}

function noName(path: string): Problem {
  const hint = 'Choose another folder for the thumbnails: -o DIR'
  return { path, code: 'thumbnail/no-name', message: 'all names for its thumbnails are taken', hint }
}
