/**
 * `heirloom serve`: opens the library and its stores, listens, and ends in the right order.
 *
 * @module
 */

import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { type Clock, systemClock } from '../clock.ts'
import { HeirloomError, systemCode } from '../errors.ts'
import type { LibraryPaths } from '../library/library-folder.ts'
import type { Logger } from '../logger.ts'
import { STATE_FOLDER } from '../storage/local-storage.ts'
import type { ObjectStore, ObjectStoreConfig } from '../storage/object-store.ts'
import { checkObjectStore } from '../storage/object-store-check.ts'
import { openObjectStore } from '../storage/open-object-store.ts'
import type { RemoteSettings } from '../tasks/remote-api.ts'
import type { ThumbnailSettings } from '../tasks/thumbnail-api.ts'
import { openAccessGate } from './access-token.ts'
import { buildApp } from './app.ts'
import { Connections } from './connections.ts'
import { type HostStores, LibraryHost } from './library-host.ts'
import type { ServerContext } from './server-context.ts'

/** Uploads in flight have this long when the server is told to end. */
const FINISH_MS = 30_000

export interface ServeOptions {
  /** Absolute path; made when it is not there. */
  readonly library: string
  /** Absolute path, or undefined for the library's own. */
  readonly state: string | undefined
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** Where uploads and new thumbnails are put; undefined for the library's own folder. */
  readonly storage: (ObjectStoreConfig & { readonly kind: 's3' }) | undefined
  readonly maxUploadBytes: number
  readonly thumbnails: ThumbnailSettings
  /** Where thumbnails are made by workers of other processes; by those of this one when undefined. */
  readonly remote?: RemoteSettings
  /** Shows the jobs in Redis at `/bull-board`; needs `remote`. */
  readonly bullBoard?: boolean
  /** Makes a new token: the old one and all logins end. */
  readonly newToken: boolean
  readonly logger: Logger
  readonly clock?: Clock
}

export interface RunningServer {
  /** `http://127.0.0.1:5000`, where one can reach it from here. */
  readonly address: string
  /** When it was made now: it is kept nowhere. */
  readonly newToken?: string
  readonly context: ServerContext
  readonly app: FastifyInstance
  /** Resolves when it cannot go on by itself: then it is to be closed. */
  readonly failed: Promise<{ readonly error: unknown }>
  /**
   * Ends it: uploads and tasks in flight are finished, for {@link FINISH_MS} at most. `graceful: false` breaks them
   * off; nothing that was answered is lost in either case. Safe twice, the second time may be the impatient one.
   */
  close(options?: { readonly graceful?: boolean }): Promise<void>
}

/** Thrown when nobody can listen there. */
export class ListenError extends HeirloomError {
  readonly code = 'server/cannot-listen'
  readonly recovery = 'discard'
}

/** Whether only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/u.test(host)
}

/**
 * @throws what opening the library and the stores throws; {@link ListenError}
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { clock = systemClock, logger } = options
  const host = await LibraryHost.open({
    library: options.library,
    state: options.state,
    workers: options.thumbnails.workers,
    ...(options.remote === undefined ? {} : { remote: options.remote }),
    clock,
    logger,
    stores: (paths) => openStores(paths, options),
  })
  const ending = new AbortController()
  const context = contextOf(host, { ...options, clock, ending: ending.signal })
  let app: FastifyInstance | undefined
  try {
    const access = isLoopback(options.host)
      ? undefined
      : await openAccessGate(host.paths.stateFolder, { clock, renew: options.newToken })
    app = await buildApp(context, {
      ...(access === undefined ? {} : { gate: access.gate }),
      ...(options.bullBoard && options.remote ? { bullBoard: options.remote.redis } : {}),
    })
    const connections = new Connections(app.server, clock)
    await listen(app, options)
    const { port } = app.server.address() as AddressInfo
    const close = closer({ app, connections, host, ending, clock })
    const newToken = access?.newToken
    return {
      address: `http://${shownHost(options.host)}:${port}`,
      context,
      app,
      failed: host.failed,
      close,
      ...(newToken === undefined ? {} : { newToken }),
    }
  } catch (error) {
    await app?.close()
    await host.close({ graceful: false })
    await closeStores(host.stores)
    throw error
  }
}

function contextOf(
  host: LibraryHost,
  options: Pick<ServeOptions, 'logger' | 'maxUploadBytes'> & {
    readonly clock: Clock
    readonly ending: AbortSignal
  },
): ServerContext {
  const { clock, logger, maxUploadBytes, ending } = options
  const { stores, paths } = host
  return {
    clock,
    logger,
    paths,
    role: () => host.role,
    onRoleChange: (listener) => host.onRoleChange(listener),
    backend: () => host.backend,
    reading: () => host.reading,
    photos: stores.photos,
    thumbnails: stores.thumbnails,
    storeOf: stores.storeOf,
    thumbnailOptions: stores.plan.options,
    thumbnailPlan: stores.plan,
    maxUploadBytes,
    ending,
  }
}

/** Where the objects of a library lie that has no bucket. */
function localConfigs(paths: LibraryPaths): {
  readonly photos: ObjectStoreConfig
  readonly thumbnails: ObjectStoreConfig
} {
  return {
    photos: { kind: 'local', root: join(paths.root, STATE_FOLDER, 'uploads') },
    // What a power cut takes of them is made again.
    thumbnails: { kind: 'local', root: paths.thumbsFolder, durable: false },
  }
}

