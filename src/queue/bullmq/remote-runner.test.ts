import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../clock.ts'
import type { AttemptEnd } from '../runner.ts'
import type { ClaimedTask, Task } from '../task.ts'
import type { JobEnd, JobState, RemoteJob, RemoteLink } from './remote-link.ts'
import { RemoteRunner } from './remote-runner.ts'

const DONE: JobEnd = { outcome: 'completed', result: 'r', durationMs: 3 }
const FAILED: JobEnd = {
  outcome: 'error',
  error: { code: 'a/b', message: 'm', recovery: 'retry' },
  durationMs: 2,
}

/** A Redis of which a test says what it holds and whether it answers. */
class FakeLink implements RemoteLink {
  readonly jobs = new Map<string, JobState>()
  readonly added: RemoteJob[] = []
  readonly toEnd: string[] = []
  refusal: Error | undefined
  /** While set, nothing is answered. */
  away: Promise<void> | undefined

  async add(_lane: string, jobs: readonly RemoteJob[]): Promise<void> {
    await this.#answer()
    for (const job of jobs) {
      if (!this.jobs.has(job.jobId)) this.jobs.set(job.jobId, { state: 'waiting' })
      this.added.push(job)
    }
  }

  async look(_lane: string, ids: readonly string[]): Promise<ReadonlyMap<string, JobState>> {
    await this.#answer()
    return new Map(ids.map((id) => [id, this.jobs.get(id) ?? { state: 'gone' }]))
  }

  async remove(_lane: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    await this.#answer()
    const out = ids.filter((id) => this.jobs.get(id)?.state !== 'active')
    for (const id of out) this.jobs.delete(id)
    return new Set(out)
  }

  async requestEnd(_lane: string, ids: readonly string[]): Promise<void> {
    await this.#answer()
    this.toEnd.push(...ids)
  }

  async #answer(): Promise<void> {
    await this.away
    if (this.refusal !== undefined) throw this.refusal
  }
}

function claimed(id: number, attempt = 1): ClaimedTask {
  const task = { id, kind: 'k', lane: 'l', payload: { id }, attempt, failures: 0, priority: 0 } as Task
  return { task, lease: { taskId: id, attempt, token: 't' }, alone: false }
}

