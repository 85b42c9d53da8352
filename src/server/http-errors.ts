/**
 * The one place where an error becomes an answer: a status, and `{error: {code, message, hint}}`.
 *
 * Only errors that are listed here, or that a route threw for its caller, say their own words: any other may name
 * folders of this machine, and is written to the log instead.
 *
 * @module
 */

import type { FastifyError } from 'fastify'
import { HeirloomError, toErrorRecord } from '../errors.ts'

/** Thrown by routes for what their caller did or asked for. */
export class RequestError extends HeirloomError {
  readonly code: `${string}/${string}`
  readonly recovery = 'discard'
  /** Of the answer: 400 to 599. */
  readonly statusCode: number
  /** Seconds; becomes `Retry-After`. */
  readonly retryAfter: number | undefined

  constructor(
    statusCode: number,
    code: `${string}/${string}`,
    message: string,
    options: ErrorOptions & { readonly hint?: string; readonly retryAfter?: number } = {},
  ) {
    super(message, options)
    this.statusCode = statusCode
    this.code = code
    this.retryAfter = options.retryAfter
  }
}

/** What is sent. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string }
}

export interface ErrorAnswer {
  readonly statusCode: number
  readonly body: ErrorBody
  readonly retryAfter?: number
  /** Nobody's fault but ours: it is to be logged. */
  readonly isInternal: boolean
}

/** Errors of other domains whose words name nothing of this machine. */
const PUBLIC_STATUS: ReadonlyMap<string, number> = new Map([
  ['upload/unsupported-media', 415],
  ['upload/too-large', 413],
  ['upload/empty', 400],
  ['library/no-such-folder', 404],
  ['library/folder-exists', 409],
  ['library/too-many-folders', 409],
])

const UNAVAILABLE_HINT = 'Try again in a moment; the log of the server says more.'

/** Of anything that was thrown while a request was answered. */
export function answerFor(error: unknown): ErrorAnswer {
  if (error instanceof RequestError) {
    const { statusCode, code, message, hint, retryAfter } = error
    const answer = { statusCode, body: bodyOf(code, message, hint), isInternal: false }
    return retryAfter === undefined ? answer : { ...answer, retryAfter }
  }
  const { code, message, hint } = toErrorRecord(error)
  const status = PUBLIC_STATUS.get(code)
  if (status !== undefined)
    return { statusCode: status, body: bodyOf(code, message, hint), isInternal: false }
  return answerForFastify(error) ?? answerForOthers(code)
}

function bodyOf(code: string, message: string, hint?: string): ErrorBody {
  return { error: hint === undefined ? { code, message } : { code, message, hint } }
}

/** What fastify and its parts say of a request that cannot be read. */
function answerForFastify(error: unknown): ErrorAnswer | undefined {
  if (!(error instanceof Error)) return undefined
  const { statusCode, code, validation, message } = error as Partial<FastifyError> & Error
  if (validation !== undefined) {
    return { statusCode: 400, body: bodyOf('request/invalid', message), isInternal: false }
  }
  const isTheirs = statusCode !== undefined && statusCode >= 400 && statusCode < 500
  if (!isTheirs || !/^FST_/u.test(code ?? '')) return malformed(error)
  const ours =
    statusCode === 413 ? 'request/too-large' : statusCode === 415 ? 'request/media-type' : 'request/invalid'
  return { statusCode, body: bodyOf(ours, lowerFirst(message)), isInternal: false }
}

/** The multipart reader throws plain errors. */
const MALFORMED =
  /^(?:Multipart: |Unexpected end of (?:multipart|file)|Malformed part header|Part terminated early|Missing Content-)/u

function malformed(error: Error): ErrorAnswer | undefined {
  if (!MALFORMED.test(error.message)) return undefined
  const body = bodyOf('request/malformed', `the form cannot be read: ${lowerFirst(error.message)}`)
  return { statusCode: 400, body, isInternal: false }
}

const FULL: ReadonlySet<string> = new Set(['storage/full', 'system/ENOSPC', 'system/EDQUOT'])

function answerForOthers(code: string): ErrorAnswer {
  const isFull = FULL.has(code)
  if (code.startsWith('storage/') || isFull) {
    const body = bodyOf(code, 'the storage cannot do that now', UNAVAILABLE_HINT)
    return { statusCode: isFull ? 507 : 503, body, isInternal: true, retryAfter: 10 }
  }
  const message = 'the server failed to answer this'
  return { statusCode: 500, body: bodyOf('server/internal', message, UNAVAILABLE_HINT), isInternal: true }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
