/**
 * The queue as its users see it: one object that adds tasks, runs them and answers for them.
 *
 * It joins what the engine keeps apart: the store, the engine, the memory governor, limits, logs and retention.
 * Whoever needs another arrangement takes {@link QueueEngine} and puts the rest together.
 *
 * @module
 */

import { type Clock, systemClock } from '../clock.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { Admission } from './admission.ts'
import type { Backend, CancelReport, StoredSchedule, TaskFilter } from './backend.ts'
import { cancelAllWaiting, pruneAll, retryAllFailed } from './bulk-changes.ts'
import { Duties } from './duties.ts'
import type { Listener } from './events.ts'
import { createGovernor, JoinedEvents, type ManagerEvents } from './manager-governor.ts'
import {
  backendOf,
  engineOptionsOf,
  type QueueManagerOptions,
  type ResolvedOptions,
  resolveManagerOptions,
} from './manager-options.ts'
import { type MemoryGovernor, readMemorySample } from './memory/index.ts'
import { Progress, type ProgressCallback } from './progress.ts'
import { QueueEngine } from './queue-engine.ts'
import { InvalidQueueOptionsError, NotRunningError, StoreClosedError } from './queue-errors.ts'
import { logEvents, logFault, logProgress, logStarted, logStopped } from './queue-log.ts'
import { applyRetention, type Retention } from './retention.ts'
import { RoomWatch, waitForOthers } from './room-watch.ts'
import { RunCounter } from './run-counts.ts'
import { type QueueStatistics, statisticsOf, type WorkerCounts } from './statistics.ts'
import { TaskAdder } from './task-adder.ts'
import { TaskIntake } from './task-intake.ts'
import type { Source } from './task-source.ts'
import type { HandlerMap, ScheduleOf, StoredTaskOf, TaskOf } from './typed-tasks.ts'

/** How often finished tasks are looked through for those to forget: age is counted in days. */
const RETENTION_INTERVAL_MS = 600_000

/** So many ended tasks are room enough for those who wait for it. */
const GOOD_ROOM = 250

