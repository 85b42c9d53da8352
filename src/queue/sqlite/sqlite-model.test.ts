/**
 * Random sequences of everything that can be asked of a backend, the memory backend being the reference.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../clock.ts'
import { type ErrorRecord, HeirloomError } from '../../errors.ts'
import type { Backend, Settlement } from '../backend.ts'
import type { Lease, NewTask } from '../task.ts'
import { conformanceProgram } from '../testing/backend-conformance.ts'
import { MemoryBackend, type MemoryDatabase } from '../testing/memory-backend.ts'
import { openSqliteBackendInProcess } from './sqlite-backend.ts'

const effects = (db: MemoryDatabase): readonly string[] => (db.get('effects') as string[] | undefined) ?? []

const memoryProgram = conformanceProgram<MemoryDatabase>({
  migrate: () => undefined,
  add: (db, effect) => db.set('effects', [...effects(db), effect]),
  all: effects,
})

const sqliteProgram = conformanceProgram<DatabaseSync>({
  migrate: (db) => db.exec('CREATE TABLE effects (effect TEXT NOT NULL)'),
  add: (db, effect) => db.prepare('INSERT INTO effects VALUES (?)').run(effect),
  all: (db) =>
    db
      .prepare('SELECT effect FROM effects ORDER BY rowid')
      .all()
      .map((row) => String(row['effect'])),
})

const lane = fc.constantFrom('a', 'a', 'a', 'b', 'made')
const group = fc.constantFrom('g', 'h', 'i')
const small = fc.integer({ min: 0, max: 9 })
const rule = fc.constantFrom('fail' as const, 'skip' as const, 'run' as const)

/** Undefined two times out of three: else hardly a task could ever be claimed. */
function rarely<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
}

const task = fc.record(
  {
    kind: fc.constantFrom('plain', 'effect'),
    lane,
    payload: fc.constantFrom(null, 'throw', { x: 1 }),
    priority: fc.integer({ min: -2, max: 2 }),
    delayMs: fc.constantFrom(0, 0, 50, 400),
    maxRetries: fc.integer({ min: 0, max: 2 }),
    dependsOn: rarely(fc.array(fc.record({ back: small, onFailure: rule }), { maxLength: 3 })),
    group: rarely(group),
    afterGroup: rarely(group),
    dedupeKey: rarely(fc.constantFrom('k', 'l')),
  },
  { requiredKeys: ['kind', 'lane', 'payload', 'dependsOn', 'group', 'afterGroup', 'dedupeKey'] },
)

