/**
 * The named transactions of the server's photos: intents, additions with their thumbnail tasks, and what is left to do.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { addFolder, type Folder, hasFolder } from '../library/folders.ts'
import {
  addPhoto,
  filterIntended,
  forgetIntended,
  intendObject,
  listIntended,
  type NewPhoto,
  type ObjectPlace,
  replaceObject,
} from '../library/photos.ts'
import {
  listAssetsWithoutThumbnails,
  listPhotosWithoutThumbnails,
  type ThumbnailState,
  thumbnailState,
} from '../library/photos-backlog.ts'
import type { Picture } from '../library/photos-view.ts'
import { type ThumbnailOptions, thumbnailStyle } from '../media/thumbnail/thumbnail.ts'
import type { Transaction } from '../queue/commit.ts'
import type { NewTask } from '../queue/task.ts'
import type { ObjectStoreConfig } from '../storage/object-store.ts'
import {
  BATCH_PRIORITY,
  SINGLE_UPLOAD_PRIORITY,
  type ThumbnailPayload,
  thumbnailTask,
} from './thumbnail-task.ts'

/** What a thumbnail task is made of, beside its picture. */
export interface ThumbnailPlan {
  readonly options: ThumbnailOptions
  readonly maxPixels: number
  /** Of one attempt. */
  readonly timeoutMs: number
  /** Where the thumbnails are put. */
  readonly store: ObjectStoreConfig
  /** Absolute: for what has to be a file while it is decoded. */
  readonly tempFolder: string
  /** How to open the stores that photos lie in, by the address that their rows name. */
  readonly photoStores: Readonly<Record<string, ObjectStoreConfig>>
}

export interface AddPhotosRequest {
  readonly photos: readonly NewPhoto[]
  readonly folderId: number
  readonly priority: number
  readonly plan: ThumbnailPlan
}

export interface AddedPhoto {
  readonly sha1: string
  /** False: the content was there; its object is the one that it had. */
  readonly added: boolean
  /** Where the content lies. */
  readonly place: ObjectPlace
  readonly sizeBytes: number
  readonly thumbnails: ThumbnailState
}

export interface BacklogRequest {
  readonly of: 'photos' | 'assets'
  readonly after: number
  readonly limit: number
  /** Absolute path of the library. */
  readonly root: string
  readonly plan: ThumbnailPlan
}

export interface BacklogAnswer {
  /** Row id that the next page begins behind; undefined at the end. */
  readonly next?: number
  /** Tasks that were not open already. */
  readonly added: number
}

/** Request and answer of each named transaction. */
export interface PhotoCalls {
  'photo.intend': { request: ObjectPlace; response: null }
  /** After the objects were removed. */
  'photo.forget': { request: readonly ObjectPlace[]; response: null }
  /** Those of them that are no photos; only these may be removed. */
  'photo.unused': { request: readonly ObjectPlace[]; response: readonly ObjectPlace[] }
  'photo.intended': { request: { limit: number }; response: readonly ObjectPlace[] }
  /** All or none; undefined when there is no such folder, and nothing was changed. */
  'photo.add': { request: AddPhotosRequest; response: readonly AddedPhoto[] | null }
  /**
   * The object of a photo is gone: another one of the same content takes its place, and is worked on. False when
   * another one has taken it already.
   */
  'photo.replace': {
    request: { photo: NewPhoto; gone: ObjectPlace; priority: number; plan: ThumbnailPlan }
    response: boolean
  }
  'folder.add': { request: { name: string; parentId?: number }; response: Folder }
  /** Adds a page of tasks for what has no thumbnails. */
  'thumbnail.backlog': { request: BacklogRequest; response: BacklogAnswer }
}

type TypedCalls = {
  readonly [Name in keyof PhotoCalls]: (
    transaction: Transaction<DatabaseSync>,
    request: PhotoCalls[Name]['request'],
  ) => PhotoCalls[Name]['response']
}

