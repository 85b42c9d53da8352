import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { NO_REDIS, startRedis } from '../../../test/support/redis-server.ts'
import { describeOnRedis, type RedisSuite } from '../../../test/support/redis-suite.ts'
import type { ErrorRecord } from '../../errors.ts'
import type { Backend, Settlement } from '../backend.ts'
import { QueueEngine } from '../queue-engine.ts'
import type { ClaimedTask } from '../task.ts'
import { openTestBackend } from './bullmq-backend.ts'
import type { BullmqContext } from './context.ts'
import { remoteJobOf } from './wire.ts'

const RETRY: ErrorRecord = { code: 'test/flaky', message: 'try again', recovery: 'retry' }
const LIMIT_MS = 10_000

async function settle(backend: Backend, settlement: Settlement): Promise<string | undefined> {
  return (await backend.exchange({ settle: [settlement], claim: [] })).settled[0]?.status
}

async function claimWith(backend: Backend, limit: number, leaseMs = 15_000): Promise<readonly ClaimedTask[]> {
  const claim = [{ lane: 'a', limit, workerId: 'w', leaseMs }]
  return (await backend.exchange({ settle: [], claim })).claimed[0] ?? []
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + LIMIT_MS; !(await isTrue()); ) {
    assert.ok(Date.now() < end, 'it did not come true')
    await sleep(5)
  }
}

/** The lock of a job has run out: its holder has vanished. */
async function expire(context: BullmqContext, id: number | string): Promise<void> {
  const jobId = typeof id === 'number' ? `t${id}` : id
  assert.equal(await context.redis.del(context.queue('a').key(`${jobId}:lock`)), 1)
}

async function addRemote(on: RedisSuite, jobId: string): Promise<void> {
  const { bull } = on.context.queue('a')
  const envelope = { version: 1, origin: 'o', taskId: 1, attempt: 1, payload: null }
  const job = remoteJobOf({ kind: 'item', envelope, priority: 0, alone: true }, Date.now())
  await on.context.register('a')
  await bull.addJobs([{ job, jobId }] as never)
}

