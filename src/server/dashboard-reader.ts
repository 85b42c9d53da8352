/**
 * Reads all that the dashboard shows, at one moment.
 *
 * The counters come from the backend, everything else by index from the connection that only reads: a look costs some
 * milliseconds however large the queue is. What takes longer (counting uploads) is done seldom and in steps.
 *
 * @module
 */

import { setImmediate } from 'node:timers/promises'
import { countUploads, readExportProgress, type UploadProgress } from '../library/export-progress.ts'
import type { Coordinator } from '../queue/backend.ts'
import { readMemorySample, readResidentBytes } from '../queue/memory/index.ts'
import { ownSpace } from '../queue/process-identity.ts'
import { findRunBeginning, RunProgress } from '../tasks/dashboard-run.ts'
import { readLiveTasks } from '../tasks/dashboard-tasks.ts'
import { readMinutes, ThroughputRecord } from '../tasks/dashboard-throughput.ts'
import { NewestThumbnails } from '../tasks/dashboard-wall.ts'
import { openOf, type QueueSnapshot, readSnapshot } from '../tasks/queue-snapshot.ts'
import { RecentRate } from '../tasks/recent-rate.ts'
import type {
  CoordinatorView,
  DashboardEvents,
  ExportsView,
  RoleView,
  SnapshotView,
  WorkerHostsView,
  WorkerView,
} from './dashboard-events.ts'
import { capacityOf, RemoteAnswers } from './remote-answers.ts'
import type { ServerContext } from './server-context.ts'

/** One look, by event. */
export type DashboardReading = Omit<DashboardEvents, 'ending'>

const EXPORTS_SHOWN = 20
const PHOTOS_SHOWN = 48

/** Whoever looks sees the rest meanwhile. */
const REDIS_ANSWER_MS = 200

/** Tasks that ended longer ago are no news. */
const SETTLED_FOR_MS = 15 * 60_000

/** Counting uploads may take this share of the time. */
const COUNTING_SHARE = 0.02
const MIN_COUNTING_PAUSE_MS = 2_000

export class DashboardReader {
  readonly #context: ServerContext
  readonly #remote: RemoteAnswers
  readonly #throughput = new ThroughputRecord()
  readonly #thumbnails = new NewestThumbnails(PHOTOS_SHOWN)
  readonly #run = new RunProgress()
  #rate = new RecentRate()
  #uploads: readonly UploadProgress[] = []
  #countUploadsAt = Number.NEGATIVE_INFINITY

  constructor(context: ServerContext) {
    this.#context = context
    this.#remote = new RemoteAnswers(context.clock, REDIS_ANSWER_MS)
  }

  /** Nobody will look for a while: the rate of the last seconds is not to be made of hours. */
  rest(): void {
    this.#rate = new RecentRate()
    this.#run.rest()
  }

  async read(): Promise<DashboardReading> {
    const { backend, paths, clock } = this.#context
    const place = { database: paths.database, library: paths.root }
    const queue = this.#rate.see(await readSnapshot(backend(), place, clock.now()))
    const workers = await this.#readWorkers(queue.coordinators)
    const workerHosts = await this.#readWorkerHosts()
    const exports = await this.#readExports()
    // From here on nothing waits, so that the connection cannot change between two looks.
    const db = this.#context.reading()
    const now = clock.now()
    const done = this.#run.see({
      open: openOf(queue.counts),
      ended: this.#throughput.see(readMinutes(db, now), now),
      begin: () =>
        findRunBeginning(
          db,
          queue.lanes.map(({ lane }) => lane),
        ),
    })
    return {
      snapshot: {
        ...this.#describe(queue, workers, done),
        ...(workerHosts === undefined ? {} : { workerHosts }),
      },
      exports,
      tasks: readLiveTasks(db, queue.counts, now - SETTLED_FOR_MS),
      thumbnails: { photos: this.#thumbnails.read(db) },
      throughput: this.#throughput.history(now),
    }
  }

  #describe(queue: QueueSnapshot, workers: readonly WorkerView[], done: number): SnapshotView {
    const { now, counts, lanes, throughput, coordinators, etaMs } = queue
    const { limitBytes, freeBytes } = readMemorySample()
    return {
      now,
      library: this.#context.paths.root,
      role: toRoleView(this.#context),
      counts,
      run: { done },
      lanes,
      throughput,
      ...(etaMs === undefined ? {} : { etaMs }),
      coordinators: coordinators.map(toCoordinatorView),
      workers,
      memory: { limitBytes, freeBytes, serverBytes: process.memoryUsage.rss() },
    }
  }

  /** The server's own; or those of other processes, as far as their ids mean something here. */
  async #readWorkers(coordinators: readonly Coordinator[]): Promise<WorkerView[]> {
    const role = this.#context.role()
    const workers: readonly WorkerView[] =
      role.kind === 'working'
        ? role.queue.workers().map(({ memoryBytes: _expected, ...worker }) => worker)
        : coordinators.flatMap(workersOf)
    const sizes = await readResidentBytes(workers.map(({ pid }) => pid))
    return workers.map((worker) => {
      const memoryBytes = sizes.get(worker.pid)
      return memoryBytes === undefined ? worker : { ...worker, memoryBytes }
    })
  }

  async #readWorkerHosts(): Promise<WorkerHostsView | undefined> {
    const role = this.#context.role()
    if (role.kind !== 'working' || role.remote === undefined) return undefined
    const answer = await this.#remote.of(role.remote)
    // The only lane of a server's own that others work on.
    return { isConnected: answer !== undefined, ...capacityOf(answer?.hosts ?? [], 'thumbnail') }
  }

  async #readExports(): Promise<ExportsView> {
    if (this.#context.clock.now() >= this.#countUploadsAt) await this.#countUploads()
    return { exports: readExportProgress(this.#context.reading(), EXPORTS_SHOWN), uploads: this.#uploads }
  }

  async #countUploads(): Promise<void> {
    const db = this.#context.reading()
    const began = performance.now()
    const counting = countUploads(db)
    for (let step = counting.next(); ; step = counting.next()) {
      if (step.done) {
        this.#uploads = step.value
        break
      }
      await setImmediate()
      // The server has taken its library over meanwhile: the next look counts.
      if (!db.isOpen) return
    }
    const tookMs = performance.now() - began
    const pauseMs = Math.max(MIN_COUNTING_PAUSE_MS, tookMs / COUNTING_SHARE)
    this.#countUploadsAt = this.#context.clock.now() + pauseMs
  }
}

export function toRoleView(context: Pick<ServerContext, 'role'>): RoleView {
  const role = context.role()
  if (role.kind === 'working') return { kind: 'working' }
  return role.holder === undefined ? { kind: 'watching' } : { kind: 'watching', holder: role.holder }
}

export function toCoordinatorView({ pid, host, startedAt, seenAt, lanes }: Coordinator): CoordinatorView {
  const shown = Object.entries(lanes).map(([name, { concurrency, workers }]) => [
    name,
    { concurrency, workers },
  ])
  return { pid, host, startedAt, seenAt, lanes: Object.fromEntries(shown) }
}

function workersOf({ lanes }: Coordinator): WorkerView[] {
  return Object.entries(lanes).flatMap(([lane, { processes = [] }]) =>
    processes.filter(({ space }) => space === ownSpace()).map(({ pid }) => ({ pid, lane })),
  )
}