/** The library's own folders are always known: what went there before a bucket was named is still shown. */
async function openStores(
  paths: LibraryPaths,
  { storage, thumbnails: settings }: ServeOptions,
): Promise<HostStores> {
  const local = localConfigs(paths)
  const configs =
    storage === undefined ? local : { photos: storage, thumbnails: withPrefix(storage, 'thumbnails') }
  const photos = await openObjectStore(configs.photos)
  const thumbnails = await openObjectStore(configs.thumbnails)
  const known = {
    photos: new Map([[photos.address, photos]]),
    thumbnails: new Map([[thumbnails.address, thumbnails]]),
  }
  const photoStores: Record<string, ObjectStoreConfig> = { [photos.address]: configs.photos }
  if (storage !== undefined) {
    await checkObjectStore(photos)
    const [oldPhotos, oldThumbnails] = [
      await openObjectStore(local.photos),
      await openObjectStore(local.thumbnails),
    ]
    known.photos.set(oldPhotos.address, oldPhotos)
    known.thumbnails.set(oldThumbnails.address, oldThumbnails)
    photoStores[oldPhotos.address] = local.photos
  }
  return {
    photos,
    thumbnails,
    plan: {
      options: settings.options,
      maxPixels: settings.maxPixels,
      timeoutMs: settings.timeoutMs,
      store: configs.thumbnails,
      tempFolder: paths.tempFolder,
      photoStores,
    },
    storeOf: (address, what) => known[what].get(address),
    all: [...known.photos.values(), ...known.thumbnails.values()],
  }
}

function withPrefix(
  config: ObjectStoreConfig & { readonly kind: 's3' },
  folder: string,
): ObjectStoreConfig & { readonly kind: 's3' } {
  return { ...config, prefix: config.prefix === '' ? folder : `${config.prefix}/${folder}` }
}

async function closeStores({ all }: HostStores): Promise<void> {
  await Promise.all(all.map((store: ObjectStore) => store.close()))
}

async function listen(app: FastifyInstance, { host, port }: ServeOptions): Promise<void> {
  try {
    // For the name, fastify would make a second server, whose connections nobody counts or ends.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port })
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    const hint =
      code === 'EADDRINUSE'
        ? `Something listens there already: choose another --port, such as ${port + 1}.`
        : undefined
    throw new ListenError(`cannot listen on ${host}:${port} (${code})`, {
      cause: error,
      ...(hint && { hint }),
    })
  }
}

/** One that listens everywhere is reached at this machine's own address, too. */
function shownHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

interface Closing {
  readonly app: FastifyInstance
  readonly connections: Connections
  readonly host: LibraryHost
  readonly ending: AbortController
  readonly clock: Clock
}

function closer({ app, connections, host, ending, clock }: Closing): RunningServer['close'] {
  let closing: Promise<void> | undefined
  const breakOff = (): void => app.server.closeAllConnections()
  const run = async (): Promise<void> => {
    ending.abort()
    const cancel = clock.after(FINISH_MS, breakOff)
    try {
      // Stops listening, and waits for the requests that are being answered.
      const closed = app.close()
      connections.end()
      await closed
    } finally {
      cancel()
    }
    await host.close()
    await closeStores(host.stores)
  }
  return async ({ graceful = true } = {}) => {
    closing ??= run()
    if (!graceful) {
      breakOff()
      await host.close({ graceful: false })
    }
    await closing
  }
}
