import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOnRedis } from '../../../test/support/redis-suite.ts'

await describeOnRedis('listing on BullMQ', (on) => {
  test('a long list is read in pages, and every task of it is found once', async () => {
    const added = await on.add(
      ...Array.from({ length: 1_200 }, (_, index) => ({
        lane: `${index % 3}`,
        kind: index % 400 === 7 ? 'rare' : 'plain',
      })),
    )
    const ids = added.map(({ id }) => id)
    const seen: number[] = []
    for (let afterId = 0; ; ) {
      const page = await on.backend.list({ afterId, limit: 500 })
      if (page.length === 0) break
      seen.push(...page.map(({ id }) => id))
      afterId = seen.at(-1) ?? 0
    }
    assert.deepEqual(seen, ids)
    const rare = await on.backend.list({ kind: 'rare', newestFirst: true, limit: 2 })
    assert.deepEqual(
      rare.map(({ id }) => id),
      [ids[807], ids[407]],
    )
  })

  test('jobs of other programs and of remote lanes are no tasks', async () => {
    const { context } = on
    const id = await on.addOne()
    const { bull } = context.queue('a')
    const job = { name: 'foreign', data: '{}', opts: {}, timestamp: Date.now() }
    await bull.addJob(job as never, 'foreign')
    assert.deepEqual(
      (await on.backend.list({ limit: 9 })).map((task) => task.id),
      [id],
    )
    assert.equal(await on.backend.get(Number.NaN), undefined)
    assert.equal(await on.backend.get(id + 256), undefined)
  })
})
