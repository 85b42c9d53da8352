/**
 * One request on its way through the fake: who asks, what was sent, and which faults strike it.
 *
 * @module
 */

import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { ZodType } from 'zod'
import { ConnectionDrop, HttpError, INTERNAL_ERROR } from './answer.ts'
import type { FakeKey, FakeState, FakeUser, ViolationKind } from './fake-state.ts'
import type { FaultOf, RequestFaults } from './faults.ts'
import type { ConnectionPool } from './load.ts'

/** Measured on 3.1.0: a JSON body above it is answered with 500, not 413. */
export const MAX_JSON_BYTES: number = 10 * 1024 * 1024

/** Where `mid-body` faults strike when the length of the body is unknown. */
const MID_BODY_BYTES = 64 * 1024

export interface FakeVersion {
  readonly major: number
  readonly minor: number
  readonly patch: number
}

export interface CallParts {
  readonly request: IncomingMessage
  readonly route: string
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly state: FakeState
  readonly version: FakeVersion
  readonly faults: RequestFaults
  readonly random: () => number
  readonly pool: ConnectionPool
  /** Calls of this route that run, this one included. */
  readonly inFlight: number
  /** Ends when the server goes down. */
  readonly signal: AbortSignal
  readonly onBytes: (bytes: number) => void
}

export class Call {
  readonly parts: CallParts
  #auth: { readonly key: FakeKey; readonly user: FakeUser } | undefined

  constructor(parts: CallParts) {
    this.parts = parts
  }

  get state(): FakeState {
    return this.parts.state
  }

  get version(): FakeVersion {
    return this.parts.version
  }

  get query(): URLSearchParams {
    return this.parts.query
  }

  get user(): FakeUser {
    return this.#known().user
  }

  get key(): FakeKey {
    return this.#known().key
  }

  /** Of the path. */
  param(name: string): string {
    const value = this.parts.params[name]
    if (value === undefined) throw new Error(`${this.parts.route} has no parameter ${name}`)
    return value
  }

