/**
 * The life of a worker host: an engine that is started again when its backend fails, lanes that wait while a folder is
 * away, and an end that does not wait for a Redis that is gone.
 *
 * @module
 */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { type ErrorRecord, HeirloomError, toErrorRecord } from '../errors.ts'
import { THUMBNAIL_TIMEOUT_MS } from '../media/thumbnail/thumbnail.ts'
import type { Backend } from '../queue/backend.ts'
import type { EmitSender } from '../queue/bullmq/emit-channel.ts'
import type { LaneOptions } from '../queue/lane.ts'
import { QueueEngine } from '../queue/queue-engine.ts'
import { REMOTE_PROTOCOL } from '../queue/remote.ts'
import { REMOTE_LANES, type RemoteLane, type RemoteWorkerOptions } from './remote-api.ts'
import type { HostLimits } from './remote-payload.ts'
import type { HostedTask } from './remote-payload-paths.ts'
import { RemoteWorkerBackend } from './remote-worker-backend.ts'
import { RemoteRootWatch } from './remote-worker-watch.ts'
import { THUMBNAIL_EXEC_ARGV } from './worker-processes.ts'

const WORKER_MODULE = new URL(
  import.meta.url.endsWith('.ts') ? './remote-worker-module.ts' : './remote-worker-module.js',
  import.meta.url,
)

/**
 * As the coordinators run these lanes themselves, but for the small batches: what is claimed ahead is not for other hosts. A
 * task that says how long it may take is believed.
 */
const LANES: Readonly<Record<RemoteLane, Omit<LaneOptions, 'concurrency'>>> = {
  item: { runsIn: 'worker', batchSize: 16, timeoutMs: 60 * 60_000 },
  thumbnail: { runsIn: 'worker', batchSize: 4, timeoutMs: THUMBNAIL_TIMEOUT_MS },
}

const TICK_MS = 1_000

/** How long is waited for what; tests wait less. */
export interface RemoteHostTimes {
  /** A server that has not answered for so long is away. */
  readonly answerLimitMs: number
  /** Whoever is in a hurry waits no longer than this for Redis. */
  readonly killedLimitMs: number
  /** A worker process found a mapped folder away for a moment: then tasks are taken again after this long. */
  readonly holdMs: number
  /** What this host cannot run is not handed out again for so long: to other hosts neither, so it is short. */
  readonly putOffMs: number
}

export const REMOTE_HOST_TIMES: RemoteHostTimes = Object.freeze({
  answerLimitMs: 3_000,
  killedLimitMs: 3_000,
  holdMs: 5_000,
  putOffMs: 10_000,
})

/** Before the engine is started again; doubles with each failure. */
const RESTART_MS = 500
const MAX_RESTART_MS = 10_000

/** An engine that has run for so long was not started in vain. */
const STEADY_MS = 60_000

/** What cannot be told to Redis for as long as its locks last was given to others by then. */
const LOST_MS = 15_000

/** The same trouble is told again after this long. */
const REPEAT_MS = 10 * 60_000
const MAX_TOLD = 1_000

export interface RemoteHostOptions {
  readonly options: RemoteWorkerOptions
  readonly backend: Backend
  readonly sender: Pick<EmitSender, 'send'>
  readonly limits: HostLimits
  readonly clock: Clock
  readonly times?: RemoteHostTimes
}

interface LaneCounts {
  completed: number
  failed: number
}

export class RemoteWorkerHost {
  readonly #options: RemoteWorkerOptions
  readonly #redis: Backend
  readonly #limits: HostLimits
  readonly #clock: Clock
  readonly #times: RemoteHostTimes
  readonly #backend: RemoteWorkerBackend
  readonly #queue: QueueEngine
  readonly #roots: RemoteRootWatch
  readonly #lanes: readonly RemoteLane[]
  readonly #counts = new Map<string, LaneCounts>()
  readonly #told = new Map<string, number>()
  readonly #ending = Promise.withResolvers<void>()
  #isEnding = false
  #isConnected = true
  #askedAt: number | undefined
  #silentSince: number | undefined
  #endHold: () => void = () => undefined

