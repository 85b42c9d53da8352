/**
 * Remote lanes over a bad network: each packet is late, some are lost, and all connections break now and then.
 *
 * Packets are lost in a network namespace of the test's own, where its loopback is the network: that takes root, `unshare`
 * and `nft`. Without these, the delay and the breaks remain.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NO_REDIS, startRedis } from '../support/redis-server.ts'
import { setupRemote } from '../support/remote-setup.ts'
import { startSlowProxy } from '../support/slow-proxy.ts'

/** Each takes 0.1 s: long enough together for some breaks. */
const TASKS = 60
const LOST_PERCENT = 2
const INSIDE = 'HEIRLOOM_LOSSY_NETWORK'

const LOSE = [
  'ip link set lo up',
  'nft add table ip lossy',
  "nft 'add chain ip lossy in { type filter hook input priority 0; }'",
  `nft 'add rule ip lossy in numgen random mod 100 < ${LOST_PERCENT} drop'`,
].join(' && ')

const canLose =
  process.env[INSIDE] === undefined &&
  spawnSync('unshare', ['--net', 'sh', '-c', LOSE], { stdio: 'ignore' }).status === 0

test('all tasks are committed once over a slow line whose connections break', async (t) => {
  if (canLose) return t.skip('the next test does the same, and loses packets')
  const redis = await startRedis()
  if (redis === undefined) return t.skip(NO_REDIS)
  t.after(() => redis.stop())
  const proxy = await startSlowProxy(redis.port, 30)
  t.after(() => proxy.close())
  const server = { ...redis, url: `redis://127.0.0.1:${proxy.port}` }
  const { queue, add, host, completed } = await setupRemote(t, { server, window: 20, hostLeaseMs: 2_000 })
  const ids = await add(Array.from({ length: TASKS }, () => ({ kind: 'waits', payload: { ms: 100 } })))
  await queue.start()
  await Promise.all([host(), host()])
  proxy.breakEvery(1_000)
  await queue.drain()
  assert.deepEqual(
    [...completed.keys()].sort((a, b) => a - b),
    ids,
  )
  assert.deepEqual(new Set(completed.values()), new Set([1]))
  assert.ok(proxy.broken() > 0, 'no connection was ever broken')
})

test('and where packets are lost, too', (t) => {
  if (process.env[INSIDE] !== undefined) return t.skip('this is the lossy network')
  if (!canLose) return t.skip('no network namespace with packet loss is to be had here (root, unshare, nft)')
  const self = fileURLToPath(import.meta.url)
  const inner = `${LOSE} && exec "$0" --test --test-reporter=tap "$1"`
  const { status, stdout } = spawnSync('unshare', ['--net', 'sh', '-c', inner, process.execPath, self], {
    encoding: 'utf8',
    env: { ...process.env, [INSIDE]: '1', NODE_TEST_CONTEXT: undefined, REDIS_URL: undefined },
  })
  assert.equal(status, 0, stdout)
  assert.match(stdout, /ok 1 - all tasks are committed once/u)
})