await describeOnRedis('processes that share a queue on BullMQ', (on) => {
  test('an id whose job the server has lost is handed to nobody, and is gone then', async () => {
    const { redis } = on.context
    const { key } = on.context.queue('a')
    await addRemote(on, 'r.lost')
    await addRemote(on, 'r.there')
    await redis.del(key('r.lost'))
    const [claimed, ...more] = await claimWith(on.backend, 5)
    assert.equal(claimed?.task.kind, 'item')
    assert.deepEqual(more, [])
    assert.equal(await redis.exists(key('r.lost'), key('r.lost:lock')), 0)
    assert.deepEqual(await redis.lrange(key('active'), 0, -1), ['r.there'])
  })

  test('of two that wait, each task wakes one, and who is busy is not woken', async () => {
    const { backend: other } = await on.another()
    const woken = [0, 0, 0]
    const { backend: busy } = await on.another()
    const backends = [on.backend, other, busy]
    const ends = backends.map((backend, index) =>
      backend.watch(() => (woken[index] = (woken[index] ?? 0) + 1)),
    )
    for (const backend of [on.backend, other]) assert.equal((await claimWith(backend, 5)).length, 0)
    // Whoever blocks was told of the lane: from now on everything that wakes is a marker.
    await until(() => (woken[0] ?? 0) >= 1 && (woken[1] ?? 0) >= 1)
    await sleep(50)
    woken.fill(0)
    await on.addOne()
    await until(() => (woken[0] ?? 0) + (woken[1] ?? 0) > 0)
    await sleep(50)
    assert.deepEqual(woken.toSorted(), [0, 0, 1])
    const claimed = await Promise.all(backends.slice(0, 2).map((backend) => claimWith(backend, 5)))
    assert.equal(claimed.flat().length, 1)
    for (const end of ends) end()
  })

  test('a marker that was taken and not used is given back to the others', async () => {
    const { backend: other } = await on.another()
    const takers: string[] = []
    const ends = [on.backend.watch(() => takers.push('first'))]
    await claimWith(on.backend, 5)
    await until(() => takers.length > 0)
    await sleep(20)
    await on.addOne()
    await until(() => takers.length > 1)
    ends.push(other.watch(() => takers.push('other')))
    await claimWith(other, 5).then(async ([claimed]) => {
      assert.ok(claimed)
      await settle(other, { lease: claimed.lease, outcome: 'released' })
    })
    await until(() => takers.includes('other'))
    for (const end of ends) end()
  })

  test('a cancellation or a pause in one process is told to the others at once', async () => {
    const { backend: other } = await on.another()
    const id = await on.addOne()
    const { lease } = await on.claimOne()
    let told = 0
    const end = on.backend.watch(() => (told += 1))
    await until(async () => (await on.context.redis.zcard(on.context.key('listeners'))) === 1)
    for (const change of [() => other.cancel([id]), () => other.setPaused('a', true)]) {
      const before = told
      await change()
      await until(() => told > before)
    }
    assert.deepEqual((await on.backend.renew([lease], 15_000)).cancelRequested, [lease])
    end()
  })

  test('only the newest attempt is settled, whoever had the others', async () => {
    const { backend: other } = await on.another()
    const id = await on.addOne({ maxRetries: 9 })
    const first = await on.claimOne()
    await expire(on.context, id)
    assert.deepEqual(await other.sweep(), { expired: [id], released: [] })
    const [second] = await claimWith(other, 1)
    assert.ok(second)
    await expire(on.context, id)
    assert.deepEqual(await on.backend.sweep(), { expired: [id], released: [] })
    const third = await on.claimOne()
    assert.deepEqual(
      [first, second, third].map(({ task }) => task.attempt),
      [1, 2, 3],
    )
    const end = (claimed: ClaimedTask): Settlement => ({
      lease: claimed.lease,
      outcome: 'completed',
      result: 1,
    })
    assert.equal(await settle(on.backend, end(first)), 'stale')
    assert.equal(await settle(other, end(second)), 'stale')
    assert.equal(await settle(on.backend, end(third)), 'completed')
  })

  test('completions hand out the next tasks of their lane, each of them once', async () => {
    const { backend: other } = await on.another()
    await on.add(...Array.from({ length: 200 }, () => ({})))
    const seen: number[] = []
    await Promise.all(
      [on.backend, other].map(async (backend) => {
        let settle: readonly Settlement[] = []
        for (;;) {
          const claim = [{ lane: 'a', limit: 7, workerId: 'w', leaseMs: 15_000 }]
          const { settled, claimed } = await backend.exchange({ settle, claim })
          assert.ok(settled.every(({ status }) => status === 'completed'))
          const tasks = claimed[0] ?? []
          if (tasks.length === 0) return
          seen.push(...tasks.map(({ task }) => task.id))
          settle = tasks.map(({ lease }) => ({ lease, outcome: 'completed', result: null }))
        }
      }),
    )
    assert.equal(new Set(seen).size, 200)
    assert.equal(seen.length, 200)
    const { completed, processing } = await on.backend.counts()
    assert.deepEqual([completed, processing], [200, 0])
  })
})

await describeOnRedis('engines on BullMQ', (on) => {
  test('an idle one runs what another process adds, long before it would look by itself', async () => {
    const { backend: other } = await on.another()
    const lanes = { a: { concurrency: 3, runsIn: 'coordinator' } } as const
    const engine = new QueueEngine({ backend: other, lanes, handlers: { plain: async () => 7 } })
    const settled: number[] = []
    engine.on('task.settled', ({ task }) => settled.push(task.id))
    await engine.start()
    await until(async () => (await on.context.redis.zcard(on.context.key('listeners'))) === 1)
    for (let n = 0; n < 3; n += 1) {
      const addedAt = Date.now()
      const id = await on.addOne({ priority: n })
      await until(() => settled.includes(id))
      assert.ok(Date.now() - addedAt < 2_000)
      assert.equal((await on.backend.get(id))?.result, 7)
    }
    await engine.stop()
    assert.deepEqual(await on.backend.coordinators(), [])
  })
})