export const PHOTO_CALLS: TypedCalls = {
  'photo.intend': ({ db, now }, place) => {
    intendObject(db, place, now)
    return null
  },
  'photo.forget': ({ db }, places) => {
    forgetIntended(db, places)
    return null
  },
  'photo.unused': ({ db }, places) => filterIntended(db, places),
  'photo.intended': ({ db }, { limit }) => listIntended(db, limit),
  'photo.add': addPhotos,
  'photo.replace': (transaction, { photo, gone, priority, plan }) => {
    if (!replaceObject(transaction.db, photo.sha1, { gone, place: photo })) return false
    if (stateOf(transaction.db, photo.sha1, plan) === 'none') {
      // One that waits knows the object that is gone.
      transaction.add(tasksOf(photo, priority, plan).map((task) => ({ ...task, onDuplicate: 'replace' })))
    }
    return true
  },
  'folder.add': ({ db, now }, folder) => addFolder(db, { ...folder, now }),
  'thumbnail.backlog': addBacklog,
}

function addPhotos(
  transaction: Transaction<DatabaseSync>,
  { photos, folderId, priority, plan }: AddPhotosRequest,
): readonly AddedPhoto[] | null {
  const { db, now } = transaction
  if (!hasFolder(db, folderId)) return null
  return photos.map((photo): AddedPhoto => {
    const { added, photo: entered } = addPhoto(db, photo, { folderId, now })
    const { sha1, store, objectName, sizeBytes } = entered
    const thumbnails = stateOf(db, sha1, plan)
    if (thumbnails === 'none') {
      transaction.add(tasksOf({ sha1, store, objectName, fileName: photo.fileName }, priority, plan))
    }
    return { sha1, added, place: { store, objectName }, sizeBytes, thumbnails }
  })
}

function stateOf(db: DatabaseSync, sha1: string, { options }: ThumbnailPlan): ThumbnailState {
  return thumbnailState(db, sha1, { style: thumbnailStyle(options), sizes: options.sizes })
}

type UploadedPicture = ObjectPlace & Pick<NewPhoto, 'sha1' | 'fileName'>

/** None for a photo in a store that the server was not told of. */
function tasksOf(
  { sha1, store, objectName, fileName }: UploadedPicture,
  priority: number,
  plan: ThumbnailPlan,
): NewTask<ThumbnailPayload>[] {
  const config = plan.photoStores[store]
  if (config === undefined) return []
  const source = { kind: 'object', store: config, name: objectName } as const
  return [taskOf({ source, sha1, fileName }, priority, plan)]
}

function taskOf(
  picture: Pick<ThumbnailPayload, 'source' | 'fileName'> & { readonly sha1: string },
  priority: number,
  { options, maxPixels, store, tempFolder, timeoutMs }: ThumbnailPlan,
): NewTask<ThumbnailPayload> {
  return thumbnailTask({ ...picture, options, maxPixels, store, tempFolder }, { priority, timeoutMs })
}

/** The task of a picture, whichever way it came; undefined when its store is not known here. */
export function pictureTask(
  picture: Picture,
  { root, plan }: { readonly root: string; readonly plan: ThumbnailPlan },
): NewTask<ThumbnailPayload> | undefined {
  const { sha1, fileName, place } = picture
  if (place.kind === 'object') {
    const { store, objectName } = place
    return tasksOf({ sha1, store, objectName, fileName }, SINGLE_UPLOAD_PRIORITY, plan)[0]
  }
  const source = { kind: 'file', path: `${root}/${place.path}` } as const
  return taskOf({ source, sha1, fileName }, SINGLE_UPLOAD_PRIORITY, plan)
}

function addBacklog(transaction: Transaction<DatabaseSync>, request: BacklogRequest): BacklogAnswer {
  const { of, after, limit, root, plan } = request
  const { options } = plan
  const page = { after, limit, style: thumbnailStyle(options), sizes: options.sizes }
  const found =
    of === 'photos'
      ? listPhotosWithoutThumbnails(transaction.db, page)
      : listAssetsWithoutThumbnails(transaction.db, page).map((asset) => ({ ...asset, fileName: asset.path }))
  const tasks = found.flatMap((one) =>
    'path' in one
      ? [
          taskOf(
            { source: { kind: 'file', path: `${root}/${one.path}` }, sha1: one.sha1, fileName: one.path },
            BATCH_PRIORITY,
            plan,
          ),
        ]
      : tasksOf(one, BATCH_PRIORITY, plan),
  )
  const added = transaction.add(tasks).filter((task) => task.added).length
  const last = found.at(-1)
  return last === undefined || found.length < limit ? { added } : { added, next: last.id }
}
