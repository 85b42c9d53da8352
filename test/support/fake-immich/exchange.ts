/**
 * From a request of `node:http` to its answer: routing, faults around the handler, the log.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import { type Answer, ConnectionDrop, HttpError, INTERNAL_ERROR } from './answer.ts'
import { Call, type FakeVersion } from './call.ts'
import type { FakeState } from './fake-state.ts'
import type { Faults, RequestFaults } from './faults.ts'
import type { ConnectionPool } from './load.ts'
import { checkIds, type FoundRoute } from './route.ts'

/** One line of the log; the last three fields are undefined while it runs. */
export interface FakeRequest {
  readonly method: string
  /** `PUT /albums/:id/assets`; `unknown` for what no route takes. */
  readonly route: string
  readonly path: string
  /** Epoch milliseconds. */
  readonly at: number
  /** Requests of this route that ran when it began, itself included. */
  readonly inFlight: number
  /** Body only. */
  requestBytes: number
  answerBytes: number
  /** Undefined when the connection was dropped instead. */
  status: number | undefined
  durationMs: number | undefined
}

export interface ExchangeParts {
  readonly state: FakeState
  readonly faults: Faults
  readonly find: (method: string, path: string) => FoundRoute | undefined
  readonly version: () => FakeVersion
  readonly pool: ConnectionPool
  readonly signal: () => AbortSignal
  readonly onStart: (request: FakeRequest) => void
  readonly onEnd: (request: FakeRequest) => void
  readonly inFlightOf: (route: string) => number
}

/** `path` without the base path and `/api`. Never rejects. */
export async function exchange(
  parts: ExchangeParts,
  request: IncomingMessage,
  response: ServerResponse,
  url: { readonly path: string; readonly query: URLSearchParams },
): Promise<void> {
  const method = request.method ?? 'GET'
  const found = parts.find(method, url.path)
  const route = found?.route.name ?? 'unknown'
  const at = Date.now()
  const record: FakeRequest = {
    method,
    route,
    path: url.path,
    at,
    inFlight: parts.inFlightOf(route) + 1,
    requestBytes: 0,
    answerBytes: 0,
    status: undefined,
    durationMs: undefined,
  }
  parts.onStart(record)
  const faults = parts.faults.of(route)
  const call = new Call({
    request,
    route,
    params: found?.params ?? {},
    query: url.query,
    state: parts.state,
    version: parts.version(),
    faults,
    random: () => parts.faults.random(),
    pool: parts.pool,
    inFlight: record.inFlight,
    signal: parts.signal(),
    onBytes: (bytes) => {
      record.requestBytes += bytes
    },
  })
  try {
    const answer = await answerOf(call, found)
    if (faults.find('stall')?.when === 'answer') await call.stall(faults.find('stall')?.ms)
    send(request, response, answer, faults, record)
  } catch (error) {
    if (!(error instanceof ConnectionDrop)) throw error
    request.socket.destroy()
  } finally {
    record.durationMs = Date.now() - at
    parts.onEnd(record)
  }
}

async function answerOf(call: Call, found: FoundRoute | undefined): Promise<Answer> {
  try {
    return await run(call, found)
  } catch (error) {
    if (error instanceof ConnectionDrop) throw error
    if (error instanceof HttpError) return withRetryAfter(call, error.toAnswer())
    // A request that was cut by its client ends here too, and gets no answer.
    if (call.parts.request.destroyed && !call.parts.request.complete)
      throw new ConnectionDrop('client went away')
    call.violate('bug-in-fake', error instanceof Error ? (error.stack ?? error.message) : String(error))
    return INTERNAL_ERROR.toAnswer()
  }
}

async function run(call: Call, found: FoundRoute | undefined): Promise<Answer> {
  const { faults, request } = call.parts
  if (faults.find('drop')?.when === 'before') throw new ConnectionDrop('before')
  if (faults.find('stall')?.when === 'request') await call.stall(faults.find('stall')?.ms)
  const status = faults.find('status')
  if (status !== undefined && status.readBody !== true) {
    const answer = new HttpError(status.status, 'Unavailable on purpose').toAnswer()
    return withRetryAfter(call, status.text === undefined ? answer : { ...answer, body: status.text })
  }
  if (found === undefined) {
    call.violate('unknown-route', `${request.method} ${request.url}`)
    throw new HttpError(404, `Cannot ${request.method} ${request.url}`)
  }
  if (!found.route.isOpen) call.authorize(found.route.permission)
  if (found.route.isAdminOnly === true && !call.user.isAdmin) throw new HttpError(403, 'Forbidden')
  checkIds(call, found.params)
  return await found.route.run(call)
}

function withRetryAfter(call: Call, answer: Answer): Answer {
  const status = call.parts.faults.find('status')
  if (status?.retryAfter === undefined || answer.status !== status.status) return answer
  return { ...answer, headers: { 'retry-after': status.retryAfter } }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  faults: RequestFaults,
  record: FakeRequest,
): void {
  const { onClosed } = answer
  if (faults.find('lost-answer') !== undefined || response.destroyed) {
    request.socket.destroy()
    onClosed?.(false)
    return
  }
  if (onClosed !== undefined) response.once('close', () => onClosed(response.writableFinished))
  const isText = typeof answer.body === 'string'
  const body = Buffer.from(isText ? (answer.body as string) : bodyText(answer.body))
  record.status = answer.status
  record.answerBytes = body.length
  const type = isText ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8'
  response.writeHead(answer.status, {
    'x-correlation-id': randomUUID(),
    ...(answer.status === 204 ? {} : { 'content-type': type, 'content-length': body.length }),
    ...answer.headers,
  })
  if (faults.find('cut-answer') !== undefined) {
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => request.socket.destroy())
  } else if (answer.reset === true) {
    response.end(body, () => reset(request))
  } else response.end(body)
}

/** The hard end that a client sees as ECONNRESET or EPIPE. */
function reset({ socket }: IncomingMessage): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

function bodyText(body: unknown): string {
  return body === undefined ? '' : JSON.stringify(body)
}