await describeOnRedis('the end of a task on BullMQ', (on) => {
  const outcomes: Record<string, (claimed: ClaimedTask) => Settlement> = {
    error: ({ lease }) => ({ lease, outcome: 'error', error: RETRY, retryAt: 0 }),
    'hopeless error': ({ lease }) => ({
      lease,
      outcome: 'error',
      error: { ...RETRY, recovery: 'discard' },
      retryAt: 0,
    }),
    release: ({ lease }) => ({ lease, outcome: 'released' }),
    snooze: ({ lease }) => ({ lease, outcome: 'snoozed', runAt: Date.now() + 9_000 }),
    'result that is not JSON': ({ lease }) => ({ lease, outcome: 'completed', result: 1n }),
  }
  for (const [name, settlement] of Object.entries(outcomes)) {
    test(`that was asked for comes with: ${name}`, async () => {
      const id = await on.addOne()
      const child = await on.addOne({ dependsOn: [{ taskId: id, onFailure: 'skip' }] })
      const claimed = await on.claimOne()
      assert.deepEqual(await on.backend.cancel([id, id]), { cancelled: [], requested: [id] })
      assert.equal(await settle(on.backend, settlement(claimed)), 'cancelled')
      assert.deepEqual(await on.statuses(id, child), ['cancelled', 'cancelled'])
      const task = await on.backend.get(id)
      assert.deepEqual(
        [task?.error?.code, task?.failures, task?.cancelRequested],
        ['queue/cancelled', 0, undefined],
      )
      assert.deepEqual(await on.claim(), [])
    })
  }

  test('that was asked for after its last look is found by the next claim', async () => {
    const id = await on.addOne()
    const { lease } = await on.claimOne()
    await settle(on.backend, { lease, outcome: 'released' })
    await on.context.redis.hset(on.context.queue('a').key(`t${id}`), 'cr', '1')
    assert.deepEqual(await on.claim(), [])
    assert.deepEqual(await on.statuses(id), ['cancelled'])
  })

  test('that completes although its end was asked for is a completion', async () => {
    const id = await on.addOne()
    const { lease } = await on.claimOne()
    await on.backend.cancel([id])
    assert.equal(await settle(on.backend, { lease, outcome: 'completed', result: 5 }), 'completed')
    assert.equal((await on.backend.get(id))?.result, 5)
  })

  test('leaves no lock, and an open task nothing but its hash and its place', async () => {
    const [done] = await on.add({}, {})
    await on.complete(await on.claimOne())
    const keys = await on.context.redis.keys(`${on.context.queue('a').key('')}t*`)
    assert.equal(keys.length, 2, String(keys))
    assert.deepEqual(await on.statuses(done?.id), ['completed'])
  })
})

await describeOnRedis('hostile names on BullMQ', (on) => {
  test('are names', async () => {
    for (const name of [
      '__proto__',
      'constructor',
      'a:b',
      'a\0b',
      'a\0c',
      "'; --",
      '😀',
      'x'.repeat(1_000_000),
    ]) {
      const id = await on.addOne({ kind: name, lane: name, group: name, payload: '\ud800\0' })
      const { task } = await on.claimOne(name)
      assert.deepEqual(
        [task.id, task.lane, task.kind, task.group, task.payload],
        [id, name, name, name, '\ud800\0'],
      )
      assert.equal((await on.backend.counts(name)).processing, 1)
      assert.ok((await on.backend.statistics()).some(({ lane }) => lane === name))
    }
  })
})

