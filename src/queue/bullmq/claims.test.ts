import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { describeOnRedis } from '../../../test/support/redis-suite.ts'

await describeOnRedis('a claim', (on) => {
  test('asks as the BullMQ that is installed asks itself', async () => {
    const { context } = on
    const { bull } = context.queue('a')
    const sent: unknown[][] = []
    const send = mock.method(bull, 'execCommand', (...[, command, parameters]: readonly unknown[]) => {
      if (command === 'moveToActive') sent.push(parameters as unknown[])
      return Promise.resolve([0, 0, 0, 0])
    })
    const rate = { limit: 2, perMs: 500 }
    const claim = [{ lane: 'a', limit: 1, workerId: 'w', leaseMs: 15_000, rate }]
    await on.backend.exchange({ settle: [], claim })
    const [ours] = sent.splice(0)
    await bull.moveToActive('token', 'w')
    const [theirs] = sent
    send.mock.restore()
    assert.ok(ours && theirs)
    const unpack = async (packed: unknown): Promise<Record<string, unknown>> => {
      const script = 'return cjson.encode(cmsgpack.unpack(ARGV[1]))'
      return JSON.parse(String(await context.redis.eval(script, 0, packed as Buffer)))
    }
    // Keys and prefix as they are; then the time, and the options of one who has all of them.
    assert.deepEqual(ours.slice(0, -2), theirs.slice(0, -2))
    assert.deepEqual([typeof ours.at(-2), typeof theirs.at(-2)], ['number', 'number'])
    const [options, known] = [await unpack(ours.at(-1)), await unpack(theirs.at(-1))]
    assert.deepEqual({ name: options['name'], lock: options['lockDuration'] }, { name: 'w', lock: 15_000 })
    assert.deepEqual(options['limiter'], { max: 2, duration: 500 })
    const allowed = [...Object.keys(known), 'lockDuration', 'limiter']
    assert.deepEqual(
      Object.keys(options).filter((name) => !allowed.includes(name)),
      [],
    )
  })
})
