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
import { callLibrary } from './store-calls.ts'
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

export class UploadServer {
  readonly #settings: UploadSettings
  #api: ImmichApi | undefined
  #opening: Promise<Opened> | undefined
  #opened: Opened | undefined

  constructor(settings: UploadSettings) {
    this.#settings = settings
  }

  /** Once it has answered. */
  get opened(): Opened | undefined {
    return this.#opened
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

  async close(): Promise<void> {
    await this.#api?.close()
  }

  async #open(backend: Backend, signal: AbortSignal): Promise<Opened> {
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
    const { serverId } = await callLibrary(backend, 'upload.server', server)
    this.#opened = { api, serverId, version: `${major}.${minor}.${patch}`, supported }
    return this.#opened
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