await describeOnRedis('a job of a remote lane', (on) => {
  test('has its errors for good and its results whole', async () => {
    await addRemote(on, 'r-1')
    await addRemote(on, 'r-2')
    const [one, two] = await on.claim()
    assert.ok(one && two && one.task.id !== two.task.id)
    assert.deepEqual([one.alone, one.task.maxRetries], [true, 0])
    assert.equal(
      await settle(on.backend, { lease: one.lease, outcome: 'error', error: RETRY, retryAt: 0 }),
      'failed',
    )
    const result = 'x'.repeat(100_000)
    assert.equal(
      await settle(on.backend, { lease: two.lease, outcome: 'completed', result, durationMs: 3 }),
      'completed',
    )
    const { key } = on.context.queue('a')
    const value = await on.context.redis.hget(key('r-2'), 'returnvalue')
    assert.deepEqual(JSON.parse(value ?? ''), { result, durationMs: 3 })
    const reason = await on.context.redis.hget(key('r-1'), 'failedReason')
    assert.deepEqual(JSON.parse(reason ?? ''), RETRY)
  })

  test('stalls for nothing five times, and fails at the sixth', async () => {
    await addRemote(on, 'r-1')
    for (let n = 0; n <= 5; n += 1) {
      const { lease, task } = await on.claimOne()
      assert.deepEqual([task.attempt, task.failures], [n + 1, 0])
      await expire(on.context, 'r-1')
      await on.backend.sweep()
      assert.equal(await settle(on.backend, { lease, outcome: 'completed', result: null }), 'stale')
    }
    assert.deepEqual(await on.claim(), [])
    const reason = await on.context.redis.hget(on.context.queue('a').key('r-1'), 'failedReason')
    assert.equal((JSON.parse(reason ?? '{}') as ErrorRecord).code, 'queue/lease-expired')
  })
})

test('a server that restarts empty leaves a backend that works, and gives no id twice', async (t) => {
  const server = await startRedis()
  if (server?.isOwn !== true) {
    t.skip(server === undefined ? NO_REDIS : 'REDIS_URL is not ours to restart')
    return
  }
  t.after(() => server.stop())
  const { backend, context } = await openTestBackend({ url: server.url }, { stalledCheckMs: 0 })
  t.after(() => backend.close())
  const add = async (): Promise<number> =>
    (await backend.add([{ kind: 'k', lane: 'a', payload: null }]))[0]?.id ?? 0
  const ids = [await add(), await add()]
  const [held] = await claimWith(backend, 1)
  assert.ok(held)
  await server.kill('SIGKILL')
  await server.start()
  if (context.redis.status !== 'ready') await once(context.redis, 'ready')
  assert.equal(await settle(backend, { lease: held.lease, outcome: 'completed', result: null }), 'stale')
  assert.deepEqual((await backend.renew([held.lease], 15_000)).lost, [held.lease])
  ids.push(await add())
  const [again] = await claimWith(backend, 5)
  assert.equal(again?.task.id, ids[2])
  await server.wipe()
  ids.push(await add())
  assert.deepEqual(
    ids,
    [...new Set(ids)].toSorted((a, b) => a - b),
  )
  assert.deepEqual(await backend.sweep(), { expired: [], released: [] })
  assert.equal((await claimWith(backend, 5)).length, 1)
})

test('a backend is closed although its server hangs or is gone, and answers nothing more', async (t) => {
  const server = await startRedis()
  if (server?.isOwn !== true) {
    t.skip(server === undefined ? NO_REDIS : 'REDIS_URL is not ours to stop')
    return
  }
  t.after(() => server.stop())
  const [hanging, gone] = await Promise.all([
    openTestBackend({ url: server.url }, {}),
    openTestBackend({ url: server.url }, {}),
  ])
  for (const { backend } of [hanging, gone]) {
    backend.watch(() => undefined)
    await claimWith(backend, 1)
  }
  await server.kill('SIGSTOP')
  const asked = hanging.backend.counts('a')
  await Promise.all([hanging.backend.close(), assert.rejects(asked, { code: 'queue/store-closed' })])
  // `once` of node:events would reject at the error that comes with it.
  const lost = new Promise((resolve) => gone.context.redis.once('close', resolve))
  await server.kill('SIGKILL')
  await lost
  await gone.backend.close()
  await assert.rejects(gone.backend.pausedLanes(), { code: 'queue/store-closed' })
})

