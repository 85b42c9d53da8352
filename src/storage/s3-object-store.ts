/**
 * Objects in a bucket of Amazon S3 or of a server that speaks its protocol.
 *
 * Requests are repeated by the client, with pauses; a read that breaks off is taken up where it stopped, as long as
 * the object is still the same. A put that fails because its answer never came may have arrived all the same: the
 * object is whole then.
 *
 * @module
 */

import type { Readable } from 'node:stream'
import type { _Object as ListedObject, ObjectIdentifier } from '@aws-sdk/client-s3'
import { HeirloomError } from '../errors.ts'
import {
  ObjectMissingError,
  type ObjectStore,
  type ObjectStoreConfig,
  type PutOptions,
  type StoredObject,
} from './object-store.ts'
import { verifyS3Config } from './object-store-address.ts'
import { contentChunks } from './object-store-content.ts'
import { loaded, openS3Client, type S3Limits, type S3Sdk } from './s3-client.ts'
import { isMissing, isOutOfRange, notS3, s3Failure } from './s3-errors.ts'
import { type Answer, readWhole, type Stretch } from './s3-read.ts'
import { uploadStream } from './s3-upload.ts'
import { type ByteRange, segmentsOf, UnsafeNameError } from './storage.ts'

/** Of S3, in UTF-8. */
const MAX_KEY_BYTES = 1024

/** Of S3. */
const REMOVED_AT_ONCE = 1000

/** Of S3: a week. */
const MAX_URL_SECONDS = 604_800

export class S3ObjectStore implements ObjectStore {
  readonly address: string
  readonly #sdk: S3Sdk
  readonly #bucket: string
  /** Empty, or with a slash at its end. */
  readonly #prefix: string
  #bucketSeen = false

