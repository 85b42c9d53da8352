/**
 * The seam to where finished bytes lie by name: a folder on this machine, or a bucket that speaks S3.
 *
 * Simpler than {@link Storage}, because objects here are decided by a database row, not by their name: whoever puts
 * one chooses a name that nobody else has (an id, a hash), and an object that no row names is swept. A put is whole
 * or not there: no reader ever sees a part of one. Promises of every implementation are held by the conformance
 * suite in `testing/`.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'
import type { ByteRange } from './storage.ts'

/**
 * How to open a store: plain data that travels to worker processes. Credentials are not part of it; the S3 client
 * takes them from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`), which workers inherit.
 */
export type ObjectStoreConfig =
  | {
      readonly kind: 'local'
      /** Absolute path of the folder; made when it is not there. */
      readonly root: string
      /**
       * Each object is on the disk when its put resolves; default true. False for what can be made again: faster by
       * far for thousands of small objects, but a power cut may leave some of the last seconds empty or cut off.
       * Whoever reads them then compares sizes with the database row.
       */
      readonly durable?: boolean
    }
  | {
      readonly kind: 's3'
      readonly bucket: string
      /** Before every name, without slash at either end; empty for none. */
      readonly prefix: string
      /** Default: from the endpoint's host name, else `us-east-1`. */
      readonly region?: string
      /** Of a server that is not Amazon's: `https://s3.eu-central-003.backblazeb2.com`. */
      readonly endpoint?: string
    }

export interface StoredObject {
  readonly name: string
  readonly sizeBytes: number
  /** Epoch milliseconds. */
  readonly modifiedAt: number
}

export interface PutOptions {
  /** MIME type, kept with the object where the store can. */
  readonly contentType: string
  /** When it is known; a stream whose size differs is refused. */
  readonly sizeBytes?: number
  /** Aborted: the put ends, and nothing of it is left to be seen. */
  readonly signal?: AbortSignal
}

export interface ObjectStore {
  /** What database rows call this store: `local`, or `s3://bucket/prefix`. Tells no secret. */
  readonly address: string
  /**
   * Stores an object, replacing one of the same name. Durable when it resolves, unless configured otherwise; memory
   * is flat in its size. A chunk of the content may lie in memory that the next one will lie in: it is good only until
   * that is asked for.
   *
   * @throws what the content throws, unchanged; the signal's reason; {@link ObjectStoreError}. What was there under
   *   the name before is there still, and nothing of the new content is to be seen.
   */
  put(
    name: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutOptions,
  ): Promise<StoredObject>
  /** Undefined when there is no such object: also for a name under which only longer names are. */
  stat(name: string): Promise<StoredObject | undefined>
  /** Throws {@link ObjectMissingError} at the first chunk. Chunks of at most 1 MiB. */
  read(
    name: string,
    range?: ByteRange,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>
  /** Removes objects; those that are not there do not matter. */
  remove(names: readonly string[]): Promise<void>
  /** All objects whose name begins so, in no particular order. */
  list(prefix: string): AsyncIterable<StoredObject>
  /** An address that anybody may read the object at for a while; undefined where there is none, as on a disk. */
  temporaryUrl(name: string, options: { readonly expiresInSeconds: number }): Promise<string | undefined>
  /** The object's path on this machine; undefined where it has none or is not there. The file is not to be changed. */
  localPath(name: string): string | undefined
  close(): Promise<void>
}

/** Thrown when an object that should be read is not there. */
export class ObjectMissingError extends HeirloomError {
  readonly code = 'storage/object-missing'
  readonly recovery = 'discard'

  constructor(name: string, options: ErrorOptions = {}) {
    super(`${name} is not in the storage`, options)
  }
}

/** Thrown when a store cannot do what was asked for: unreachable, refused, full. */
export class ObjectStoreError extends HeirloomError {
  readonly code: `storage/${string}`
  readonly recovery: 'retry' | 'discard'

  constructor(
    code: `storage/${string}`,
    message: string,
    options: ErrorOptions & { readonly recovery: 'retry' | 'discard'; readonly hint?: string },
  ) {
    super(message, options)
    this.code = code
    this.recovery = options.recovery
  }
}
