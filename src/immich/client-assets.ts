/**
 * The assets of a server: asking which files it has, uploading, changing, finding.
 *
 * @module
 */

import { pluralize } from '../units.ts'
import type {
  AssetChange,
  AssetSearch,
  FoundAsset,
  UploadCheck,
  UploadedFile,
  UploadFile,
  UploadVerdict,
} from './api.ts'
import { type ClientContext, chunksOf, ID_CHUNK, type Methods } from './client-context.ts'
import { type ImmichError, RejectedError, UnexpectedAnswerError } from './immich-errors.ts'
import { uploadBody } from './multipart.ts'
import type { AssetAnswer, CheckResult, SearchAnswer } from './schemas.ts'

/** Of one bulk-upload-check. 65,534 are a 500 (one SQL parameter each, measured on 3.1.0); upstream's CLI sends 5,000. */
const CHECK_CHUNK = 5_000

/** Most that a search gives at once. */
const PAGE_SIZE = 1_000

export function assetMethods(
  context: ClientContext,
): Methods<'checkUploads' | 'upload' | 'updateAssets' | 'search'> {
  return {
    checkUploads: async (checks, signal) => await checkUploads(context, checks, signal),
    upload: async (file, options = {}) => {
      try {
        return await upload(context, file, options)
      } catch (error) {
        // A server that was updated meanwhile asks for other fields.
        if (!(error instanceof RejectedError && /device(?:Asset)?Id/u.test(error.message))) throw error
        context.forgetVersion()
        return await upload(context, file, options)
      }
    },
    updateAssets: async (assetIds, change, signal) => {
      for (const ids of chunksOf(assetIds, ID_CHUNK)) {
        await context.calls.call({
          name: `changing ${pluralize(ids.length, 'asset')}`,
          method: 'PUT',
          route: '/assets',
          body: JSON.stringify({ ids, ...changeFields(change) }),
          schema: undefined,
          signal,
          callClass: 'asset',
          repeat: 'safe',
          answerMs: context.answerMs,
        })
      }
    },
    search: (filter, signal) => search(context, filter, signal),
  }
}

function changeFields({ isFavourite, visibility, rating, description }: AssetChange): object {
  // JSON leaves out what is undefined.
  return { isFavorite: isFavourite, visibility, rating, description }
}

async function checkUploads(
  { calls, answerMs }: ClientContext,
  checks: readonly UploadCheck[],
  signal?: AbortSignal,
): Promise<readonly UploadVerdict[]> {
  const verdicts: UploadVerdict[] = []
  for (const chunk of chunksOf(checks, CHECK_CHUNK)) {
    const name = `checking ${pluralize(chunk.length, 'file')}`
    const { results } = await calls.call({
      name,
      method: 'POST',
      route: '/assets/bulk-upload-check',
      // Positions instead of the caller's ids: those may be long, or there twice.
      body: JSON.stringify({ assets: chunk.map(({ sha1 }, at) => ({ id: String(at), checksum: sha1 })) }),
      schema: (answers) => answers.checkAnswer,
      signal,
      callClass: 'read',
      repeat: 'safe',
      answerMs,
    })
    const byPosition = new Map(results.map((result) => [result.id, result]))
    verdicts.push(...chunk.map(({ id }, at) => verdictOf(id, byPosition.get(String(at)), name)))
  }
  return verdicts
}

function verdictOf(id: string, result: CheckResult | undefined, call: string): UploadVerdict {
  if (result === undefined) throw new UnexpectedAnswerError(call, 'a file is missing in the answer')
  if (result.action === 'accept') return { id, action: 'accept' }
  if (result.reason === 'unsupported-format') return { id, action: 'unsupported' }
  if (result.reason === 'duplicate' && typeof result.assetId === 'string') {
    return { id, action: 'duplicate', assetId: result.assetId, isTrashed: result.isTrashed === true }
  }
  throw new UnexpectedAnswerError(call, `rejected as ${String(result.reason)}`)
}

async function upload(
  context: ClientContext,
  file: UploadFile,
  options: { readonly signal?: AbortSignal; readonly onBytes?: (bytes: number) => void },
): Promise<UploadedFile> {
  const { signal, onBytes } = options
  const { major } = await context.versionOnce(signal)
  const body = uploadBody({ ...file, fields: uploadFields(file, major) })
  let reportedBytes = 0
  const counted = (): AsyncIterable<Uint8Array> => {
    let bytes = 0
    // A repeat sends the beginning again, which is no progress.
    return body.stream((more) => {
      bytes += more
      if (bytes <= reportedBytes) return
      onBytes?.(bytes - reportedBytes)
      reportedBytes = bytes
    })
  }
  const answer = await context.calls.call({
    name: `uploading ${file.fileName}`,
    method: 'POST',
    route: '/assets',
    headers: { 'x-immich-checksum': file.sha1 },
    body: { contentType: body.contentType, contentLengthBytes: body.contentLengthBytes, stream: counted },
    schema: (answers) => answers.uploadAnswer,
    signal,
    callClass: 'upload',
    repeat: 'safe',
    answerMs: context.answerMs,
    heldBytes: body.heldBytes,
    judgedByAnswer: true,
    beforeRepeat: async (error) => await arrivedAnyway(context, file, error, signal),
  })
  // Then it has read the form to its end; one that answers early may not have.
  if (answer.status === 'created') body.release()
  return { assetId: answer.id, status: answer.status }
}

