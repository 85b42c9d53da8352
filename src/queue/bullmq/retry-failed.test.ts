import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOnRedis } from '../../../test/support/redis-suite.ts'

await describeOnRedis('retrying and pruning on BullMQ', (on) => {
  test('a retried task has all its attempts again, its priority and its error', async () => {
    const id = await on.addOne({ maxRetries: 0, priority: 4, dedupeKey: 'k' })
    await on.fail(await on.claimOne())
    assert.deepEqual(await on.backend.retryFailed({ status: 'failed' }, 10), [id])
    const { status, failures, priority, attempt, finishedAt, error } = (await on.backend.get(id)) ?? {}
    assert.deepEqual(
      { status, failures, priority, attempt, finishedAt, code: error?.code },
      {
        status: 'pending',
        failures: 0,
        priority: 4,
        attempt: 1,
        finishedAt: undefined,
        code: 'test/hopeless',
      },
    )
    const [twin] = await on.add({ dedupeKey: 'k' })
    assert.deepEqual(twin, { id, added: false })
    const again = await on.claimOne()
    assert.deepEqual([again.task.id, again.task.attempt], [id, 2])
    await on.complete(again)
    const next = await on.addOne({ dedupeKey: 'k' })
    assert.notEqual(next, id)
  })

  test('of two failed tasks with one key the older is retried', async () => {
    const ids = [await on.addOne({ dedupeKey: 'k' })]
    await on.fail(await on.claimOne())
    ids.push(await on.addOne({ dedupeKey: 'k' }))
    await on.fail(await on.claimOne())
    assert.deepEqual(await on.backend.retryFailed({ ids }, 10), [ids[0]])
    assert.deepEqual(await on.statuses(...ids), ['pending', 'failed'])
  })

  test('processes that retry at the same time retry each task once', async () => {
    const others = [on, await on.another(), await on.another()]
    const added = await on.add(...Array.from({ length: 150 }, () => ({})))
    for (const claimed of await on.claim(150)) await on.fail(claimed)
    const retried = await Promise.all(others.map(({ backend }) => backend.retryFailed({ lane: 'a' }, 1_000)))
    assert.deepEqual(
      retried.flat().sort((a, b) => a - b),
      added.map(({ id }) => id),
    )
    assert.equal((await on.backend.counts('a')).pending, 150)
    assert.equal((await on.claim(200)).length, 150)
  })

  test('a task that is retried while it is being pruned stays', async () => {
    const id = await on.addOne()
    await on.fail(await on.claimOne())
    const other = await on.another()
    on.meanwhile(() => other.backend.retryFailed({ ids: [id] }, 1))
    assert.equal(await on.backend.prune({ endedBefore: Number.POSITIVE_INFINITY }, 10), 0)
    assert.deepEqual(await on.statuses(id), ['pending'])
  })

  test('a task that is pruned while it is being retried is gone', async () => {
    const id = await on.addOne({ dedupeKey: 'k' })
    await on.fail(await on.claimOne())
    const other = await on.another()
    on.meanwhile(() => other.backend.prune({ endedBefore: Number.POSITIVE_INFINITY }, 10))
    assert.deepEqual(await on.backend.retryFailed({ ids: [id] }, 1), [])
    assert.deepEqual([await on.backend.get(id), (await on.backend.counts()).pending], [undefined, 0])
    assert.equal((await on.add({ dedupeKey: 'k' }))[0]?.added, true)
  })

  test('a key that is taken while its old task is being retried stays with the new one', async () => {
    const id = await on.addOne({ dedupeKey: 'k' })
    await on.fail(await on.claimOne())
    on.meanwhile(() => on.addOne({ dedupeKey: 'k' }))
    assert.deepEqual(await on.backend.retryFailed({ ids: [id] }, 1), [])
    assert.deepEqual(await on.statuses(id), ['failed'])
  })

  test('a dependant and what failed it are retried together, and it waits again', async () => {
    const parent = await on.addOne()
    const dependant = await on.addOne({ lane: 'b', dependsOn: [{ taskId: parent }] })
    await on.fail(await on.claimOne())
    assert.deepEqual(await on.statuses(parent, dependant), ['failed', 'failed'])
    assert.deepEqual(await on.backend.retryFailed({ ids: [dependant] }, 9), [])
    assert.deepEqual(await on.backend.retryFailed({ status: 'failed' }, 9), [parent, dependant])
    assert.deepEqual(await on.statuses(parent, dependant), ['pending', 'waiting'])
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.statuses(parent, dependant), ['completed', 'pending'])
  })

  test('pruning passes over those that are kept, and goes on behind them', async () => {
    const parents = (await on.add(...Array.from({ length: 3 }, () => ({ priority: 9 })))).map(({ id }) => id)
    const blocker = await on.addOne({ lane: 'b' })
    const dependsOn = [blocker, ...parents].map((taskId) => ({ taskId, onFailure: 'run' as const }))
    const child = await on.addOne({ dependsOn })
    await on.add(...Array.from({ length: 300 }, () => ({})))
    for (const claimed of await on.claim(3)) await on.complete(claimed)
    for (const claimed of await on.claim(300)) await on.complete(claimed)
    assert.equal(await on.backend.prune({ endedBefore: Number.POSITIVE_INFINITY }, 250), 250)
    assert.equal(await on.backend.prune({ endedBefore: Number.POSITIVE_INFINITY }, 250), 50)
    assert.deepEqual(
      (await on.backend.list({ limit: 99 })).map(({ id }) => id).sort((a, b) => a - b),
      [...parents, blocker, child].sort((a, b) => a - b),
    )
  })

  test('a pruned task leaves no key behind', async () => {
    const keys = async () =>
      (await on.context.redis.keys(`${on.context.prefix}:a:*`)).filter((key) => /:t\d/u.test(key))
    const parent = await on.addOne({ dedupeKey: 'k' })
    await on.addOne({ dependsOn: [{ taskId: parent }] })
    const gone = await on.addOne()
    await on.backend.cancel([gone])
    await on.complete(await on.claimOne())
    await on.fail(await on.claimOne())
    assert.equal(await on.backend.prune({ endedBefore: Number.POSITIVE_INFINITY }, 9), 3)
    assert.deepEqual(await keys(), [])
    assert.deepEqual(await on.backend.counts(), {
      waiting: 0,
      pending: 0,
      processing: 0,
      retry: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
    })
  })
})
