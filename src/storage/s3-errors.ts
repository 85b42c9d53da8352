/**
 * What an S3 server or the way to it answers, as errors that tell a person what to do.
 *
 * Nothing that a server wrote gets into a message or a cause but its error code: an answer may repeat the signed
 * request, with the access key in it.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'
import { ObjectStoreError } from './object-store.ts'

/** What was asked for, to be named in messages. */
export interface S3Target {
  readonly bucket: string
  /** Host of the server. */
  readonly host: string
}

interface Explanation {
  readonly code: `storage/${string}`
  readonly recovery: 'retry' | 'discard'
  /** What follows the target in the message. */
  readonly says: string
  readonly hint?: string
}

const DENIED: Explanation = {
  code: 'storage/denied',
  recovery: 'discard',
  says: 'refuses access',
  hint: 'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that the key may list, read, write and delete here.',
}

const WRONG_REGION: Explanation = {
  code: 'storage/wrong-region',
  recovery: 'discard',
  says: 'is in another region',
  hint: 'Set AWS_REGION to the region of the bucket.',
}

const CLOCK_SKEW: Explanation = {
  code: 'storage/clock-skew',
  recovery: 'retry',
  says: 'refuses requests, because the clock of this machine is wrong',
  hint: 'Set the clock of this machine right, best by NTP.',
}

const FULL: Explanation = {
  code: 'storage/full',
  recovery: 'retry',
  says: 'has no space left',
  hint: 'Free space on the storage server, or raise its quota or cap; the task is tried again.',
}

const BUSY: Explanation = { code: 'storage/busy', recovery: 'retry', says: 'is too busy now' }

const UNREACHABLE: Explanation = {
  code: 'storage/unreachable',
  recovery: 'retry',
  says: 'cannot be reached',
  hint: 'Check the network and S3_ENDPOINT.',
}

const UNTRUSTED: Explanation = {
  code: 'storage/unreachable',
  recovery: 'discard',
  says: 'has no certificate that this machine trusts',
  hint: 'Check S3_ENDPOINT; name the file of your own authority in NODE_EXTRA_CA_CERTS.',
}

const NOT_S3: Explanation = {
  code: 'storage/not-s3',
  recovery: 'discard',
  says: 'does not answer as an S3 server',
  hint: 'Check S3_ENDPOINT: it is the address of the S3 API, not that of a web console.',
}

const NO_BUCKET: Explanation = {
  code: 'storage/no-such-bucket',
  recovery: 'discard',
  says: 'does not exist',
  hint: 'Create the bucket, or check its name and S3_ENDPOINT.',
}

const CHANGED: Explanation = {
  code: 'storage/changed',
  recovery: 'retry',
  says: 'replaced the object while it was read',
}

/** By the code in the server's answer: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const BY_CODE: Readonly<Record<string, Explanation>> = {
  AccessDenied: DENIED,
  AllAccessDisabled: DENIED,
  AccountProblem: DENIED,
  ExpiredToken: { ...DENIED, hint: 'The session token has expired: get new credentials and start again.' },
  InvalidAccessKeyId: DENIED,
  InvalidToken: DENIED,
  SignatureDoesNotMatch: DENIED,
  NoSuchBucket: NO_BUCKET,
  PermanentRedirect: WRONG_REGION,
  AuthorizationHeaderMalformed: WRONG_REGION,
  IllegalLocationConstraintException: WRONG_REGION,
  RequestTimeTooSkewed: CLOCK_SKEW,
  RequestExpired: CLOCK_SKEW,
  InsufficientCapacity: FULL,
  QuotaExceeded: FULL,
  // MinIO.
  XMinioStorageFull: FULL,
  XMinioAdminBucketQuotaExceeded: FULL,
  SlowDown: BUSY,
  ServiceUnavailable: BUSY,
  TooManyRequests: BUSY,
  InternalError: BUSY,
  PreconditionFailed: CHANGED,
  TimeoutError: { ...UNREACHABLE, says: 'does not answer' },
}

/** By the status, where there is no code: answers to HEAD have no body. */
const BY_STATUS: Readonly<Record<number, Explanation>> = {
  301: WRONG_REGION,
  307: WRONG_REGION,
  401: DENIED,
  403: DENIED,
  412: CHANGED,
  429: BUSY,
  507: FULL,
}

const UNTRUSTED_CODE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/u