/**
 * What the server has of a file whose upload broke off. One that closes the connection with its early answer, because
 * it has the bytes already, may reset it before the answer is read; and an answer may get lost after the whole file
 * was taken. One small question saves sending it all again.
 */
async function arrivedAnyway(
  context: ClientContext,
  file: UploadFile,
  error: ImmichError,
  signal?: AbortSignal,
): Promise<{ id: string; status: 'duplicate' } | undefined> {
  if (error.failure.kind === 'connection') context.forgetVersion()
  if (error.failure.kind === 'connection' && !error.failure.wasSent) return undefined
  if (error.failure.kind === 'status' && error.failure.status === 429) return undefined
  const [verdict] = await checkUploads(context, [{ id: '', sha1: file.sha1 }], signal)
  return verdict?.action === 'duplicate' ? { id: verdict.assetId, status: 'duplicate' } : undefined
}

function uploadFields(file: UploadFile, major: number): (readonly [string, string])[] {
  const optional: readonly (readonly [string, string | undefined])[] = [
    ['isFavorite', file.isFavourite === undefined ? undefined : String(file.isFavourite)],
    ['visibility', file.visibility],
    ['livePhotoVideoId', file.livePhotoVideoId],
    // Asked for by 2.x, refused by some 3.x: the server knew files by them before it knew them by their bytes.
    ['deviceAssetId', major < 3 ? `${file.fileName}-${file.sha1}` : undefined],
    ['deviceId', major < 3 ? 'heirloom' : undefined],
  ]
  return [
    ['fileCreatedAt', file.createdAt] as const,
    ['fileModifiedAt', file.modifiedAt] as const,
    ...optional.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  ]
}

async function* search(
  { calls }: ClientContext,
  filter: AssetSearch,
  signal?: AbortSignal,
): AsyncGenerator<FoundAsset> {
  for (let page: number | undefined = 1; page !== undefined; ) {
    const { assets }: SearchAnswer = await calls.call({
      name: 'searching',
      method: 'POST',
      route: '/search/metadata',
      body: JSON.stringify({ ...searchFields(filter), page, size: PAGE_SIZE }),
      schema: (answers) => answers.searchAnswer,
      signal,
      callClass: 'search',
      repeat: 'safe',
    })
    for (const item of assets.items) {
      // Asking for the trash of 2.x also gives what is not in it.
      if (filter.isTrashed === undefined || filter.isTrashed === item.isTrashed)
        yield foundAsset(item, filter)
    }
    const next: number = Number(assets.nextPage ?? Number.NaN)
    page = Number.isSafeInteger(next) && next > page && assets.items.length > 0 ? next : undefined
  }
}

function searchFields({ albumId, sha1, isTrashed, withWords }: AssetSearch): object {
  return {
    withExif: withWords,
    albumIds: albumId === undefined ? undefined : [albumId],
    checksum: sha1,
    ...(isTrashed === true ? { withDeleted: true, trashedAfter: '1970-01-01T00:00:00.000Z' } : {}),
  }
}

function foundAsset(item: AssetAnswer, { withWords }: AssetSearch): FoundAsset {
  const sha1 =
    item.checksum.length === 40 ? item.checksum : Buffer.from(item.checksum, 'base64').toString('hex')
  const { id, originalFileName: fileName, isTrashed, livePhotoVideoId } = item
  const words = withWords === true ? wordsOf(item) : {}
  const found = { id, sha1: sha1.toLowerCase(), fileName, isTrashed, ...words }
  return typeof livePhotoVideoId === 'string' ? { ...found, livePhotoVideoId } : found
}

/** Nothing unless the answer has all of it: half an answer would be taken for empty fields. */
function wordsOf({ isFavorite, visibility, exifInfo }: AssetAnswer): Pick<FoundAsset, 'words'> {
  if (isFavorite === undefined || visibility === undefined || exifInfo == null) return {}
  const { description, rating } = exifInfo
  const words = { isFavourite: isFavorite, visibility, description: description ?? '' }
  return { words: typeof rating === 'number' ? { ...words, rating } : words }
}
