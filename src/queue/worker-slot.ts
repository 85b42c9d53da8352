/**
 * One worker process and the tasks that it was given.
 *
 * The process runs its tasks one at a time and in order, so that the first of {@link WorkerSlot.tasks} is the
 * one that runs, and the one to blame when the process dies. (A task that has yielded its turn only waits: then the
 * second one runs, and the first is blamed in its place. It pays with one charge and runs alone; the culprit, which
 * goes back to the front, is blamed next.) It leads a process group: killing it kills its
 * children too, which a plain kill would leave behind as orphans that still write files.
 *
 * @module
 */

import { type ChildProcess, fork } from 'node:child_process'
import type { Clock } from '../clock.ts'
import { type ErrorRecord, toErrorRecord } from '../errors.ts'
import { Deadline } from './deadline.ts'
import type { WorkerExitReason } from './events.ts'
import { OutputTail } from './output-tail.ts'
import { taskTimedOut, workerCrashed } from './queue-errors.ts'
import type { AttemptEnd, RunnerHost, WorkerStatus } from './runner.ts'
import type { ClaimedTask } from './task.ts'
import type { FromWorker, ToWorker } from './worker-protocol.ts'

/** A worker whose module is not loaded by then is taken for stuck. */
const START_LIMIT_MS = 60_000

/** A worker that was asked to end and has not is killed. */
const END_LIMIT_MS = 5_000

/** A task that took too long is told so, and has this long to end by itself before its process is killed. */
const TIMEOUT_GRACE_MS = 200

/** A dead worker's pipes are read to the end, unless somebody else keeps them open for longer. */
const CLOSE_LIMIT_MS = 1_000

export interface WorkerSlotOptions {
  readonly module: string
  readonly lane: string
  readonly execArgv: readonly string[]
  /** Of one attempt, unless the task says otherwise; 0 or Infinity for none. */
  readonly timeoutMs: number
  /** A cancelled task that has not ended by then is killed with its process. */
  readonly cancelGraceMs: number
  readonly clock: Clock
  readonly host: RunnerHost
  /** Called whenever there may be room for more, and when the process is gone. */
  readonly onChange: () => void
}

interface Blame {
  readonly claimed: ClaimedTask
  readonly end: AttemptEnd
}

export class WorkerSlot {
  /** Given and not ended; the first one runs. */
  readonly tasks: ClaimedTask[] = []
  /** Resolves when the process is gone and every task was answered for. */
  readonly gone: Promise<void>
  readonly #options: WorkerSlotOptions
  readonly #child: ChildProcess
  readonly #output = new OutputTail()
  readonly #deadline: Deadline
  #cancelGrace: () => void = () => undefined
  #ready = false
  #isUnloadable = false
  #limitMs = START_LIMIT_MS
  /** Of the running task: epoch ms. */
  #headSince = 0
  /** Since when it has had no task: epoch ms. */
  #idleSince: number
  #reason: WorkerExitReason | undefined
  #retiring: WorkerExitReason | undefined
  #blame: Blame | undefined
  #overdue: ClaimedTask | undefined
  #lost: ReadonlySet<number> = new Set()
  readonly #cancelled = new Set<number>()

