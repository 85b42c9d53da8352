/**
 * The library behind the server: opened with its lease and its queue, or watched until another process lets it go.
 *
 * Only the holder of the lease changes a library. A server that is started beside a running ingest therefore shows what
 * there is, steers the queue from outside as `heirloom queue` does, looks for the lease every few seconds, and takes
 * over without being restarted.
 *
 * @module
 */

import { availableParallelism } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { toErrorRecord } from '../errors.ts'
import { type LeaseHolder, LibraryInUseError } from '../library/lease.ts'
import { findLibrary, type LibraryPaths } from '../library/library-folder.ts'
import { LIBRARY_SCHEMA_VERSION } from '../library/schema.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from '../queue/backend.ts'
import type { OpenRemoteLanes } from '../queue/bullmq/remote-lanes.ts'
import { QueueEngine } from '../queue/queue-engine.ts'
import { startSqliteBackend } from '../queue/sqlite/index.ts'
import { QUEUE_SCHEMA_VERSION } from '../queue/sqlite/schema.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { checkedLanes } from '../tasks/checked-lanes.ts'
import {
  type LibrarySession,
  NoLibraryError,
  openLibraryForReading,
  openLibrarySession,
} from '../tasks/library-session.ts'
import { libraryOwner, openRemoteRun, placeLane, requireRemote } from '../tasks/open-remote.ts'
import type { ThumbnailPlan } from '../tasks/photo-calls.ts'
import type { RemoteSettings } from '../tasks/remote-api.ts'
import { resultCheck } from '../tasks/remote-result.ts'
import { addBacklog, sweepIntended } from '../tasks/serve-start.ts'
import { THUMBNAIL_LANE } from '../tasks/thumbnail-task.ts'
import { PROGRAM, THUMBNAIL_EXEC_ARGV, WORKER_MODULE } from '../tasks/worker-processes.ts'
import { HousekeepingTimer } from './housekeeping.ts'
import type { ServerRole } from './server-context.ts'
import { stepBack } from './step-back.ts'
import { ThumbnailLog } from './thumbnail-log.ts'

/** How often a watching server tries to take over. */
const TAKEOVER_MS = 3_000

/** What a retry can cure (a full disk, a bucket that hiccups) is tried again soon: somebody is waiting. */
const RETRY_DELAY_MS = 1_000

/** Another process needs a moment to make a library. */
const MAKING_MS = 10_000
const MAKING_LOOK_MS = 100

/** A reading connection waits for a writer only while the log is being recovered after a crash. */
const READING_TIMEOUT_MS = 5_000

export interface LibraryHostOptions {
  /** Absolute path. */
  readonly library: string
  readonly state: string | undefined
  readonly workers: number
  /** Where thumbnails are made by workers of other processes; by those of this one when undefined. */
  readonly remote?: RemoteSettings
  readonly clock: Clock
  readonly logger: Logger
  /** The parts that need the library's paths, once these are known. */
  readonly stores: (paths: LibraryPaths) => Promise<HostStores>
}

export interface HostStores {
  /** Where uploads are put. */
  readonly photos: ObjectStore
  /** Where new thumbnails are put. */
  readonly thumbnails: ObjectStore
  /** All that are open, to be closed. */
  readonly all: readonly ObjectStore[]
  readonly plan: ThumbnailPlan
  storeOf(address: string, what: 'photos' | 'thumbnails'): ObjectStore | undefined
}

/** What is open while the server has one role. */
interface Open {
  readonly role: ServerRole
  readonly backend: Backend
  readonly reading: DatabaseSync
  close(options: { readonly graceful: boolean }): Promise<void>
}

export class LibraryHost {
  readonly paths: LibraryPaths
  readonly stores: HostStores
  readonly #options: LibraryHostOptions
  readonly #listeners = new Set<(role: ServerRole) => void>()
  #open: Open
  #cancelLook: () => void = () => undefined
  #looking: Promise<void> = Promise.resolve()
  #isClosing = false
  /** Resolves when the queue cannot go on: its database is gone, say. */
  readonly failed: Promise<{ readonly error: unknown }>
  #fail: (failure: { readonly error: unknown }) => void = () => undefined

  private constructor(options: LibraryHostOptions, paths: LibraryPaths, stores: HostStores, open: Open) {
    this.#options = options
    this.paths = paths
    this.stores = stores
    this.failed = new Promise((resolve) => {
      this.#fail = resolve
    })
    this.#open = open
    this.#adopt(open)
    if (open.role.kind === 'watching') this.#lookLater()
  }