/** The other end of the line answered, but not in the language spoken to it. */
const NOT_S3_CODE = /^(?:EPROTO|ERR_SSL_|HPE_)/u

/** Of the operating system: `ECONNREFUSED`, `ENOTFOUND`. */
const NETWORK_CODE = /^E[A-Z_]+$/u

/**
 * The error to throw for what the S3 client threw; what is not about the server is passed on unchanged.
 *
 * @returns {@link ObjectStoreError}, or `error` itself when it is a bug or an error of ours.
 */
export function s3Failure(error: unknown, target: S3Target): unknown {
  if (!(error instanceof Error) || error instanceof HeirloomError) return error
  const explanation = explain(error)
  if (explanation === undefined) return error
  const { code, recovery, says, hint } = explanation
  const words = [answerOf(error), regionOf(error)].filter((word) => word !== undefined)
  return new ObjectStoreError(
    code,
    `bucket ${target.bucket} at ${target.host} ${says}: ${words.join(', ')}`,
    {
      cause: new Error(words.join(', ')),
      recovery,
      ...(hint === undefined ? {} : { hint }),
    },
  )
}

/** For an answer that lacks what every S3 server says: a page of a proxy may be well-formed XML, of status 200. */
export function notS3(host: string, what: string): ObjectStoreError {
  const { code, recovery, says, hint = '' } = NOT_S3
  return new ObjectStoreError(code, `${host} ${says}: ${what}`, { recovery, hint })
}

/** Whether the server says that there is no such object. A missing bucket answers the same to HEAD. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || error.name === 'NoSuchBucket') return false
  return error.name === 'NoSuchKey' || error.name === 'NotFound' || statusOf(error) === 404
}

/** Whether a range begins behind the object's end. */
export function isOutOfRange(error: unknown): boolean {
  return error instanceof Error && (error.name === 'InvalidRange' || statusOf(error) === 416)
}

/** Whether a connection broke or went silent, so that the rest may be asked for again. */
export function isBroken(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error.name === 'TimeoutError') return true
  return /^(?:ECONN|EPIPE|ETIMEDOUT|ENET|EHOST|ERR_STREAM_PREMATURE_CLOSE)/u.test(networkCodeOf(error) ?? '')
}

function explain(error: Error): Explanation | undefined {
  const status = statusOf(error)
  // Backblaze refuses a full account with the code of a wrong key.
  if (status === 403 && /\bcap exceeded\b/iu.test(error.message)) return FULL
  const known = BY_CODE[error.name] ?? (status === undefined ? undefined : BY_STATUS[status])
  if (known !== undefined) return known
  if (status !== undefined) return explainStatus(error, status)
  const network = networkCodeOf(error) ?? ''
  if (UNTRUSTED_CODE.test(network)) return UNTRUSTED
  if (NOT_S3_CODE.test(network)) return NOT_S3
  return NETWORK_CODE.test(network) ? UNREACHABLE : undefined
}

function explainStatus(error: Error, status: number): Explanation {
  // What is no XML cannot be parsed: the S3 client throws that as it came, with the status.
  if (error instanceof SyntaxError || status < 300) return NOT_S3
  if (status >= 500) return BUSY
  return { code: 'storage/refused', recovery: 'discard', says: 'refuses the request' }
}

/** The error code and the status, as far as there are any. Codes are words: anything else could be anything. */
function answerOf(error: Error): string {
  const name = /^[A-Za-z][\w.]{0,60}$/u.test(error.name) ? error.name : 'Error'
  const status = statusOf(error)
  const network = networkCodeOf(error)
  return [network ?? name, ...(status === undefined ? [] : [`status ${status}`])].join(', ')
}

function regionOf(error: Error): string | undefined {
  const region = headersOf(error)['x-amz-bucket-region']
  return typeof region === 'string' && /^[a-z0-9-]{2,40}$/u.test(region) ? `region ${region}` : undefined
}

function statusOf(error: Error): number | undefined {
  const metadata = '$metadata' in error ? error.$metadata : undefined
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}

function headersOf(error: Error): Record<string, unknown> {
  const response = '$response' in error ? error.$response : undefined
  if (typeof response !== 'object' || response === null || !('headers' in response)) return {}
  return typeof response.headers === 'object' ? { ...response.headers } : {}
}

/** Node's code of a network error; connecting to several addresses gathers one for each. */
function networkCodeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' && /^[A-Z_]+$/u.test(error.code)
    ? error.code
    : undefined
}
