/**
 * Uploads a stream to a bucket: one request when it fits into a part, a multipart upload otherwise.
 *
 * Not with `@aws-sdk/lib-storage`: it answers an aborted upload before it has removed the parts, it cannot make parts
 * grow when nobody knows how much will come, and it takes a lost answer to the last request for a failure. Memory is
 * the parts under way and the one being filled. Parts of an upload whose process dies stay in the bucket; a lifecycle
 * rule removes them (`docs/guides/storage.md`).
 *
 * @module
 */

import type { CompletedPart } from '@aws-sdk/client-s3'
import type { S3Sdk } from './s3-client.ts'
import { notS3 } from './s3-errors.ts'
import { type Part, PartBuffers, partsOf } from './s3-parts.ts'

export interface S3Upload {
  readonly bucket: string
  readonly key: string
  readonly contentType: string
  readonly sizeBytes: number | undefined
  /** Of the content; ended by us when a part fails. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** Ends the requests, and is to end the chunks. */
  readonly giveUp: AbortController
}

/** Three keep a fast line busy; each takes a part of memory. */
const PARTS_AT_ONCE = 3

/**
 * @returns The size of what was uploaded.
 * @throws what the chunks throw, or what the S3 client throws; no parts are left then.
 */
export async function uploadStream(sdk: S3Sdk, upload: S3Upload): Promise<number> {
  const buffers = new PartBuffers()
  const parts = partsOf(upload.chunks, upload.sizeBytes, buffers)
  try {
    const first = await parts.next()
    // There always is one; the compiler cannot know it.
    if (first.done === true) return 0
    if (first.value.last) return await putWhole(sdk, upload, first.value)
    return await new MultipartUpload(sdk, upload, buffers).run(first.value, parts)
  } finally {
    await parts.return(undefined)
  }
}

async function putWhole(
  { client, commands, host }: S3Sdk,
  upload: S3Upload,
  { bytes }: Part,
): Promise<number> {
  const { bucket: Bucket, key: Key, contentType: ContentType, giveUp } = upload
  const command = new commands.PutObjectCommand({ Bucket, Key, ContentType, Body: bytes })
  const { ETag } = await client.send(command, { abortSignal: giveUp.signal })
  if (ETag === undefined) throw notS3(host, 'an object without ETag')
  return bytes.length
}

class MultipartUpload {
  readonly #sdk: S3Sdk
  readonly #upload: S3Upload
  readonly #buffers: PartBuffers
  /** Parts under way; none of them rejects. */
  readonly #running = new Set<Promise<void>>()
  readonly #done: (CompletedPart & { PartNumber: number })[] = []
  #sizeBytes = 0

  constructor(sdk: S3Sdk, upload: S3Upload, buffers: PartBuffers) {
    this.#sdk = sdk
    this.#upload = upload
    this.#buffers = buffers
  }

  async run(first: Part, rest: AsyncIterable<Part>): Promise<number> {
    const { client, commands, host } = this.#sdk
    const { contentType: ContentType, giveUp } = this.#upload
    const create = new commands.CreateMultipartUploadCommand({ ...this.#object(), ContentType })
    const { UploadId } = await client.send(create, { abortSignal: giveUp.signal })
    if (UploadId === undefined) throw notS3(host, 'an upload without id')
    try {
      await this.#startPart(UploadId, first)
      for await (const part of rest) await this.#startPart(UploadId, part)
      await Promise.all(this.#running)
      giveUp.signal.throwIfAborted()
      await this.#complete(UploadId)
    } catch (error) {
      giveUp.abort(error)
      await Promise.all(this.#running)
      await this.#abandon(UploadId)
      throw giveUp.signal.reason
    }
    return this.#sizeBytes
  }

  #object(): { Bucket: string; Key: string } {
    return { Bucket: this.#upload.bucket, Key: this.#upload.key }
  }

  /** Resolves when there is room for the next part. */
  async #startPart(uploadId: string, part: Part): Promise<void> {
    this.#sizeBytes += part.bytes.length
    const sending = this.#sendPart(uploadId, part)
      // The content hears of it too, though it may hang.
      .catch((error: unknown) => this.#upload.giveUp.abort(error))
      .finally(() => this.#running.delete(sending))
    this.#running.add(sending)
    if (this.#running.size >= PARTS_AT_ONCE) await Promise.race(this.#running)
    this.#upload.giveUp.signal.throwIfAborted()
  }

  async #sendPart(UploadId: string, { number: PartNumber, bytes }: Part): Promise<void> {
    const { client, commands, host } = this.#sdk
    const part = { ...this.#object(), UploadId, PartNumber, Body: bytes }
    const { ETag } = await client.send(new commands.UploadPartCommand(part), {
      abortSignal: this.#upload.giveUp.signal,
    })
    if (ETag === undefined) throw notS3(host, 'a part without ETag')
    this.#done.push({ PartNumber, ETag })
    this.#buffers.giveBack(bytes)
  }

  async #complete(UploadId: string): Promise<void> {
    const { client, commands } = this.#sdk
    const Parts = this.#done.sort((a, b) => a.PartNumber - b.PartNumber)
    const complete = new commands.CompleteMultipartUploadCommand({
      ...this.#object(),
      UploadId,
      MultipartUpload: { Parts },
    })
    try {
      await client.send(complete, { abortSignal: this.#upload.giveUp.signal })
    } catch (error) {
      if (!(error instanceof Error && error.name === 'NoSuchUpload' && (await this.#isThere()))) throw error
    }
  }

  /**
   * When the answer to the first attempt got lost, the second one is told that there is no such upload: the object is
   * there already. Its ETag ends in the number of its parts.
   */
  async #isThere(): Promise<boolean> {
    const { client, commands } = this.#sdk
    const found = await client.send(new commands.HeadObjectCommand(this.#object()))
    const tag = found.ETag?.replaceAll('"', '')
    return found.ContentLength === this.#sizeBytes && tag?.endsWith(`-${this.#done.length}`) === true
  }

  /** What it answers does not matter any more: the upload has failed with a better reason. */
  async #abandon(UploadId: string): Promise<void> {
    const { client, commands } = this.#sdk
    try {
      await client.send(new commands.AbortMultipartUploadCommand({ ...this.#object(), UploadId }))
    } catch {
      return
    }
  }
}
