/**
 * One exchange with the server: a request, and the whole answer as text.
 *
 * Knows connections, certificates, stalls and the key; knows no routes and repeats nothing. There is no limit on how
 * long an exchange takes, only on how long nothing moves. Redirects are answers like others: following one would
 * carry the key elsewhere and turn an upload into something else.
 *
 * @module
 */

import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { Clock } from '../clock.ts'
import { formatDuration } from '../units.ts'
import type { ServerAddress } from './address.ts'
import {
  BadKeyError,
  CertificateError,
  ImmichError,
  StalledError,
  UnexpectedAnswerError,
  UnreachableError,
} from './immich-errors.ts'
import { Agent, errors, request } from './undici-parts.ts'

/** The longest answer that is read: all albums come at once, 1000 found assets are 1.3 MB (measured on 3.1.0). */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** Of an answer that is read line by line; Immich's are below 2 kB. */
const MAX_LINE_CHARACTERS = 1024 * 1024

/** A key of an account, made in the web page, or the token of a session. */
export type Credentials = string | { readonly session: string }

export interface StreamedBody {
  readonly contentType: string
  readonly contentLengthBytes: number
  readonly stream: () => AsyncIterable<Uint8Array>
}

export interface ExchangeRequest {
  /** For messages: `uploading IMG.jpg`. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/api`, with its query. */
  readonly route: string
  readonly headers?: Readonly<Record<string, string>>
  /** A string is JSON. */
  readonly body?: string | StreamedBody | undefined
  /** From the last byte sent to the first of the answer. */
  readonly answerMs: number
  /** The server must not get the call twice: uses a connection of its own, which cannot have gone stale. */
  readonly isFresh?: boolean
  /** Takes the lines of an answer that is well (2xx) as they come: then its text is empty. What it throws ends it. */
  readonly onLine?: ((line: string) => void) | undefined
  /** After the last line. What it throws is the failure of the exchange. */
  readonly onEnd?: (() => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Answer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
  /** From the last byte sent to the first of the answer. */
  readonly answeredInMs: number
}

export interface Exchanges {
  /** Rejects with an {@link ImmichError}, the reason of the signal, or what the body's stream threw. */
  send(request: ExchangeRequest): Promise<Answer>
  /** Text of the server without the key, in one short line. */
  clean(text: string): string
  close(): Promise<void>
}

export function createExchanges(options: {
  readonly address: ServerAddress
  readonly credentials: Credentials
  readonly isInsecure: boolean
  readonly userAgent: string
  readonly stallMs: number
  readonly clock: Clock
}): Exchanges {
  const { address, clock, stallMs } = options
  const { secret, header } = authentication(options.credentials)
  const connect = options.isInsecure ? { rejectUnauthorized: false } : {}
  const agents = {
    kept: new Agent({ connect }),
    // Without pipelining a connection is closed after its request.
    fresh: new Agent({ connect, pipelining: 0 }),
  }
  const clean = (text: string): string => oneLine(redact(text, secret))

  const send = async (call: ExchangeRequest): Promise<Answer> => {
    const watch = createWatch({ clock, stallMs, call })
    try {
      const { origin, pathname, search } = new URL(address.urlOf(call.route))
      const response = await request(call.isFresh === true ? agents.fresh : agents.kept, {
        origin,
        path: `${pathname}${search}`,
        method: call.method,
        headers: {
          accept: 'application/json',
          'user-agent': options.userAgent,
          ...header,
          ...call.headers,
          ...bodyHeaders(call.body),
        },
        // Any async iterable is taken (undici's Dispatcher.md), which its types do not say.
        body: watched(call.body, watch) as Readable | string | null,
        signal: watch.signal,
        // The watch does it: these count from the start of the body, whether it moves or not.
        headersTimeout: 0,
        bodyTimeout: 0,
      })
      const answeredInMs = watch.answered()
      const moved = (): void => watch.moved()
      const isStreamed = call.onLine !== undefined && response.statusCode >= 200 && response.statusCode < 300
      if (isStreamed) await readLines(response.body, moved, call)
      const text = isStreamed ? '' : await readText(response.body, moved, call.name)
      return { status: response.statusCode, headers: flat(response.headers), text, answeredInMs }
    } catch (error) {
      throw translate(error, { address: address.base, clean, signal: watch.signal })
    } finally {
      watch.stop()
    }
  }
  const close = async (): Promise<void> => {
    await Promise.all([agents.kept.destroy(), agents.fresh.destroy()])
  }
  return { send, clean, close }
}

/** Guards against secrets that a header cannot carry: the error of the HTTP library could show them. */
function authentication(credentials: Credentials): { secret: string; header: Record<string, string> } {
  const isSession = typeof credentials !== 'string'
  const secret = (isSession ? credentials.session : credentials).trim()
  if (secret === '') throw new BadKeyError('is empty')
  if (!/^[\u0021-\u007E]+$/u.test(secret)) throw new BadKeyError('has characters that no key has')
  return { secret, header: isSession ? { authorization: `Bearer ${secret}` } : { 'x-api-key': secret } }
}

function redact(text: string, secret: string): string {
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')].reduce(
    (clean, form) => clean.replaceAll(form, '[key]'),
    text,
  )
}

/** No control characters, which could steer a terminal, and no walls of HTML. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}

/** What has moved, and when; aborts its signal when nothing has for too long, or when the caller's is aborted. */
interface Watch {
  readonly signal: AbortSignal
  /** A part of the body was handed to the connection, or a part of the answer came. */
  moved(): void
  /** The whole body was handed over: the server may think for `answerMs`. */
  sent(): void
  /** The answer begins; returns the milliseconds since {@link sent}. */
  answered(): number
  stop(): void
}

