/**
 * Takes a file that somebody sends: looks at its first bytes, hashes it on its way into the store, and enters it.
 *
 * Bytes are never held whole. What the content is decides, not what it is called: the name is kept to be shown, and the
 * object is named by an id. An object is entered as intended before it is put, so that whatever happens it is either a
 * photo or removed.
 *
 * @module
 */

import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { HeirloomError } from '../errors.ts'
import { NoSuchFolderError } from '../library/folders.ts'
import type { NewPhoto, ObjectPlace } from '../library/photos.ts'
import { correctExtension, type MediaFormat } from '../media/formats.ts'
import { IDENTIFY_BYTES, identify } from '../media/identify.ts'
import type { Backend } from '../queue/backend.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { formatBytes } from '../units.ts'
import type { AddedPhoto, ThumbnailPlan } from './photo-calls.ts'
import { callLibrary } from './store-calls.ts'

/** Thrown for a content that is no photo and no video. */
export class UnsupportedMediaError extends HeirloomError {
  readonly code = 'upload/unsupported-media'
  readonly recovery = 'discard'

  constructor(fileName: string, what: string) {
    super(`${JSON.stringify(fileName)} is ${what}`, {
      hint: 'Send photos and videos, such as JPEG, HEIC, PNG, WebP, raw, MP4 or MOV.',
    })
  }
}

/** Thrown when a file goes on beyond what is taken. */
export class UploadTooLargeError extends HeirloomError {
  readonly code = 'upload/too-large'
  readonly recovery = 'discard'

  constructor(fileName: string, maxBytes: number) {
    super(`${JSON.stringify(fileName)} is larger than ${formatBytes(maxBytes)}`, {
      hint: 'Start the server with a higher --max-upload to take it.',
    })
  }
}

/** Thrown when a file ends before what was announced. */
export class EmptyUploadError extends HeirloomError {
  readonly code = 'upload/empty'
  readonly recovery = 'discard'

  constructor(fileName: string) {
    super(`${JSON.stringify(fileName)} is empty`)
  }
}

/** Few enough for eight uploads at once. */
const GATHERED_BYTES = 1024 * 1024

export interface ReceiveTarget {
  readonly backend: Pick<Backend, 'call'>
  readonly store: ObjectStore
  readonly clock: Clock
  readonly maxBytes: number
}

/** A file that lies in the store and is nothing yet. */
export interface ReceivedFile extends NewPhoto {
  readonly mime: string
}

/**
 * Puts a file into the store.
 *
 * @param file.name - As its sender calls it.
 * @throws {@link UnsupportedMediaError}, {@link UploadTooLargeError}, {@link EmptyUploadError}, what `content` throws,
 *   and ObjectStoreError; nothing is left in the store then.
 */
export async function receiveFile(
  file: { readonly name: string; readonly content: AsyncIterable<Uint8Array> },
  target: ReceiveTarget,
  signal?: AbortSignal,
): Promise<ReceivedFile> {
  const fileName = shownName(file.name)
  const chunks = file.content[Symbol.asyncIterator]()
  try {
    const head = await readHead(chunks)
    if (head.length === 0) throw new EmptyUploadError(fileName)
    const format = requireMedia(head, fileName)
    return await put({ fileName, format, head, chunks }, target, signal)
  } finally {
    await chunks.return?.()
  }
}

/** The format of what begins so. @throws {@link UnsupportedMediaError} */
export function requireMedia(head: Buffer, fileName: string): MediaFormat {
  const format = identify(head, fileName)
  if (format === undefined) {
    throw new UnsupportedMediaError(fileName, 'neither a photo nor a video by its content')
  }
  if (format.kind === 'audio' || format.kind === 'other') {
    throw new UnsupportedMediaError(fileName, `${format.id}: no photo and no video`)
  }
  return format
}

interface OpenFile {
  readonly fileName: string
  readonly format: MediaFormat
  readonly head: Buffer
  readonly chunks: AsyncIterator<Uint8Array>
}

async function put(
  { fileName, format, head, chunks }: OpenFile,
  { backend, store, clock, maxBytes }: ReceiveTarget,
  signal: AbortSignal | undefined,
): Promise<ReceivedFile> {
  const objectName = newObjectName(fileName, format, clock.now())
  const place = { store: store.address, objectName }
  await callLibrary(backend, 'photo.intend', place)
  const hash = createHash('sha1')
  let sizeBytes = 0
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of gathered(head, chunks)) {
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) throw new UploadTooLargeError(fileName, maxBytes)
      hash.update(chunk)
      yield chunk
    }
  }
  try {
    await store.put(objectName, hashed(), { contentType: format.mime, ...(signal && { signal }) })
  } catch (error) {
    await discardObjects([place], { backend, store }).catch(() => undefined) // The next start does it.
    throw error
  }
  const sha1 = hash.digest('hex')
  return { ...place, sha1, sizeBytes, format: format.id, mime: format.mime, fileName }
}

/**
 * What comes in parts of 64 KiB, put together: hash and disk take less of the processor when they are called seldom.
 * An upload of 5 MB takes the server 46 ms of it instead of 62 (with parts of 256 KiB: 57; 40 uploads by eight senders,
 * 2026-11). Each part lies in the same memory, until the next one is asked for: new memory for each made V8 collect its
 * whole heap after every third upload, which took 15 ms of each.
 */