const ending = fc.oneof(
  fc.record({
    outcome: fc.constant('completed' as const),
    result: fc.constantFrom(null, 'throw', 'spawn', 7),
  }),
  fc.record({
    outcome: fc.constant('error' as const),
    recovery: fc.constantFrom('retry' as const, 'discard' as const),
    delayMs: fc.constantFrom(0, 100),
    crashed: fc.boolean(),
  }),
  fc.record({ outcome: fc.constant('released' as const) }),
  fc.record({ outcome: fc.constant('snoozed' as const), delayMs: fc.constantFrom(0, 100) }),
)

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('add' as const), tasks: fc.array(task, { maxLength: 4 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('exchange' as const),
      settle: fc.array(fc.record({ lease: small, ending }), { maxLength: 4 }),
      claim: fc.array(fc.record({ lane, limit: fc.integer({ min: 0, max: 4 }) }), { maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 60, 600, 2_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const), takeOver: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('renew' as const), leases: fc.array(small, { maxLength: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('cancel' as const), back: fc.array(small, { maxLength: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('addThenThrow' as const) }) },
)

type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never

const LEASE_MS = 1_000

/** What the sequences must get to see. */
const STATES = ['waiting', 'pending', 'processing', 'retry', 'completed', 'failed', 'cancelled']
const ERRORS = [
  'queue/unknown-dependency',
  'queue/wait-cycle',
  'queue/dependency-failed',
  'queue/cancelled',
  'queue/lease-expired',
  'bug/Error',
]

/** One backend under the commands: holds its own leases, because tokens differ. */
class Subject {
  readonly backend: Backend
  readonly #clock: FakeClock
  readonly #leases: Lease[] = []
  #lastId = 0

  constructor(backend: Backend, clock: FakeClock) {
    this.backend = backend
    this.#clock = clock
  }

  /** Everything the command answers, without tokens; what is thrown counts as an answer. */
  async run(command: Command): Promise<unknown> {
    try {
      return withoutTokens(await this.#perform(command))
    } catch (error) {
      if (error instanceof HeirloomError) return error.code
      return (error as Error).message
    }
  }

  #perform(command: Command): Promise<unknown> | undefined {
    switch (command.do) {
      case 'add':
        return this.#add(command.tasks.map((given) => this.#newTask(given)))
      case 'exchange':
        return this.#exchange(command)
      case 'sweep':
        return this.backend.sweep({ takeOver: command.takeOver }).then(({ expired, released }) => ({
          expired: expired.toSorted((a, b) => a - b),
          released: released.toSorted((a, b) => a - b),
        }))
      case 'renew':
        return this.backend.renew(
          command.leases.flatMap((back) => this.#leases.at(-1 - back) ?? []),
          LEASE_MS,
        )
      case 'cancel':
        return this.backend.cancel(command.back.map((back) => this.#recent(back)))
      case 'addThenThrow':
        return this.backend.call('addThenThrow', null)
      case 'advance':
        return undefined
    }
  }

  async #add(tasks: readonly NewTask[]): Promise<unknown> {
    const added = await this.backend.add(tasks)
    this.#lastId = Math.max(this.#lastId, ...added.map(({ id }) => id))
    return added
  }

  #newTask({ delayMs, dependsOn, ...given }: Extract<Command, { do: 'add' }>['tasks'][number]): NewTask {
    const { group: _g, afterGroup: _a, dedupeKey: _d, ...rest } = given
    return {
      ...rest,
      ...(given.group === undefined ? {} : { group: given.group }),
      ...(given.afterGroup === undefined ? {} : { afterGroup: given.afterGroup }),
      ...(given.dedupeKey === undefined ? {} : { dedupeKey: given.dedupeKey }),
      ...(delayMs === undefined ? {} : { runAt: this.#clock.now() + delayMs }),
      ...(dependsOn === undefined
        ? {}
        : { dependsOn: dependsOn.map(({ back, onFailure }) => ({ taskId: this.#recent(back), onFailure })) }),
    }
  }

  /** The id of a recent task; now and then of none. */
  #recent(back: number): number {
    return back === 9 ? 999 : Math.max(1, this.#lastId - back)
  }

  async #exchange({ settle, claim }: Extract<Command, { do: 'exchange' }>): Promise<unknown> {
    const answer = await this.backend.exchange({
      settle: settle.flatMap(({ lease, ending: end }) => {
        const held = this.#leases.at(-1 - lease)
        return held === undefined ? [] : [this.#settlement(held, end)]
      }),
      claim: claim.map((request) => ({ ...request, workerId: 'w', leaseMs: LEASE_MS })),
    })
    this.#leases.push(...answer.claimed.flat().map(({ lease }) => lease))
    return answer
  }

  #settlement(
    lease: Lease,
    end: typeof ending extends fc.Arbitrary<infer Value> ? Value : never,
  ): Settlement {
    const now = this.#clock.now()
    if (end.outcome === 'completed') return { lease, ...end, retryAt: now + 100 }
    if (end.outcome === 'released') return { lease, ...end }
    if (end.outcome === 'snoozed') return { lease, outcome: 'snoozed', runAt: now + end.delayMs }
    const error: ErrorRecord = { code: 'test/error', message: 'no', recovery: end.recovery }
    return { lease, outcome: 'error', error, retryAt: now + end.delayMs, crashed: end.crashed }
  }

  /** All that can be seen from outside. */
  async picture(): Promise<unknown> {
    const { backend } = this
    const sorted = async () => ((await backend.call('effects', null)) as string[]).toSorted()
    return {
      tasks: await backend.list({ limit: 1_000 }),
      counts: await Promise.all([undefined, 'a', 'b', 'made'].map((name) => backend.counts(name))),
      due: await Promise.all(['a', 'b', 'made'].map((name) => backend.nextDueAt(name))),
      groups: await Promise.all(['g', 'h', 'i'].map((name) => backend.openInGroup(name))),
      effects: await sorted(),
    }
  }
}

function withoutTokens(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (key, inner: unknown) => (key === 'token' ? 0 : inner)))
}

test('sqlite answers every sequence of requests as the reference does', async () => {
  const reached = new Set<unknown>()
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 20, maxLength: 50, size: 'max' }), async (commands) => {
      const clock = new FakeClock()
      const memory = new Subject(new MemoryBackend({ clock, program: memoryProgram }), clock)
      const sqlite = new Subject(
        openSqliteBackendInProcess({ file: ':memory:', clock, program: sqliteProgram }),
        clock,
      )
      for (const one of commands) {
        if (one.do === 'advance') clock.advance(one.ms)
        const [expected, actual] = [await memory.run(one), await sqlite.run(one)]
        assert.deepEqual(actual, expected)
        assert.deepEqual(await sqlite.picture(), await memory.picture())
        if (typeof expected === 'string') reached.add(expected)
      }
      for (const { status, error } of await memory.backend.list({ limit: 1_000 })) {
        reached.add(status).add(error?.code)
      }
      await sqlite.backend.close()
    }),
    { numRuns: 150 },
  )
  // A generator that no longer gets anywhere would make this test say nothing.
  for (const state of [...STATES, ...ERRORS]) assert.ok(reached.has(state), `never reached: ${state}`)
})