function createWatch(context: { clock: Clock; stallMs: number; call: ExchangeRequest }): Watch {
  const { clock, stallMs, call } = context
  const controller = new AbortController()
  let limitMs = stallMs
  let waitsFor = 'nothing was sent or received'
  let movedAtMs = clock.now()
  let sentAtMs = movedAtMs
  let cancel: () => void = () => undefined
  const check = (): void => {
    const leftMs = movedAtMs + limitMs - clock.now()
    if (leftMs > 0) cancel = clock.after(leftMs, check)
    else controller.abort(new StalledError(call.name, `${waitsFor} for ${formatDuration(limitMs)}`))
  }
  const abort = (): void => controller.abort(call.signal?.reason)
  let isOver = false
  const expect = (nextLimitMs: number, what: string): void => {
    // The end of a body is pulled after an early answer has ended the exchange.
    if (isOver) return
    movedAtMs = clock.now()
    limitMs = nextLimitMs
    waitsFor = what
    cancel()
    cancel = clock.after(limitMs, check)
  }
  call.signal?.addEventListener('abort', abort)
  if (call.signal?.aborted === true) abort()
  expect(stallMs, waitsFor)
  return {
    signal: controller.signal,
    moved: () => {
      movedAtMs = clock.now()
    },
    sent: () => {
      sentAtMs = clock.now()
      expect(call.answerMs, 'no answer came')
    },
    answered: () => {
      const answeredInMs = clock.now() - sentAtMs
      expect(stallMs, 'the answer did not go on')
      return answeredInMs
    },
    stop: () => {
      isOver = true
      cancel()
      call.signal?.removeEventListener('abort', abort)
    },
  }
}

function bodyHeaders(body: ExchangeRequest['body']): Record<string, string> {
  if (body === undefined) return {}
  if (typeof body === 'string') return { 'content-type': 'application/json' }
  return { 'content-type': body.contentType, 'content-length': String(body.contentLengthBytes) }
}

/** The body, each of whose parts is pulled when the connection has taken the one before. */
function watched(body: ExchangeRequest['body'], watch: Watch): AsyncIterable<Uint8Array> | string | null {
  if (body === undefined || typeof body === 'string') {
    watch.sent()
    return body ?? null
  }
  return (async function* () {
    watch.moved()
    for await (const chunk of body.stream()) {
      yield chunk
      watch.moved()
    }
    watch.sent()
  })()
}

async function readText(body: AsyncIterable<Buffer>, onBytes: () => void, name: string): Promise<string> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of body) {
    onBytes()
    sizeBytes += chunk.length
    if (sizeBytes > MAX_ANSWER_BYTES)
      throw new UnexpectedAnswerError(name, `more than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Each line as soon as it is whole, however the parts of the answer are cut; empty ones are left out. */
async function readLines(
  body: AsyncIterable<Buffer>,
  onBytes: () => void,
  { name, onLine, onEnd }: Pick<ExchangeRequest, 'name' | 'onLine' | 'onEnd'>,
): Promise<void> {
  const decoder = new StringDecoder('utf8')
  const tell = (line: string): void => {
    if (line.length > MAX_LINE_CHARACTERS)
      throw new UnexpectedAnswerError(name, `a line of more than ${MAX_LINE_CHARACTERS} characters`)
    if (line.trim() !== '') onLine?.(line)
  }
  let rest = ''
  for await (const chunk of body) {
    onBytes()
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) tell(line)
    if (rest.length > MAX_LINE_CHARACTERS) tell(rest)
  }
  tell(rest + decoder.end())
  onEnd?.()
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Answer['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  )
}

/** Codes of connections that were never made: the server saw nothing of the call. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Codes of OpenSSL and Node for a certificate that is not trusted. Source: node:tls, "X509 certificate error codes". */
const CERTIFICATE = /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/u

function translate(
  error: unknown,
  context: {
    readonly address: string
    readonly clean: (text: string) => string
    readonly signal: AbortSignal
  },
): unknown {
  const { address, clean, signal } = context
  if (signal.aborted) return signal.reason
  if (error instanceof ImmichError) return error
  const { code, message } = innermost(error)
  const reason = clean(message)
  if (CERTIFICATE.test(code)) return new CertificateError(address, reason)
  if (NEVER_CONNECTED.has(code)) {
    return new UnreachableError(address, reason, { kind: 'connection', wasSent: false })
  }
  if (isBroken(error, code))
    return new UnreachableError(address, reason, { kind: 'connection', wasSent: true })
  // A failure of the body's own stream, such as a disk that cannot be read, or a bug.
  return error
}

/** Whether the connection broke, or spoke no HTTP. A parser's error holds the bytes it stumbled over. */
function isBroken(error: unknown, code: string): boolean {
  return (
    error instanceof errors.UndiciError ||
    error instanceof errors.HTTPParserError ||
    /^(?:ERR_SSL_|ERR_TLS_|ECONN|EPIPE|EPROTO|ETIMEDOUT)/u.test(code)
  )
}

/** Happy Eyeballs fails with one error for all addresses it tried; the first says enough. */
function innermost(error: unknown): { code: string; message: string } {
  const inner = error instanceof AggregateError ? error.errors[0] : error
  const code = inner instanceof Error && 'code' in inner && typeof inner.code === 'string' ? inner.code : ''
  return { code, message: inner instanceof Error ? inner.message : String(inner) }
}
