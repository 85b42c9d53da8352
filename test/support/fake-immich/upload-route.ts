/**
 * `POST /assets`: hashes the file while it arrives, and keeps nothing of it but its size and its SHA-1.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { type Answer, ConnectionDrop, created, HttpError, ok } from './answer.ts'
import type { Call } from './call.ts'
import { newFakeAsset } from './fake-asset.ts'
import type { FakeAsset } from './fake-state.ts'
import { kindOf } from './media-extensions.ts'
import { boundaryOf, MultipartError, MultipartParser } from './multipart.ts'
import type { Route } from './route.ts'
import { type UploadFields, uploadFieldsOf } from './upload-fields.ts'

const MAX_SIDECAR_BYTES = 10 * 1024 * 1024

/** Of one body. */
interface ReceivedUpload {
  readonly fields: Map<string, string>
  readonly file: { readonly name: string; readonly sha1: string; readonly sizeBytes: number } | undefined
  readonly sidecar: string | undefined
}

const inFlight: WeakMap<Call['state'], Map<string, number>> = new WeakMap()

export const UPLOAD_ROUTE: Route = {
  name: 'POST /assets',
  permission: 'asset.upload',
  isOpen: false,
  run: async (call) => {
    const { counters } = call.state
    counters.uploadsInFlight += 1
    counters.maxUploadsInFlight = Math.max(counters.maxUploadsInFlight, counters.uploadsInFlight)
    const announced = announcedSha1(call)
    try {
      return earlyAnswer(call, announced) ?? (await upload(call, announced))
    } catch (error) {
      if (error instanceof ConnectionDrop) counters.brokenBodies += 1
      throw error
    } finally {
      counters.uploadsInFlight -= 1
    }
  },
}

/** From the header, before the body is read. */
function earlyAnswer(call: Call, announced: string | undefined): Answer | undefined {
  const known = announced === undefined ? undefined : call.state.assetBySha1(call.user.id, announced)
  if (known === undefined) return undefined
  call.state.counters.earlyDuplicates += 1
  const reset = call.parts.faults.find('early-duplicate-reset') !== undefined
  return { ...ok({ id: known.id, status: 'duplicate' }), reset }
}

async function upload(call: Call, announced: string | undefined): Promise<Answer> {
  const release = hold(call, announced)
  try {
    const received = await receive(call)
    await call.beforeEffect()
    const diskFull = call.parts.faults.find('disk-full')
    if (diskFull !== undefined) {
      throw new HttpError(diskFull.status ?? 500, 'ENOSPC: no space left on device, write')
    }
    return store(call, received, announced)
  } finally {
    release()
  }
}

/** Two bodies of equal content at once are a waste that a good client avoids. */
function hold(call: Call, announced: string | undefined): () => void {
  if (announced === undefined) return () => undefined
  const held = inFlight.get(call.state) ?? new Map<string, number>()
  inFlight.set(call.state, held)
  const key = `${call.user.id}:${announced}`
  const count = held.get(key) ?? 0
  if (count > 0) call.violate('same-content-in-flight', announced)
  held.set(key, count + 1)
  return () => {
    const left = (held.get(key) ?? 1) - 1
    if (left === 0) held.delete(key)
    else held.set(key, left)
  }
}

function announcedSha1(call: Call): string | undefined {
  const header = call.header('x-immich-checksum')
  if (header === undefined) return undefined
  const bytes = Buffer.from(header, header.length === 28 ? 'base64' : 'hex')
  if (bytes.length === 20) return bytes.toString('hex')
  call.violate('malformed-checksum', header)
  return undefined
}

async function receive(call: Call): Promise<ReceivedUpload> {
  const boundary = boundaryOf(call.header('content-type'))
  if (boundary === undefined) throw malformed(call, 'Multipart: Boundary not found')
  const fields = new Map<string, string>()
  const hash = createHash('sha1')
  const sidecar: Buffer[] = []
  let sidecarBytes = 0
  let sizeBytes = 0
  let fileName: string | undefined
  let current = ''
  const parser = new MultipartParser(boundary, {
    field: (name, value) => {
      if (name === 'filename' && fileName !== undefined) call.violate('filename-after-data', value)
      fields.set(name, value)
    },
    fileStart: (name, partName) => {
      current = name
      checkType(call, name, fields.get('filename') ?? partName)
      if (name !== 'assetData') return
      if (fileName !== undefined) throw malformed(call, 'Unexpected field')
      fileName = partName
    },
    fileData: (chunk) => {
      if (current === 'assetData') {
        hash.update(chunk)
        sizeBytes += chunk.length
      } else {
        sidecarBytes += chunk.length
        if (sidecarBytes <= MAX_SIDECAR_BYTES) sidecar.push(Buffer.from(chunk))
      }
    },
    fileEnd: () => undefined,
  })
  try {
    await call.readBody((chunk) => {
      parser.write(chunk)
      call.state.counters.receivedFileBytes += chunk.length
    })
    parser.end()
  } catch (error) {
    throw error instanceof MultipartError ? malformed(call, error.message) : error
  }
  return {
    fields,
    file: fileName === undefined ? undefined : { name: fileName, sha1: hash.digest('hex'), sizeBytes },
    sidecar: sidecar.length === 0 ? undefined : Buffer.concat(sidecar).toString('utf8'),
  }
}

