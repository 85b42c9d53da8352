/**
 * Runs the tasks of a lane inside the coordinator, asynchronously: for work that waits for a server.
 *
 * Nothing here can be killed: a handler that goes on after its signal is aborted keeps going, though its attempt
 * is settled and its slot is free. Work that can hang or burn CPU belongs into a worker process.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import { toErrorRecord } from '../errors.ts'
import type { Handler, TaskContext } from './handler.ts'
import { ForwardedError, taskTimedOut, unknownKind } from './queue-errors.ts'
import type { AttemptEnd, LaneRunner, RunnerHost } from './runner.ts'
import type { ClaimedTask } from './task.ts'

export interface CoordinatorRunnerOptions {
  /** By task kind. */
  readonly handlers: Readonly<Record<string, Handler>>
  readonly concurrency: number
  /** Of one attempt, unless the task says otherwise; 0 or Infinity for none. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly host: RunnerHost
  /** Called whenever there may be room for more tasks. */
  readonly onRoom: () => void
}

interface Run {
  readonly claimed: ClaimedTask
  readonly abort: AbortController
  readonly settle: (end: AttemptEnd) => void
}

export class CoordinatorRunner implements LaneRunner {
  readonly #options: CoordinatorRunnerOptions
  readonly #runs = new Map<number, Run>()
  readonly #handlers = new Set<Promise<unknown>>()
  #concurrency: number

  constructor(options: CoordinatorRunnerOptions) {
    this.#options = options
    this.#concurrency = options.concurrency
  }

  get tasks(): readonly ClaimedTask[] {
    return [...this.#runs.values()].map(({ claimed }) => claimed)
  }

  get running(): number {
    return this.#runs.size
  }

  get hasIdleSlot(): boolean {
    return this.#runs.size < this.#concurrency
  }

  feed(buffer: ClaimedTask[]): void {
    while (this.hasIdleSlot) {
      const claimed = buffer.shift()
      if (claimed === undefined) return
      this.#start(claimed)
    }
  }

  resize(concurrency: number): void {
    this.#concurrency = concurrency
  }

  abandon(taskIds: ReadonlySet<number>): void {
    for (const { claimed, abort, settle } of [...this.#runs.values()]) {
      if (!taskIds.has(claimed.task.id)) continue
      abort.abort()
      settle({ outcome: 'lost' })
    }
  }

  async stop({ graceful }: { readonly graceful: boolean }): Promise<void> {
    if (!graceful) {
      for (const { abort, settle } of [...this.#runs.values()]) {
        abort.abort()
        settle({ outcome: 'released' })
      }
    }
    await Promise.all(this.#handlers)
  }

  #start(claimed: ClaimedTask): void {
    const { host, clock, onRoom } = this.#options
    const abort = new AbortController()
    const startedAt = performance.now()
    let cancelDeadline: () => void = () => undefined
    const settle = (end: AttemptEnd): void => {
      if (this.#runs.get(claimed.task.id)?.abort !== abort) return
      this.#runs.delete(claimed.task.id)
      cancelDeadline()
      host.ended(claimed, end)
      onRoom()
    }
    this.#runs.set(claimed.task.id, { claimed, abort, settle })
    host.started(claimed)
    const timeoutMs = claimed.task.timeoutMs ?? this.#options.timeoutMs
    if (timeoutMs > 0 && Number.isFinite(timeoutMs)) {
      cancelDeadline = clock.after(timeoutMs, () => {
        abort.abort()
        settle({ outcome: 'error', error: taskTimedOut(timeoutMs), durationMs: timeoutMs })
      })
    }
    const handled = this.#handle(claimed, abort.signal)
      .then(
        (result): AttemptEnd => ({ outcome: 'completed', result, durationMs: performance.now() - startedAt }),
        (error): AttemptEnd => ({
          outcome: 'error',
          error: toErrorRecord(error),
          durationMs: performance.now() - startedAt,
        }),
      )
      .then(settle)
      .finally(() => this.#handlers.delete(handled))
    this.#handlers.add(handled)
  }

  async #handle(claimed: ClaimedTask, signal: AbortSignal): Promise<unknown> {
    const { handlers, host } = this.#options
    const { id, kind, attempt, payload } = claimed.task
    const handler = Object.hasOwn(handlers, kind) ? handlers[kind] : undefined
    if (handler === undefined) throw new ForwardedError(unknownKind(kind))
    const context: TaskContext = {
      taskId: id,
      kind,
      attempt,
      signal,
      emit: (chunk) => host.emit(claimed, chunk),
      progress: (value) => host.progress(claimed, value),
      yieldTurn: () => undefined,
    }
    return handler(payload as never, context)
  }
}
