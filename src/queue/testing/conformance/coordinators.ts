/**
 * What every backend promises of coordinators that live, stop and die.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { CoordinatorReport } from '../../backend.ts'
import { type ProcessIdentity, processIdentity } from '../../process-identity.ts'
import type { Bundle } from './driver.ts'
import { test } from './promise.ts'

const LEASE_MS = 15_000

function reportOf(id: string, identity: ProcessIdentity = processIdentity()): CoordinatorReport {
  const lanes = { a: { concurrency: 2, workers: 1 } }
  return { id, host: 'here', pid: identity.pid, identity, startedAt: 5, lanes }
}

/** Of a process that has just ended. */
function deadIdentity(): ProcessIdentity {
  const { pid } = spawnSync(process.execPath, ['--version'])
  return { ...processIdentity(), pid }
}

async function claimBy(workerId: string, { backend }: Bundle): Promise<number> {
  const [added] = await backend.add([{ kind: 'plain', lane: 'a', payload: null, maxRetries: 0 }])
  const claim = [{ lane: 'a', limit: 1, workerId, leaseMs: LEASE_MS }]
  const { claimed } = await backend.exchange({ settle: [], claim })
  assert.equal(claimed[0]?.[0]?.task.id, added?.id)
  return added?.id ?? 0
}

export function describeCoordinators(on: Bundle): void {
  const ids = async () => (await on.backend.coordinators()).map(({ id }) => id)

  test('a coordinator is listed from its first report until it leaves or is silent for long', async () => {
    await on.backend.report(reportOf('one'))
    await on.backend.report(reportOf('two'))
    on.clock.advance(20_000)
    await on.backend.report({ ...reportOf('two'), lanes: {} })
    assert.deepEqual(await on.backend.coordinators(), [
      { ...reportOf('one'), seenAt: on.clock.now() - 20_000 },
      { ...reportOf('two'), lanes: {}, seenAt: on.clock.now() },
    ])
    on.clock.advance(20_000)
    assert.deepEqual(await ids(), ['two'])
    await on.backend.leave('two')
    await on.backend.leave('nobody')
    assert.deepEqual(await ids(), [])
  })

  test('a sweep takes the tasks of a dead coordinator back at once and uncharged', async () => {
    await on.backend.report(reportOf('alive'))
    await on.backend.report(reportOf('dead', deadIdentity()))
    const [held, kept] = [await claimBy('dead', on), await claimBy('alive', on)]
    assert.deepEqual(await ids(), ['alive'])
    assert.deepEqual(await on.backend.sweep(), { expired: [], released: [held] })
    const task = await on.backend.get(held)
    assert.deepEqual([task?.status, task?.failures, task?.workerId], ['pending', 0, undefined])
    assert.equal((await on.backend.get(kept))?.status, 'processing')
    assert.deepEqual(await on.backend.sweep(), { expired: [], released: [] })
  })

  test('a process id that was given again is another process', async () => {
    await on.backend.report(reportOf('before', { ...processIdentity(), processStart: '1' }))
    const id = await claimBy('before', on)
    const { released } = await on.backend.sweep()
    // Without a /proc nothing tells the two apart, and the lease has to run out.
    assert.deepEqual(released, processIdentity().processStart === undefined ? [] : [id])
  })

  test('a process of another host or container is not judged', async () => {
    const identity = { ...deadIdentity(), space: 'linux elsewhere' }
    await on.backend.report(reportOf('elsewhere', identity))
    const id = await claimBy('elsewhere', on)
    assert.deepEqual(await on.backend.sweep(), { expired: [], released: [] })
    on.clock.advance(LEASE_MS)
    assert.deepEqual(await on.backend.sweep(), { expired: [id], released: [] })
  })

  test('what a dead coordinator held is not charged, even when its lease has run out too', async () => {
    await on.backend.report(reportOf('dead', deadIdentity()))
    const id = await claimBy('dead', on)
    on.clock.advance(2 * LEASE_MS)
    assert.deepEqual(await on.backend.sweep(), { expired: [], released: [id] })
    assert.equal((await on.backend.get(id))?.status, 'pending')
  })
}
