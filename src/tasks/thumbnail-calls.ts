/**
 * The named transactions of thumbnails: what is known of files and contents, and what they are called.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { type FileFacts, findHash, findLastHash, recordHashedFile } from '../library/hashed-files.ts'
import {
  type AssetPage,
  countPictures,
  listPictures,
  type PictureAsset,
} from '../library/thumbnail-assets.ts'
import { claimThumbnailStem, findThumbnailStem } from '../library/thumbnail-names.ts'
import { findThumbnailSet, type ThumbnailSet } from '../library/thumbnails.ts'
import type { Transaction } from '../queue/commit.ts'

/** What is known of a plain file. */
export interface KnownFile {
  /** Undefined: it has to be read. */
  readonly sha1?: string
  readonly set?: ThumbnailSet
  /** See `library/thumbnail-names.ts`. */
  readonly stem?: string
  /** Sizes that there are in this style of the content that it had when it was read last. */
  readonly formerSizes?: readonly number[]
}

/** Request and answer of each named transaction. */
export interface ThumbnailCalls {
  /** In the order of the files. */
  'thumbnails.files': {
    request: { readonly style: string; readonly files: readonly FileFacts[] }
    response: readonly KnownFile[]
  }
  /** A file's content is known now; answers what there is of it. */
  'thumbnails.hashed': {
    request: { readonly style: string; readonly file: FileFacts; readonly sha1: string }
    response: ThumbnailSet | null
  }
  'thumbnails.set': {
    request: { readonly style: string; readonly sha1: string }
    response: ThumbnailSet | null
  }
  /** In the order of the files; null where all names are taken. */
  'thumbnails.name': {
    request: readonly { readonly path: string; readonly candidates: readonly string[] }[]
    response: readonly (string | null)[]
  }
  /** Pictures of the library, with what there is of their thumbnails. */
  'thumbnails.assets': { request: AssetPage; response: readonly PictureAsset[] }
  /** How many there are. */
  'thumbnails.count': { request: null; response: number }
}

type TypedCalls = {
  readonly [Name in keyof ThumbnailCalls]: (
    transaction: Transaction<DatabaseSync>,
    request: ThumbnailCalls[Name]['request'],
  ) => ThumbnailCalls[Name]['response']
}

export const THUMBNAIL_CALLS: TypedCalls = {
  'thumbnails.files': ({ db }, { style, files }) => files.map((file) => lookUp(db, file, style)),
  'thumbnails.hashed': ({ db }, { style, file, sha1 }) => {
    recordHashedFile(db, file, sha1)
    return findThumbnailSet(db, sha1, style) ?? null
  },
  'thumbnails.set': ({ db }, { style, sha1 }) => findThumbnailSet(db, sha1, style) ?? null,
  'thumbnails.name': ({ db }, files) =>
    files.map(({ path, candidates }) => claimThumbnailStem(db, path, candidates) ?? null),
  'thumbnails.assets': ({ db }, page) => listPictures(db, page),
  'thumbnails.count': ({ db }) => countPictures(db),
}

function lookUp(db: DatabaseSync, file: FileFacts, style: string): KnownFile {
  const sha1 = findHash(db, file)
  const lastSha1 = sha1 ?? findLastHash(db, file.path)
  const former = lastSha1 === undefined ? undefined : findThumbnailSet(db, lastSha1, style)
  const set = sha1 === undefined ? undefined : former
  const stem = findThumbnailStem(db, file.path)
  return {
    ...(former === undefined ? {} : { formerSizes: former.objects.map(({ size }) => size) }),
    ...(sha1 === undefined ? {} : { sha1 }),
    ...(set === undefined ? {} : { set }),
    ...(stem === undefined ? {} : { stem }),
  }
}