  constructor({ options, backend, sender, limits, clock, times }: RemoteHostOptions) {
    this.#options = options
    this.#redis = backend
    this.#limits = limits
    this.#clock = clock
    this.#times = times ?? REMOTE_HOST_TIMES
    this.#lanes = REMOTE_LANES.filter((lane) => (options.lanes[lane] ?? 0) > 0)
    this.#roots = new RemoteRootWatch(limits.roots, options.logger, () => this.#holdOrGoOn())
    this.#backend = new RemoteWorkerBackend({
      backend,
      lanes: this.#lanes,
      limits,
      clock,
      putOffMs: this.#times.putOffMs,
      onRefused: (lane, error, isFinal) => this.#refused(lane, error, isFinal),
      onUnreachable: (error) => this.#unreachable(error),
    })
    this.#queue = new QueueEngine({
      backend: this.#backend,
      clock,
      workerModule: WORKER_MODULE,
      workerExecArgv: THUMBNAIL_EXEC_ARGV,
      lanes: Object.fromEntries(
        this.#lanes.map((lane) => [lane, { ...LANES[lane], concurrency: options.lanes[lane] ?? 0 }]),
      ),
      onEmit: ({ payload }, chunk) => {
        const { origin, taskId, attempt } = payload as HostedTask
        return sender.send({ version: REMOTE_PROTOCOL, origin, taskId, attempt, payload: null }, chunk)
      },
    })
  }

  get counts(): { readonly completed: number; readonly failed: number } {
    const all = [...this.#counts.values()]
    return {
      completed: all.reduce((sum, { completed }) => sum + completed, 0),
      failed: all.reduce((sum, { failed }) => sum + failed, 0),
    }
  }

  /** Resolves when it was told to stop and nothing of it is alive. */
  async run(): Promise<void> {
    const { signal, kill, logger } = this.#options
    const stop = (): void => {
      this.#isEnding = true
      this.#ending.resolve()
    }
    for (const one of [signal, kill]) {
      one.addEventListener('abort', stop, { once: true })
      if (one.aborted) stop()
    }
    this.#follow()
    const tick = setInterval(() => this.#tick(), TICK_MS)
    logger.info('worker host started', { lanes: this.#options.lanes, folders: this.#limits.roots.length })
    try {
      await this.#roots.runOnce()
      await this.#keepRunning()
    } finally {
      await this.#stop()
      clearInterval(tick)
      this.#endHold()
      this.#report()
      logger.info('worker host ended', this.counts)
    }
  }

  /** @throws what no waiting can cure */
  async #keepRunning(): Promise<void> {
    for (let failures = 0; !this.#isEnding; failures += 1) {
      const startedAt = this.#clock.now()
      const error = await this.#runUntilFailure()
      if (this.#isEnding) return
      if (error instanceof HeirloomError && error.recovery === 'discard') throw error
      if (this.#clock.now() - startedAt > STEADY_MS) failures = 0
      this.#tell(`queue ${String(error)}`, 'queue has failed, it is started again', toErrorRecord(error))
      await this.#pause(Math.min(RESTART_MS * 2 ** failures, MAX_RESTART_MS))
    }
  }

  /** Answers what the engine failed with; undefined when the end was asked for. */
  async #runUntilFailure(): Promise<unknown> {
    const failed = Promise.withResolvers<unknown>()
    const unfollow = this.#queue.on('queue.failed', ({ error }) => failed.resolve(error))
    try {
      // One that cannot start says so by its event, too.
      this.#queue.start().catch((error: unknown) => failed.resolve(error))
      return await Promise.race([failed.promise, this.#ending.promise])
    } finally {
      unfollow()
    }
  }

  /** Graceful until somebody is in a hurry. Does not wait for a Redis that is away for longer than it makes sense. */
  async #stop(): Promise<void> {
    const { kill } = this.#options
    let killedAt: number | undefined
    const hurry = (): void => {
      killedAt ??= this.#clock.now()
      this.#queue.stop({ graceful: false }).catch(() => undefined)
    }
    const stopped = this.#queue.stop({ graceful: !kill.aborted })
    kill.addEventListener('abort', hurry, { once: true })
    if (kill.aborted) hurry()
    const watch = setInterval(() => {
      if (killedAt === undefined && this.#isInVain) hurry()
      if (killedAt === undefined) return
      const waitedMs = this.#clock.now() - killedAt
      if (this.#isInVain || waitedMs > this.#times.killedLimitMs) this.#backend.abandon()
    }, TICK_MS / 4)
    // What could not be told is run again elsewhere.
    await stopped.catch(() => undefined)
    clearInterval(watch)
    kill.removeEventListener('abort', hurry)
  }

  /** What has ended here was given to others by now, and nobody can be told of it. */
  get #isInVain(): boolean {
    return this.#silentSince !== undefined && this.#clock.now() - this.#silentSince > LOST_MS && !this.#isBusy
  }

  get #isBusy(): boolean {
    return this.#queue.workers().some(({ taskId }) => taskId !== undefined)
  }

  #follow(): void {
    const { logger } = this.#options
    this.#queue.on('task.settled', ({ task, status, error, durationMs }) => {
      const counts = this.#countsOf(task.lane)
      if (status === 'completed') counts.completed += 1
      if (status === 'failed') counts.failed += 1
      const fields = { taskId: task.id, kind: task.kind, status, durationMs }
      logger.debug('task settled', error === undefined ? fields : { ...fields, error })
    })
    this.#queue.on('worker.exited', ({ lane, pid, reason, how }) => {
      if (reason === 'crashed' || reason === 'timeout')
        logger.warn('worker ended', { lane, pid, reason, how })
      // What it kept for itself is of no use to anybody.
      void rm(join(this.#limits.scratch, String(pid)), { recursive: true, force: true }).catch(
        () => undefined,
      )
    })
  }

  #tick(): void {
    this.#ask()
    void this.#roots.runOnce()
    this.#report()
  }

  /** Whether Redis answers. Its own connection tells the log. */
  #ask(): void {
    const now = this.#clock.now()
    if (this.#askedAt !== undefined) {
      if (now - this.#askedAt > this.#times.answerLimitMs) this.#setConnected(false)
      return
    }
    this.#askedAt = now
    const answered = (isConnected: boolean): void => {
      this.#askedAt = undefined
      this.#setConnected(isConnected)
    }
    this.#redis.pausedLanes().then(
      () => answered(true),
      () => answered(false),
    )
  }

  #setConnected(isConnected: boolean): void {
    this.#silentSince = isConnected ? undefined : (this.#silentSince ?? this.#askedAt ?? this.#clock.now())
    if (this.#isConnected === isConnected) return
    this.#isConnected = isConnected
    this.#report()
  }

  #report(): void {
    const workers = this.#queue.workers()
    const lanes = this.#queue.lanes().map(({ name, concurrency }) => ({
      lane: name,
      concurrency,
      running: workers.filter(({ lane, taskId }) => lane === name && taskId !== undefined).length,
      ...this.#countsOf(name),
    }))
    this.#options.onStatus({ now: this.#clock.now(), isConnected: this.#isConnected, lanes })
  }

  #countsOf(lane: string): LaneCounts {
    const counts = this.#counts.get(lane) ?? { completed: 0, failed: 0 }
    this.#counts.set(lane, counts)
    return counts
  }

  #refused(lane: string, error: ErrorRecord, isFinal: boolean): void {
    if (isFinal) this.#countsOf(lane).failed += 1
    // Of a folder that is not mapped, the hint names the folder; the message names each file.
    const message = isFinal ? 'task was refused' : 'task cannot be run here, it is left to others'
    this.#tell(`${error.code} ${isFinal ? '' : (error.hint ?? '')}`, message, error, { lane })
  }

  /** A worker process knows before the next look at the folders. */
  #unreachable(error: ErrorRecord): void {
    this.#tell(error.message, 'folder is away, tasks are left to others', error)
    const { holdMs } = this.#times
    this.#backend.hold(this.#clock.now() + holdMs)
    this.#queue.wake()
    this.#endHold()
    this.#endHold = this.#clock.after(holdMs, () => this.#holdOrGoOn())
    void this.#roots.runOnce()
  }

  #holdOrGoOn(): void {
    this.#backend.hold(this.#roots.isAway ? Number.POSITIVE_INFINITY : 0)
    this.#queue.wake()
  }

  #tell(key: string, message: string, { code, message: error, hint }: ErrorRecord, more: object = {}): void {
    const now = this.#clock.now()
    const before = this.#told.get(key)
    if (before !== undefined && now - before < REPEAT_MS) return
    if (this.#told.size >= MAX_TOLD) this.#told.clear()
    this.#told.set(key, now)
    this.#options.logger.warn(message, { ...more, code, error, ...(hint === undefined ? {} : { hint }) })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      void this.#ending.promise.then(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
