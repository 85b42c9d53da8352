/**
 * Looks at what a remote worker says that it has written, or could not read, before that is committed.
 *
 * The worker has synced and closed its files, so whoever opens them afterwards sees all of them, on NFS too (`close-to-open`,
 * nfs(5)). What is not there as it was told is therefore a share that is mounted elsewhere on the worker, or a file
 * that somebody has taken away: the attempt is run again, and nothing of it is committed. Bytes are not read here: the
 * coordinator would have to read everything that hundreds of workers write. An
 * input that a worker could not read is read here, though: a share that has gone from one host would make thousands of
 * files failed ones.
 *
 * @module
 */

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { HeirloomError, systemCode } from '../errors.ts'
import { thumbnailObjectName } from '../media/thumbnail/thumbnail.ts'
import type { ClaimedTask } from '../queue/task.ts'
import type { EntrySource } from '../storage/entry.ts'
import { openEntry } from '../storage/entry-reader.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { isTempName } from '../storage/storage.ts'
import type { ResultCheck } from './checked-lanes.ts'
import type { CopyResult, ItemCopy, ItemPayload, ItemResult } from './item.ts'
import type { SourceError } from './source-file.ts'
import {
  type KnownResult,
  THUMBNAIL_LANE,
  type ThumbnailPayload,
  type ThumbnailResult,
} from './thumbnail-task.ts'

/** Where remote workers put what they make, as this machine sees it. */
export interface ResultPlaces {
  readonly tempFolder: string
  /** Where thumbnails are put; undefined where none are made. */
  readonly thumbnails: () => ObjectStore | undefined
}

/** Thrown when a result and what lies in the library do not agree. */
export class RemoteResultError extends HeirloomError {
  readonly code = 'remote/other-result'
  readonly recovery = 'retry'

  constructor(message: string) {
    super(message, {
      hint: 'See that every worker host has the same folders mounted, and that --map names them rightly.',
    })
  }
}

/**
 * How long to wait between looks: a client of NFS believes for some seconds what it has seen of a folder (`acdirmin`).
 * Nearly always the first look is the last.
 */
const LOOKS_MS: readonly number[] = [0, 20, 200, 1_000, 4_000]

/** Code of `SourceError`: the one that speaks of an input. */
const UNREADABLE: SourceError['code'] = 'item/source-unreadable'

/** The attempt that a worker puts into temporary names has this many bits of its own; see `remote-worker.ts`. */
const WORKER_BITS = 2 ** 32

/**
 * Checks results of the kinds `item` and `thumbnail`.
 *
 * @param looksMs - Waits before each look; tests give shorter ones.
 */
export function resultCheck(places: ResultPlaces, looksMs: readonly number[] = LOOKS_MS): ResultCheck {
  return async (claimed, result, signal) => {
    const looking = { places, looksMs, signal }
    if (claimed.task.kind === 'item') await checkItem(claimed, result as ItemResult, looking)
    if (claimed.task.kind === THUMBNAIL_LANE)
      await checkThumbnails(claimed, result as ThumbnailResult | KnownResult, looking)
  }
}

interface Looking {
  readonly places: ResultPlaces
  readonly looksMs: readonly number[]
  readonly signal: AbortSignal
}

async function checkItem(claimed: ClaimedTask, { parts }: ItemResult, looking: Looking): Promise<void> {
  const { tempFolder } = looking.places
  const wanted = (claimed.task.payload as ItemPayload).parts
  for (const [index, { copies }] of parts.entries()) {
    const failed = copies.flatMap((copy, at) => (isUnreadable(copy) ? [wanted[index]?.copies[at]] : []))
    for (const copy of failed) if (copy !== undefined) await requireUnreadable(copy, looking.signal)
  }
  const written = parts.flatMap(({ placed }) =>
    placed === undefined ? [] : [placed, ...(placed.sidecar === undefined ? [] : [placed.sidecar])],
  )
  for (const { temp, sizeBytes } of written) {
    if (!isOfAttempt(temp, claimed)) throw new RemoteResultError(`file ${temp} is not of this attempt`)
    await lookFor({ name: temp, sizeBytes }, looking, () => sizeOfFile(join(tempFolder, temp)))
  }
}

function isUnreadable(copy: CopyResult): boolean {
  return copy.outcome === 'failed' && copy.error.code === UNREADABLE
}

/** @throws {@link RemoteResultError} when the input can be read from here */
async function requireUnreadable({ source, sizeBytes, path }: ItemCopy, signal: AbortSignal): Promise<void> {
  if (!(await isReadable(source, sizeBytes, signal))) return
  throw new RemoteResultError(`${path} could not be read by its worker, and can be read here`)
}

async function isReadable(source: EntrySource, sizeBytes: number, signal: AbortSignal): Promise<boolean> {
  try {
    const reader = await openEntry(source, sizeBytes)
    try {
      for await (const _chunk of reader.stream(signal));
      return true
    } finally {
      await reader.close()
    }
  } catch {
    signal.throwIfAborted()
    return false
  }
}

/** Whether the temporary name is one that this attempt could give. */
function isOfAttempt(temp: string, { task, lease }: ClaimedTask): boolean {
  if (typeof temp !== 'string' || !isTempName(temp)) return false
  const [taskId, attempt] = temp.split('-')
  return Number(taskId) === task.id && Math.floor(Number(attempt) / WORKER_BITS) === lease.attempt
}

async function checkThumbnails(
  { task }: ClaimedTask,
  result: ThumbnailResult | KnownResult,
  looking: Looking,
): Promise<void> {
  const { sha1: wanted, options } = task.payload as ThumbnailPayload
  const { sha1 } = result
  if (wanted !== undefined && sha1 !== wanted)
    throw new RemoteResultError(`content is ${sha1}, not ${wanted}`)
  if ('isKnown' in result) return
  const objects = looking.places.thumbnails()
  if (objects === undefined || result.store !== objects.address) {
    throw new RemoteResultError(`thumbnails of ${sha1} were put into ${result.store}`)
  }
  for (const { size, objectName, sizeBytes } of result.thumbnails) {
    if (objectName !== thumbnailObjectName(sha1, options, size))
      throw new RemoteResultError(`object ${objectName} is not the thumbnail of ${sha1}`)
    // A bucket shows what was put as soon as that was answered, and each look is a request.
    if (objects.address !== 'local') continue
    const sizeOfObject = async (): Promise<number | undefined> => (await objects.stat(objectName))?.sizeBytes
    await lookFor({ name: objectName, sizeBytes }, looking, sizeOfObject)
  }
}

/** @throws {@link RemoteResultError} when it is not there in this size, and does not appear */
async function lookFor(
  { name, sizeBytes }: { readonly name: string; readonly sizeBytes: number },
  { looksMs, signal }: Looking,
  look: () => Promise<number | undefined>,
): Promise<void> {
  let found: number | undefined
  for (const waitMs of looksMs) {
    if (waitMs > 0) await delay(waitMs, undefined, { signal })
    found = await look()
    if (found === sizeBytes) return
  }
  const what = found === undefined ? 'is not there' : `has ${found} bytes`
  throw new RemoteResultError(`file ${name} ${what}, its worker says ${sizeBytes}`)
}

/** Undefined when there is none. Opening it is what makes a client of NFS ask its server. */
async function sizeOfFile(path: string): Promise<number | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
    const found = await file.stat()
    return found.isFile() ? found.size : undefined
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ELOOP') return undefined
    throw error
  }
}
