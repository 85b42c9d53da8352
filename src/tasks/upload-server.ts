/**
 * The server of a run's uploads: asked once who it is, and whether uploads can work there.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'
import type { ImmichApi } from '../immich/api.ts'
import { createImmichClient } from '../immich/client.ts'
import { isOverload } from '../immich/immich-errors.ts'
import { createLimiter } from '../immich/limiter.ts'
import { type Feature, missingPermissions } from '../immich/permissions.ts'
import type { Backend } from '../queue/backend.ts'
import { callLibrary } from './library-calls.ts'
import type { UploadSettings } from './upload-api.ts'

/** What an upload does of what the client can. */
export const UPLOAD_FEATURES: readonly Feature[] = ['upload', 'albums', 'stacks', 'metadata', 'verify']

/** Thrown before anything is sent, when the key lacks what uploads will need. */
export class MissingPermissionsError extends HeirloomError {
  readonly code = 'upload/missing-permissions'
  readonly recovery = 'discard'

  constructor(address: string, missing: readonly string[]) {
    super(`the key for ${address} lacks permissions: ${missing.join(', ')}`, {
      hint: 'Add them in Account Settings > API Keys of the Immich web page, or leave the upload out: --skip-upload',
    })
  }
}

export interface Opened {
  readonly api: ImmichApi
  /** In the catalog. */
  readonly serverId: number
  /** Such as `3.1.0`. */
  readonly version: string
  /** Extensions that it takes, with their dot. */
  readonly supported: ReadonlySet<string>
}

interface Greeting extends Omit<Opened, 'serverId'> {
  readonly server: { readonly address: string; readonly userId?: string }
}

export class UploadServer {
  readonly #settings: UploadSettings
  #api: ImmichApi | undefined
  #greeting: Promise<Greeting> | undefined
  #opening: Promise<Opened> | undefined
  #opened: Opened | undefined
  #closing: Promise<void> | undefined

  constructor(settings: UploadSettings) {
    this.#settings = settings
  }

  /** Once it has answered. */
  get opened(): Opened | undefined {
    return this.#opened
  }

  /** Begins to ask the server, for {@link open} to go on with: while the database, whose row it needs, is opened. */
  greet(signal: AbortSignal): void {
    this.#greeting ??= this.#ask(signal)
    this.#greeting.catch(() => undefined)
  }

  /**
   * Asks the server until it has answered once; calls at the same time share the asking.
   *
   * @throws ImmichError; {@link MissingPermissionsError}
   */
  open(backend: Backend, signal: AbortSignal): Promise<Opened> {
    if (this.#opened !== undefined) return Promise.resolve(this.#opened)
    this.#opening ??= this.#open(backend, signal).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Safe twice. */
  async close(): Promise<void> {
    this.#closing ??= this.#api?.close()
    await this.#closing
  }

  async #open(backend: Backend, signal: AbortSignal): Promise<Opened> {
    this.#greeting ??= this.#ask(signal)
    try {
      const { server, ...greeted } = await this.#greeting
      const { serverId } = await callLibrary(backend, 'upload.server', server)
      this.#opened = { ...greeted, serverId }
      return this.#opened
    } catch (error) {
      this.#greeting = undefined
      throw error
    }
  }

  async #ask(signal: AbortSignal): Promise<Greeting> {
    this.#api ??= createClient(this.#settings)
    const api = this.#api
    // The first tells whether anybody is there.
    const { major, minor, patch } = await api.version(signal)
    const [granted, user, supported] = await Promise.all([
      api.permissions(signal),
      api.me(signal),
      api.supportedExtensions(signal),
    ])
    const missing = granted === undefined ? [] : missingPermissions(granted, UPLOAD_FEATURES)
    if (missing.length > 0) throw new MissingPermissionsError(api.address, missing)
    const server = { address: api.address, ...(user === undefined ? {} : { userId: user.id }) }
    return { api, server, version: `${major}.${minor}.${patch}`, supported }
  }
}

function createClient({ connection, concurrency, waitMs }: UploadSettings): ImmichApi {
  const upload = { start: concurrency, ceiling: concurrency }
  return createImmichClient({
    ...connection,
    limiter: createLimiter({ isOverload, limits: { upload } }),
    // A server that was there and went away is waited for, as long as uploads may stand still.
    breaker: { patienceMs: waitMs },
  })
}