  private constructor(sdk: S3Sdk, config: ObjectStoreConfig & { kind: 's3' }) {
    const { bucket, prefix } = config
    this.#sdk = sdk
    this.#bucket = bucket
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.address = prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`
  }

  /**
   * Asks nothing of the server yet.
   *
   * @throws {@link ObjectStoreError} when the configuration cannot be used, the S3 client is not installed, or the
   *   environment has no credentials.
   */
  static async open(
    config: ObjectStoreConfig & { kind: 's3' },
    limits: S3Limits = {},
  ): Promise<S3ObjectStore> {
    verifyS3Config(config)
    return new S3ObjectStore(await openS3Client(config, limits), config)
  }

  async put(
    name: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutOptions,
  ): Promise<StoredObject> {
    const key = this.#key(name)
    const giveUp = new AbortController()
    const abort = (): void => giveUp.abort(options.signal?.reason)
    options.signal?.throwIfAborted()
    options.signal?.addEventListener('abort', abort, { once: true })
    try {
      const sizeBytes = await this.#told(async () =>
        uploadStream(this.#sdk, {
          bucket: this.#bucket,
          key,
          contentType: options.contentType,
          sizeBytes: options.sizeBytes ?? (content instanceof Uint8Array ? content.length : undefined),
          chunks: guarded(contentChunks(name, content, { ...options, signal: giveUp.signal })),
          giveUp,
        }),
      )
      return { name, sizeBytes, modifiedAt: Date.now() }
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason
      throw error instanceof ContentError ? error.cause : error
    } finally {
      options.signal?.removeEventListener('abort', abort)
    }
  }

  async stat(name: string): Promise<StoredObject | undefined> {
    const { client, commands } = this.#sdk
    const head = new commands.HeadObjectCommand({ Bucket: this.#bucket, Key: this.#key(name) })
    try {
      const { ContentLength = 0, LastModified } = await this.#told(() => client.send(head), isMissing)
      return { name, sizeBytes: ContentLength, modifiedAt: LastModified?.getTime() ?? 0 }
    } catch (error) {
      if (!isMissing(error)) throw error
      await this.#seeBucket()
      return undefined
    }
  }

  /** Tells a missing bucket from a missing object, which answer the same to HEAD. */
  async #seeBucket(): Promise<void> {
    if (this.#bucketSeen) return
    const { client, commands } = this.#sdk
    const list = new commands.ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: this.#prefix,
      MaxKeys: 1,
    })
    await this.#told(() => client.send(list))
  }

  async *read(
    name: string,
    range: ByteRange = {},
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array> {
    const key = this.#key(name)
    const { signal } = options
    signal?.throwIfAborted()
    if (range.length === 0) {
      if ((await this.stat(name)) === undefined) throw new ObjectMissingError(name)
      return
    }
    try {
      yield* readWhole(name, range, (stretch) => this.#get(key, stretch, signal), signal)
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason
      if (isMissing(error)) throw new ObjectMissingError(name, { cause: this.#failure(error) })
      throw this.#failure(error)
    }
  }

  /** Undefined when the object ends before the first byte. */
  async #get(
    key: string,
    { first, last, tag }: Stretch,
    signal: AbortSignal | undefined,
  ): Promise<Answer | undefined> {
    const { client, commands } = this.#sdk
    const wholeObject = first === 0 && last === undefined
    const command = new commands.GetObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      ...(wholeObject ? {} : { Range: `bytes=${first}-${last ?? ''}` }),
      ...(tag === undefined ? {} : { IfMatch: tag }),
    })
    try {
      const found = await client.send(command, signal === undefined ? {} : { abortSignal: signal })
      if (!wholeObject && found.ContentRange?.startsWith(`bytes ${first}-`) !== true) {
        throw notS3(this.#sdk.host, 'a range that was not asked for')
      }
      const end = first + (found.ContentLength ?? 0)
      return {
        // In Node it always is one.
        body: found.Body as Readable,
        end: last === undefined ? end : Math.min(end, last + 1),
        tag: found.ETag,
      }
    } catch (error) {
      if (isOutOfRange(error)) return undefined
      throw error
    }
  }

  async remove(names: readonly string[]): Promise<void> {
    const { client, commands } = this.#sdk
    const Objects: ObjectIdentifier[] = names.map((name) => ({ Key: this.#key(name) }))
    let failed: string | undefined
    for (let start = 0; start < Objects.length; start += REMOVED_AT_ONCE) {
      const command = new commands.DeleteObjectsCommand({
        Bucket: this.#bucket,
        Delete: { Objects: Objects.slice(start, start + REMOVED_AT_ONCE), Quiet: true },
      })
      const { Errors = [] } = await this.#told(() => client.send(command))
      failed ??= Errors.find(({ Code }) => Code !== 'NoSuchKey')?.Code
    }
    if (failed !== undefined) throw this.#failure(serverError(failed))
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    for await (const found of this.#listed(this.#prefix + prefix)) {
      const { Key = '', Size = 0, LastModified } = found
      const name = Key.slice(this.#prefix.length)
      // Consoles make objects for folders, with a slash at the end: nobody can have put them here.
      if (isName(name)) yield { name, sizeBytes: Size, modifiedAt: LastModified?.getTime() ?? 0 }
    }
  }

  async *#listed(Prefix: string): AsyncGenerator<ListedObject> {
    const { client, commands, host } = this.#sdk
    let ContinuationToken: string | undefined
    do {
      const command = new commands.ListObjectsV2Command({ Bucket: this.#bucket, Prefix, ContinuationToken })
      const {
        Contents = [],
        IsTruncated,
        NextContinuationToken,
      } = await this.#told(() => client.send(command))
      if (IsTruncated === undefined) throw notS3(host, 'a list without end')
      yield* Contents
      ContinuationToken = IsTruncated ? NextContinuationToken : undefined
    } while (ContinuationToken !== undefined)
  }

  /** At most a week, and not longer than a session token lives. */
  async temporaryUrl(name: string, options: { readonly expiresInSeconds: number }): Promise<string> {
    const { client, commands } = this.#sdk
    const command = new commands.GetObjectCommand({ Bucket: this.#bucket, Key: this.#key(name) })
    const { getSignedUrl } = await loaded(() => import('@aws-sdk/s3-request-presigner'))
    return getSignedUrl(client, command, { expiresIn: Math.min(options.expiresInSeconds, MAX_URL_SECONDS) })
  }

  localPath(name: string): undefined {
    this.#key(name)
  }

  async close(): Promise<void> {
    this.#sdk.client.destroy()
  }

  /** @throws {@link UnsafeNameError} also for what cannot be written in the XML of a request. */
  #key(name: string): string {
    segmentsOf(name)
    const key = this.#prefix + name
    if (!isName(name) || Buffer.byteLength(key) > MAX_KEY_BYTES) {
      throw new UnsafeNameError(
        `name ${JSON.stringify(name.slice(0, 100))} is longer than ${MAX_KEY_BYTES} bytes or has control characters`,
      )
    }
    return key
  }

  /** Asks the server; its failures become errors that help, but for those that the caller looks at. */
  async #told<T>(ask: () => Promise<T>, isExpected: (error: unknown) => boolean = () => false): Promise<T> {
    try {
      const answer = await ask()
      this.#bucketSeen = true
      return answer
    } catch (error) {
      throw isExpected(error) ? error : this.#failure(error)
    }
  }

  #failure(error: unknown): unknown {
    return s3Failure(error, { bucket: this.#bucket, host: this.#sdk.host })
  }
}

/** What the content of a put throws, so that nobody takes its network errors for the server's. */
class ContentError extends HeirloomError {
  readonly code = 'storage/content'
  readonly recovery = 'retry'
}

async function* guarded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } catch (error) {
    throw new ContentError('content cannot be read', { cause: error })
  }
}

/** As the S3 client would throw it, for a code that came in an answer of status 200. */
function serverError(code: string): Error {
  return Object.assign(new Error(code), { name: code, $metadata: { httpStatusCode: 400 } })
}

function isName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused.
  if (/[\u0000-\u001f\u007f\ufffe\uffff]/u.test(name) || !name.isWellFormed()) return false
  try {
    return segmentsOf(name).length > 0
  } catch {
    return false
  }
}
