/**
 * An Immich server for tests and benchmarks: real HTTP, state, and the limits that were measured on a real 3.1.0.
 *
 * It hashes uploads and forgets their bytes, makes no thumbnails and extracts no metadata. It can be told to be slow,
 * to fail, to drop connections, to go away and come back with its state, and to be another version.
 *
 * @module
 */

import { once, setMaxListeners } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { ALBUM_ROUTES } from './album-routes.ts'
import { ALBUM_USER_ROUTES } from './album-user-routes.ts'
import { ASSET_ROUTES } from './asset-routes.ts'
import type { FakeVersion } from './call.ts'
import { answerControl } from './control.ts'
import { DUPLICATE_ROUTES } from './duplicate-routes.ts'
import { exchange, type FakeRequest } from './exchange.ts'
import { type FakeKey, FakeState, type FakeUser } from './fake-state.ts'
import { type Fault, Faults, patternOf } from './faults.ts'
import { currentPath } from './former-paths.ts'
import { ConnectionPool, type FakeLoad } from './load.ts'
import { RequestLog } from './request-log.ts'
import { routeFinder } from './route.ts'
import { SEARCH_ROUTES } from './search-routes.ts'
import { selfSigned } from './self-signed.ts'
import { SERVER_ROUTES } from './server-routes.ts'
import { STACK_ROUTES } from './stack-routes.ts'
import { SYNC_ROUTES } from './sync-routes.ts'
import { TAG_ROUTES } from './tag-routes.ts'
import { UPLOAD_ROUTE } from './upload-route.ts'

export interface FakeImmichOptions {
  /** Default: a free one. */
  readonly port?: number
  /** `3.1.0` by default. */
  readonly version?: string
  /** Such as `/photos`, as behind a proxy; default none. */
  readonly basePath?: string
  /** With a certificate of its own for 127.0.0.1 and localhost. */
  readonly tls?: boolean
  readonly faults?: readonly Fault[]
  /** Of the probabilities and of jitter. */
  readonly seed?: number
  /** Secret of the first key, which may do everything. */
  readonly key?: string
  /** Takes the paths of 2024 too (`/asset/upload`), for clients of that time. */
  readonly formerPaths?: boolean
  /** Answers `/fake/…`, for a fake in a process of its own. */
  readonly control?: boolean
  /** How busy it is; default: it answers at once. */
  readonly load?: FakeLoad
  /**
   * What follows each change of an asset (sidecar written, file read again): `held`, the default, waits for
   * `state.runMetadataJobs()`, since that is how long a real server may take.
   */
  readonly metadataJobs?: 'held' | 'at-once'
  /** Of the first user; default true. */
  readonly isAdmin?: boolean
}

export interface FakeImmich {
  /** `http://127.0.0.1:2283/photos`, without `/api` and without a slash at the end. */
  readonly address: string
  readonly port: number
  /** Of the first user; may do everything. */
  readonly key: string
  readonly user: FakeUser
  /** PEM, with `tls`. */
  readonly certificate: string | undefined
  readonly state: FakeState
  readonly faults: Faults
  readonly requests: readonly FakeRequest[]
  version: string
  /** How busy it is from now on; undefined: it answers at once. */
  load: FakeLoad | undefined
  /** A token for `Authorization: Bearer`, of the first user unless another is given. */
  addSession(userId?: string): FakeKey
  /** Forgets the requests that have ended. */
  forgetRequests(): void
  /** Of the first user unless another is given. */
  addKey(permissions: readonly string[], userId?: string): FakeKey
  /** Began, answered or not; with the patterns of faults: `PUT /albums/*`. */
  callsOf(route: string): number
  /** Resolves when so many calls of the route have ended. */
  untilEnded(route: string, count: number, limitMs?: number): Promise<void>
  /** Connections are reset and new ones refused; state stays. Requests that wait have no effect any more. */
  kill(): Promise<void>
  /** After {@link kill}: on the same port. */
  start(): Promise<void>
  /** Kills, and starts after `downMs` (default 0). */
  restart(downMs?: number): Promise<void>
  close(): Promise<void>
}

const ROUTES = [
  ...SERVER_ROUTES,
  ...ASSET_ROUTES,
  UPLOAD_ROUTE,
  ...ALBUM_ROUTES,
  ...ALBUM_USER_ROUTES,
  ...DUPLICATE_ROUTES,
  ...STACK_ROUTES,
  ...SEARCH_ROUTES,
  ...SYNC_ROUTES,
  ...TAG_ROUTES,
]
const findRoute = routeFinder(ROUTES)

