/**
 * The address of a store, as a person writes it, into what opens it. Pure: the environment is given.
 *
 * @module
 */

import { isAbsolute } from 'node:path'
import { HeirloomError } from '../errors.ts'
import type { ObjectStoreConfig } from './object-store.ts'
import { segmentsOf } from './storage.ts'

/** Thrown for an address or a setting that cannot be used as it is written. */
export class StorageAddressError extends HeirloomError {
  readonly code = 'storage/bad-address'
  readonly recovery = 'discard'
}

type S3Config = ObjectStoreConfig & { readonly kind: 's3' }

/** Of S3: 3 to 63, lower case. Older buckets of other forms cannot be asked for by every way there is. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/u

/** In a host name these would be something else: an address, or empty parts. */
const BAD_BUCKET = /\.\.|\.-|-\.|^xn--|^\d+\.\d+\.\d+\.\d+$/u

const REGION = /^[a-z0-9][a-z0-9-]{0,39}$/u

/** Room is needed for the names of objects; S3 takes 1,024 bytes for both. */
const MAX_PREFIX_BYTES = 512

/**
 * @param address - `s3://bucket/prefix`; `s3://` or `s3:///prefix` for the bucket in `S3_BUCKET_NAME`; or the absolute
 *   path of a folder.
 * @param env - `S3_BUCKET_NAME`, `S3_ENDPOINT` and `AWS_REGION` are looked at; empty is as not set.
 * @throws {@link StorageAddressError} naming what is wrong, and never a secret that was written into it.
 */
export function parseStorageAddress(
  address: string,
  env: Readonly<Record<string, string | undefined>>,
): ObjectStoreConfig {
  const found = /^s3:\/\/(?<bucket>[^/]*)(?:\/(?<prefix>.*))?$/su.exec(address)?.groups
  if (found === undefined) return parseFolder(address)
  const bucket = found['bucket'] || env['S3_BUCKET_NAME'] || ''
  if (bucket === '') {
    throw new StorageAddressError(`storage address ${address} names no bucket`, {
      hint: 'Write s3://BUCKET/PREFIX, or set S3_BUCKET_NAME.',
    })
  }
  const endpoint = env['S3_ENDPOINT'] ? withScheme(env['S3_ENDPOINT'].trim()) : undefined
  const region = env['AWS_REGION']?.trim() || undefined
  const config: S3Config = {
    kind: 's3',
    bucket,
    prefix: (found['prefix'] ?? '').replace(/\/+$/u, ''),
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  }
  verifyS3Config(config)
  return config
}

/** @throws {@link StorageAddressError} naming the first thing that is wrong. */
export function verifyS3Config({ bucket, prefix, region, endpoint }: S3Config): void {
  verifyBucket(bucket)
  if (prefix !== '') verifyPrefix(prefix)
  if (region !== undefined && !REGION.test(region)) {
    throw new StorageAddressError(`AWS_REGION ${JSON.stringify(region)} is not the name of a region`, {
      hint: 'Write it as eu-central-1.',
    })
  }
  if (endpoint !== undefined) verifyEndpoint(endpoint)
}

function parseFolder(address: string): ObjectStoreConfig {
  const scheme = /^(?<scheme>[a-z][a-z0-9+.-]+):/iu.exec(address)?.groups?.['scheme']
  if (scheme === undefined && isAbsolute(address)) return { kind: 'local', root: address }
  const problem = scheme === undefined ? 'is not an absolute path' : `begins with ${scheme}:`
  throw new StorageAddressError(`storage address ${problem}`, {
    hint: 'Write s3://BUCKET/PREFIX, or the absolute path of a folder.',
  })
}

function verifyBucket(bucket: string): void {
  if (bucket.includes('@') || bucket.includes(':')) {
    throw new StorageAddressError('storage address has credentials or a port in it', {
      hint: 'Write s3://BUCKET/PREFIX; credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the server from S3_ENDPOINT.',
    })
  }
  if (BUCKET.test(bucket) && !BAD_BUCKET.test(bucket)) return
  throw new StorageAddressError(
    `bucket ${JSON.stringify(bucket.slice(0, 100))} is not the name of a bucket`,
    {
      hint: 'A bucket has 3 to 63 lower-case letters, digits, dots and hyphens, and begins and ends with a letter or digit.',
    },
  )
}

function verifyPrefix(prefix: string): void {
  const shown = JSON.stringify(prefix.slice(0, 100))
  try {
    segmentsOf(prefix)
  } catch (error) {
    throw new StorageAddressError(`prefix ${shown} has empty or relative parts`, {
      cause: error,
      hint: 'Write it as photos/2024.',
    })
  }
  if (/[\p{Cc}?#]/u.test(prefix) || !prefix.isWellFormed() || Buffer.byteLength(prefix) > MAX_PREFIX_BYTES) {
    throw new StorageAddressError(`prefix ${shown} is too long, or has characters that make trouble`, {
      hint: 'Use letters, digits, hyphens and slashes.',
    })
  }
}

/** Backblaze shows its endpoints without `https://`. */
function withScheme(endpoint: string): string {
  return endpoint.includes('://') ? endpoint : `https://${endpoint}`
}

function verifyEndpoint(endpoint: string): void {
  const url = URL.parse(endpoint)
  const hint = 'Write it as https://s3.example.org, without user, password or query.'
  if (url === null || !/^https?:$/u.test(url.protocol)) {
    throw new StorageAddressError('S3_ENDPOINT is not the address of a server', { hint })
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new StorageAddressError(`S3_ENDPOINT for ${url.host} has more in it than an address`, { hint })
  }
}