  header(name: string): string | undefined {
    const value = this.parts.request.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  violate(kind: ViolationKind, detail: string): void {
    this.state.violate(kind, this.parts.route, detail)
  }

  /** @throws {@link HttpError} 401 without a good key, 403 when it may not do this. */
  authorize(permission: string | undefined): void {
    const { query, state } = this.parts
    const bearer = /^Bearer (?<token>.+)$/u.exec(this.header('authorization') ?? '')?.groups?.['token']
    const secret = this.header('x-api-key') ?? query.get('apiKey') ?? bearer
    if (secret === undefined) throw new HttpError(401, 'Authentication required')
    const key = state.keys.get(secret)
    const user = key === undefined ? undefined : state.users.get(key.userId)
    if (key === undefined || user === undefined || key.isSession !== (secret === bearer)) {
      throw new HttpError(401, secret === bearer ? 'Invalid user token' : 'Invalid API key')
    }
    const allowed = permission === undefined || key.permissions.includes('all')
    if (!allowed && !key.permissions.includes(permission)) {
      throw new HttpError(403, `Missing required permission: ${permission}`)
    }
    this.#auth = { key, user }
  }

  /** Reads all of the body; faults of the middle strike here. */
  async readBody(onChunk: (chunk: Buffer) => void): Promise<void> {
    const { request, faults, onBytes } = this.parts
    const length = Number(request.headers['content-length'] ?? Number.NaN)
    const half = Number.isNaN(length) ? MID_BODY_BYTES : Math.floor(length / 2)
    const drop = faults.find('drop')
    const dropAt = drop?.when === 'mid-body' ? (drop.bytes ?? half) : Number.POSITIVE_INFINITY
    const stall = faults.find('stall')
    let stallAt = stall?.when === 'mid-body' ? (stall.bytes ?? half) : Number.POSITIVE_INFINITY
    const latency = faults.find('latency')
    const isSlow = latency?.bytesPerSecond !== undefined
    let received = 0
    await consume(
      request,
      async (chunk) => {
        received += chunk.length
        onBytes(chunk.length)
        if (received >= dropAt) throw new ConnectionDrop('mid-body')
        if (received >= stallAt) {
          stallAt = Number.POSITIVE_INFINITY
          await this.stall(stall?.ms)
        }
        onChunk(chunk)
        if (latency !== undefined && isSlow) await this.wait(lineMs(latency, chunk.length))
      },
      isSlow || Number.isFinite(stallAt),
    )
  }

  /** @throws {@link HttpError} 500 above the limit, 400 when it does not fit. */
  async json<T>(schema: ZodType<T>): Promise<T> {
    const chunks: Buffer[] = []
    let bytes = 0
    await this.readBody((chunk) => {
      bytes += chunk.length
      if (bytes <= MAX_JSON_BYTES) chunks.push(chunk)
    })
    if (bytes > MAX_JSON_BYTES) {
      this.violate('body-too-large', `${bytes} bytes of JSON`)
      throw INTERNAL_ERROR
    }
    return this.parse(schema, parseJson(Buffer.concat(chunks).toString('utf8')))
  }

  /** @throws {@link HttpError} 400 in the form of the server's version. */
  parse<T>(schema: ZodType<T>, value: unknown): T {
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    const texts = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`)
    this.violate('invalid-body', texts.slice(0, 3).join('; '))
    throw this.invalid(parsed.error.issues.slice(0, 10), texts.slice(0, 10))
  }

  invalid(issues: readonly unknown[], texts: readonly string[]): HttpError {
    if (this.version.major >= 3) return new HttpError(400, 'Validation failed', { errors: issues })
    return new HttpError(400, texts.join('; '), { message: texts })
  }

  /**
   * To be called when all was received and before anything is changed. With a load it holds a connection meanwhile,
   * `workMs` longer than other calls.
   */
  async beforeEffect(workMs = 0): Promise<void> {
    const { faults, pool } = this.parts
    const { load } = pool
    if (load !== undefined) {
      const ms = (load.msPerCall ?? 0) + workMs
      // Who asks nobody needs no database.
      await (this.#auth === undefined ? this.wait(ms) : pool.use(() => this.wait(ms)))
    }
    const latency = faults.find('latency')
    if (latency !== undefined) {
      const { ms = 0, jitterMs = 0, msPerOther = 0 } = latency
      await this.wait(ms + jitterMs * this.parts.random() + msPerOther * (this.parts.inFlight - 1))
    }
    if (faults.find('drop')?.when === 'after') throw new ConnectionDrop('after')
    const status = faults.find('status')
    if (status?.readBody === true) throw new HttpError(status.status, 'Unavailable on purpose')
  }

  /** Goes on after `ms`; without it, never: until the connection or the server ends. */
  async stall(ms: number | undefined): Promise<void> {
    const { request } = this.parts
    if (ms !== undefined) return await this.wait(ms)
    const gone = new AbortController()
    const onClose = (): void => gone.abort()
    if (request.socket.destroyed) onClose()
    request.socket.once('close', onClose)
    await new Promise<void>((resolve) => {
      const signal = AbortSignal.any([gone.signal, this.parts.signal])
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    throw new ConnectionDrop('stalled')
  }

  /** @throws {@link ConnectionDrop} when the server goes down meanwhile. */
  async wait(ms: number): Promise<void> {
    if (ms <= 0) return
    try {
      await delay(ms, undefined, { signal: this.parts.signal })
    } catch {
      throw new ConnectionDrop('server went down')
    }
  }

  #known(): { readonly key: FakeKey; readonly user: FakeUser } {
    if (this.#auth === undefined) throw new Error(`${this.parts.route} did not ask who calls`)
    return this.#auth
  }
}

/** When a shared line has sent all that it was given, by `performance.now()`. */
const lineFreeAt: WeakMap<FaultOf<'latency'>, number> = new WeakMap()

/** How long these bytes take. */
function lineMs(line: FaultOf<'latency'>, bytes: number): number {
  const ownMs = (bytes / (line.bytesPerSecond ?? Number.POSITIVE_INFINITY)) * 1000
  if (line.shared !== true) return ownMs
  const now = performance.now()
  const freeAt = Math.max(now, lineFreeAt.get(line) ?? 0) + ownMs
  lineFreeAt.set(line, freeAt)
  return freeAt - now
}

function parseJson(text: string): unknown {
  if (text === '') return {}
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new HttpError(400, error instanceof Error ? error.message : String(error))
  }
}

/**
 * Feeds the body chunk by chunk; `paced` waits for each before the next comes.
 *
 * @throws {@link ConnectionDrop} when the client went away before the end.
 */
async function consume(
  request: IncomingMessage,
  onChunk: (chunk: Buffer) => Promise<void>,
  paced: boolean,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let last: Promise<void> = Promise.resolve()
    const fail = (error: unknown): void => {
      // What is left of the body is read and thrown away, so that the answer can reach its client.
      request.off('data', onData)
      request.resume()
      reject(error)
    }
    const onData = (chunk: Buffer): void => {
      if (paced) request.pause()
      last = onChunk(chunk)
      last.then(() => {
        if (paced) request.resume()
      }, fail)
    }
    request.on('data', onData)
    request.once('end', () => {
      last.then(resolve, reject)
    })
    request.once('error', reject)
    request.once('close', () => {
      if (!request.readableEnded) reject(new ConnectionDrop('client went away'))
    })
  })
}