export class QueueManager<Handlers extends HandlerMap = HandlerMap> implements AsyncDisposable {
  readonly #options: ResolvedOptions<Handlers>
  readonly #backend: Backend
  readonly #engine: QueueEngine
  readonly #governor: MemoryGovernor | undefined
  readonly #events: JoinedEvents
  readonly #clock: Clock
  readonly #logger: Logger
  /** Concurrency as configured, by lane: the governor may have lowered it since. */
  readonly #lanes: ReadonlyMap<string, number>
  readonly #intake: TaskIntake<Handlers>
  readonly #adder: TaskAdder
  readonly #room: RoomWatch
  readonly #progress: Progress
  /** Of one run. */
  #duties: Duties
  readonly #counter = new RunCounter()
  readonly #endLog: () => void
  #startedAt: number | undefined
  #stoppedAt: number | undefined
  #failure: { readonly error: unknown } | undefined
  #pruning: Promise<void> = Promise.resolve()
  #isRunning = false
  #closing: Promise<void> | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  /**
   * Opens nothing and starts nothing yet: the first call does.
   *
   * @throws {@link InvalidQueueOptionsError} with every problem in one message.
   */
  constructor(options: QueueManagerOptions<Handlers>) {
    this.#options = resolveManagerOptions(options)
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
    this.#backend = backendOf(options)
    const engineOptions = engineOptionsOf(this.#options, this.#backend)
    this.#lanes = new Map(Object.entries(engineOptions.lanes).map(([name, lane]) => [name, lane.concurrency]))
    this.#engine = new QueueEngine(engineOptions)
    this.#events = new JoinedEvents(this.#engine)
    this.#governor = createGovernor(this.#engine, this.#options, {
      emit: (name, event) => this.#events.governor.emit(name, event),
      onError: (error) => logFault(this.#logger, 'memory governor stopped', error),
    })
    this.#endLog = options.logger === undefined ? () => undefined : logEvents(this.#events, options.logger)
    this.#intake = new TaskIntake(this.#options, [...this.#lanes.keys()])
    this.#room = new RoomWatch(this.#clock, Math.min(this.#options.queueSize / 4, GOOD_ROOM))
    this.#adder = this.#makeAdder()
    this.#progress = new Progress({
      clock: this.#clock,
      intervalMs: this.#options.progressUpdateInterval * 1_000,
      read: () => this.getStatistics(),
      onReading: (statistics) => logProgress(this.#logger, statistics),
      onError: (error) => logFault(this.#logger, 'progress callback threw', error),
    })
    this.#duties = this.#makeDuties()
    this.#engine.on('task.settled', (settled) => {
      if (this.#counter.count(settled)) this.#room.ended()
    })
    this.#engine.on('queue.failed', ({ error }) => {
      this.#failure = { error }
      this.#room.wake()
    })
  }

  /**
   * Adds a task. Before or after `startProcessing`; resolved means committed.
   *
   * @returns its id, or that of the open task with the same `dedupeKey`.
   * @throws {@link QueueFullError} when `queueSize` tasks are open.
   */
  async addTask(task: TaskOf<Handlers>): Promise<number> {
    const newTask = this.#intake.toNewTask(task)
    const { id, added } = await this.#adder.add(newTask)
    const { kind, lane, priority = 0 } = newTask
    this.#logger.debug('task added', { taskId: id, kind, lane, priority, isNew: added })
    return id
  }

  /**
   * Adds all tasks of an array, iterable or async iterable, and waits for room while the queue runs, here or in another
   * process. Nothing is read ahead of what there is room for; what was added stays, also when the source throws.
   *
   * @returns their ids, in order.
   * @throws {@link QueueFullError} when there is no room and nobody runs the queue; its `added` has the ids so far.
   */
  async addTasks(tasks: Source<TaskOf<Handlers>>): Promise<number[]> {
    const ids = await this.#adder.addAll(this.#intake.toNewTasks(tasks))
    this.#logger.info('tasks added', { count: ids.length })
    return ids
  }

  /**
   * Begins to run tasks, anew after the queue has failed; `callback` gets the statistics every `progressUpdateInterval` and at the end. When it runs
   * already, only the callback is exchanged.
   *
   * @throws {@link InvalidQueueOptionsError} without handlers, {@link InsufficientMemoryError} without free memory,
   *   and what opening the store threw.
   */
  async startProcessing(callback?: ProgressCallback): Promise<void> {
    if (this.isClosed) throw new StoreClosedError('queue is closed')
    if (this.#lanes.size === 0) {
      throw new InvalidQueueOptionsError([
        'neither module nor handlers are given: there is nothing to run tasks with',
      ])
    }
    await this.#stopping
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined
    })
    await this.#starting
    this.#progress.start(callback)
  }

  /**
   * Stops, and resolves when nothing of the queue is alive. Open tasks stay for the next start.
   *
   * Graceful (the default): what runs is finished. Else, or when called a second time meanwhile: workers are killed,
   * and what they had goes back uncharged.
   */
  async stopProcessing({ graceful = true }: { readonly graceful?: boolean } = {}): Promise<void> {
    await this.#starting?.catch(() => undefined)
    if (this.#stopping !== undefined) {
      await this.#engine.stop({ graceful: false })
      return this.#stopping
    }
    if (!this.#isRunning) return
    this.#stopping = this.#stop(graceful).finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  /** The figures of the queue, each task counted once. */
  async getStatistics(): Promise<QueueStatistics> {
    const { freeBytes, limitBytes } = readMemorySample()
    return statisticsOf({
      lanes: await this.#backend.statistics(),
      run: this.#counter.byLane,
      workers: this.#workers(),
      now: this.#clock.now(),
      memoryPercent: (1 - freeBytes / limitBytes) * 100,
      ...(this.#startedAt === undefined ? {} : { startedAt: this.#startedAt }),
      ...(this.#stoppedAt === undefined ? {} : { stoppedAt: this.#stoppedAt }),
    })
  }

  /** The task as it is now; undefined when there is none, or it was forgotten (see `retention`). */
  async getTaskStatus(taskId: number): Promise<StoredTaskOf<Handlers> | undefined> {
    return (await this.#backend.get(taskId)) as StoredTaskOf<Handlers> | undefined
  }

  /** Tasks that all given conditions hold for, oldest first, or newest first. */
  async listTasks(filter: Parameters<Backend['list']>[0]): Promise<readonly StoredTaskOf<Handlers>[]> {
    return (await this.#backend.list(filter)) as readonly unknown[] as readonly StoredTaskOf<Handlers>[]
  }

  /** Cancels a task, and ends its work when it runs. False when it had ended or there is none. */
  async cancelTask(taskId: number): Promise<boolean> {
    const { cancelled, requested } = await this.cancelTasks([taskId])
    return cancelled.length + requested.length > 0
  }

  async cancelTasks(taskIds: readonly number[]): Promise<CancelReport> {
    const report = await this.#engine.cancel(taskIds)
    if (report.cancelled.length > 0) this.#logger.info('tasks cancelled', { count: report.cancelled.length })
    this.#room.wake()
    return report
  }

  /**
   * Gives failed tasks all their attempts again: all of them, or those that all conditions of `filter` hold for.
   *
   * @returns their ids.
   */
  async retryFailed(filter: Omit<TaskFilter, 'status'> = {}): Promise<number[]> {
    const retried = await retryAllFailed(this.#backend, filter)
    this.#engine.wake()
    this.#logger.info('failed tasks retried', { count: retried.length })
    return retried
  }

  /** Hands out no more tasks of the lane, in any process and over restarts; what runs goes on. */
  async pause(lane: string): Promise<void> {
    await (this.#lanes.has(lane) ? this.#engine.pause(lane) : this.#backend.setPaused(lane, true))
  }

  async resume(lane: string): Promise<void> {
    await (this.#lanes.has(lane) ? this.#engine.resume(lane) : this.#backend.setPaused(lane, false))
  }

  /**
   * Resolves when no task of this manager's lanes is open that could ever run: all have ended, or wait in a paused
   * lane or for one.
   *
   * @throws {@link NotRunningError} when tasks are open and nothing runs them here, and what made the queue fail.
   */
  async drain(): Promise<void> {
    await this.#starting
    if (this.#isRunning) return this.#engine.drain()
    const { waiting, pending, processing, retry } = await this.#backend.counts()
    const open = waiting + pending + processing + retry
    if (open > 0) throw new NotRunningError(open)
  }

  /** Cancels every open task that does not run. Answers how many. */
  async clearQueue(): Promise<number> {
    const cleared = await cancelAllWaiting(this.#backend)
    this.#engine.wake()
    this.#room.wake()
    this.#logger.info('queue cleared', { count: cleared })
    return cleared
  }

  /** Adds a task again and again by a cron expression. One of the same name is replaced. */
  async schedule(schedule: ScheduleOf<Handlers>): Promise<StoredSchedule> {
    const { kind, lane, payload, ...options } = this.#intake.toNewTask(schedule.task as TaskOf<Handlers>)
    return this.#engine.putSchedule({ ...schedule, task: { kind, lane, payload, ...options } })
  }

  /** False when there was no schedule of that name. Tasks that it has added stay. */
  unschedule(name: string): Promise<boolean> {
    return this.#engine.removeSchedule(name)
  }

  schedules(): Promise<readonly StoredSchedule[]> {
    return this.#backend.schedules()
  }

  /** Forgets tasks that ended before `endedBefore` (epoch ms) and match. Answers how many. */
  prune(filter: TaskFilter & { readonly endedBefore: number }): Promise<number> {
    return pruneAll(this.#backend, filter)
  }

  /** Runs a function of the store's program in a transaction. */
  call(name: string, argument?: unknown): Promise<unknown> {
    return this.#engine.call(name, argument)
  }

  /**
   * Calls back on every event of that name; the returned function ends it. What a listener throws is an uncaught
   * exception.
   */
  on<Name extends keyof ManagerEvents>(name: Name, listener: Listener<ManagerEvents[Name]>): () => void {
    return this.#events.on(name, listener)
  }

  /** Stops gracefully and closes the store, unless the caller brought it. Safe twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  get isClosed(): boolean {
    return this.#closing !== undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    // A stop that is under way is not made impatient.
    await (this.#stopping ?? this.stopProcessing())
    this.#endLog()
    if (this.#options.backend === undefined) await this.#backend.close()
  }

  async #start(): Promise<void> {
    if (this.#isRunning && this.#failure === undefined) return
    if (this.#isRunning) await this.#stop(false)
    this.#counter.reset()
    this.#failure = undefined
    for (const [lane, concurrency] of this.#lanes) this.#engine.setConcurrency(lane, concurrency)
    this.#governor?.start()
    try {
      await this.#engine.start()
    } catch (error) {
      await this.#governor?.stop()
      await this.#engine.stop({ graceful: false })
      throw error
    }
    this.#isRunning = true
    this.#startedAt = this.#clock.now()
    this.#stoppedAt = undefined
    const { retention = {}, maxWorkers, minWorkers, queueSize, memoryThresholdPercent } = this.#options
    this.#duties = this.#makeDuties()
    if (retention !== false) this.#keepRetention(retention)
    logStarted(this.#logger, {
      workers: maxWorkers,
      minWorkers,
      queueSize,
      memoryThresholdPercent,
      lanes: [...this.#lanes.keys()],
    })
  }

  async #stop(graceful: boolean): Promise<void> {
    this.#isRunning = false
    this.#room.wake()
    await this.#governor?.stop()
    await this.#engine.stop({ graceful })
    await this.#duties.stop()
    await this.#pruning
    this.#stoppedAt = this.#clock.now()
    const last = await this.#progress.stop()
    if (last !== undefined) logStopped(this.#logger, last)
  }

  /** At the start too, since many a program never runs for ten minutes. */
  #keepRetention(retention: Retention): void {
    const prune = async (): Promise<void> => {
      const count = await applyRetention(this.#backend, retention, this.#clock.now())
      if (count > 0) this.#logger.debug('finished tasks forgotten', { count })
    }
    this.#pruning = prune().catch((error: unknown) => logFault(this.#logger, 'retention stopped', error))
    this.#duties.every(RETENTION_INTERVAL_MS, prune)
  }

  #makeDuties(): Duties {
    return new Duties(this.#clock, (error) => logFault(this.#logger, 'retention stopped', error))
  }

  #workers(): Readonly<Record<string, WorkerCounts>> {
    const byLane = Object.groupBy(this.#engine.workers(), ({ lane }) => lane)
    return Object.fromEntries(
      Object.entries(byLane).map(([lane, workers = []]) => [
        lane,
        { current: workers.length, active: workers.filter(({ taskId }) => taskId !== undefined).length },
      ]),
    )
  }

  #makeAdder(): TaskAdder {
    const { queueSize } = this.#options
    const admission = new Admission({
      backend: this.#backend,
      add: (tasks) => this.#engine.add(tasks),
      queueSize,
    })
    return new TaskAdder({
      admission,
      queueSize,
      roomAgain: async () => {
        if (!this.#isRunning) return waitForOthers(this.#backend, this.#room, this.#engine.id)
        await this.#room.next()
        if (this.#failure !== undefined) throw this.#failure.error
        return true
      },
      onFull: () => this.#logger.warn('queue full', { queueSize }),
    })
  }
}
