/**
 * A suite of tests on a Redis server of its own, each with an empty backend.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { after, afterEach, beforeEach, describe, test } from 'node:test'
import type { ChainableCommander } from 'ioredis'
import { type Clock, systemClock } from '../../src/clock.ts'
import type { ErrorRecord } from '../../src/errors.ts'
import type { AddedTask, Backend } from '../../src/queue/backend.ts'
import { openTestBackend } from '../../src/queue/bullmq/bullmq-backend.ts'
import type { BullmqContext } from '../../src/queue/bullmq/context.ts'
import type { ClaimedTask, NewTask } from '../../src/queue/task.ts'
import { NO_REDIS, startRedis, type TestRedis } from './redis-server.ts'

const GIVEN_UP: ErrorRecord = { code: 'test/hopeless', message: 'give up', recovery: 'discard' }

/** What a test works with; opened anew for each. */
export class RedisSuite {
  readonly #server: TestRedis
  readonly #clock: Clock
  #opened: { backend: Backend; context: BullmqContext }[] = []
  #prefix = ''
  #prefixes = 0

  constructor(server: TestRedis, clock: Clock) {
    this.#server = server
    this.#clock = clock
  }

  get backend(): Backend {
    return this.#first.backend
  }

  get context(): BullmqContext {
    return this.#first.context
  }

  get #first(): { readonly backend: Backend; readonly context: BullmqContext } {
    const [first] = this.#opened
    assert.ok(first)
    return first
  }

  /** Whether the server may be set up as a test wants it. */
  get isOwn(): boolean {
    return this.#server.isOwn
  }

  async begin(): Promise<void> {
    this.#prefixes += 1
    this.#prefix = `suite-${process.pid}-${this.#prefixes}`
    await this.another()
  }

  /** One more process's view of the same queue. */
  async another(): Promise<{ readonly backend: Backend; readonly context: BullmqContext }> {
    const settings = { url: this.#server.url, prefix: this.#prefix, clock: this.#clock }
    const opened = await openTestBackend(settings, { stalledCheckMs: 0 })
    this.#opened.push(opened)
    return opened
  }

  async end(): Promise<void> {
    const opened = this.#opened
    this.#opened = []
    for (const { backend } of opened) await backend.close()
  }

  /** Does something after the first guarded transaction of {@link backend} has looked, and before it happens. */
  meanwhile(act: () => Promise<unknown>): void {
    const { redis } = this.context
    const duplicate = redis.duplicate.bind(redis)
    redis.duplicate = (override) => {
      const client = duplicate(override)
      redis.duplicate = duplicate
      const multi = client.multi.bind(client)
      client.multi = ((): ChainableCommander => {
        client.multi = multi
        const transaction = multi()
        const exec = transaction.exec.bind(transaction)
        transaction.exec = async () => {
          await act()
          return exec()
        }
        return transaction
      }) as typeof multi
      return client
    }
  }

  async add(...tasks: readonly Partial<NewTask>[]): Promise<readonly AddedTask[]> {
    return this.backend.add(
      tasks.map((task): NewTask => ({ kind: 'plain', lane: 'a', payload: null, ...task })),
    )
  }

  /** Adds one task; answers its id. */
  async addOne(task: Partial<NewTask> = {}): Promise<number> {
    const [added] = await this.add(task)
    assert.ok(added?.added)
    return added.id
  }

  async claim(limit = 10, lane = 'a'): Promise<readonly ClaimedTask[]> {
    const claim = [{ lane, limit, workerId: 'w', leaseMs: 15_000 }]
    return (await this.backend.exchange({ settle: [], claim })).claimed[0] ?? []
  }

  async claimOne(lane = 'a'): Promise<ClaimedTask> {
    const [claimed] = await this.claim(1, lane)
    assert.ok(claimed, `nothing to claim in ${lane}`)
    return claimed
  }

  async complete({ lease }: ClaimedTask): Promise<void> {
    await this.backend.exchange({ settle: [{ lease, outcome: 'completed', result: null }], claim: [] })
  }

  async fail({ lease }: ClaimedTask): Promise<void> {
    const end = { lease, outcome: 'error', error: GIVEN_UP, retryAt: 0 } as const
    await this.backend.exchange({ settle: [end], claim: [] })
  }

  async statuses(...ids: readonly (number | undefined)[]): Promise<readonly (string | undefined)[]> {
    const tasks = await Promise.all(ids.map((id) => this.backend.get(id ?? 0)))
    return tasks.map((task) => task?.status)
  }
}

/** Declares a suite; where there is no Redis to be had it is one skipped test that says so. */
export async function describeOnRedis(
  name: string,
  declare: (on: RedisSuite) => void,
  clock: Clock = systemClock,
): Promise<void> {
  const server = await startRedis()
  if (server === undefined) {
    void test(name, { skip: NO_REDIS })
    return
  }
  const suite = new RedisSuite(server, clock)
  void describe(name, () => {
    beforeEach(() => suite.begin())
    afterEach(() => suite.end())
    after(() => server.stop())
    declare(suite)
  })
}
