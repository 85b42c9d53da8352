import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { after, before, describe, type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { once } from '../../../test/support/queue-engine.ts'
import { NO_REDIS, startRedis, type TestRedis } from '../../../test/support/redis-server.ts'
import {
  type RemoteSetup,
  type RemoteSetupOptions,
  says,
  setupRemote,
  startHost,
  until,
} from '../../../test/support/remote-setup.ts'
import { openRemoteLanes } from './remote-lanes.ts'

/** Most tests are different coordinators of one worker host. */
const SHARED = `shared-${process.pid}`

let server: TestRedis | undefined
let sharedHost: ChildProcess | undefined
let libraries = 0

before(async () => {
  server = await startRedis()
  if (server === undefined) return
  sharedHost = startHost(server.url, SHARED, 'r', 2, 2_000)
  await says(sharedHost, 'ready')
})

after(async () => {
  sharedHost?.kill('SIGKILL')
  await server?.stop()
})

type Given = RemoteSetup & {
  readonly server: TestRedis
  readonly redis: Redis
  readonly key: (name: string) => string
}

/** Undefined, and the test is skipped, when there is no Redis. */
async function setup(
  t: TestContext,
  options: Omit<RemoteSetupOptions, 'server'> = {},
): Promise<Given | undefined> {
  if (server === undefined) {
    t.skip(NO_REDIS)
    return undefined
  }
  libraries += 1
  const setup = await setupRemote(t, {
    prefix: SHARED,
    origin: `library${libraries}/run`,
    ...options,
    server,
  })
  const redis = new Redis(server.url)
  t.after(() => redis.disconnect())
  return { ...setup, server, redis, key: (name) => `${setup.prefix}:r:${name}` }
}

function assertEachOnce(completed: ReadonlyMap<number, number>, ids: readonly number[]): void {
  assert.deepEqual(
    [...completed.keys()].sort((a, b) => a - b),
    ids,
  )
  assert.deepEqual(new Set(completed.values()), new Set([1]))
}

describe('a remote lane', () => {
  test('has its tasks run by a worker host, and commits each once', async (t) => {
    const given = await setup(t)
    if (given === undefined) return
    const { queue, backend, add, completed, lanes } = given
    const started: number[] = []
    queue.on('task.started', ({ task }) => started.push(task.id))
    const ids = await add(Array.from({ length: 120 }, (_, n) => ({ kind: 'echo', payload: { n } })))
    await queue.start()
    await queue.drain()
    assertEachOnce(completed, ids)
    assert.deepEqual(
      started.sort((a, b) => a - b),
      ids,
    )
    const last = await backend.get(ids.at(-1) ?? 0)
    assert.deepEqual(last?.result, { payload: { n: 119 }, taskId: ids.at(-1), attempt: 1 })
    assert.deepEqual(await lanes.queueDepths(), [{ lane: 'r', waiting: 0, active: 0, delayed: 0, failed: 0 }])
    assert.equal((await lanes.workerHosts()).length, 1)
  })

  test('an error is the end of an attempt only; a crash has the next one run alone', async (t) => {
    const given = await setup(t)
    if (given === undefined) return
    const { queue, backend, add } = given
    const [throws = 0, dies = 0, unknown = 0] = await add([
      { kind: 'throws', maxRetries: 1 },
      { kind: 'dies-once', maxRetries: 1 },
      { kind: 'of-another-version', maxRetries: 1 },
    ])
    await queue.start()
    await queue.drain()
    const failed = await backend.get(throws)
    assert.equal(failed?.status, 'failed')
    assert.equal(failed?.failures, 2)
    assert.equal(failed?.error?.message, 'did not work')
    const survived = await backend.get(dies)
    assert.equal(survived?.status, 'completed')
    assert.equal(survived?.failures, 1)
    assert.equal(survived?.result, 2)
    assert.equal((await backend.get(unknown))?.error?.code, 'queue/unknown-kind')
  })

  test('what a task emits is dealt with here, and its progress is told here', async (t) => {
    const emitted: unknown[] = []
    const given = await setup(t, {
      onEmit: async ({ id }, chunk) => {
        emitted.push([id, chunk])
        return { seen: chunk }
      },
    })
    if (given === undefined) return
    const { queue, backend, add } = given
    const [emits = 0] = await add([{ kind: 'emits', payload: { name: 'a' } }, { kind: 'reports' }])
    const progress = once(queue, 'task.progress')
    await queue.start()
    assert.deepEqual((await progress).value, { step: 1 })
    await queue.drain()
    assert.deepEqual(emitted, [[emits, { name: 'a' }]])
    assert.deepEqual((await backend.get(emits))?.result, { seen: { name: 'a' } })
  })

  test('cancelling ends what waits in Redis and what runs', async (t) => {
    // A host of its own: one that has seen quick tasks takes some ahead.
    const given = await setup(t, { prefix: `cancel-${process.pid}` })
    if (given === undefined) return
    const { queue, backend, add, begun, file, lanes, host } = given
    const [blocking = 0, waiting = 0] = await add([
      { kind: 'blocks-for-ever', payload: { file }, priority: 5 },
      { kind: 'noop' },
    ])
    await queue.start()
    await host()
    await until(async () => (await begun()).length === 1, 'the first one runs')
    await until(async () => (await lanes.queueDepths())[0]?.waiting === 1, 'the other one waits')
    await queue.cancel([waiting])
    await until(
      async () => (await backend.get(waiting))?.status === 'cancelled',
      'the waiting one is cancelled',
    )
    await queue.cancel([blocking])
    await queue.drain()
    assert.equal((await backend.get(blocking))?.status, 'cancelled')
  })

  test('a graceful stop finishes what runs and takes the rest out of Redis', async (t) => {
    const given = await setup(t)
    if (given === undefined) return
    const { queue, backend, add, begun, file, redis, key, completed } = given
    await add(Array.from({ length: 40 }, () => ({ kind: 'waits', payload: { ms: 300, file } })))
    await queue.start()
    await until(async () => (await begun()).length > 0, 'one runs')
    await queue.stop()
    assert.ok(completed.size > 0)
    const { pending, completed: done } = await backend.counts('r')
    assert.equal(pending + done, 40)
    assert.ok(pending > 0)
    assert.equal(await redis.zcard(key('prioritized')), 0)
  })

  test('an impatient stop waits for nobody', async (t) => {
    const given = await setup(t)
    if (given === undefined) return
    const { queue, backend, add, begun, file } = given
    await add([{ kind: 'waits', payload: { ms: 5_000, file } }])
    await queue.start()
    await until(async () => (await begun()).length === 1, 'it runs')
    await queue.stop({ graceful: false })
    assert.equal((await backend.counts('r')).pending, 1)
  })

  test('two coordinators do not take each other’s ends', async (t) => {
    const one = await setup(t)
    const other = await setup(t)
    if (one === undefined || other === undefined) return
    const all = [one, other].map(async ({ queue, add, backend, completed }, place) => {
      const ids = await add(Array.from({ length: 60 }, () => ({ kind: 'echo', payload: place })))
      await queue.start()
      await queue.drain()
      assertEachOnce(completed, ids)
      for (const taskId of ids)
        assert.deepEqual((await backend.get(taskId))?.result, { payload: place, taskId, attempt: 1 })
    })
    await Promise.all(all)
  })

  test('what an earlier run of the library left is removed, and nothing of others', async (t) => {
    const given = await setup(t, { prefix: `left-${process.pid}` })
    if (given === undefined) return
    const { queue, server, prefix, redis, key } = given
    const left = await setup(t, { prefix, origin: 'mine/old' })
    const foreign = await setup(t, { prefix, origin: 'other/old' })
    await left?.add([{ kind: 'noop' }, { kind: 'noop' }])
    await foreign?.add([{ kind: 'noop' }])
    await left?.queue.start()
    await foreign?.queue.start()
    await until(async () => (await redis.zcard(key('prioritized'))) === 3, 'all are in Redis')
    // As if it were killed: what it holds is not taken back.
    const lanes = await openRemoteLanes({ url: server.url, prefix, origin: 'mine/new' })
    t.after(() => lanes.close())
    const next = await setup(t, { prefix, origin: 'mine/newest', remote: lanes })
    await left?.lanes.close()
    await next?.add([{ kind: 'noop' }])
    await next?.queue.start()
    await until(async () => (await redis.zcard(key('prioritized'))) === 2, 'two are gone and one has come')
    await queue.stop()
  })
})

describe('opening remote lanes', () => {
  test('tells of a server that is not there', async () => {
    const opening = openRemoteLanes({ url: 'redis://127.0.0.1:1', origin: 'library/run' })
    await assert.rejects(opening, { code: 'redis/refused' })
  })

  test('closing them twice leaves no connection, and no name of the coordinator', async (t) => {
    const given = await setup(t, { origin: 'closing/run' })
    if (given === undefined) return
    const { lanes, redis, prefix } = given
    await until(
      async () => (await redis.exists(`${prefix}::origin:closing/run`)) === 1,
      'it says that it lives',
    )
    const before = clientsOf(await redis.client('LIST'))
    await Promise.all([lanes.close(), lanes.close()])
    assert.equal(await redis.exists(`${prefix}::origin:closing/run`), 0)
    await until(async () => clientsOf(await redis.client('LIST')) === before - 2, 'both connections are gone')
  })
})

function clientsOf(list: unknown): number {
  return String(list).trim().split('\n').length
}

describe('when events or jobs are lost, a remote lane', () => {
  test('finds ends that no event tells of', async (t) => {
    const given = await setup(t, { prefix: `deaf-${process.pid}` })
    if (given === undefined) return
    const { queue, add, completed, redis, key, hostHere } = given
    // What was read last lies in the far future, and then the stream begins anew: nothing is ever read of it again.
    await redis.xadd(key('events'), '9999999999999-0', 'event', 'none')
    const ids = await add([{ kind: 'noop' }, { kind: 'throws', maxRetries: 0 }])
    await queue.start()
    await until(async () => (await redis.zcard(key('prioritized'))) === 2, 'both are in Redis')
    await redis.del(key('events'))
    await hostHere()
    await queue.drain()
    assertEachOnce(completed, ids.slice(0, 1))
    assert.equal((await given.backend.get(ids[1] ?? 0))?.error?.message, 'did not work')
    const [newest] = await redis.xrevrange(key('events'), '+', '-', 'COUNT', 1)
    assert.ok((newest?.[0] ?? '') < '9999999999999-0')
  })

  test('adds again what is gone, and what no worker could ever find', async (t) => {
    const given = await setup(t, { prefix: `gone-${process.pid}` })
    if (given === undefined) return
    const { queue, add, completed, redis, key, hostHere } = given
    const ids = await add([{ kind: 'noop' }, { kind: 'noop' }])
    await queue.start()
    await until(async () => (await redis.zcard(key('prioritized'))) === 2, 'both are in Redis')
    const [gone = '', orphan = ''] = await redis.zrange(key('prioritized'), '0', '-1')
    await redis.del(key(gone))
    await redis.zrem(key('prioritized'), gone, orphan)
    await hostHere()
    await queue.drain()
    assertEachOnce(completed, ids)
  })

  test('goes on after a FLUSHALL', async (t) => {
    const given = await setup(t, { prefix: `flush-${process.pid}` })
    if (given === undefined) return
    const { queue, add, completed, redis, prefix, host } = given
    const ids = await add(Array.from({ length: 60 }, () => ({ kind: 'waits', payload: { ms: 20 } })))
    await queue.start()
    await host(2)
    await until(() => completed.size > 5, 'some are done')
    const keys = await redis.keys(`${prefix}:*`)
    await redis.del(...keys)
    await queue.drain()
    assertEachOnce(completed, ids)
  })
})