const DEFAULT_LIMIT_MS = 10_000

export async function startFakeImmich(options: FakeImmichOptions = {}): Promise<FakeImmich> {
  const server = new FakeServer(options)
  await server.start()
  return server
}

class FakeServer implements FakeImmich {
  readonly state: FakeState = new FakeState()
  readonly faults: Faults
  readonly user: FakeUser
  readonly key: string
  readonly certificate: string | undefined
  version: string
  port: number
  readonly #options: FakeImmichOptions
  readonly #log: RequestLog = new RequestLog()
  readonly #pool: ConnectionPool = new ConnectionPool()
  readonly #tls: { readonly key: string; readonly cert: string } | undefined
  #server: Server | undefined
  #down: AbortController = new AbortController()
  #restarting: NodeJS.Timeout | undefined

  constructor(options: FakeImmichOptions) {
    this.#options = options
    this.port = options.port ?? 0
    this.version = options.version ?? '3.1.0'
    this.faults = new Faults(options.seed)
    this.faults.add(...(options.faults ?? []))
    this.#pool.load = options.load
    this.state.jobs = options.metadataJobs ?? 'held'
    this.user = this.state.addUser('ada', { isAdmin: options.isAdmin ?? true })
    this.key = this.state.addKey(this.user.id, ['all'], options.key).secret
    this.#tls = options.tls === true ? selfSigned() : undefined
    this.certificate = this.#tls?.cert
  }

  get address(): string {
    const scheme = this.#tls === undefined ? 'http' : 'https'
    return `${scheme}://127.0.0.1:${this.port}${this.#options.basePath ?? ''}`
  }

  get requests(): readonly FakeRequest[] {
    return this.#log.requests
  }

  get load(): FakeLoad | undefined {
    return this.#pool.load
  }

  set load(load: FakeLoad | undefined) {
    this.#pool.load = load
  }

  addSession(userId?: string): FakeKey {
    return this.state.addSession(userId ?? this.user.id)
  }

  forgetRequests(): void {
    this.#log.forget()
  }

  addKey(permissions: readonly string[], userId?: string): FakeKey {
    return this.state.addKey(userId ?? this.user.id, permissions)
  }

  callsOf(route: string): number {
    const pattern = patternOf(route)
    return this.requests.filter((request) => pattern.test(request.route)).length
  }

  untilEnded(route: string, count: number, limitMs: number = DEFAULT_LIMIT_MS): Promise<void> {
    return this.#log.untilEnded(route, count, limitMs)
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return
    this.#down = new AbortController()
    // Every request that waits listens to it.
    setMaxListeners(0, this.#down.signal)
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#answer(request, response)
    }
    const server = this.#tls === undefined ? createHttpServer(handle) : createHttpsServer(this.#tls, handle)
    // The real server waits a day for an upload.
    server.requestTimeout = 0
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  async kill(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    this.#down.abort()
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  async restart(downMs = 0): Promise<void> {
    await this.kill()
    if (downMs > 0) {
      await new Promise<void>((resolve) => {
        this.#restarting = setTimeout(resolve, downMs)
      })
    }
    await this.start()
  }

  async close(): Promise<void> {
    clearTimeout(this.#restarting)
    await this.kill()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    const basePath = this.#options.basePath ?? ''
    const path = url.pathname.startsWith(`${basePath}/`) ? url.pathname.slice(basePath.length) : url.pathname
    if (path === '/.well-known/immich') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ api: { endpoint: `${basePath}/api` } }))
      return
    }
    if (this.#options.control === true && path.startsWith('/fake/')) {
      await answerControl(this, request, response, path)
      return
    }
    await exchange(
      {
        state: this.state,
        faults: this.faults,
        find: findRoute,
        version: () => parseVersion(this.version),
        pool: this.#pool,
        signal: () => this.#down.signal,
        onStart: (record) => this.#log.start(record),
        onEnd: (record) => this.#log.end(record),
        inFlightOf: (route) => this.#log.inFlightOf(route),
      },
      request,
      response,
      { path: this.#routePath(path), query: url.searchParams },
    )
  }

  #routePath(path: string): string {
    const inApi = path.startsWith('/api/') ? path.slice('/api'.length) : `(no api)${path}`
    return this.#options.formerPaths === true ? currentPath(inApi) : inApi
  }
}

function parseVersion(version: string): FakeVersion {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  return { major, minor, patch }
}