test('a backend is closed while its connections are just being made again, and its requests end', async (t) => {
  const server = await startRedis()
  if (server?.isOwn !== true) {
    t.skip(server === undefined ? NO_REDIS : 'REDIS_URL is not ours to stop')
    return
  }
  t.after(() => server.stop())
  const { backend, context } = await openTestBackend({ url: server.url }, {})
  const all = [context.redis]
  const { another } = context.connections
  Object.assign(context.connections, {
    another: () => {
      const more = another()
      all.push(more)
      return more
    },
  })
  backend.watch(() => undefined)
  await claimWith(backend, 1)
  await until(() => all.length === 2 && all[1]?.status === 'ready')
  const blocked = async (): Promise<boolean> =>
    /cmd=bzpopmin/u.test(String(await context.redis.client('LIST')))
  await until(blocked)
  await server.kill('SIGSTOP')
  const asked = backend.counts('a').catch(({ code }) => assert.equal(code, 'queue/store-closed'))
  const lost = all.map((one) => new Promise((resolve) => one.once('reconnecting', resolve)))
  for (const { stream } of all) stream.destroy()
  await Promise.all(lost)
  // The server answers again, so that the next attempt succeeds.
  await server.kill('SIGCONT')
  const closed = Promise.all([backend.close(), asked]).then(() => 'closed')
  assert.equal(await Promise.race([closed, sleep(LIMIT_MS, 'hangs', { ref: false })]), 'closed')
})

test('an exchange that a close breaks off rejects, and leaves no other rejection to anybody', async (t) => {
  const server = await startRedis()
  if (server?.isOwn !== true) {
    t.skip(server === undefined ? NO_REDIS : 'REDIS_URL is not ours to stop')
    return
  }
  t.after(() => server.stop())
  const { backend } = await openTestBackend({ url: server.url }, {})
  await backend.add(Array.from({ length: 6 }, () => ({ kind: 'k', lane: 'a', payload: null })))
  const leases = (await claimWith(backend, 4)).map(({ lease }) => lease)
  const [a, b, c, d] = leases
  assert.ok(a && b && c && d)
  const claim = [{ lane: 'a', limit: 5, workerId: 'w', leaseMs: 15_000 }]
  const done = (lease: typeof a): Settlement => ({ lease, outcome: 'completed', result: null })
  await server.kill('SIGSTOP')
  const asked = [
    backend.exchange({ settle: [done(a), done(b)], claim }),
    backend.exchange({ settle: [{ lease: c, outcome: 'released' }, done(d)], claim }),
  ].map((one) => assert.rejects(one, { code: 'queue/store-closed' }))
  await backend.close()
  await Promise.all(asked)
  // An unhandled rejection is told after this turn.
  await sleep(10)
})

test('what a server refuses is said with a hint', async (t) => {
  const server = await startRedis()
  if (server?.isOwn !== true) {
    t.skip(server === undefined ? NO_REDIS : 'REDIS_URL is not ours to set up')
    return
  }
  t.after(() => server.stop())
  const { backend, context } = await openTestBackend({ url: server.url }, {})
  t.after(() => backend.close())
  await context.redis.config('SET', 'maxmemory', '1')
  const refused = backend.add([{ kind: 'k', lane: 'a', payload: null }])
  await assert.rejects(refused, { code: 'redis/out-of-memory', recovery: 'retry' })
})
