/**
 * The S3 client, set up to be used with any server: loaded when it is needed, with limits on waiting.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { S3Client } from '@aws-sdk/client-s3'
import { type ObjectStoreConfig, ObjectStoreError } from './object-store.ts'

export interface S3Limits {
  /** Until a connection stands; default 10 seconds. */
  readonly connectTimeoutMs?: number
  /**
   * A connection on which nothing moves is given up; default 60 seconds. Too low breaks the end of large uploads,
   * which servers take time for. There is no limit on the whole request: a slow line is no failure.
   */
  readonly idleTimeoutMs?: number
  /** Of each request; default 4, with growing, random pauses between them. */
  readonly maxAttempts?: number
}

export interface S3Sdk {
  readonly client: S3Client
  readonly commands: typeof import('@aws-sdk/client-s3')
  readonly host: string
}

const CONNECT_TIMEOUT_MS = 10_000
const IDLE_TIMEOUT_MS = 60_000
const MAX_ATTEMPTS = 4

/** Connections at once; more requests wait, and their waiting counts as connecting. */
const MAX_CONNECTIONS = 256

const DEFAULT_REGION = 'us-east-1'

/** `s3.eu-central-003.backblazeb2.com`, `s3.eu-central-1.wasabisys.com`. */
const REGION_IN_HOST = /^s3[.-](?<region>[a-z]+(?:-[a-z0-9]+)+)\./u

/** @throws {@link ObjectStoreError} when the client is not installed, or the environment has no credentials. */
export async function openS3Client(
  config: ObjectStoreConfig & { kind: 's3' },
  limits: S3Limits = {},
): Promise<S3Sdk> {
  const commands = await loaded(() => import('@aws-sdk/client-s3'))
  const client = new commands.S3Client({
    region: config.region ?? regionOf(config.endpoint) ?? DEFAULT_REGION,
    ...endpointOf(config.endpoint),
    credentials: await environmentCredentials(),
    maxAttempts: limits.maxAttempts ?? MAX_ATTEMPTS,
    retryMode: 'standard',
    // Large bodies are sent at once: asking first costs a connection for each part, and seconds where nobody answers.
    expectContinueHeader: false,
    // Nothing is asked of the machine's metadata service.
    defaultsMode: 'standard',
    // Checksums that Amazon made the default in 2025 are refused by many other servers. What is sent is covered by
    // the SHA-256 in its signature all the same.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: limits.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      socketTimeout: limits.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
      httpAgent: { maxSockets: MAX_CONNECTIONS },
      httpsAgent: { maxSockets: MAX_CONNECTIONS },
      // Otherwise it writes on the console.
      logger: SILENT,
    },
  })
  addContentMd5(client)
  return { client, commands, host: await hostOf(client, config.endpoint) }
}

const quiet = (): void => undefined
const SILENT = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet }

/**
 * Loads a package of the S3 client.
 *
 * @throws {@link ObjectStoreError} when it is not installed.
 */
export async function loaded<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error
    throw new ObjectStoreError('storage/no-s3-client', 'the S3 client is not installed', {
      cause: error,
      recovery: 'discard',
      hint: 'Run `npm install @aws-sdk/client-s3 @aws-sdk/s3-request-presigner @aws-sdk/credential-provider-env`.',
    })
  }
}

type Credentials = () => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>

/** The environment's, and nothing else: no files of other programs, no metadata service that could hang. */
async function environmentCredentials(): Promise<Credentials> {
  const { fromEnv } = await loaded(() => import('@aws-sdk/credential-provider-env'))
  const provider = fromEnv()
  try {
    await provider()
  } catch (error) {
    throw new ObjectStoreError(
      'storage/no-credentials',
      'AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set',
      {
        cause: error,
        recovery: 'discard',
        hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN when there is one).',
      },
    )
  }
  return provider
}

/** Where other servers than Amazon's have no names for buckets, the bucket is the first part of the path. */
function endpointOf(endpoint: string | undefined): { endpoint?: string; forcePathStyle?: boolean } {
  if (endpoint === undefined) return {}
  return { endpoint, forcePathStyle: !new URL(endpoint).hostname.endsWith('.amazonaws.com') }
}

function regionOf(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined) return undefined
  return REGION_IN_HOST.exec(new URL(endpoint).hostname)?.groups?.['region']
}

async function hostOf(client: S3Client, endpoint: string | undefined): Promise<string> {
  if (endpoint !== undefined) return new URL(endpoint).host
  return `Amazon (${await client.config.region()})`
}

/**
 * Removing many at once has to carry a checksum. The one that the client makes is Amazon's; other servers, and older
 * ones, want the MD5 of the first days, which all understand.
 */
function addContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const { request } = args
      if (context['commandName'] === 'DeleteObjectsCommand' && isRequest(request)) useContentMd5(request)
      return next(args)
    },
    { step: 'build', name: 'heirloomContentMd5', priority: 'low' },
  )
}

interface Request {
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array
}

function useContentMd5({ headers, body }: Request): void {
  for (const header of Object.keys(headers)) {
    if (/^x-amz-(?:checksum|sdk-checksum)-/iu.test(header)) delete headers[header]
  }
  headers['content-md5'] = createHash('md5').update(body).digest('base64')
}

function isRequest(request: unknown): request is Request {
  if (typeof request !== 'object' || request === null || !('headers' in request)) return false
  return 'body' in request && (typeof request.body === 'string' || request.body instanceof Uint8Array)
}
