/**
 * What stands between a worker host's engine and Redis: nothing gets to a worker process that was not checked, and what
 * is not the fault of a task is not charged to it.
 *
 * A task that this host cannot run (a folder that is not mapped, another version) is put off, so that another host may have
 * it. One whose folder is away goes back at once, and the host takes no more until the folder is there again.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import { type ErrorRecord, toErrorRecord } from '../errors.ts'
import type { Backend, ExchangeRequest, ExchangeResult, Settlement } from '../queue/backend.ts'
import { StoreClosedError } from '../queue/queue-errors.ts'
import type { ClaimedTask } from '../queue/task.ts'
import { type HostLimits, toHostedTask } from './remote-payload.ts'
import { tellError } from './remote-payload-paths.ts'
import { ROOT_UNREACHABLE } from './remote-worker-roots.ts'

const ABANDONED = 'worker host has ended while the server was away'

export interface RemoteBackendOptions {
  readonly backend: Backend
  /** Of this host. */
  readonly lanes: readonly string[]
  readonly limits: HostLimits
  readonly clock: Clock
  /** What this host cannot run is not handed out again for so long. */
  readonly putOffMs: number
  /** A task was not even begun. `isFinal`: its coordinator is told so; otherwise it is put off. */
  readonly onRefused: (lane: string, error: ErrorRecord, isFinal: boolean) => void
  /** A worker process found a mapped folder away. */
  readonly onUnreachable: (error: ErrorRecord) => void
}

export class RemoteWorkerBackend implements Backend {
  readonly #inner: Backend
  readonly #options: RemoteBackendOptions
  /** Epoch milliseconds until which nothing is taken. */
  #heldUntil = 0
  readonly #waiting = new Set<(error: unknown) => void>()
  #isAbandoned = false

  constructor(options: RemoteBackendOptions) {
    this.#inner = options.backend
    this.#options = options
  }

  /** Rejects whatever waits for an answer or will: nobody waits any more for a server that is away. */
  abandon(): void {
    this.#isAbandoned = true
    for (const reject of this.#waiting) reject(new StoreClosedError(ABANDONED))
    this.#waiting.clear()
  }

  /** Takes nothing until then (epoch milliseconds); the engine sees it by its lanes' pauses. 0 ends it. */
  hold(until: number): void {
    this.#heldUntil = until
  }

  get #isHeld(): boolean {
    return this.#options.clock.now() < this.#heldUntil
  }

