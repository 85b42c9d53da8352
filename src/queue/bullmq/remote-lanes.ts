/**
 * Remote lanes of a coordinator: one connection that speaks to Redis, and one that listens to it for all lanes.
 *
 * Listening is quick and not relied upon (see `remote-runner.ts`); what is true is in the lanes' own keys. When Redis has
 * been away, everything is looked at, and said again what a Redis that came back empty has forgotten.
 *
 * @module
 */

import type { JobType } from 'bullmq'
import { type Clock, systemClock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import type { Coordinator } from '../backend.ts'
import { killGroupOf } from '../process-identity.ts'
import {
  REMOTE_PROTOCOL,
  type RemoteEnvelope,
  type RemoteLanes,
  type RemoteRunnerOptions,
} from '../remote.ts'
import type { LaneRunner } from '../runner.ts'
import { type BullmqContext, type BullmqInternals, openContext } from './context.ts'
import { CoordinatorTable } from './coordinators.ts'
import { EmitAnswers } from './emit-answers.ts'
import { type EmitRequest, emitKeys } from './emit-channel.ts'
import { Held } from './held.ts'
import type { RedisOptions } from './redis-options.ts'
import { eventOf } from './remote-ends.ts'
import { type JobNames, jobNames, removeJobs, removeLeftovers, requestEnds } from './remote-leftovers.ts'
import type { JobEvent, JobState, RemoteJob, RemoteLink } from './remote-link.ts'
import { lookAtJobs } from './remote-look.ts'
import { newestId, StreamReader } from './remote-reader.ts'
import { RemoteRunner } from './remote-runner.ts'
import { Settling } from './settling.ts'
import { Sweeper } from './sweep.ts'
import { Watch } from './watch.ts'
import { remoteJobOf } from './wire.ts'

/**
 * Events that a lane's stream keeps, about. A job makes four, and a coordinator has 2,000 jobs under way: a listener may
 * fall behind by the windows of six coordinators before it loses any. BullMQ's own is 10,000.
 */
const MAX_EVENTS = 50_000

/** How often Redis is told that the coordinator lives, what it must not forget, and asked for leases that ran out. */
const PULSE_MS = 5_000

/** A close waits this long at most for Redis. */
const CLOSE_LIMIT_MS = 1_000

export interface RemoteLanesOptions extends RedisOptions {
  /** `<library>/<run>`: names this coordinator; what an earlier run of the library left in Redis is removed. */
  readonly origin: string
  readonly logger?: Logger
  readonly clock?: Clock
}

/** What a lane has in Redis, of all coordinators. */
export interface QueueDepth {
  readonly lane: string
  readonly waiting: number
  readonly active: number
  readonly delayed: number
  /** Kept for an hour at most. */
  readonly failed: number
}

export interface OpenRemoteLanes extends RemoteLanes {
  /** Worker hosts that live, as far as is known. */
  workerHosts(): Promise<readonly Coordinator[]>
  /** Of every lane that a runner was asked for. */
  queueDepths(): Promise<readonly QueueDepth[]>
  /** Ends all connections. Runners are to be stopped before. Safe twice. */
  close(): Promise<void>
}

/** For tests: what would take too long in real time. */
export interface RemoteInternals extends BullmqInternals {
  /** After this long a job is looked at whose end was not told. Default 5,000. */
  readonly firstLookMs?: number
}

/** @throws a `redis/...` error when the server cannot be reached or used. Later outages are waited for. */
export async function openRemoteLanes(
  options: RemoteLanesOptions,
  internals: RemoteInternals = {},
): Promise<OpenRemoteLanes> {
  return new Lanes(options, internals, await openContext(options, internals))
}

type Request = 'add' | 'look' | 'remove' | 'end' | 'events' | 'sweep'

class Lanes implements OpenRemoteLanes, RemoteLink {
  readonly #context: BullmqContext
  readonly #firstLookMs: number | undefined
  readonly #logger: Logger | undefined
  readonly #clock: Clock
  readonly #origin: string
  readonly #names: JobNames
  readonly #reader: StreamReader
  readonly #answers: EmitAnswers
  readonly #hosts: CoordinatorTable
  readonly #sweeper: Sweeper
  /** Only to wake worker hosts. */
  readonly #watch: Watch
  readonly #runners = new Map<string, Set<RemoteRunner>>()
  /** Lanes that can be added to. */
  readonly #prepared = new Map<string, Promise<void>>()
  readonly #pulse: NodeJS.Timeout
  #isPulseOpen = false
  /** What Redis refused when it was last asked: it may take no tasks any more and still tell where they are. */
  readonly #refusals = new Set<Request>()
  #closing: Promise<void> | undefined

  constructor(options: RemoteLanesOptions, { firstLookMs }: RemoteInternals, context: BullmqContext) {
    this.#firstLookMs = firstLookMs
    this.#context = context
    this.#logger = options.logger
    this.#clock = options.clock ?? systemClock
    this.#origin = options.origin
    this.#names = jobNames(options.origin)
    this.#reader = new StreamReader(context.connections.another(), (error) => this.#refused('events', error))
    const { redis } = context
    const keys = emitKeys((name) => context.key(name))
    this.#answers = new EmitAnswers({ redis, keys, origin: options.origin, deal: (one) => this.#deal(one) })
    this.#reader.follow(this.#answers.requests)
    this.#hosts = new CoordinatorTable(context)
    this.#sweeper = new Sweeper({
      context,
      settling: new Settling(context, new Held()),
      coordinators: this.#hosts,
    })
    this.#watch = new Watch(context)
    // Its interval is that of BullMQ's check for leases that ran out, unless a test has a shorter one.
    const pulseMs = Math.min(PULSE_MS, Math.max(context.stalledCheckMs, 50))
    this.#pulse = setInterval(() => this.#beat(), pulseMs).unref()
    redis.on('ready', () => this.#returned())
    this.#beat()
  }

  runner(options: RemoteRunnerOptions): LaneRunner {
    const runner = new RemoteRunner({
      ...options,
      link: this,
      nameJob: (claimed, run) => this.#names.name(claimed, run),
      firstLookMs: this.#firstLookMs,
    })
    const runners = this.#runners.get(options.lane) ?? new Set()
    this.#runners.set(options.lane, runners.add(runner))
    return runner
  }

  async add(lane: string, jobs: readonly RemoteJob[]): Promise<void> {
    await this.#guarded('add', async () => {
      await this.#prepare(lane)
      const now = this.#clock.now()
      const entries = jobs.map((job) => ({ job: this.#wireJob(job, now), jobId: job.jobId }))
      await this.#context.queue(lane).bull.addJobs(entries as never)
    })
  }

  look(lane: string, jobIds: readonly string[]): Promise<ReadonlyMap<string, JobState>> {
    return this.#guarded('look', () => lookAtJobs(this.#context.redis, this.#context.queue(lane).key, jobIds))
  }

  remove(lane: string, jobIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#guarded('remove', () => removeJobs(this.#context.queue(lane), jobIds))
  }

  requestEnd(lane: string, jobIds: readonly string[]): Promise<void> {
    return this.#guarded('end', async () => {
      await requestEnds(this.#context.redis, this.#context.queue(lane), jobIds)
      await this.#watch.wakeOthers()
    })
  }

  workerHosts(): Promise<readonly Coordinator[]> {
    return this.#hosts.alive()
  }

  async queueDepths(): Promise<readonly QueueDepth[]> {
    return Promise.all([...this.#runners.keys()].map((lane) => this.#depthOf(lane)))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#pulse)
    await within(CLOSE_LIMIT_MS, this.#answers.close())
    await this.#reader.close()
    this.#context.close()
  }

  #wireJob({ claimed: { task, alone }, timeoutMs }: RemoteJob, now: number): ReturnType<typeof remoteJobOf> {
    const { id, kind, attempt, payload, priority, memoryBytes } = task
    const envelope: RemoteEnvelope = {
      version: REMOTE_PROTOCOL,
      origin: this.#origin,
      taskId: id,
      attempt,
      payload,
    }
    const memory = memoryBytes === undefined ? {} : { memoryBytes }
    // JSON knows no Infinity; 0 means the same.
    const limit = { timeoutMs: Number.isFinite(timeoutMs) ? timeoutMs : 0 }
    return remoteJobOf({ kind, envelope, priority, alone, ...limit, ...memory }, now)
  }

  /** Once for each lane, before the first job: from here on its events are heard. */
  #prepare(lane: string): Promise<void> {
    const known = this.#prepared.get(lane)
    if (known !== undefined) return known
    const preparing = this.#prepareNow(lane)
    this.#prepared.set(lane, preparing)
    preparing.catch(() => this.#prepared.delete(lane))
    return preparing
  }

  async #prepareNow(lane: string): Promise<void> {
    const { redis } = this.#context
    const queue = this.#context.queue(lane)
    await this.#introduce(lane)
    const removed = await removeLeftovers(redis, queue, this.#names)
    if (removed > 0)
      this.#logger?.info('tasks of an earlier run were taken out of redis', { lane, count: removed })
    const key = queue.key('events')
    this.#reader.follow({
      key,
      lastId: await newestId(redis, key),
      take: (entries) => this.#hear(lane, entries),
    })
  }

  /** What a server that has forgotten everything has to be told again. */
  async #introduce(lane: string): Promise<void> {
    await this.#context.register(lane)
    await this.#context.redis.hset(this.#context.queue(lane).key('meta'), 'opts.maxLenEvents', MAX_EVENTS)
  }

  #hear(lane: string, entries: readonly (readonly [id: string, fields: readonly string[]])[]): void {
    this.#accepted('events')
    for (const runner of this.#runners.get(lane) ?? []) {
      const isOurs = (jobId: string): boolean => runner.has(jobId)
      const events: (readonly [string, JobEvent])[] = []
      for (const [, fields] of entries) {
        const event = eventOf(fields, isOurs)
        if (event !== undefined) events.push(event)
      }
      runner.told(events)
    }
  }

  #deal({ taskId, attempt, chunk }: EmitRequest): Promise<unknown> | undefined {
    for (const runner of [...this.#runners.values()].flatMap((runners) => [...runners])) {
      const emitting = runner.emit(taskId, attempt, chunk)
      if (emitting !== undefined) return emitting
    }
    return undefined
  }

  /** Redis was away: whatever happened meanwhile was told to nobody. */
  #returned(): void {
    this.#beat()
    const realigned = this.#reader.realign(this.#context.redis)
    realigned.catch((error: unknown) => this.#refused('events', error))
    for (const runners of this.#runners.values()) for (const runner of runners) runner.lookAtAll()
  }

  #beat(): void {
    if (this.#isPulseOpen) {
      // One that is away is told of by the connection.
      if (this.#context.redis.status === 'ready') this.#refused('sweep', new Error('no answer'))
      return
    }
    this.#isPulseOpen = true
    const beating = this.#guarded('sweep', async () => {
      await this.#answers.sayAlive()
      for (const lane of this.#prepared.keys()) await this.#introduce(lane)
      await this.#sweep()
    })
    beating
      .catch(() => undefined)
      .finally(() => {
        this.#isPulseOpen = false
      })
  }

  /** Puts back what dead or frozen worker hosts held: they may be all that there were. */
  async #sweep(): Promise<void> {
    const { orphans = [] } = await this.#sweeper.sweep()
    for (const worker of orphans) killGroupOf(worker)
  }

  /** Tells once that Redis refuses or does not answer, and once that it does again. */
  async #guarded<Answer>(request: Request, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await ask()
      this.#accepted(request)
      return answer
    } catch (error) {
      this.#refused(request, error)
      throw error
    }
  }

  #accepted(request: Request): void {
    if (this.#refusals.delete(request)) this.#logger?.info('redis answers again', { request })
  }

  #refused(request: Request, error: unknown): void {
    if (this.#refusals.has(request) || this.#closing !== undefined) return
    this.#refusals.add(request)
    const { message } = this.#context.connections.explain(error)
    this.#logger?.warn('redis refuses', { request, error: message })
  }

  async #depthOf(lane: string): Promise<QueueDepth> {
    const counts = await this.#context.queue(lane).bull.getCounts(PLACES)
    const [prioritized = 0, wait = 0, active = 0, delayed = 0, failed = 0] = counts
    return { lane, waiting: prioritized + wait, active, delayed, failed }
  }
}

const PLACES: JobType[] = ['prioritized', 'wait', 'active', 'delayed', 'failed']

/** Waits for a promise, but not for ever; what it rejects with is nobody's concern any more. */
async function within(limitMs: number, promise: Promise<unknown>): Promise<void> {
  const { promise: limit, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limitMs)
  await Promise.race([promise.catch(() => undefined), limit])
  clearTimeout(timer)
}
