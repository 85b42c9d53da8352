import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { NO_REDIS, startRedis, type TestRedis } from '../../../test/support/redis-server.ts'
import { EmitAnswers } from './emit-answers.ts'
import { EmitChannel, type EmitRequest, emitKeys } from './emit-channel.ts'
import { StreamReader } from './remote-reader.ts'

let server: TestRedis | undefined
let bases = 0

before(async () => {
  server = await startRedis({ appendOnly: 'no' })
})

after(() => server?.stop())

type Deal = (request: EmitRequest) => Promise<unknown> | undefined

interface Setup {
  readonly server: TestRedis
  readonly redis: Redis
  readonly channel: EmitChannel
  /** Starts the coordinator `library/run`. It says that it lives whenever it has connected. */
  readonly coordinate: (deal: Deal) => EmitAnswers
  readonly keys: ReturnType<typeof emitKeys>
}

/** Undefined, and the test is skipped, when there is no Redis. */
function setup(
  t: TestContext,
  limits: { answerLimitMs?: number; goneLimitMs?: number } = {},
): Setup | undefined {
  if (server === undefined) {
    t.skip(NO_REDIS)
    return undefined
  }
  bases += 1
  const base = `test${bases}`
  const keys = emitKeys((name) => `${base}::${name}`)
  const open = (): Redis => {
    const redis = new Redis(server?.url ?? '', { maxRetriesPerRequest: null })
    redis.on('error', () => undefined)
    t.after(() => redis.disconnect())
    return redis
  }
  const redis = open()
  const channel = new EmitChannel({ redis, readerRedis: open(), keys, sender: `s${bases}`, ...limits })
  t.after(() => channel.close())
  const coordinate = (deal: Deal): EmitAnswers => {
    const own = open()
    const answers = new EmitAnswers({ redis: own, keys, origin: 'library/run', deal })
    const reader = new StreamReader(open(), () => undefined)
    own.on('ready', () => void answers.sayAlive())
    reader.follow(answers.requests)
    t.after(() => reader.close())
    return answers
  }
  return { server, redis, channel, coordinate, keys }
}

const ENVELOPE = { version: 1, origin: 'library/run', taskId: 7, attempt: 2, payload: null }

describe('the emit channel', () => {
  test('what a task emits is dealt with and answered; nothing of it stays', async (t) => {
    const given = setup(t)
    if (given === undefined) return
    const { channel, coordinate, redis, keys } = given
    const seen: unknown[] = []
    coordinate(async ({ taskId, attempt, chunk }) => {
      seen.push([taskId, attempt, chunk])
      return { known: chunk }
    })
    const answers = await Promise.all([1, 2, 3].map((chunk) => channel.send(ENVELOPE, chunk)))
    assert.deepEqual(answers, [{ known: 1 }, { known: 2 }, { known: 3 }])
    assert.deepEqual(seen, [
      [7, 2, 1],
      [7, 2, 2],
      [7, 2, 3],
    ])
    assert.equal(await redis.xlen(keys.requests(ENVELOPE.origin)), 0)
    assert.ok((await redis.pttl(keys.answers('s1'))) > 0)
  })

  test('what the coordinator throws is thrown to the task', async (t) => {
    const given = setup(t)
    if (given === undefined) return
    given.coordinate(() => Promise.reject(new Error('no room')))
    await assert.rejects(given.channel.send(ENVELOPE, 1), { code: 'bug/Error', message: 'no room' })
  })

  test('an attempt that is not under way is told to give up', async (t) => {
    const given = setup(t)
    if (given === undefined) return
    given.coordinate(() => undefined)
    await assert.rejects(given.channel.send(ENVELOPE, 1), { code: 'queue/given-up' })
  })

  test('a coordinator that is gone is not waited for', async (t) => {
    const given = setup(t, { goneLimitMs: 50 })
    if (given === undefined) return
    const { channel, redis, keys } = given
    await assert.rejects(channel.send(ENVELOPE, 1), { code: 'queue/coordinator-gone' })
    while ((await redis.xlen(keys.requests(ENVELOPE.origin))) > 0) await redis.ping()
  })

  test('one that lives and does not answer is waited for until the limit', async (t) => {
    const given = setup(t, { answerLimitMs: 100 })
    if (given === undefined) return
    given.coordinate(() => new Promise(() => undefined))
    await assert.rejects(given.channel.send(ENVELOPE, 1), {
      code: 'queue/emit-unanswered',
      recovery: 'retry',
    })
  })

  test('a chunk that is too large is refused before it is sent', async (t) => {
    const given = setup(t)
    if (given === undefined) return
    await assert.rejects(given.channel.send(ENVELOPE, 'x'.repeat(300_000)), { code: 'queue/emit-too-large' })
  })

  test('what was asked of a Redis that died and came back empty is asked again', async (t) => {
    const given = setup(t, { answerLimitMs: 5_000 })
    if (given === undefined) return
    const { server, channel, coordinate } = given
    if (!server.isOwn) return t.skip('server of REDIS_URL cannot be killed')
    const held = Promise.withResolvers<void>()
    let dealt = 0
    const firstSeen = Promise.withResolvers<void>()
    coordinate(async () => {
      dealt += 1
      firstSeen.resolve()
      if (dealt === 1) await held.promise
      return dealt
    })
    const answer = channel.send(ENVELOPE, 1)
    await firstSeen.promise
    await server.kill('SIGKILL')
    await server.start()
    held.resolve()
    assert.equal(typeof (await answer), 'number')
  })

  test('a stream entry that is no request is thrown away', async (t) => {
    const given = setup(t)
    if (given === undefined) return
    const { channel, coordinate, redis, keys } = given
    const asked: number[] = []
    coordinate(async ({ taskId }) => asked.push(taskId))
    const key = keys.requests(ENVELOPE.origin)
    await redis.xadd(key, '*', 'sender', 'x', 'number', '1', 'task', 'a', 'attempt', '1', 'chunk', '1')
    await redis.xadd(key, '*', 'sender', 'x', 'number', '1', 'task', '1', 'attempt', '1', 'chunk', '{')
    await redis.xadd(key, '*', 'some', 'thing')
    await channel.send(ENVELOPE, 1)
    assert.deepEqual(asked, [7])
    assert.equal(await redis.xlen(key), 0)
  })

  test('a close rejects what is under way', async (t) => {
    const given = setup(t)
    if (given === undefined) return
    const asked = Promise.withResolvers<void>()
    given.coordinate(() => {
      asked.resolve()
      return new Promise(() => undefined)
    })
    const rejected = assert.rejects(given.channel.send(ENVELOPE, 1), { code: 'queue/emit-unanswered' })
    await asked.promise
    await given.channel.close()
    await given.channel.close()
    await rejected
    await assert.rejects(given.channel.send(ENVELOPE, 1), { code: 'queue/emit-unanswered' })
  })
})