  async exchange({ settle, claim }: ExchangeRequest): Promise<ExchangeResult> {
    const lenient = settle.map((settlement) => this.#lenient(settlement))
    const claims = this.#isHeld ? [] : claim
    const { settled, claimed } = await this.#ask(this.#inner.exchange({ settle: lenient, claim: claims }))
    const refused: Settlement[] = []
    const taken = claimed.map((tasks) => tasks.flatMap((task) => this.#take(task, refused)))
    if (refused.length > 0) await this.#ask(this.#inner.exchange({ settle: refused, claim: [] }))
    return { settled, claimed: claims === claim ? taken : claim.map(() => []) }
  }

  #ask<Answer>(request: Promise<Answer>): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    if (this.#isAbandoned) reject(new StoreClosedError(ABANDONED))
    else this.#waiting.add(reject)
    request.then(resolve, reject).finally(() => this.#waiting.delete(reject))
    return promise
  }

  #lenient(settlement: Settlement): Settlement {
    if (settlement.outcome !== 'error') return settlement
    const { error, lease } = settlement
    const { paths } = this.#options.limits
    if (error.code === ROOT_UNREACHABLE) {
      this.#options.onUnreachable(error)
      return { lease, outcome: 'released' }
    }
    // What a dying process printed: everything else was translated there.
    return error.code === 'queue/worker-crashed'
      ? { ...settlement, error: tellError(error, paths.tell) }
      : settlement
  }

  #take(claimed: ClaimedTask, refused: Settlement[]): ClaimedTask[] {
    const { task, lease } = claimed
    const { limits, clock, putOffMs, onRefused } = this.#options
    try {
      return [{ ...claimed, task: { ...task, payload: toHostedTask(task.kind, task.payload, limits) } }]
    } catch (thrown) {
      const error = toErrorRecord(thrown)
      // Another host has no other opinion of what is wrong with a task itself.
      const isFinal = error.recovery === 'discard' || !error.code.startsWith('remote/')
      const now = clock.now()
      refused.push(
        isFinal
          ? { lease, outcome: 'error', error, retryAt: now }
          : { lease, outcome: 'snoozed', runAt: now + putOffMs },
      )
      onRefused(task.lane, error, isFinal)
      return []
    }
  }

  async pausedLanes(): Promise<readonly string[]> {
    return this.#isHeld ? this.#options.lanes : this.#ask(this.#inner.pausedLanes())
  }

  async nextDueAt(...request: Parameters<Backend['nextDueAt']>): ReturnType<Backend['nextDueAt']> {
    return this.#isHeld ? this.#heldUntil : this.#ask(this.#inner.nextDueAt(...request))
  }

  // # Passed on as it is

  add(...request: Parameters<Backend['add']>): ReturnType<Backend['add']> {
    return this.#ask(this.#inner.add(...request))
  }

  renew(...request: Parameters<Backend['renew']>): ReturnType<Backend['renew']> {
    return this.#ask(this.#inner.renew(...request))
  }

  report(...request: Parameters<Backend['report']>): ReturnType<Backend['report']> {
    return this.#ask(this.#inner.report(...request))
  }

  leave(...request: Parameters<Backend['leave']>): ReturnType<Backend['leave']> {
    return this.#ask(this.#inner.leave(...request))
  }

  coordinators(): ReturnType<Backend['coordinators']> {
    return this.#ask(this.#inner.coordinators())
  }

  sweep(...request: Parameters<Backend['sweep']>): ReturnType<Backend['sweep']> {
    return this.#ask(this.#inner.sweep(...request))
  }

  get(...request: Parameters<Backend['get']>): ReturnType<Backend['get']> {
    return this.#ask(this.#inner.get(...request))
  }

  list(...request: Parameters<Backend['list']>): ReturnType<Backend['list']> {
    return this.#ask(this.#inner.list(...request))
  }

  counts(...request: Parameters<Backend['counts']>): ReturnType<Backend['counts']> {
    return this.#ask(this.#inner.counts(...request))
  }

  openInGroup(...request: Parameters<Backend['openInGroup']>): ReturnType<Backend['openInGroup']> {
    return this.#ask(this.#inner.openInGroup(...request))
  }

  statistics(): ReturnType<Backend['statistics']> {
    return this.#ask(this.#inner.statistics())
  }

  cancel(...request: Parameters<Backend['cancel']>): ReturnType<Backend['cancel']> {
    return this.#ask(this.#inner.cancel(...request))
  }

  retryFailed(...request: Parameters<Backend['retryFailed']>): ReturnType<Backend['retryFailed']> {
    return this.#ask(this.#inner.retryFailed(...request))
  }

  setPaused(...request: Parameters<Backend['setPaused']>): ReturnType<Backend['setPaused']> {
    return this.#ask(this.#inner.setPaused(...request))
  }

  prune(...request: Parameters<Backend['prune']>): ReturnType<Backend['prune']> {
    return this.#ask(this.#inner.prune(...request))
  }

  putSchedule(...request: Parameters<Backend['putSchedule']>): ReturnType<Backend['putSchedule']> {
    return this.#ask(this.#inner.putSchedule(...request))
  }

  removeSchedule(...request: Parameters<Backend['removeSchedule']>): ReturnType<Backend['removeSchedule']> {
    return this.#ask(this.#inner.removeSchedule(...request))
  }

  schedules(): ReturnType<Backend['schedules']> {
    return this.#ask(this.#inner.schedules())
  }

  fireSchedules(): ReturnType<Backend['fireSchedules']> {
    return this.#ask(this.#inner.fireSchedules())
  }

  watch(...request: Parameters<Backend['watch']>): ReturnType<Backend['watch']> {
    return this.#inner.watch(...request)
  }

  call(...request: Parameters<Backend['call']>): ReturnType<Backend['call']> {
    return this.#ask(this.#inner.call(...request))
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
