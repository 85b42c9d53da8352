/**
 * The `thumbnail` task's handler: reads a picture once, makes its thumbnails, and puts them into the store.
 *
 * Pictures are hostile: this runs in a process that is killed when it takes too long, and the database is not seen
 * here. What is put before a crash is not lost: the objects are named by content, and the next attempt finds or
 * replaces them.
 *
 * @module
 */

import type { FileFacts } from '../library/hashed-files.ts'
import { DamagedPictureError, UnsupportedPictureError } from '../media/thumbnail/errors.ts'
import { renderThumbnails } from '../media/thumbnail/render.ts'
import { loadSharp } from '../media/thumbnail/sharp-library.ts'
import { type RenderedThumbnails, thumbnailObjectName, thumbnailStyle } from '../media/thumbnail/thumbnail.ts'
import type { TaskContext } from '../queue/handler.ts'
import type { ObjectStore, ObjectStoreConfig } from '../storage/object-store.ts'
import { openObjectStore } from '../storage/open-object-store.ts'
import { fetchObject } from './fetch-object.ts'
import { PictureBuffer, type PictureContent, readPicture, type TakeBytes } from './picture-content.ts'
import { PictureTools } from './picture-tools.ts'
import type {
  HashedAnswer,
  HashedChunk,
  KnownResult,
  PlacedThumbnail,
  ThumbnailPayload,
  ThumbnailResult,
} from './thumbnail-task.ts'

/** Loads what nearly every picture needs. Where it is missing, each picture says so by itself. */
export async function prepareThumbnails(): Promise<void> {
  await loadSharp().catch(() => undefined)
}

/** One exiftool a process, and what else is kept. */
const TOOLS = new PictureTools()

/** A process reads one picture at a time: see `context.yieldTurn`. */
const BUFFER = new PictureBuffer()

export async function makeThumbnails(
  payload: ThumbnailPayload,
  context: TaskContext,
): Promise<ThumbnailResult | KnownResult> {
  const { source } = payload
  if (source.kind === 'file') return makeOfFile(payload, source.path, context)
  const from = await storeOf(source.store)
  const { path, remove } = await fetchObject(from, source.name, { payload, context })
  try {
    return await makeOfFile(payload, path, context)
  } finally {
    await remove()
  }
}

async function makeOfFile(
  payload: ThumbnailPayload,
  path: string,
  context: TaskContext,
): Promise<ThumbnailResult | KnownResult> {
  const made = await BUFFER.lend((take) => renderFile(payload, path, { context, take }))
  if ('isKnown' in made) return made
  // Nothing is computed from here on: the next picture may have the process while the disk is busy with this one.
  context.yieldTurn()
  return placeAll(made.rendered, { payload, sha1: made.sha1, signal: context.signal })
}

async function renderFile(
  payload: ThumbnailPayload,
  path: string,
  { context, take }: { readonly context: TaskContext; readonly take: TakeBytes },
): Promise<{ readonly rendered: RenderedThumbnails; readonly sha1: string } | KnownResult> {
  const { options, fileName, maxPixels } = payload
  const { signal } = context
  const content = await readPicture(path, { fileName, isHashed: payload.sha1 !== undefined, signal, take })
  const sha1 = payload.sha1 ?? content.sha1
  if (sha1 === undefined) throw new TypeError(`${fileName} was not hashed`)
  if (payload.sha1 === undefined && (await isKnown(content.file, sha1, context)))
    return { sha1, style: thumbnailStyle(options), isKnown: true }
  const { format, bytes } = requirePicture(content)
  const source = { path, format, ...(bytes === undefined ? {} : { bytes }) }
  const ffmpeg = format.kind === 'video' ? await TOOLS.findFfmpeg() : undefined
  const rendered = await renderThumbnails(source, options, {
    limits: { maxPixels },
    signal,
    preview: TOOLS.preview,
    ...(ffmpeg === undefined ? {} : { ffmpeg }),
  })
  return { rendered, sha1 }
}

/** Tells the coordinator what the file holds; the answer says whether there is anything to be made. */
async function isKnown(file: FileFacts, sha1: string, { emit }: TaskContext): Promise<boolean> {
  const answer = await emit({ type: 'hashed', file, sha1 } satisfies HashedChunk)
  return (answer as HashedAnswer).isKnown
}

function requirePicture({
  file,
  format,
  bytes,
}: PictureContent): Required<Pick<PictureContent, 'format'>> & Pick<PictureContent, 'bytes'> {
  if (file.sizeBytes === 0) throw new DamagedPictureError('file is empty')
  if (format === undefined) throw new UnsupportedPictureError('a file that holds no known picture or video')
  return { format, ...(bytes === undefined ? {} : { bytes }) }
}

async function placeAll(
  rendered: RenderedThumbnails,
  made: { payload: ThumbnailPayload; sha1: string; signal: AbortSignal },
): Promise<ThumbnailResult> {
  const { payload, sha1, signal } = made
  const store = await storeOf(payload.store)
  const thumbnails: PlacedThumbnail[] = []
  for (const { size, widthPx, heightPx, mime, bytes } of rendered.thumbnails) {
    const objectName = thumbnailObjectName(sha1, payload.options, size)
    const sizeBytes = bytes.length
    await store.put(objectName, bytes, { contentType: mime, sizeBytes, signal })
    thumbnails.push({ size, objectName, mime, widthPx, heightPx, sizeBytes })
  }
  return {
    sha1,
    style: thumbnailStyle(payload.options),
    store: store.address,
    widthPx: rendered.widthPx,
    heightPx: rendered.heightPx,
    thumbhash: Buffer.from(rendered.thumbhash).toString('base64'),
    thumbnails,
    ...(rendered.damaged ? { damaged: true } : {}),
  }
}

/** One of each kind is open as long as the process lives. */
const STORES = new Map<string, Promise<ObjectStore>>()

function storeOf(config: ObjectStoreConfig): Promise<ObjectStore> {
  const key = JSON.stringify(config)
  let store = STORES.get(key)
  if (store === undefined) {
    store = openObjectStore(config)
    STORES.set(key, store)
    // What could not be opened now may open for the next task.
    store.catch(() => STORES.delete(key))
  }
  return store
}

/** Closes what was opened for the tasks of this process. */
export async function closeTools(): Promise<void> {
  await TOOLS.close()
  const opened = await Promise.allSettled(STORES.values())
  STORES.clear()
  for (const one of opened) if (one.status === 'fulfilled') await one.value.close()
}