  constructor(options: WorkerSlotOptions) {
    this.#options = options
    this.#idleSince = options.clock.now()
    const script = new URL(
      import.meta.url.endsWith('.ts') ? './worker-process.ts' : './worker-process.js',
      import.meta.url,
    )
    this.#child = fork(script, [options.module, options.lane], {
      detached: true,
      execArgv: [...options.execArgv],
      serialization: 'json',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#output.add(chunk))
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#output.add(chunk))
    this.#child.on('message', (message: FromWorker) => this.#receive(message))
    this.#deadline = new Deadline(options.clock, () => this.#overrun())
    this.gone = this.#awaitEnd()
    if (this.#child.pid !== undefined) options.host.workerStarted(this.#child.pid)
    this.#deadline.set(START_LIMIT_MS)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** How long it has had nothing to do. */
  get idleForMs(): number {
    return this.tasks.length > 0 ? 0 : this.#options.clock.now() - this.#idleSince
  }

  /** Undefined when it could not be started. */
  get status(): WorkerStatus | undefined {
    const { pid } = this.#child
    if (pid === undefined) return undefined
    const head = this.tasks[0]
    const memoryBytes = this.tasks.reduce((sum, { task }) => sum + (task.memoryBytes ?? 0), 0)
    const idle = { pid, lane: this.#options.lane, memoryBytes }
    if (head === undefined || !this.#ready) return idle
    return { ...idle, taskId: head.task.id, busySince: this.#headSince }
  }

  /** Whether it may be given tasks. */
  get isOpen(): boolean {
    return this.#reason === undefined && this.#retiring === undefined
  }

  give(batch: readonly ClaimedTask[]): void {
    const wasIdle = this.tasks.length === 0
    this.tasks.push(...batch)
    const tasks = batch.map(({ task: { id, kind, attempt, payload } }) => ({ id, kind, attempt, payload }))
    this.#send({ type: 'tasks', tasks })
    if (wasIdle && this.#ready) this.#beginHead()
  }

  /** How long the running task has run. */
  get #headMs(): number {
    return this.#options.clock.now() - this.#headSince
  }

  /** Lets the running task finish, releases the others, and ends the process. */
  retire(reason: WorkerExitReason): void {
    if (!this.isOpen) return
    this.#retiring = reason
    if (!this.#ready) this.kill(reason)
    else if (this.tasks.length > 1) this.#send({ type: 'withdraw' })
    this.#endIfDone()
  }

  /** Ends the process and its children now. What it had is released, uncharged; with an `error` the head is charged. */
  kill(reason: WorkerExitReason, error?: ErrorRecord): void {
    const claimed = this.tasks[0]
    if (this.#reason === undefined && error !== undefined && claimed !== undefined) {
      const durationMs = this.#ready ? this.#headMs : this.#limitMs
      this.#blame = { claimed, end: { outcome: 'error', error, crashed: true, durationMs } }
    }
    this.#reason ??= reason
    this.#deadline.stop()
    killGroup(this.#child)
  }

  /** Asks for the end of these tasks; the process is killed when the running one does not listen. */
  cancel(taskIds: ReadonlySet<number>): void {
    const ids = this.tasks.filter(({ task }) => taskIds.has(task.id)).map(({ task }) => task.id)
    if (ids.length === 0) return
    for (const id of ids) this.#cancelled.add(id)
    this.#send({ type: 'cancel', ids })
    this.#watchCancelled()
  }

  /** Ends the process if it works on one of these tasks, whose leases are lost. */
  abandon(taskIds: ReadonlySet<number>): void {
    if (!this.tasks.some(({ task }) => taskIds.has(task.id))) return
    this.#lost = taskIds
    this.kill('lease-lost')
  }

  #send(message: ToWorker): void {
    // A channel that is already closed shows as the process's exit: the callback keeps it from being thrown.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  #receive(message: FromWorker): void {
    const { host } = this.#options
    switch (message.type) {
      case 'ready':
        this.#ready = true
        this.#deadline.clear()
        this.#beginHead()
        break
      case 'unloadable':
        this.#isUnloadable = true
        break
      case 'completed': {
        const { result, durationMs } = message
        this.#finish(message.id, { outcome: 'completed', result, durationMs })
        break
      }
      case 'failed': {
        const { error, durationMs } = message
        this.#finish(message.id, { outcome: 'error', error, durationMs })
        break
      }
      case 'emit':
        void this.#forward(message)
        break
      case 'progress': {
        const claimed = this.#find(message.id)
        if (claimed !== undefined) host.progress(claimed, message.value)
        break
      }
      case 'withdrawn':
        this.#release(message.ids)
        break
    }
  }

  /** The first task's turn: from now on its time counts. */
  #beginHead(): void {
    const head = this.tasks[0]
    if (head === undefined) {
      this.#idleSince = this.#options.clock.now()
      return
    }
    this.#options.host.started(head, this.#child.pid)
    this.#headSince = this.#options.clock.now()
    this.#limitMs = head.task.timeoutMs ?? this.#options.timeoutMs
    this.#deadline.set(this.#limitMs)
    if (this.#cancelled.size > 0) this.#watchCancelled()
  }

  /** The running task is to end: it has a moment to do so by itself. */
  #watchCancelled(): void {
    const head = this.tasks[0]
    if (head === undefined || !this.#cancelled.has(head.task.id)) return
    this.#cancelGrace()
    this.#cancelGrace = this.#options.clock.after(this.#options.cancelGraceMs, () => {
      if (this.tasks[0] === head) this.kill('cancelled')
    })
  }

  #overrun(): void {
    const head = this.tasks[0]
    if (!this.#ready) {
      this.kill('timeout', workerCrashed('did not start', ''))
    } else if (head === undefined || this.#overdue === head) {
      this.kill('timeout', taskTimedOut(this.#limitMs))
    } else {
      this.#overdue = head
      this.#send({ type: 'cancel', ids: [head.task.id] })
      this.#deadline.set(TIMEOUT_GRACE_MS)
    }
  }

  #finish(id: number, end: AttemptEnd): void {
    const claimed = this.tasks[0]
    if (claimed?.task.id !== id) return
    this.#deadline.clear()
    this.tasks.shift()
    this.#forget(id)
    const isLate = end.outcome === 'error' && this.#overdue === claimed
    this.#options.host.ended(claimed, isLate ? { ...end, error: taskTimedOut(this.#limitMs) } : end)
    this.#beginHead()
    this.#endIfDone()
    this.#options.onChange()
  }

  async #forward({ id, sequence, chunk }: Extract<FromWorker, { type: 'emit' }>): Promise<void> {
    const claimed = this.#find(id)
    if (claimed === undefined) return
    try {
      const value = await this.#options.host.emit(claimed, chunk)
      this.#send({ type: 'emitted', sequence, value })
    } catch (error) {
      this.#send({ type: 'emitted', sequence, error: toErrorRecord(error) })
    }
  }

  #forget(id: number): void {
    if (!this.#cancelled.delete(id)) return
    this.#cancelGrace()
  }

  #find(id: number): ClaimedTask | undefined {
    return this.tasks.find(({ task }) => task.id === id)
  }

  #release(ids: readonly number[]): void {
    const given = new Set(ids)
    const back = this.tasks.filter(({ task }) => given.has(task.id))
    const kept = this.tasks.filter(({ task }) => !given.has(task.id))
    this.tasks.splice(0, this.tasks.length, ...kept)
    for (const claimed of back) {
      this.#cancelled.delete(claimed.task.id)
      this.#options.host.ended(claimed, { outcome: 'released' })
    }
    this.#endIfDone()
    this.#options.onChange()
  }

  #endIfDone(): void {
    if (this.#retiring === undefined || this.#reason !== undefined || this.tasks.length > 0) return
    this.#reason = this.#retiring
    this.#send({ type: 'end' })
    this.#deadline.set(END_LIMIT_MS)
  }

  async #awaitEnd(): Promise<void> {
    const how = await endOf(this.#child)
    this.#deadline.stop()
    this.#cancelGrace()
    const reason = this.#reason ?? 'crashed'
    this.#reason = reason
    this.#answerFor(reason, how)
    if (this.#child.pid !== undefined) this.#options.host.workerExited(this.#child.pid, reason, how)
    this.#options.onChange()
  }

  /** Whoever ran is charged if it was to blame, everyone else goes back uncharged. */
  #answerFor(reason: WorkerExitReason, how: string): void {
    const blame = this.#blameFor(reason, how)
    const begun = this.#ready ? { durationMs: this.#headMs } : {}
    for (const [index, claimed] of this.tasks.splice(0).entries()) {
      const isLost = this.#lost.has(claimed.task.id)
      const innocent: AttemptEnd = isLost
        ? { outcome: 'lost' }
        : { outcome: 'released', ...(index === 0 ? begun : {}) }
      // No task of a module that cannot be loaded can run: to try them one by one would take a process for each.
      const isBlamed = claimed === blame?.claimed || (this.#isUnloadable && !isLost)
      this.#options.host.ended(claimed, isBlamed && blame !== undefined ? blame.end : innocent)
    }
  }

  /** The task that took the process down, and what that means for it. */
  #blameFor(reason: WorkerExitReason, how: string): Blame | undefined {
    if (reason !== 'crashed') return this.#blame
    const claimed = this.tasks[0]
    if (claimed === undefined) return undefined
    const story = this.#ready ? `died with ${how}` : `did not start: ${how}`
    const error = workerCrashed(story, this.#output.text())
    const crashed = this.#ready
    const durationMs = crashed ? this.#headMs : 0
    return { claimed, end: { outcome: 'error', error, crashed, retryAtOnce: crashed, durationMs } }
  }
}

/** Ends the process and everything that it has started. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  if (process.platform === 'win32') {
    child.kill('SIGKILL')
    return
  }
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // ESRCH: the group is gone.
  }
}

/** Waits until the process has ended, its children too, and all it said was read; answers how it ended. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let how = 'unknown end'
    let limit: NodeJS.Timeout | undefined
    const finish = (): void => {
      clearTimeout(limit)
      resolve(how)
    }
    child.once('error', (error) => {
      how = error.message
      if (child.pid === undefined) finish()
    })
    child.once('exit', (code, signal) => {
      how = signal === null ? `exit code ${code}` : `signal ${signal}`
      killGroup(child)
      limit = setTimeout(finish, CLOSE_LIMIT_MS)
    })
    child.once('close', finish)
  })
}
