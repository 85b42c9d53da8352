import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { describeOnRedis } from '../../../test/support/redis-suite.ts'
import type { CoordinatorTable } from './coordinators.ts'
import { Held } from './held.ts'
import { Settling } from './settling.ts'
import { Sweeper } from './sweep.ts'

await describeOnRedis('a sweep', (on) => {
  const exchange = async (workerId: string) => {
    const claim = [{ lane: 'a', limit: 1, workerId, leaseMs: 15_000 }]
    return (await on.backend.exchange({ settle: [], claim })).claimed[0]?.[0]
  }

  test('leaves alone what another has by now, who was given it between two looks', async () => {
    const id = await on.addOne()
    const dead = await exchange('dead')
    assert.ok(dead)
    const { context } = await on.another()
    /** Another sweep is quicker, and somebody else claims the task. */
    let change: Promise<unknown> | undefined
    const changeHands = async (): Promise<void> => {
      await on.backend.exchange({ settle: [{ lease: dead.lease, outcome: 'released' }], claim: [] })
      assert.equal((await exchange('alive'))?.task.id, id)
    }
    const { redis } = context
    const between = (name: 'get' | 'hmget'): void => {
      const ask = redis[name].bind(redis) as (...parameters: unknown[]) => Promise<unknown>
      mock.method(redis, name, async (...parameters: unknown[]) => {
        if (change !== undefined) await change
        const answer = ask(...parameters)
        change ??= answer.then(changeHands)
        return answer
      })
    }
    between('get')
    between('hmget')
    const coordinators = {
      dead: async () => [{ id: 'dead', lanes: {} }],
      leave: async () => undefined,
    } as unknown as CoordinatorTable
    const settling = new Settling(context, new Held())
    const { released } = await new Sweeper({ context, settling, coordinators }).sweep()
    assert.deepEqual(released, [])
    assert.deepEqual(await on.statuses(id), ['processing'])
    assert.equal((await on.backend.get(id))?.workerId, 'alive')
  })
})
