/**
 * What the parts of the conformance suite work with.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { FakeClock } from '../../../clock.ts'
import type { ErrorRecord } from '../../../errors.ts'
import type { Backend, ClaimRequest, RateLimit, Settlement } from '../../backend.ts'
import type { ClaimedTask, NewTask } from '../../task.ts'

export interface Bundle {
  readonly backend: Backend
  readonly clock: FakeClock
}

/** Opens an empty backend that runs {@link conformanceProgram} and lives by the clock that it answers. */
export type BackendFactory = () => Promise<Bundle>

export const LEASE_MS: number = 15_000
export const RETRY: ErrorRecord = { code: 'test/flaky', message: 'try again', recovery: 'retry' }
export const DISCARD: ErrorRecord = { code: 'test/hopeless', message: 'give up', recovery: 'discard' }

/** Short forms of what the tests do all the time. */
export class Driver {
  readonly #bundle: () => Bundle

  constructor(bundle: () => Bundle) {
    this.#bundle = bundle
  }

  get backend(): Backend {
    return this.#bundle().backend
  }

  get clock(): FakeClock {
    return this.#bundle().clock
  }

  async add(task: Partial<NewTask> = {}): Promise<number> {
    const [added] = await this.backend.add([{ kind: 'plain', lane: 'a', payload: null, ...task }])
    assert.ok(added)
    return added.id
  }

  /** Adds tasks in one go; answers their ids. */
  async addAll(...tasks: readonly Partial<NewTask>[]): Promise<readonly number[]> {
    const full = tasks.map((task): NewTask => ({ kind: 'plain', lane: 'a', payload: null, ...task }))
    return (await this.backend.add(full)).map(({ id }) => id)
  }

  async claim(limit = 10, lane = 'a', rate?: RateLimit): Promise<readonly ClaimedTask[]> {
    const rules = rate === undefined ? {} : { rate }
    const claim: ClaimRequest[] = [{ lane, limit, workerId: 'w', leaseMs: LEASE_MS, ...rules }]
    const { claimed } = await this.backend.exchange({ settle: [], claim })
    return claimed[0] ?? []
  }

  async claimOne(lane = 'a'): Promise<ClaimedTask> {
    const [claimed] = await this.claim(1, lane)
    assert.ok(claimed, `nothing to claim in ${lane}`)
    return claimed
  }

  async settle(settlement: Settlement): Promise<string> {
    const { settled } = await this.backend.exchange({ settle: [settlement], claim: [] })
    return settled[0]?.status ?? 'none'
  }

  complete({ lease }: ClaimedTask, result: unknown = null): Promise<string> {
    return this.settle({ lease, outcome: 'completed', result })
  }

  fail({ lease }: ClaimedTask, error: ErrorRecord = DISCARD, crashed = false): Promise<string> {
    return this.settle({ lease, outcome: 'error', error, retryAt: this.clock.now(), crashed })
  }

  async status(id: number): Promise<string | undefined> {
    return (await this.backend.get(id))?.status
  }

  async statuses(...ids: readonly number[]): Promise<readonly (string | undefined)[]> {
    return Promise.all(ids.map((id) => this.status(id)))
  }

  async ids(limit = 10, lane = 'a'): Promise<number[]> {
    return (await this.claim(limit, lane)).map(({ task }) => task.id)
  }

  async effects(): Promise<readonly string[]> {
    return (await this.backend.call('effects', null)) as string[]
  }
}
