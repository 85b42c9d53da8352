/**
 * Has the tasks of one lane run by worker hosts: adds a job for each, and waits for the ends.
 *
 * Everything that Redis tells may be late, double, missing or wrong: so an end counts for the newest run of an attempt
 * that is still under way here, and what nobody told of is looked at now and then. What is not in Redis any more (it
 * restarted empty, say) is added again. Whether the end of an attempt may be committed is not decided here, but by the
 * lease in the store.
 *
 * While Redis is away nothing fails: requests wait, and so do the tasks. Only a stop does not wait for it: tasks are released,
 * and whatever became of them is stale.
 *
 * @module
 */

import type { Clock } from '../../clock.ts'
import type { RemoteRunnerOptions } from '../remote.ts'
import type { AttemptEnd, LaneRunner, RunnerHost, WorkerStatus } from '../runner.ts'
import type { ClaimedTask } from '../task.ts'
import { RemoteAdder } from './remote-adder.ts'
import type { JobEnd, JobEvent, JobState, RemoteJob, RemoteLink } from './remote-link.ts'
import { noteAdded, type Outstanding, OutstandingTasks } from './remote-outstanding.ts'
import { isSilent } from './remote-silence.ts'

/** Jobs in one look. */
const BATCH = 500

/** How often it is seen whether a job is to be looked at. */
const TICK_MS = 1_000

/** The same while somebody waits for jobs to leave Redis. */
const HASTY_TICK_MS = 200

/** A stop that is not graceful waits this long at most for Redis to forget the jobs. */
const DISCARD_LIMIT_MS = 1_000

/** A slot counts as idle when this part of all is: claims are few and large. */
const IDLE_PART = 8

export interface RemoteRunnerContext extends RemoteRunnerOptions {
  readonly link: RemoteLink
  /** The job id of one run of an attempt, unlike any other. */
  readonly nameJob: (claimed: ClaimedTask, run: number) => string
  /** For tests: see `remote-outstanding.ts`. */
  readonly firstLookMs?: number | undefined
}

/** Jobs that are to leave Redis, or to end where they run. */
interface Wishes {
  readonly toRemove: Outstanding[]
  readonly toEnd: string[]
}

export class RemoteRunner implements LaneRunner {
  readonly #context: RemoteRunnerContext
  readonly #clock: Clock
  readonly #host: RunnerHost
  readonly #outstanding: OutstandingTasks
  readonly #adder: RemoteAdder
  #concurrency: number
  #looking: Promise<void> | undefined
  #cancelTick: (() => void) | undefined
  #tickAt = Number.POSITIVE_INFINITY
  /** Resolves when no task is under way, while a stop waits for that. */
  #allEnded: PromiseWithResolvers<void> | undefined

