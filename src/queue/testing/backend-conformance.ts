/**
 * What every backend promises, as one suite that each runs.
 *
 * The program under test counts effects through the callbacks of {@link EffectLog}, so that the suite needs to
 * know no database.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { FakeClock } from '../../clock.ts'
import type { ErrorRecord } from '../../errors.ts'
import type { Backend, Settlement } from '../backend.ts'
import type { StoreProgram } from '../commit.ts'
import type { ClaimedTask, NewTask } from '../task.ts'

/** How the suite's program keeps and reads effects in the backend's own database. */
export interface EffectLog<Database> {
  readonly migrate: (db: Database) => void
  readonly add: (db: Database, effect: string) => void
  readonly all: (db: Database) => readonly string[]
}

export interface Bundle {
  readonly backend: Backend
  readonly clock: FakeClock
}

/** Opens an empty backend that runs {@link conformanceProgram} and lives by the clock that it answers. */
export type BackendFactory = () => Promise<Bundle>

/** Tasks of this kind have a commit and a failure function. */
export const CONFORMANCE_PROGRAM_KIND = 'effect'

/** The program that the factory must open its backend with. */
export function conformanceProgram<Database>(log: EffectLog<Database>): StoreProgram<Database> {
  return {
    migrate: log.migrate,
    commits: {
      [CONFORMANCE_PROGRAM_KIND]: ({ db, add }, task, result) => {
        log.add(db, `done ${task.id}`)
        if (result === 'throw') {
          add([{ kind: 'plain', lane: 'made', payload: null }])
          throw new Error('commit refused')
        }
        if (result === 'spawn') add([{ kind: 'plain', lane: 'made', payload: task.id }])
        return `output of ${task.id}`
      },
    },
    failures: {
      [CONFORMANCE_PROGRAM_KIND]: ({ db }, task) => {
        log.add(db, `${task.status} ${task.id} ${task.error?.code}`)
        if (task.payload === 'throw') throw new Error('ledger is full')
      },
    },
    calls: {
      effects: ({ db }) => log.all(db),
      addThenThrow: ({ db, add }) => {
        log.add(db, 'never')
        add([{ kind: 'plain', lane: 'made', payload: null }])
        throw new Error('changed my mind')
      },
    },
  }
}

const LEASE_MS = 15_000
const RETRY: ErrorRecord = { code: 'test/flaky', message: 'try again', recovery: 'retry' }
const DISCARD: ErrorRecord = { code: 'test/hopeless', message: 'give up', recovery: 'discard' }

/** Runs the suite; `name` goes before each test. */
export function describeBackend(name: string, open: BackendFactory): void {
  describe(name, () => {
    let bundle: Bundle
    beforeEach(async () => {
      bundle = await open()
    })
    afterEach(() => bundle.backend.close())
    const driver = new Driver(() => bundle)
    describeOrder(driver)
    describeSettling(driver)
    describeLeases(driver)
    describeWaiting(driver)
    describeGroups(driver)
    describePrograms(driver)
    describeQuestions(driver)
  })
}

/** Short forms of what the tests do all the time. */
class Driver {
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

