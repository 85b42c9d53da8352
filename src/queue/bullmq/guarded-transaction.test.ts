import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOnRedis } from '../../../test/support/redis-suite.ts'
import { guarded, tryCommit } from './guarded-transaction.ts'

await describeOnRedis('guarded transactions', (on) => {
  test('what was watched and changed meanwhile undoes the transaction, and it is tried again', async () => {
    const { context } = on
    const [watched, written] = [context.key('watched'), context.key('written')]
    const seen: (string | null)[] = []
    await guarded(context, async (guard) => {
      await guard.watch(watched)
      seen.push(await guard.redis.get(watched))
      if (seen.length === 1) await context.redis.set(watched, 'changed')
      return tryCommit(guard.begin().set(written, String(seen.length)) as never)
    })
    assert.deepEqual(seen, [null, 'changed'])
    assert.equal(await context.redis.get(written), '2')
  })

  test('an error is told; connections are kept for the next one, but not after an error or a close', async () => {
    const watcher = on.context.redis
    const { backend, context } = await on.another()
    const clients = async () =>
      String(await watcher.client('LIST'))
        .trim()
        .split('\n').length
    /** The server hears of a closed connection a moment later. */
    const settlesAt = async (count: number) => {
      for (let looks = 0; looks < 1_000 && (await clients()) !== count; looks += 1) await watcher.ping()
      assert.equal(await clients(), count)
    }
    const before = await clients()
    const key = context.key('text')
    const add = () => guarded(context, (guard) => tryCommit(guard.begin().incr(key) as never))
    assert.deepEqual([await add(), await add()], [[1], [2]])
    await settlesAt(before + 1)
    await context.redis.set(key, 'text')
    await assert.rejects(add(), /not an integer/u)
    await settlesAt(before)
    await context.redis.set(key, 0)
    await add()
    await settlesAt(before + 1)
    await backend.close()
    await settlesAt(before - 1)
  })

  test('what is changed again and again is given up', async () => {
    const { context } = on
    const key = context.key('busy')
    const busy = guarded(context, async (guard) => {
      await guard.watch(key)
      await context.redis.incr(key)
      return tryCommit(guard.begin().incr(key) as never)
    })
    await assert.rejects(busy, { code: 'redis/busy', recovery: 'retry' })
  })

  test('a connection that is lost is waited for, and the work done again', async () => {
    const { context } = on
    let attempts = 0
    const answer = await guarded(context, async (guard) => {
      attempts += 1
      if (attempts === 1) await context.redis.call('CLIENT', 'KILL', 'SKIPME', 'yes')
      await guard.redis.get(context.key('any'))
      return attempts
    })
    assert.equal(answer, 2)
  })

  test('an addition outlasts the loss of the scripts', async () => {
    await on.add({})
    await on.context.redis.script('FLUSH')
    const added = await on.add({}, { runAt: Date.now() + 60_000 })
    assert.equal((await on.backend.counts()).pending, 3)
    assert.ok(added.every((one) => one.added))
  })

  test('an addition outlasts the loss of its connection, and is added once', async () => {
    const { redis } = on.context
    const killer = await on.another()
    for (let round = 0; round < 10; round += 1) {
      const adding = on.add(...Array.from({ length: 200 }, () => ({ lane: `${round}` })))
      // Not waited for: it comes in between.
      for (let step = 0; step < round; step += 1) await killer.context.redis.ping()
      await killer.context.redis.call('CLIENT', 'KILL', 'SKIPME', 'yes')
      assert.equal(new Set((await adding).map(({ id }) => id)).size, 200)
      assert.equal(await redis.zcard(on.context.queue(`${round}`).key('prioritized')), 200)
    }
  })
})
