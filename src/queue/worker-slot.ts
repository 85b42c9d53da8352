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
import type { WorkerExitReason } from './events.ts'
import { OutputTail } from './output-tail.ts'
import { taskTimedOut, workerCrashed } from './queue-errors.ts'
import type { AttemptEnd, RunnerHost } from './runner.ts'
import type { ClaimedTask } from './task.ts'
import type { FromWorker, ToWorker } from './worker-protocol.ts'

/** A worker whose module is not loaded by then is taken for stuck. */
const START_LIMIT_MS = 60_000

/** A worker that was asked to end and has not is killed. */
const END_LIMIT_MS = 5_000

/** A dead worker's pipes are read to the end, unless somebody else keeps them open for longer. */
const CLOSE_LIMIT_MS = 1_000

export interface WorkerSlotOptions {
  readonly module: string
  readonly lane: string
  readonly execArgv: readonly string[]
  /** Of one attempt, unless the task says otherwise; 0 or Infinity for none. */
  readonly timeoutMs: number
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
  #cancelDeadline: () => void = () => undefined
  #ready = false
  #reason: WorkerExitReason | undefined
  #retiring: WorkerExitReason | undefined
  #overdue: Blame | undefined
  #lost: ReadonlySet<number> = new Set()

  constructor(options: WorkerSlotOptions) {
    this.#options = options
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
    this.gone = this.#awaitEnd()
    if (this.#child.pid !== undefined) options.host.workerStarted(this.#child.pid)
    this.#watch(START_LIMIT_MS, workerCrashed('did not start', ''))
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

  /** Lets the running task finish, releases the others, and ends the process. */
  retire(reason: WorkerExitReason): void {
    if (!this.isOpen) return
    this.#retiring = reason
    if (!this.#ready) this.kill(reason)
    else if (this.tasks.length > 1) this.#send({ type: 'withdraw' })
    this.#endIfDone()
  }

  /** Ends the process and its children now. What it had is released, uncharged. */
  kill(reason: WorkerExitReason = 'killed'): void {
    this.#reason ??= reason
    this.#cancelDeadline()
    killGroup(this.#child)
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
        this.#cancelDeadline()
        this.#beginHead()
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
    if (head === undefined) return
    this.#options.host.started(head, this.#child.pid)
    const timeoutMs = head.task.timeoutMs ?? this.#options.timeoutMs
    if (timeoutMs > 0 && Number.isFinite(timeoutMs)) this.#watch(timeoutMs, taskTimedOut(timeoutMs))
  }

  #finish(id: number, end: AttemptEnd): void {
    const claimed = this.tasks[0]
    if (claimed?.task.id !== id) return
    this.#cancelDeadline()
    this.tasks.shift()
    this.#options.host.ended(claimed, end)
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

  #find(id: number): ClaimedTask | undefined {
    return this.tasks.find(({ task }) => task.id === id)
  }

  #release(ids: readonly number[]): void {
    const given = new Set(ids)
    const back = this.tasks.filter(({ task }) => given.has(task.id))
    const kept = this.tasks.filter(({ task }) => !given.has(task.id))
    this.tasks.splice(0, this.tasks.length, ...kept)
    for (const claimed of back) this.#options.host.ended(claimed, { outcome: 'released' })
    this.#endIfDone()
  }

  #endIfDone(): void {
    if (this.#retiring === undefined || this.#reason !== undefined || this.tasks.length > 0) return
    this.#reason = this.#retiring
    this.#cancelDeadline()
    this.#send({ type: 'end' })
    this.#cancelDeadline = this.#options.clock.after(END_LIMIT_MS, () => killGroup(this.#child))
  }

  #watch(limitMs: number, error: ErrorRecord): void {
    const startedAt = performance.now()
    this.#cancelDeadline = this.#options.clock.after(limitMs, () => {
      const claimed = this.tasks[0]
      const durationMs = performance.now() - startedAt
      if (claimed !== undefined) {
        this.#overdue = { claimed, end: { outcome: 'error', error, crashed: true, durationMs } }
      }
      this.kill('timeout')
    })
  }

  async #awaitEnd(): Promise<void> {
    const how = await endOf(this.#child)
    this.#cancelDeadline()
    const reason = this.#reason ?? 'crashed'
    this.#reason = reason
    this.#answerFor(reason, how)
    if (this.#child.pid !== undefined) this.#options.host.workerExited(this.#child.pid, reason, how)
    this.#options.onChange()
  }

  /** Whoever ran is charged if it was to blame, everyone else goes back uncharged. */
  #answerFor(reason: WorkerExitReason, how: string): void {
    const blame = this.#blameFor(reason, how)
    for (const claimed of this.tasks.splice(0)) {
      const isLost = this.#lost.has(claimed.task.id)
      const innocent: AttemptEnd = { outcome: isLost ? 'lost' : 'released' }
      this.#options.host.ended(claimed, claimed === blame?.claimed ? blame.end : innocent)
    }
  }

  /** The task that took the process down, and what that means for it. */
  #blameFor(reason: WorkerExitReason, how: string): Blame | undefined {
    if (reason === 'timeout') return this.#overdue
    const claimed = this.tasks[0]
    if (reason !== 'crashed' || claimed === undefined) return undefined
    const story = this.#ready ? `died with ${how}` : `did not start: ${how}`
    const error = workerCrashed(story, this.#output.text())
    return { claimed, end: { outcome: 'error', error, crashed: this.#ready, durationMs: 0 } }
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