function setup(concurrency = 3) {
  const clock = new FakeClock()
  const link = new FakeLink()
  const ends: [number, AttemptEnd][] = []
  const started: number[] = []
  const progress: unknown[] = []
  let rooms = 0
  const runner = new RemoteRunner({
    lane: 'l',
    concurrency,
    timeoutMs: 1_000,
    cancelGraceMs: 1_000,
    clock,
    link,
    nameJob: ({ task, lease }, run) => `${task.id}-${lease.attempt}-${run}`,
    onRoom: () => {
      rooms += 1
    },
    host: {
      started: ({ task }) => started.push(task.id),
      ended: ({ task }, end) => ends.push([task.id, end]),
      emit: async () => undefined,
      progress: (_claimed, value) => progress.push(value),
      workerStarted: () => assert.fail('a remote lane has no workers here'),
      workerExited: () => assert.fail('a remote lane has no workers here'),
    },
  })
  /** Lets time pass, and what it sets off happen. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left >= 0; left -= 100) {
      clock.advance(100)
      await settle()
    }
  }
  const feed = async (...ids: number[]): Promise<ClaimedTask[]> => {
    const buffer = ids.map((id) => claimed(id))
    runner.feed(buffer)
    await settle()
    return buffer
  }
  return { clock, link, ends, started, progress, runner, pass, feed, rooms: () => rooms }
}

/** Everything that only waits for promises has happened. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

describe('the runner of a remote lane', () => {
  test('has no more under way than it may, and takes from the front', async () => {
    const { link, runner, feed } = setup(2)
    const left = await feed(1, 2, 3)
    assert.deepEqual(
      left.map(({ task }) => task.id),
      [3],
    )
    assert.deepEqual([...link.jobs.keys()], ['1-1-1', '2-1-1'])
    assert.equal(runner.running, 2)
    assert.equal(runner.hasIdleSlot, false)
  })

  test('an end makes room, and is told once, after the start', async () => {
    const { runner, feed, ends, started, rooms } = setup(1)
    await feed(1)
    runner.told([['1-1-1', { type: 'ended', end: DONE }]])
    runner.told([['1-1-1', { type: 'ended', end: FAILED }]])
    assert.deepEqual(ends, [[1, DONE]])
    assert.deepEqual(started, [1])
    assert.equal(rooms(), 1)
    assert.equal(runner.hasIdleSlot, true)
  })

  test('a job that runs twice has started once; progress is passed on', async () => {
    const { runner, feed, started, progress } = setup()
    await feed(1)
    runner.told([
      ['1-1-1', { type: 'active' }],
      ['1-1-1', { type: 'moved' }],
      ['1-1-1', { type: 'active' }],
      ['1-1-1', { type: 'progress', value: 5 }],
    ])
    assert.deepEqual(started, [1])
    assert.deepEqual(progress, [5])
  })

  test('the limit of a task goes before that of the lane', async () => {
    const { runner, link } = setup()
    const own = claimed(2)
    runner.feed([claimed(1), { ...own, task: { ...own.task, timeoutMs: 7 } }])
    await settle()
    assert.deepEqual(
      link.added.map(({ timeoutMs }) => timeoutMs),
      [1_000, 7],
    )
  })

  test('ends of other coordinators, attempts and runs are ignored', async () => {
    const { runner, feed, ends } = setup()
    await feed(1)
    for (const id of ['other-1-1-1', '1-2-1', '1-1-2', '2-1-1'])
      runner.told([[id, { type: 'ended', end: DONE }]])
    assert.deepEqual(ends, [])
    assert.notEqual(runner.emit(1, 1, 'chunk'), undefined)
    assert.equal(runner.emit(1, 2, 'chunk'), undefined)
  })

  test('an end that nobody told is seen within seconds', async () => {
    const { link, feed, ends, pass } = setup()
    await feed(1)
    link.jobs.set('1-1-1', { state: 'ended', end: DONE })
    await pass(6_500)
    assert.deepEqual(ends, [[1, DONE]])
  })

  test('what Redis has lost is added again as another run, and only that one counts', async () => {
    const { link, runner, feed, ends, pass } = setup()
    await feed(1)
    link.jobs.clear()
    runner.lookAtAll()
    await pass(100)
    assert.deepEqual([...link.jobs.keys()], ['1-1-2'])
    runner.told([['1-1-1', { type: 'ended', end: DONE }]])
    assert.deepEqual(ends, [])
    runner.told([['1-1-2', { type: 'ended', end: DONE }]])
    assert.deepEqual(ends, [[1, DONE]])
  })

  test('an addition that is refused is made again, and nothing fails', async () => {
    const { link, feed, ends, pass } = setup()
    link.refusal = new Error('OOM command not allowed')
    await feed(1, 2)
    await pass(3_000)
    assert.equal(link.jobs.size, 0)
    link.refusal = undefined
    await pass(1_500)
    assert.deepEqual([...link.jobs.keys()], ['1-1-1', '2-1-1'])
    assert.deepEqual(ends, [])
  })

  test('a cancelled job is removed while it waits, and ended where it runs', async () => {
    const { link, runner, feed, ends, pass } = setup()
    await feed(1, 2)
    link.jobs.set('2-1-1', { state: 'active' })
    runner.cancel(new Set([1, 2]))
    await pass(100)
    assert.deepEqual(ends, [[1, { outcome: 'released' }]])
    assert.deepEqual(new Set(link.toEnd), new Set(['2-1-1']))
    runner.told([['2-1-1', { type: 'ended', end: FAILED }]])
    assert.deepEqual(ends[1], [2, FAILED])
  })

  test('a cancelled job whose host has died is removed when it waits again', async () => {
    const { link, runner, feed, ends, pass } = setup()
    await feed(1)
    link.jobs.set('1-1-1', { state: 'active' })
    runner.cancel(new Set([1]))
    await pass(1_000)
    assert.deepEqual(ends, [])
    link.jobs.set('1-1-1', { state: 'waiting' })
    await pass(1_000)
    assert.deepEqual(ends, [[1, { outcome: 'released' }]])
    assert.equal(link.jobs.size, 0)
  })

  test('what was not even sent is released at once', async () => {
    const { link, runner, feed, ends } = setup()
    const back = Promise.withResolvers<void>()
    link.away = back.promise
    await feed(1)
    await feed(2)
    runner.cancel(new Set([2]))
    assert.deepEqual(ends, [[2, { outcome: 'released' }]])
    back.resolve()
  })

  test('abandoned tasks are lost, and leave Redis', async () => {
    const { link, runner, feed, ends } = setup()
    await feed(1, 2)
    link.jobs.set('2-1-1', { state: 'active' })
    runner.abandon(new Set([1, 2, 3]))
    await settle()
    assert.deepEqual(ends, [
      [1, { outcome: 'lost' }],
      [2, { outcome: 'lost' }],
    ])
    assert.deepEqual([...link.jobs.keys()], ['2-1-1'])
    assert.deepEqual(link.toEnd, ['2-1-1'])
    runner.told([['2-1-1', { type: 'ended', end: DONE }]])
    assert.equal(ends.length, 2)
  })

  test('a graceful stop releases what waits and waits for what runs', async () => {
    const { link, runner, feed, ends, pass } = setup()
    await feed(1, 2)
    link.jobs.set('2-1-1', { state: 'active' })
    let isStopped = false
    const stopping = runner.stop({ graceful: true }).then(() => {
      isStopped = true
    })
    await pass(1_000)
    assert.deepEqual(ends, [[1, { outcome: 'released' }]])
    assert.equal(isStopped, false)
    assert.deepEqual(link.toEnd, [])
    runner.told([['2-1-1', { type: 'ended', end: DONE }]])
    await stopping
    assert.deepEqual(ends[1], [2, DONE])
  })

  test('an impatient stop releases everything, also while Redis is away', async () => {
    const { link, runner, feed, ends, pass } = setup()
    await feed(1)
    link.away = new Promise(() => undefined)
    await feed(2)
    const graceful = runner.stop({ graceful: true })
    const impatient = runner.stop({ graceful: false })
    assert.deepEqual(ends, [
      [1, { outcome: 'released' }],
      [2, { outcome: 'released' }],
    ])
    await pass(1_100)
    await Promise.all([graceful, impatient])
  })

  test('a graceful stop does not wait for a Redis that is away', async () => {
    const { link, runner, feed, ends, pass } = setup()
    await feed(1)
    link.jobs.set('1-1-1', { state: 'active' })
    link.away = new Promise(() => undefined)
    await feed(2)
    const stopping = runner.stop({ graceful: true })
    await pass(4_000)
    assert.deepEqual(ends, [])
    await pass(3_500)
    assert.deepEqual(ends, [
      [1, { outcome: 'released' }],
      [2, { outcome: 'released' }],
    ])
    await stopping
  })

  test('a graceful stop waits for what runs through an outage that is short', async () => {
    const { link, runner, feed, ends, pass } = setup()
    await feed(1)
    link.jobs.set('1-1-1', { state: 'active' })
    const stopping = runner.stop({ graceful: true })
    for (let outage = 0; outage < 3; outage += 1) {
      const { promise, resolve } = Promise.withResolvers<void>()
      link.away = promise
      await pass(4_000)
      link.away = undefined
      resolve()
      await pass(2_000)
    }
    assert.deepEqual(ends, [])
    link.jobs.set('1-1-1', { state: 'ended', end: DONE })
    await pass(1_000)
    assert.deepEqual(ends, [[1, DONE]])
    await stopping
  })

  test('a graceful stop releases what Redis refuses to take', async () => {
    const { link, runner, feed, ends, pass } = setup()
    const { promise, resolve } = Promise.withResolvers<void>()
    link.away = promise
    await feed(1)
    const stopping = runner.stop({ graceful: true })
    link.refusal = new Error('no memory left')
    resolve()
    await pass(1_000)
    assert.deepEqual(ends, [[1, { outcome: 'released' }]])
    await stopping
    // One of a batch may have been taken.
    link.refusal = undefined
    await pass(2_000)
    assert.deepEqual([...link.jobs.keys()], [])
  })

  test('it may be used again after a stop', async () => {
    const { link, runner, feed } = setup()
    await runner.stop({ graceful: true })
    await runner.stop({ graceful: true })
    await feed(1)
    assert.equal(link.jobs.size, 1)
  })

  test('whatever happens, each task ends once', async () => {
    const what = fc.constantFrom('feed', 'end', 'lose', 'activate', 'cancel', 'refuse', 'accept', 'pass')
    const actions = fc.array(fc.record({ what, id: fc.nat({ max: 9 }) }), { maxLength: 40 })
    await fc.assert(fc.asyncProperty(actions, eachTaskEndsOnce), { numRuns: 100 })
  })
})

type What = 'feed' | 'end' | 'lose' | 'activate' | 'cancel' | 'refuse' | 'accept' | 'pass'

async function eachTaskEndsOnce(
  actions: readonly { readonly what: What; readonly id: number }[],
): Promise<void> {
  const { link, runner, ends, pass } = setup(4)
  const buffer: ClaimedTask[] = []
  let fed = 0
  const does: Record<What, (jobId: string, id: number) => unknown> = {
    feed: () => {
      fed += 1
      buffer.push(claimed(fed))
    },
    end: (jobId) => runner.told([[jobId, { type: 'ended', end: DONE }]]),
    lose: (jobId) => link.jobs.delete(jobId),
    activate: (jobId) => link.jobs.has(jobId) && link.jobs.set(jobId, { state: 'active' }),
    cancel: (_jobId, id) => runner.cancel(new Set([id])),
    refuse: () => {
      link.refusal = new Error('no')
    },
    accept: () => {
      link.refusal = undefined
    },
    pass: () => pass(300),
  }
  for (const { what, id } of actions) {
    await does[what]([...link.jobs.keys()][id] ?? '', id)
    runner.feed(buffer)
    await settle()
  }
  link.refusal = undefined
  // Whoever runs anything completes it.
  for (let round = 0; round < 50 && ends.length < fed; round += 1) {
    for (const id of link.jobs.keys()) link.jobs.set(id, { state: 'ended', end: DONE })
    runner.lookAtAll()
    await pass(1_000)
    runner.feed(buffer)
  }
  const ids = ends.map(([id]) => id).sort((a, b) => a - b)
  assert.deepEqual(
    ids,
    Array.from({ length: fed }, (_, index) => index + 1),
  )
  assert.equal(runner.running, 0)
}
