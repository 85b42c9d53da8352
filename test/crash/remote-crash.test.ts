/**
 * Worker hosts and Redis are killed and frozen while a coordinator has its tasks run by them.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { NewTask } from '../../src/queue/task.ts'
import { NO_REDIS, startRedis, type TestRedis, type TestRedisOptions } from '../support/redis-server.ts'
import { type RemoteSetup, type RemoteSetupOptions, setupRemote, until } from '../support/remote-setup.ts'

/** Undefined, and the test is skipped, when there is no Redis that may be killed. */
async function setup(
  t: TestContext,
  options: Omit<RemoteSetupOptions, 'server'> = {},
  redis: TestRedisOptions = {},
): Promise<(RemoteSetup & { readonly server: TestRedis }) | undefined> {
  const server = await startRedis(redis)
  if (server?.isOwn !== true) {
    t.skip(server === undefined ? NO_REDIS : 'server of REDIS_URL cannot be killed')
    return undefined
  }
  t.after(() => server.stop())
  return { ...(await setupRemote(t, { ...options, server })), server }
}

function assertEachOnce({ completed }: RemoteSetup, ids: readonly number[]): void {
  assert.deepEqual(
    [...completed.keys()].sort((a, b) => a - b),
    ids,
  )
  assert.deepEqual(new Set(completed.values()), new Set([1]))
}

function tasks(count: number, ms: number, file?: string): Pick<NewTask, 'kind' | 'payload'>[] {
  return Array.from({ length: count }, () => ({
    kind: 'waits',
    payload: file === undefined ? { ms } : { ms, file },
  }))
}

describe('a remote lane completes each task once', () => {
  test('when one of two worker hosts is killed', async (t) => {
    const given = await setup(t)
    if (given === undefined) return
    const { queue, add, completed, host } = given
    const ids = await add(tasks(150, 10))
    await queue.start()
    const [doomed] = await Promise.all([host(), host()])
    await until(() => completed.size > 30, 'a fifth is done')
    doomed.kill('SIGKILL')
    await queue.drain()
    assertEachOnce(given, ids)
  })

  for (const appendOnly of ['always', 'no'] as const) {
    const what = appendOnly === 'no' ? 'comes back empty' : 'comes back with what it had'
    test(`when Redis is killed and ${what}`, async (t) => {
      const given = await setup(t, {}, { appendOnly })
      if (given === undefined) return
      const { queue, server, add, completed, host, logged } = given
      const ids = await add(tasks(100, 20))
      await queue.start()
      await host(2)
      await until(() => completed.size > 30, 'some are done')
      await server.kill('SIGKILL')
      await server.start()
      await queue.drain()
      assertEachOnce(given, ids)
      assert.equal(logged.filter((line) => line.startsWith('redis is away')).length, 1)
      assert.equal(logged.filter((line) => line.startsWith('redis is back')).length, 1)
    })
  }

  test('when Redis is frozen for a while', async (t) => {
    const given = await setup(t)
    if (given === undefined) return
    const { queue, server, add, completed, host } = given
    const ids = await add(tasks(100, 20))
    await queue.start()
    await host(2)
    await until(() => completed.size > 30, 'some are done')
    await server.kill('SIGSTOP')
    // Longer than the leases of the host.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await server.kill('SIGCONT')
    await queue.drain()
    assertEachOnce(given, ids)
  })
})

test('a task of a frozen host runs elsewhere within 20 s, with the times of the product, and its late end is refused', async (t) => {
  const given = await setup(t, { hostLeaseMs: 15_000 })
  if (given === undefined) return
  const { queue, add, begun, backend, host, file } = given
  const [id = 0] = await add(tasks(1, 1_000, file))
  await queue.start()
  const frozen = await host()
  await until(async () => (await begun()).length === 1, 'it runs')
  // Not killed: the death of a process of this machine can be proved, and then nobody waits for its lease.
  frozen.kill('SIGSTOP')
  const other = await host()
  const frozenAt = Date.now()
  await until(async () => (await begun()).length === 2, 'it runs again')
  const tookMs = Date.now() - frozenAt
  t.diagnostic(`ran again after ${tookMs} ms`)
  assert.ok(tookMs < 20_000)
  frozen.kill('SIGCONT')
  await queue.drain()
  assertEachOnce(given, [id])
  assert.equal((await backend.get(id))?.result, other.pid)
  assert.equal((await backend.get(id))?.failures, 0)
})
