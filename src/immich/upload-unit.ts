/**
 * Sends the files of one unit, in their order.
 *
 * Safe to repeat: the server answers equal bytes as a duplicate, which is recorded as `present`, since nobody knows
 * then which of our words it took. A file that cannot be sent does not hold the others back, but for a live
 * photo's video: the still waits for it while there is hope.
 *
 * @module
 */

import type { Stats } from 'node:fs'
import { join } from 'node:path'
import { type ErrorRecord, HeirloomError, systemCode, toErrorRecord } from '../errors.ts'
import type { EmbeddedMetadata } from '../media/metadata.ts'
import { planPatch } from '../media/plan-patch.ts'
import { decodeXmp, MAX_SIDECAR_BYTES, mergeSidecar } from '../media/xmp/kept-sidecar.ts'
import { createXmpSidecar } from '../media/xmp/xmp-writer.ts'
import type { ImmichApi, UploadFile } from './api.ts'
import { openAhead, readInto } from './small-file.ts'
import type { UploadSettlement } from './upload-asset.ts'
import type { UnitFile, UploadUnit } from './upload-plan.ts'
import { concernsAllFiles } from './upload-refusals.ts'

/** Thrown for a file of the catalog that is not in the library, or not the one that was placed. */
export class LibraryFileError extends HeirloomError {
  readonly code = 'upload/library-file'
  readonly recovery = 'discard'

  constructor(path: string, problem: string) {
    super(`${path} ${problem}`, {
      hint: 'Run heirloom ingest with its export again: it places what is missing.',
    })
  }
}

export interface UnitOptions {
  readonly signal?: AbortSignal
  /** Gets how many more bytes were sent. */
  readonly onBytes?: (bytes: number) => void
}

export interface UnitResult {
  /** To be recorded in any case. */
  readonly settled: readonly UploadSettlement[]
  /**
   * What may go better another time, or ends all uploads ({@link concernsAllFiles}), as it was thrown: record first,
   * then throw it on, and repeat the unit.
   */
  readonly failure?: { readonly error: unknown }
}

/**
 * @param root - Absolute: the library's folder.
 * @throws Only what ended the sending itself: the signal's reason.
 */
export async function uploadUnit(
  unit: UploadUnit,
  api: ImmichApi,
  root: string,
  options: UnitOptions = {},
): Promise<UnitResult> {
  const settled: UploadSettlement[] = []
  const remoteIds = new Map<number, string>()
  for (const file of unit.files) {
    options.signal?.throwIfAborted()
    try {
      const settlement = await sendFile(file, remoteIds, { api, root, options })
      settled.push(settlement)
      if (settlement.remoteId !== undefined) remoteIds.set(file.assetId, settlement.remoteId)
    } catch (error) {
      options.signal?.throwIfAborted()
      const record = toErrorRecord(error)
      if (record.recovery === 'retry' || concernsAllFiles(record)) return { settled, failure: { error } }
      settled.push(toFailure(file, record))
    }
  }
  return { settled }
}

/** Of a file that is not tried again in this run. */
function toFailure({ assetId }: UnitFile, error: ErrorRecord): UploadSettlement {
  return { assetId, state: 'failed', error }
}

async function sendFile(
  file: UnitFile,
  remoteIds: ReadonlyMap<number, string>,
  { api, root, options }: { api: ImmichApi; root: string; options: UnitOptions },
): Promise<UploadSettlement> {
  const { assetId, told, upload, path } = file
  using opened = await placed(path, openAhead(join(root, path)))
  const answer = await api.upload(await toUploadFile(file, opened.stats, remoteIds, root), options)
  const settlement = { assetId, remoteId: answer.assetId, sha1: upload.sha1 }
  return answer.status === 'created'
    ? { ...settlement, state: 'uploaded', told }
    : { ...settlement, state: 'present' }
}

async function toUploadFile(
  file: UnitFile,
  { size, mtimeMs }: Stats,
  remoteIds: ReadonlyMap<number, string>,
  root: string,
): Promise<UploadFile> {
  const { path, upload, clip } = file
  if (size !== upload.sizeBytes) {
    throw new LibraryFileError(path, `has ${size} bytes, the catalog knows it with ${upload.sizeBytes}`)
  }
  const sidecar = await sidecarOf(file, root)
  const livePhotoVideoId = clip === undefined ? undefined : (clip.remoteId ?? remoteIds.get(clip.assetId))
  return {
    ...upload,
    path: join(root, path),
    modifiedAt: new Date(mtimeMs).toISOString(),
    ...(sidecar === undefined ? {} : { sidecar }),
    ...(livePhotoVideoId === undefined ? {} : { livePhotoVideoId }),
  }
}

async function placed<Value>(path: string, work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new LibraryFileError(path, 'is not in the library')
    throw error
  }
}

async function readSidecar(path: string, root: string): Promise<Buffer> {
  let own = Buffer.alloc(0)
  const readBytes = await placed(
    path,
    readInto(join(root, path), ({ size }) => {
      if (size > MAX_SIDECAR_BYTES)
        throw new LibraryFileError(path, `has ${size} bytes, too many for a sidecar`)
      own = Buffer.allocUnsafe(size)
      return own
    }),
  )
  return own.subarray(0, readBytes)
}

const NOTHING: EmbeddedMetadata = { taken: [], people: [], keywords: [] }

/** The library's own, with what it lacks; or a new one for what the file lacks. */
async function sidecarOf({ sidecarPath, words }: UnitFile, root: string): Promise<string | undefined> {
  if (sidecarPath === undefined) {
    const patch = words === undefined ? undefined : planPatch(NOTHING, words)
    return patch === undefined ? undefined : createXmpSidecar(patch)
  }
  const own = await readSidecar(sidecarPath, root)
  if (words === undefined) return decodeXmp(own)
  return decodeXmp(mergeSidecar(own, (said) => planPatch(said, words)).bytes)
}