/** The server looks at `filename` if it came before, whichever part it is: so a sidecar has to precede `filename`. */
function checkType(call: Call, part: string, fileName: string): void {
  const isGood = part === 'sidecarData' ? /\.xmp$/iu.test(fileName) : kindOf(fileName) !== undefined
  if (part !== 'assetData' && part !== 'sidecarData') throw malformed(call, `Unexpected field ${part}`)
  if (!isGood) throw new HttpError(400, `Unsupported file type ${fileName}`)
}

function malformed(call: Call, message: string): HttpError {
  call.violate('malformed-multipart', message)
  return new HttpError(400, message)
}

function store(call: Call, received: ReceivedUpload, announced: string | undefined): Answer {
  const { state, user } = call
  const { file } = received
  const fields = uploadFieldsOf(call, received.fields)
  if (file === undefined) {
    call.violate('missing-field', 'assetData')
    throw new HttpError(400, 'Field assetData is required')
  }
  if (file.sizeBytes === 0) throw new HttpError(400, 'File is empty')
  if (announced !== undefined && announced !== file.sha1) {
    call.violate('checksum-mismatch', `${file.name}: announced ${announced}, received ${file.sha1}`)
  }
  checkQuota(call, file.sizeBytes)
  const known = state.assetBySha1(user.id, file.sha1)
  if (known !== undefined) {
    state.counters.lateDuplicates += 1
    return ok({ id: known.id, status: 'duplicate' })
  }
  linkVideo(call, fields)
  const asset = newAsset(call, file, fields, received.sidecar)
  state.insertAsset(asset)
  state.counters.created += 1
  return created({ id: asset.id, status: 'created' })
}

function checkQuota(call: Call, sizeBytes: number): void {
  const { quotaBytes, id } = call.user
  if (quotaBytes === undefined) return
  const own = [...call.state.assets.values()].filter(({ ownerId }) => ownerId === id)
  const used = own.reduce((sum, asset) => sum + asset.sizeBytes, 0)
  if (used + sizeBytes > quotaBytes) throw new HttpError(400, 'Quota has been exceeded!')
}

/** The video of a live photo leaves the timeline. */
function linkVideo(call: Call, { livePhotoVideoId }: UploadFields): void {
  if (livePhotoVideoId === undefined) return
  const video = call.state.assets.get(livePhotoVideoId)
  if (video === undefined || video.ownerId !== call.user.id) {
    call.violate('unknown-id', livePhotoVideoId)
    throw new HttpError(400, 'Live photo video not found')
  }
  if (video.type !== 'VIDEO') throw new HttpError(400, 'Live photo video must be a video')
  if (video.visibility === 'timeline') video.visibility = 'hidden'
}

function newAsset(
  call: Call,
  file: NonNullable<ReceivedUpload['file']>,
  fields: UploadFields,
  sidecar: string | undefined,
): FakeAsset {
  return newFakeAsset({
    ownerId: call.user.id,
    sha1: file.sha1,
    fileName: fields.filename ?? file.name,
    sizeBytes: file.sizeBytes,
    fileCreatedAt: new Date(fields.fileCreatedAt).toISOString(),
    fileModifiedAt: new Date(fields.fileModifiedAt).toISOString(),
    isFavorite: fields.isFavorite === 'true',
    visibility: fields.visibility ?? 'timeline',
    livePhotoVideoId: fields.livePhotoVideoId,
    duration: fields.duration,
    deviceAssetId: fields.deviceAssetId,
    deviceId: fields.deviceId,
    sidecar,
    metadata: new Map(fields.metadata?.map(({ key, value }) => [key, value])),
  })
}