  /**
   * Opens the library, making it when it is not there; or watches it, when another process has it.
   *
   * @throws what openLibrarySession throws, but for LibraryInUseError while the other process can be watched
   */
  static async open(options: LibraryHostOptions): Promise<LibraryHost> {
    await requireRemote(options.remote)
    const paths = await findLibrary(options.library, options.state)
    const session = await openSession(options).catch((error: unknown) => {
      if (error instanceof LibraryInUseError) return error
      throw error
    })
    if (session instanceof LibraryInUseError) {
      const open = await watch(options, session)
      const stores = await storesOf(paths, options, () => open.close({ graceful: false }))
      return new LibraryHost(options, paths, stores, open)
    }
    const stores = await storesOf(session.paths, options, session.close)
    const open = await work(session, stores, options).catch(async (error: unknown) => {
      await Promise.all(stores.all.map((store) => store.close()))
      throw error
    })
    return new LibraryHost(options, session.paths, stores, open)
  }

  get role(): ServerRole {
    return this.#open.role
  }

  get backend(): Backend {
    return this.#open.backend
  }

  get reading(): DatabaseSync {
    return this.#open.reading
  }

  /** Calls back when the role has changed; the returned function ends that. */
  onRoleChange(listener: (role: ServerRole) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Tries once to take over; true when the lease is held, by now or before. Tests call it. */
  async takeOver(): Promise<boolean> {
    if (this.#open.role.kind === 'working') return true
    const session = await openSession(this.#options).catch((error: unknown) => this.#stillHeld(error))
    if (session === undefined) return false
    const before = this.#open
    this.#adopt(await work(session, this.stores, this.#options))
    this.#options.logger.info('library taken over', {})
    for (const listener of this.#listeners) listener(this.#open.role)
    await before.close({ graceful: true })
    return true
  }

  /** Graceful: running tasks finish. Open ones stay for the next start. Safe twice: the second may be impatient. */
  async close({ graceful = true }: { readonly graceful?: boolean } = {}): Promise<void> {
    this.#isClosing = true
    this.#cancelLook()
    await this.#looking
    await this.#open.close({ graceful })
  }

  #adopt(open: Open): void {
    this.#open = open
    if (open.role.kind === 'working') open.role.queue.on('queue.failed', this.#fail)
  }

  #stillHeld(error: unknown): undefined {
    const holder = error instanceof LibraryInUseError ? error.holder : undefined
    if (!(error instanceof LibraryInUseError)) {
      this.#options.logger.error('library cannot be taken over', { ...toErrorRecord(error) })
    }
    if (isSameHolder(this.#open.role, holder)) return
    this.#open = { ...this.#open, role: { kind: 'watching', holder } }
    for (const listener of this.#listeners) listener(this.#open.role)
  }

  #lookLater(): void {
    this.#cancelLook = this.#options.clock.after(TAKEOVER_MS, () => {
      this.#looking = this.takeOver().then(
        (hasIt) => {
          if (!hasIt && !this.#isClosing) this.#lookLater()
        },
        (error: unknown) => {
          this.#options.logger.error('library cannot be taken over', { ...toErrorRecord(error) })
          if (!this.#isClosing) this.#lookLater()
        },
      )
    })
  }
}

function isSameHolder(role: ServerRole, holder: LeaseHolder | undefined): boolean {
  const known = role.kind === 'watching' ? role.holder : undefined
  return known?.pid === holder?.pid && known?.startedAt === holder?.startedAt
}

async function storesOf(
  paths: LibraryPaths,
  { stores }: LibraryHostOptions,
  giveUp: () => Promise<void>,
): Promise<HostStores> {
  try {
    return await stores(paths)
  } catch (error) {
    await giveUp()
    throw error
  }
}

function openSession({ library, state, clock }: LibraryHostOptions): Promise<LibrarySession> {
  return openLibrarySession({ library, state, command: 'serve', now: clock.now() })
}

async function work(session: LibrarySession, stores: HostStores, options: LibraryHostOptions): Promise<Open> {
  const owner = (): Promise<string> => libraryOwner(session.backend)
  const remote = await openRemoteRun(options.remote, owner, options.logger).catch(async (error: unknown) => {
    await session.close()
    throw error
  })
  return workWith(session, { stores, remote, options })
}

interface WorkParts {
  readonly stores: HostStores
  readonly remote: OpenRemoteLanes | undefined
  readonly options: LibraryHostOptions
}

async function workWith(session: LibrarySession, parts: WorkParts): Promise<Open> {
  const { backend, paths } = session
  const { stores, remote } = parts
  const { clock, logger } = parts.options
  const ending = new AbortController()
  const queue = makeQueue(session, parts)
  const housekeeping = new HousekeepingTimer({ backend, clock, logger })
  let filling: Promise<void> = Promise.resolve()
  let reading: DatabaseSync | undefined
  const close = async ({ graceful }: { readonly graceful: boolean }): Promise<void> => {
    ending.abort()
    await queue.stop({ graceful })
    await filling
    await housekeeping.stop()
    if (reading?.isOpen) reading.close()
    await remote?.close()
    await session.close()
  }
  try {
    reading = openForReading(paths.database)
    await sweepIntended(backend, (address) => stores.storeOf(address, 'photos'), logger)
    await queue.start()
    const backlog = { root: paths.root, plan: stores.plan, signal: ending.signal }
    filling = addBacklog(queue, backlog).then(
      (added) => {
        if (added > 0) logger.info('photos without thumbnails queued', { photos: added })
      },
      (error: unknown) =>
        logger.error('photos without thumbnails cannot be found', { ...toErrorRecord(error) }),
    )
    housekeeping.start()
    return { role: { kind: 'working', queue, ...(remote && { remote }) }, backend, reading, close }
  } catch (error) {
    await close({ graceful: false })
    throw error
  }
}

function makeQueue({ backend, paths }: LibrarySession, { stores, remote, options }: WorkParts): QueueEngine {
  const { workers, clock, logger } = options
  const lane = placeLane({ concurrency: workers, runsIn: 'worker', batchSize: 2 }, options.remote)
  const places = { tempFolder: paths.tempFolder, thumbnails: () => stores.thumbnails }
  const queue = new QueueEngine({
    backend,
    sole: true,
    workerModule: WORKER_MODULE,
    workerExecArgv: THUMBNAIL_EXEC_ARGV,
    retryDelayMs: RETRY_DELAY_MS,
    lanes: { [THUMBNAIL_LANE]: lane },
    ...(remote && { remote: checkedLanes(remote, resultCheck(places)) }),
  })
  queue.on('worker.started', ({ pid }) => stepBack(pid, clock))
  new ThumbnailLog(logger).watch(queue, { workers: lane.concurrency, cpus: availableParallelism() })
  return queue
}

/**
 * The database is opened in a thread here too: a writer that is waited for would stop all answers otherwise. One of
 * another version is left alone: bringing it up to date is not for somebody who only looks.
 */
async function watch({ library, state, clock }: LibraryHostOptions, inUse: LibraryInUseError): Promise<Open> {
  const { paths, db: reading } = await waitForLibrary(library, state, clock)
  try {
    if (!isOfThisVersion(reading)) throw inUse
    const { backend, opened } = startSqliteBackend({ file: paths.database, program: PROGRAM })
    await opened
    const close = async (): Promise<void> => {
      if (reading.isOpen) reading.close()
      await backend.close()
    }
    return { role: { kind: 'watching', holder: inUse.holder }, backend, reading, close }
  } catch (error) {
    reading.close()
    throw error
  }
}

/** The other process may be making it just now. */
async function waitForLibrary(
  library: string,
  state: string | undefined,
  clock: Clock,
): ReturnType<typeof openLibraryForReading> {
  const until = clock.now() + MAKING_MS
  for (;;) {
    try {
      return await openLibraryForReading(library, state)
    } catch (error) {
      if (!(error instanceof NoLibraryError) || clock.now() > until) throw error
      await new Promise<void>((resolve) => clock.after(MAKING_LOOK_MS, resolve))
    }
  }
}

function isOfThisVersion(db: DatabaseSync): boolean {
  const rows = db.prepare('SELECT component, version FROM schema_versions').all()
  const versions = new Map(rows.map((row) => [row['component'], row['version']]))
  return versions.get('queue') === QUEUE_SCHEMA_VERSION && versions.get('library') === LIBRARY_SCHEMA_VERSION
}

function openForReading(database: string): DatabaseSync {
  return new DatabaseSync(database, { readOnly: true, timeout: READING_TIMEOUT_MS })
}
