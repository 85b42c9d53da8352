import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOnRedis } from '../../../test/support/redis-suite.ts'
import { pack } from './message-pack.ts'

test('what is undefined is left out', () => {
  assert.deepEqual(pack({ a: undefined, b: 'c' }), pack({ b: 'c' }))
})

await describeOnRedis('packed options', (on) => {
  test('are unpacked by Redis as they were', async () => {
    const value = {
      token: 'ü'.repeat(200),
      lockDuration: 1_500_000_000,
      limiter: { max: 3, duration: 0.5 },
      name: '',
    }
    const script = 'return cjson.encode(cmsgpack.unpack(ARGV[1]))'
    const answer = await on.context.redis.eval(script, 0, pack(value))
    assert.deepEqual(JSON.parse(String(answer)), value)
  })
})