  async claim(limit = 10, lane = 'a'): Promise<readonly ClaimedTask[]> {
    const claim = [{ lane, limit, workerId: 'w', leaseMs: LEASE_MS }]
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

  async ids(limit = 10): Promise<number[]> {
    return (await this.claim(limit)).map(({ task }) => task.id)
  }
}

function describeOrder(on: Driver): void {
  test('a claim takes higher priority first, then creation order', async () => {
    const [low, first, second, high] = [
      await on.add({ priority: -1 }),
      await on.add(),
      await on.add(),
      await on.add({ priority: 5 }),
    ]
    assert.deepEqual(await on.ids(3), [high, first, second])
    assert.deepEqual(await on.ids(3), [low])
  })

  test('a claim sees its own lane only, and no task twice', async () => {
    const id = await on.add()
    await on.add({ lane: 'b' })
    assert.deepEqual(await on.ids(), [id])
    assert.deepEqual(await on.ids(), [])
  })

  test('a task is not claimed before its runAt', async () => {
    const id = await on.add({ runAt: on.clock.now() + 500 })
    assert.deepEqual(await on.ids(), [])
    assert.equal(await on.backend.nextDueAt('a'), on.clock.now() + 500)
    on.clock.advance(500)
    assert.equal(await on.backend.nextDueAt('a'), on.clock.now())
    assert.deepEqual(await on.ids(), [id])
    assert.equal(await on.backend.nextDueAt('a'), undefined)
  })

  test('adding is all or none', async () => {
    const bad = { kind: 'plain', lane: 'a', payload: null, dependsOn: [{ taskId: 999 }] }
    await assert.rejects(on.backend.add([{ kind: 'plain', lane: 'a', payload: 1 }, bad]), {
      code: 'queue/unknown-dependency',
    })
    assert.deepEqual(await on.ids(), [])
    assert.equal((await on.backend.counts()).pending, 0)
  })

  test('a task that cannot be stored is refused', async () => {
    const bad: Partial<NewTask>[] = [
      { priority: 0.5 },
      { maxRetries: -1 },
      { runAt: Number.NaN },
      { kind: '' },
      { payload: 1n },
    ]
    for (const field of bad) await assert.rejects(on.add(field), { code: 'queue/invalid-task' })
  })

  test('an open task answers for its dedupe key, a final one does not', async () => {
    const id = await on.add({ dedupeKey: 'k' })
    const twin = { kind: 'plain', lane: 'a', payload: null, dedupeKey: 'k' }
    assert.deepEqual(await on.backend.add([twin]), [{ id, added: false }])
    await on.complete(await on.claimOne())
    const [second] = await on.backend.add([twin])
    assert.equal(second?.added, true)
    assert.notEqual(second?.id, id)
  })
}

function describeSettling(on: Driver): void {
  test('a completed task keeps its result', async () => {
    const id = await on.add({ payload: { a: [1, 'ü'] } })
    const claimed = await on.claimOne()
    assert.deepEqual(claimed.task.payload, { a: [1, 'ü'] })
    assert.equal(await on.complete(claimed, { size: 3 }), 'completed')
    assert.deepEqual((await on.backend.get(id))?.result, { size: 3 })
  })

  test('a long result is not stored', async () => {
    const id = await on.add()
    await on.complete(await on.claimOne(), 'x'.repeat(70_000))
    assert.equal((await on.backend.get(id))?.result, null)
  })

  test('an error is retried with one less priority until no retries are left', async () => {
    const id = await on.add({ maxRetries: 1, priority: 4 })
    assert.equal(await on.fail(await on.claimOne(), RETRY), 'retry')
    const retried = await on.backend.get(id)
    assert.deepEqual([retried?.priority, retried?.failures, retried?.error], [3, 1, RETRY])
    assert.equal(await on.fail(await on.claimOne(), RETRY), 'failed')
    assert.equal((await on.backend.get(id))?.failures, 2)
    assert.deepEqual(await on.ids(), [])
  })

  test('an error that no retry can cure fails at once', async () => {
    await on.add({ maxRetries: 9 })
    assert.equal(await on.fail(await on.claimOne(), DISCARD), 'failed')
  })

  test('a retry waits for its time', async () => {
    await on.add()
    const { lease } = await on.claimOne()
    await on.settle({ lease, outcome: 'error', error: RETRY, retryAt: on.clock.now() + 100 })
    assert.deepEqual(await on.ids(), [])
    on.clock.advance(100)
    assert.equal((await on.ids()).length, 1)
  })

  test('a crash asks for an attempt alone, and only for the next one', async () => {
    await on.add()
    await on.fail(await on.claimOne(), RETRY, true)
    const second = await on.claimOne()
    assert.equal(second.alone, true)
    await on.fail(second, RETRY)
    assert.equal((await on.claimOne()).alone, false)
  })

  test('release and snooze charge nothing and give a new attempt number', async () => {
    const id = await on.add({ maxRetries: 0 })
    const first = await on.claimOne()
    assert.equal(await on.settle({ lease: first.lease, outcome: 'released' }), 'pending')
    const second = await on.claimOne()
    const runAt = on.clock.now() + 50
    assert.equal(await on.settle({ lease: second.lease, outcome: 'snoozed', runAt }), 'pending')
    assert.deepEqual(await on.ids(), [])
    on.clock.advance(50)
    const third = await on.claimOne()
    assert.deepEqual(
      [first, second, third].map(({ task }) => task.attempt),
      [1, 2, 3],
    )
    assert.equal((await on.backend.get(id))?.failures, 0)
  })
}

function describeLeases(on: Driver): void {
  test('only the holder of the current lease settles, and only once', async () => {
    const id = await on.add()
    const claimed = await on.claimOne()
    const { lease } = claimed
    assert.equal(await on.settle({ lease: { ...lease, token: 'x' }, outcome: 'released' }), 'stale')
    assert.equal(await on.settle({ lease: { ...lease, attempt: 9 }, outcome: 'released' }), 'stale')
    assert.equal(await on.settle({ lease: { ...lease, taskId: 99 }, outcome: 'released' }), 'stale')
    assert.equal(await on.status(id), 'processing')
    assert.equal(await on.complete(claimed), 'completed')
    assert.equal(await on.complete(claimed), 'stale')
  })

  test('a lease that ran out is swept, charged, and its late settlement is stale', async () => {
    const id = await on.add()
    const claimed = await on.claimOne()
    on.clock.advance(LEASE_MS - 1)
    assert.deepEqual((await on.backend.sweep()).expired, [])
    on.clock.advance(1)
    assert.deepEqual(await on.backend.sweep(), { expired: [id], released: [] })
    assert.equal(await on.complete(claimed), 'stale')
    const again = await on.claimOne()
    assert.deepEqual([again.task.attempt, again.task.failures], [2, 1])
    assert.equal(await on.complete(claimed), 'stale')
  })

  test('a renewed lease lives on; a lost one is answered', async () => {
    await on.add()
    const { lease } = await on.claimOne()
    on.clock.advance(LEASE_MS - 1)
    assert.deepEqual((await on.backend.renew([lease], LEASE_MS)).lost, [])
    on.clock.advance(LEASE_MS - 1)
    assert.deepEqual((await on.backend.sweep()).expired, [])
    on.clock.advance(1)
    await on.backend.sweep()
    assert.deepEqual((await on.backend.renew([lease], LEASE_MS)).lost, [lease])
  })

  test('a take-over releases everything at once and uncharged', async () => {
    const id = await on.add({ maxRetries: 0 })
    await on.claimOne()
    assert.deepEqual(await on.backend.sweep({ takeOver: true }), { expired: [], released: [id] })
    assert.equal((await on.claimOne()).task.failures, 0)
  })
}

function describeWaiting(on: Driver): void {
  test('a task waits for all that it depends on', async () => {
    const [first, second] = [await on.add(), await on.add()]
    const id = await on.add({ dependsOn: [{ taskId: first }, { taskId: second }] })
    assert.equal(await on.status(id), 'waiting')
    for (const claimed of await on.claim(2)) {
      assert.equal(await on.status(id), 'waiting')
      await on.complete(claimed)
    }
    assert.deepEqual(await on.ids(), [id])
  })

  test('each edge says what becomes of the dependant of a failed task', async () => {
    const parent = await on.add()
    const add = (onFailure: 'fail' | 'skip' | 'run') =>
      on.add({ dependsOn: [{ taskId: parent, onFailure }], kind: 'effect' })
    const [fail, skip, run] = [await add('fail'), await add('skip'), await add('run')]
    const behindFail = await on.add({ dependsOn: [{ taskId: fail }] })
    await on.fail(await on.claimOne())
    const states = await Promise.all([fail, skip, run, behindFail].map((id) => on.status(id)))
    assert.deepEqual(states, ['failed', 'cancelled', 'pending', 'failed'])
    assert.equal((await on.backend.get(behindFail))?.error?.code, 'queue/dependency-failed')
    assert.deepEqual(await on.backend.call('effects', null), [
      `failed ${fail} queue/dependency-failed`,
      `cancelled ${skip} queue/dependency-failed`,
    ])
  })

  test('a dependency that is already final decides at once', async () => {
    const parent = await on.add()
    await on.fail(await on.claimOne())
    const after = (onFailure: 'fail' | 'skip' | 'run') =>
      on.add({ dependsOn: [{ taskId: parent, onFailure }] })
    const ids = [await after('fail'), await after('skip'), await after('run')]
    const states = await Promise.all(ids.map((id) => on.status(id)))
    assert.deepEqual(states, ['failed', 'cancelled', 'pending'])
  })

  test('two failing parents end their dependant once', async () => {
    const root = await on.add()
    const left = await on.add({ dependsOn: [{ taskId: root }] })
    const right = await on.add({ dependsOn: [{ taskId: root }] })
    await on.add({ dependsOn: [{ taskId: left }, { taskId: right }], kind: 'effect', group: 'g' })
    await on.fail(await on.claimOne())
    assert.equal((await on.backend.counts()).failed, 4)
    assert.equal(((await on.backend.call('effects', null)) as string[]).length, 1)
    assert.equal(await on.backend.openInGroup('g'), 0)
  })
}

function describeGroups(on: Driver): void {
  test('a task waits for a whole group, members added later included', async () => {
    await on.add({ group: 'g' })
    const id = await on.add({ afterGroup: 'g', priority: 9 })
    await on.add({ group: 'g' })
    assert.equal(await on.backend.openInGroup('g'), 2)
    const [first, second, none] = await on.claim(3)
    assert.ok(first && second && none === undefined)
    await on.complete(first)
    assert.equal(await on.status(id), 'waiting')
    await on.fail(second)
    assert.deepEqual(await on.ids(), [id])
    assert.equal(await on.backend.openInGroup('g'), 0)
  })

  test('a group without open tasks holds nobody back', async () => {
    assert.equal(await on.status(await on.add({ afterGroup: 'nobody' })), 'pending')
  })

  test('a task that would wait for itself is refused', async () => {
    await on.add({ group: 'g' })
    const waiting = await on.add({ afterGroup: 'g', group: 'h' })
    const cycle = { code: 'queue/wait-cycle' }
    await assert.rejects(on.add({ group: 'g', afterGroup: 'g' }), cycle)
    await assert.rejects(on.add({ group: 'g', dependsOn: [{ taskId: waiting }] }), cycle)
    await assert.rejects(on.add({ group: 'g', afterGroup: 'h' }), cycle)
    const behind = await on.add({ dependsOn: [{ taskId: waiting }] })
    await assert.rejects(on.add({ group: 'g', dependsOn: [{ taskId: behind }] }), cycle)
  })

  test('cancel ends what does not run, and its dependants by their rule', async () => {
    const running = await on.add()
    await on.claimOne()
    const id = await on.add({ kind: 'effect' })
    const child = await on.add({ dependsOn: [{ taskId: id, onFailure: 'skip' }] })
    assert.deepEqual(await on.backend.cancel([running, id, 999]), [id])
    assert.equal(await on.status(child), 'cancelled')
    assert.deepEqual(await on.backend.call('effects', null), [`cancelled ${id} queue/cancelled`])
    assert.deepEqual(await on.backend.cancel([id]), [])
  })
}

function describePrograms(on: Driver): void {
  test('a commit function runs with the completion, and its output is answered', async () => {
    const id = await on.add({ kind: 'effect' })
    const { lease } = await on.claimOne()
    const settle: Settlement[] = [{ lease, outcome: 'completed', result: 'spawn' }]
    const claim = [{ lane: 'made', limit: 5, workerId: 'w', leaseMs: LEASE_MS }]
    const { settled, claimed } = await on.backend.exchange({ settle, claim })
    assert.deepEqual(settled, [{ taskId: id, status: 'completed', output: `output of ${id}` }])
    assert.equal(claimed[0]?.[0]?.task.payload, id)
    assert.deepEqual(await on.backend.call('effects', null), [`done ${id}`])
  })

  test('a commit function that throws leaves nothing, fails its attempt, and spares its neighbours', async () => {
    const [first, bad, last] = [
      await on.add({ kind: 'effect' }),
      await on.add({ kind: 'effect' }),
      await on.add({ kind: 'effect' }),
    ]
    const claimed = await on.claim()
    const settle = claimed.map(({ lease, task }): Settlement => {
      return { lease, outcome: 'completed', result: task.id === bad ? 'throw' : null }
    })
    const { settled } = await on.backend.exchange({ settle, claim: [] })
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['completed', 'retry', 'completed'],
    )
    assert.deepEqual(await on.backend.call('effects', null), [`done ${first}`, `done ${last}`])
    assert.equal((await on.backend.get(bad))?.error?.message, 'commit refused')
    assert.equal((await on.backend.counts('made')).pending, 0)
  })