  constructor(context: RemoteRunnerContext) {
    this.#context = context
    this.#clock = context.clock
    this.#host = context.host
    this.#concurrency = context.concurrency
    this.#outstanding = new OutstandingTasks(context.nameJob, context.firstLookMs)
    this.#adder = new RemoteAdder({
      clock: context.clock,
      jobOf: (entry) => this.#jobOf(entry),
      add: (jobs) => context.link.add(context.lane, jobs),
      isWanted: (entry) => this.#outstanding.has(entry) && entry.wish === undefined,
      onAdded: (entry) => this.#added(entry),
      onRefused: (entries) => this.#refused(entries),
    })
  }

  get tasks(): readonly ClaimedTask[] {
    return this.#outstanding.all.map(({ claimed }) => claimed)
  }

  get running(): number {
    return this.#outstanding.size
  }

  get kept(): number {
    return 0
  }

  get hasIdleSlot(): boolean {
    const free = this.#concurrency - this.#outstanding.size
    return free >= Math.max(1, Math.floor(this.#concurrency / IDLE_PART))
  }

  feed(buffer: ClaimedTask[]): void {
    const room = Math.min(this.#concurrency - this.#outstanding.size, buffer.length)
    if (room <= 0 || this.#allEnded !== undefined) return
    this.#adder.push(buffer.splice(0, room).map((claimed) => this.#outstanding.add(claimed)))
  }

  resize(concurrency: number): void {
    this.#concurrency = concurrency
  }

  abandon(taskIds: ReadonlySet<number>): void {
    const entries = this.#entriesOf(taskIds)
    for (const entry of entries) this.#end(entry, { outcome: 'lost' })
    void this.#discard(entries)
    if (entries.length > 0) this.#context.onRoom()
  }

  withdraw(): void {
    this.#wish('release', this.#outstanding.all)
  }

  cancel(taskIds: ReadonlySet<number>): void {
    this.#wish('end', this.#entriesOf(taskIds))
  }

  workers(): readonly WorkerStatus[] {
    return []
  }

  retireWorker(): boolean {
    return false
  }

  killWorker(): boolean {
    return false
  }

  async stop({ graceful }: { readonly graceful: boolean }): Promise<void> {
    this.#allEnded ??= Promise.withResolvers()
    const { promise } = this.#allEnded
    if (graceful) {
      this.#wish('release', this.#outstanding.all)
      this.#checkEnded()
      void this.#releaseInSilence()
    } else {
      await this.#endAll()
    }
    await promise
  }

  /** Whoever waits for what runs does not wait for a Redis that is away. */
  async #releaseInSilence(): Promise<void> {
    const { link, lane } = this.#context
    const stop = this.#allEnded
    const isAway = await isSilent({
      clock: this.#clock,
      ask: () =>
        link.look(
          lane,
          this.#outstanding.all.slice(0, 1).map(({ jobId }) => jobId),
        ),
      isWanted: () => stop !== undefined && this.#allEnded === stop,
    })
    if (isAway) await this.#endAll()
  }

  /** Takes note of what Redis tells. Events of other jobs are ignored. */
  told(events: readonly (readonly [jobId: string, event: JobEvent])[]): void {
    const before = this.#outstanding.size
    for (const [jobId, event] of events) {
      const entry = this.#outstanding.ofJob(jobId)
      if (entry !== undefined) this.#take(entry, event)
    }
    if (this.#outstanding.size < before) this.#context.onRoom()
  }

  /** Has the engine deal with what a task emits; undefined when that attempt is not under way. */
  emit(taskId: number, attempt: number, chunk: unknown): Promise<unknown> | undefined {
    const claimed = this.#outstanding.ofTask(taskId)?.claimed
    return claimed?.lease.attempt === attempt ? this.#host.emit(claimed, chunk) : undefined
  }

  /** Whether it would know an event of this job. */
  has(jobId: string): boolean {
    return this.#outstanding.ofJob(jobId) !== undefined
  }

  /** Looks at everything: Redis was away, or events were lost. */
  lookAtAll(): void {
    this.#outstanding.lookAtAll()
    this.#tickWithin(0)
  }

  #entriesOf(taskIds: ReadonlySet<number>): Outstanding[] {
    return [...taskIds].flatMap((taskId) => this.#outstanding.ofTask(taskId) ?? [])
  }

  #take(entry: Outstanding, event: JobEvent): void {
    switch (event.type) {
      case 'active':
        this.#start(entry)
        break
      case 'progress':
        this.#host.progress(entry.claimed, event.value)
        break
      case 'ended':
        this.#finish(entry, event.end)
        break
      case 'moved':
        if (!entry.isAdded) break
        entry.nextLookAt = this.#clock.now()
        this.#tickWithin(HASTY_TICK_MS)
        break
    }
  }

  #start(entry: Outstanding): void {
    if (entry.hasStarted) return
    entry.hasStarted = true
    this.#host.started(entry.claimed)
  }

  #finish(entry: Outstanding, end: JobEnd): void {
    this.#start(entry)
    this.#end(entry, end)
  }

  #end(entry: Outstanding, end: AttemptEnd): void {
    if (!this.#outstanding.remove(entry)) return
    this.#host.ended(entry.claimed, end)
    this.#checkEnded()
  }

  #checkEnded(): void {
    if (this.#outstanding.size > 0 || this.#allEnded === undefined) return
    this.#cancelTick?.()
    this.#cancelTick = undefined
    this.#tickAt = Number.POSITIVE_INFINITY
    this.#allEnded.resolve()
    this.#allEnded = undefined
  }

  /** Wants these out of Redis. What was not even sent is released here. */
  #wish(wish: 'release' | 'end', entries: readonly Outstanding[]): void {
    const unsent = new Set(this.#adder.takeBack(new Set(entries)))
    for (const entry of entries) {
      if (unsent.has(entry)) this.#end(entry, { outcome: 'released' })
      else if (entry.wish !== 'end') entry.wish = wish
      if (entry.isAdded) entry.nextLookAt = this.#clock.now()
    }
    this.#tickWithin(0)
  }

  #jobOf({ jobId, claimed }: Outstanding): RemoteJob {
    return { jobId, claimed, timeoutMs: claimed.task.timeoutMs ?? this.#context.timeoutMs }
  }

  /** Redis would not take these, and nobody wants it to any more. Some may be there: a part of them was refused. */
  #refused(entries: readonly Outstanding[]): void {
    const before = this.#outstanding.size
    for (const entry of entries) this.#end(entry, { outcome: 'released' })
    void this.#discard(entries)
    if (this.#outstanding.size < before) this.#context.onRoom()
  }

  #added(entry: Outstanding): void {
    const now = this.#clock.now()
    noteAdded(entry, now)
    if (entry.wish !== undefined) entry.nextLookAt = now
    this.#tickWithin(entry.wish === undefined ? TICK_MS : 0)
  }

  /** Sees after at most `ms` what is to be looked at. */
  #tickWithin(ms: number): void {
    const at = this.#clock.now() + ms
    if (at >= this.#tickAt || this.#outstanding.size === 0) return
    this.#cancelTick?.()
    this.#tickAt = at
    this.#cancelTick = this.#clock.after(ms, () => {
      this.#tickAt = Number.POSITIVE_INFINITY
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined
        this.#tickWithin(this.#isHasty ? HASTY_TICK_MS : TICK_MS)
      })
    })
  }

  get #isHasty(): boolean {
    return this.#outstanding.all.some(({ wish }) => wish !== undefined)
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { link, lane } = this.#context
    for (;;) {
      const due = this.#outstanding.takeDue(this.#clock.now(), BATCH)
      if (due.length === 0) return
      try {
        const ids = due.map(({ jobId }) => jobId)
        await this.#see(due, await link.look(lane, ids))
      } catch {
        // The link has told why; the next look is not far.
        return
      }
    }
  }

  async #see(entries: readonly Outstanding[], states: ReadonlyMap<string, JobState>): Promise<void> {
    const { link, lane, onRoom } = this.#context
    const before = this.#outstanding.size
    const wishes: Wishes = { toRemove: [], toEnd: [] }
    for (const entry of entries) {
      const state = states.get(entry.jobId)
      if (state !== undefined && this.#outstanding.has(entry)) this.#seeOne(entry, state, wishes)
    }
    if (this.#outstanding.size < before) onRoom()
    if (wishes.toEnd.length > 0) await link.requestEnd(lane, wishes.toEnd)
    if (wishes.toRemove.length > 0) await this.#withdraw(wishes.toRemove)
  }

  #seeOne(entry: Outstanding, state: JobState, { toRemove, toEnd }: Wishes): void {
    switch (state.state) {
      case 'ended':
        this.#finish(entry, state.end)
        break
      case 'gone':
        this.#replace(entry)
        break
      case 'active':
        this.#start(entry)
        if (entry.wish === 'end') toEnd.push(entry.jobId)
        break
      case 'waiting':
        if (entry.wish !== undefined) toRemove.push(entry)
        break
    }
  }

  async #withdraw(entries: readonly Outstanding[]): Promise<void> {
    const { link, lane, onRoom } = this.#context
    const removed = await link.remove(
      lane,
      entries.map(({ jobId }) => jobId),
    )
    for (const entry of entries) if (removed.has(entry.jobId)) this.#end(entry, { outcome: 'released' })
    if (removed.size > 0) onRoom()
  }

  /** Redis has lost the job: another one takes its place, if it is still wanted. */
  #replace(entry: Outstanding): void {
    if (entry.wish !== undefined) {
      this.#end(entry, { outcome: 'released' })
      return
    }
    const next = this.#outstanding.runAgain(entry)
    if (next !== undefined) this.#adder.push([next])
  }

  async #endAll(): Promise<void> {
    const entries = this.#outstanding.all
    this.#adder.takeBack(new Set(entries))
    for (const entry of entries) this.#end(entry, { outcome: 'released' })
    this.#checkEnded()
    const { promise: limit, resolve } = Promise.withResolvers<void>()
    const cancelLimit = this.#clock.after(DISCARD_LIMIT_MS, resolve)
    await Promise.race([this.#discard(entries), limit])
    cancelLimit()
  }

  /** Takes jobs out of Redis that nobody here waits for. Never rejects. */
  async #discard(entries: readonly Outstanding[]): Promise<void> {
    const { link, lane } = this.#context
    // What is just being added could not be removed yet.
    await this.#adder.settled()
    const ids = entries.map(({ jobId }) => jobId)
    for (let from = 0; from < ids.length; from += BATCH) {
      const batch = ids.slice(from, from + BATCH)
      try {
        const removed = await link.remove(lane, batch)
        const rest = batch.filter((id) => !removed.has(id))
        if (rest.length > 0) await link.requestEnd(lane, rest)
      } catch {
        // Ends of theirs are ignored, and the next start removes them.
        return
      }
    }
  }
}