async function* gathered(head: Buffer, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Buffer> {
  const buffer = FREE_BUFFERS.pop() ?? Buffer.allocUnsafeSlow(GATHERED_BYTES)
  let length = 0
  try {
    for (let chunk: Uint8Array | undefined = head; chunk !== undefined; chunk = await nextOf(chunks)) {
      for (let taken = 0; taken < chunk.length; ) {
        const fits = chunk.subarray(taken, taken + buffer.length - length)
        buffer.set(fits, length)
        taken += fits.length
        length += fits.length
        if (length < buffer.length) continue
        yield buffer
        length = 0
      }
    }
    if (length > 0) yield buffer.subarray(0, length)
  } finally {
    if (FREE_BUFFERS.length < MAX_FREE_BUFFERS) FREE_BUFFERS.push(buffer)
  }
}

const FREE_BUFFERS: Buffer[] = []
const MAX_FREE_BUFFERS = 8

async function nextOf(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const { done, value } = await chunks.next()
  return done ? undefined : value
}

/** As many bytes as tell a format, or all there are. */
async function readHead(chunks: AsyncIterator<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let length = 0
  while (length < IDENTIFY_BYTES) {
    const chunk = await nextOf(chunks)
    if (chunk === undefined) break
    parts.push(chunk)
    length += chunk.length
  }
  return parts.length === 1 && parts[0] instanceof Buffer ? parts[0] : Buffer.concat(parts)
}

/** `photos/2026/11/<uuid>.jpg`: nothing of the sender's name but an extension that fits the content. */
function newObjectName(fileName: string, format: MediaFormat, now: number): string {
  const [year, month] = new Date(now).toISOString().split('-')
  return `photos/${year}/${month}/${randomUUID()}.${correctExtension(fileName, format)}`
}

/** UTF-16 units. No filesystem that we know has longer names. */
const MAX_NAME_LENGTH = 255

/** What is kept of a sender's name: without folders, and without characters that a terminal or page would obey. */
export function shownName(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1)
  // Control and format characters; the latter can turn the direction of text.
  const plain = base
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .trim()
  if (plain === '' || plain === '.' || plain === '..') return 'unnamed'
  return plain.length <= MAX_NAME_LENGTH ? plain : shorten(plain)
}

function shorten(name: string): string {
  const extension = /\.[^.]{1,10}$/u.exec(name)?.[0] ?? ''
  return `${name.slice(0, MAX_NAME_LENGTH - extension.length)}${extension}`.toWellFormed()
}

export interface EnterOptions {
  readonly folderId: number
  readonly priority: number
  readonly plan: ThumbnailPlan
  /** The store of an address; undefined when it is not known here. */
  readonly storeOf: (address: string) => ObjectStore | undefined
}

export interface EnteredPhoto extends AddedPhoto {
  readonly file: ReceivedFile
}

/**
 * Enters received files as photos, all or none, with the tasks that make their thumbnails. A content that is there
 * already keeps its object, unless that is gone.
 *
 * @throws NoSuchFolderError; the files were removed then.
 */
export async function enterPhotos(
  files: readonly ReceivedFile[],
  target: Pick<ReceiveTarget, 'backend' | 'store'>,
  options: EnterOptions,
): Promise<readonly EnteredPhoto[]> {
  const { folderId, priority, plan } = options
  const added = await callLibrary(target.backend, 'photo.add', { photos: files, folderId, priority, plan })
  if (added === null) {
    await discardObjects(files, target)
    throw new NoSuchFolderError(folderId)
  }
  const replace = (gone: ObjectPlace, photo: ReceivedFile): Promise<boolean> =>
    callLibrary(target.backend, 'photo.replace', { photo, gone, priority, plan })
  const entered: EnteredPhoto[] = []
  const surplus: ReceivedFile[] = []
  for (const [index, file] of files.entries()) {
    const photo = added[index]
    if (photo === undefined) throw new TypeError(`photo.add answered ${added.length} of ${files.length}`)
    const isSecond = photo.place.objectName !== file.objectName || photo.place.store !== file.store
    if (isSecond && !((await isObjectGone(photo, options)) && (await replace(photo.place, file)))) {
      surplus.push(file)
    }
    entered.push({ ...photo, file })
  }
  if (surplus.length > 0) await discardObjects(surplus, target)
  return entered
}

async function isObjectGone(photo: AddedPhoto, { storeOf }: EnterOptions): Promise<boolean> {
  const found = await storeOf(photo.place.store)?.stat(photo.place.objectName)
  // A store that is not known here may have it all the same.
  return storeOf(photo.place.store) !== undefined && found?.sizeBytes !== photo.sizeBytes
}

/**
 * Removes those of the objects that are no photos, and then their intents. Which these are is asked: what failed may have
 * failed after some of them were entered.
 */
export async function discardObjects(
  places: readonly ObjectPlace[],
  { backend, store }: Pick<ReceiveTarget, 'backend' | 'store'>,
): Promise<void> {
  if (places.length === 0) return
  const given = places.map(({ store: address, objectName }) => ({ store: address, objectName }))
  const unused = await callLibrary(backend, 'photo.unused', given)
  await store.remove(unused.map(({ objectName }) => objectName))
  await callLibrary(backend, 'photo.forget', unused)
}
