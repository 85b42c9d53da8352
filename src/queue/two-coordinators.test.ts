import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once as onceOf } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { isGone, setupEngine, started, temporaryFolder } from '../../test/support/queue-engine.ts'
import type { Backend } from './backend.ts'
import { openSqliteBackend, openSqliteBackendInProcess } from './sqlite/index.ts'

const PEER = new URL('../../test/fixtures/queue/peer-coordinator.ts', import.meta.url)

/** An engine, and a process beside it that has begun the one task in a worker of its own. */
async function besidePeer(t: TestContext, kind: string, sole = false) {
  const file = join(await temporaryFolder(t), 'queue.db')
  const backend = await openSqliteBackend({ file, durability: 'process' })
  const made = setupEngine(t, { backend, sole })
  const [id = 0] = await made.add({ kind })
  const peer = spawn(process.execPath, [PEER.pathname, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => peer.kill('SIGKILL'))
  const [line] = await onceOf(createInterface({ input: peer.stdout }), 'line')
  const [, task, attempt, worker = 0] = String(line).split(' ').map(Number)
  assert.deepEqual([task, attempt], [id, 1])
  return { ...made, id, peer, worker }
}

test('a coordinator that is killed loses its task to the other within 2 s, uncharged', async (t) => {
  const { queue, get, id, peer, worker } = await besidePeer(t, 'waits-at-first')
  await queue.start()
  const again = started(queue, id)
  const killedAt = performance.now()
  peer.kill('SIGKILL')
  assert.equal((await again).attempt, 2)
  const tookMs = performance.now() - killedAt
  assert.ok(tookMs < 2_000, `${tookMs} ms`)
  await queue.drain()
  const [stored] = await get(id)
  assert.deepEqual([stored?.status, stored?.failures], ['completed', 0])
  assert.equal(await isGone(worker), true)
})

test('a worker that blocks its event loop is ended by the other coordinator', async (t) => {
  const { queue, peer, worker, backend } = await besidePeer(t, 'blocks-for-ever')
  await queue.start()
  await backend.setPaused('w', true)
  const { pid = 0 } = peer
  await reported(backend, pid)
  peer.kill('SIGKILL')
  assert.equal(await isGone(worker), true)
})

test('a worker that blocks its event loop is ended by a sole successor at its start', async (t) => {
  const { queue, peer, worker, backend } = await besidePeer(t, 'blocks-for-ever', true)
  await backend.setPaused('w', true)
  await reported(backend, peer.pid ?? 0)
  const exited = onceOf(peer, 'exit')
  peer.kill('SIGKILL')
  await exited
  await queue.start()
  assert.equal(await isGone(worker), true)
})

/** Waits until the coordinator of that process has told of a worker. */
async function reported(backend: Backend, pid: number): Promise<void> {
  for (let look = 0; look < 100; look += 1) {
    const one = (await backend.coordinators()).find((coordinator) => coordinator.pid === pid)
    if (one?.lanes['w']?.processes?.length === 1) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail('no worker was reported within a second')
}

test('a drain sees a task that another coordinator made ready between two looks', async (t) => {
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  const { queue, add, get } = setupEngine(t, { backend: { ...backend, counts: (lane) => counts(lane) } })
  const [first = 0] = await add({ lane: 'elsewhere' })
  const [second = 0] = await add({ lane: 'w', dependsOn: [{ taskId: first }] })
  const claim = [{ lane: 'elsewhere', limit: 1, workerId: 'other', leaseMs: 60_000 }]
  const { claimed } = await backend.exchange({ settle: [], claim })
  let isEnded = false
  const counts: typeof backend.counts = async (lane) => {
    const answer = await backend.counts(lane)
    const lease = claimed[0]?.[0]?.lease
    // The lane `w` was just seen without anything to run; then the other coordinator ends what it waits for.
    if (lane === 'w' && lease !== undefined && !isEnded) {
      isEnded = true
      await backend.exchange({ settle: [{ lease, outcome: 'completed', result: null }], claim: [] })
    }
    return answer
  }
  await queue.start()
  await queue.drain()
  assert.equal((await get(second))[0]?.status, 'completed')
})