  test('a failure function that throws leaves nothing, and the task is failed and says so', async () => {
    const id = await on.add({ kind: 'effect', payload: 'throw' })
    assert.equal(await on.fail(await on.claimOne()), 'failed')
    assert.deepEqual(await on.backend.call('effects', null), [])
    assert.match((await on.backend.get(id))?.error?.message ?? '', /give up.*ledger is full/u)
  })

  test('a call that throws leaves nothing, and an unknown one names the known', async () => {
    await assert.rejects(on.backend.call('addThenThrow', null), { message: 'changed my mind' })
    assert.deepEqual(await on.backend.call('effects', null), [])
    assert.equal((await on.backend.counts('made')).pending, 0)
    await assert.rejects(on.backend.call('nothing', null), { code: 'queue/unknown-call' })
  })
}

function describeQuestions(on: Driver): void {
  test('counts follow every change of state', async () => {
    await on.add()
    const second = await on.add()
    await on.add({ dependsOn: [{ taskId: second }] })
    await on.add({ lane: 'b' })
    await on.complete(await on.claimOne())
    await on.fail(await on.claimOne(), RETRY)
    const { waiting, retry, completed, pending } = await on.backend.counts('a')
    assert.deepEqual(
      { waiting, retry, completed, pending },
      { waiting: 1, retry: 1, completed: 1, pending: 0 },
    )
    assert.equal((await on.backend.counts()).pending, 1)
    assert.equal((await on.backend.counts('nobody')).pending, 0)
  })

  test('list filters, pages, and has the newest last', async () => {
    const ids = [await on.add({ group: 'g' }), await on.add({ group: 'g' }), await on.add({ lane: 'b' })]
    const list = async (filter: Parameters<Backend['list']>[0]) =>
      (await on.backend.list(filter)).map(({ id }) => id)
    assert.deepEqual(await list({ limit: 10 }), ids)
    assert.deepEqual(await list({ limit: 1, group: 'g' }), [ids[0]])
    assert.deepEqual(await list({ limit: 10, group: 'g', afterId: ids[0] ?? 0 }), [ids[1]])
    assert.deepEqual(await list({ limit: 10, lane: 'b', status: 'pending', kind: 'plain' }), [ids[2]])
    assert.deepEqual(await list({ limit: 10, status: 'failed' }), [])
    assert.equal(await on.backend.get(999), undefined)
  })
}
