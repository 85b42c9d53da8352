import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once as onceOf } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { isGone, setupEngine, started, temporaryFolder } from '../../test/support/queue-engine.ts'
import { openSqliteBackend } from './sqlite/index.ts'

const PEER = new URL('../../test/fixtures/queue/peer-coordinator.ts', import.meta.url)

test('a coordinator that is killed loses its task to the other within 2 s, uncharged', async (t) => {
  const file = join(await temporaryFolder(t), 'queue.db')
  const backend = await openSqliteBackend({ file, durability: 'process' })
  const { queue, add, get } = setupEngine(t, { backend })
  const [id = 0] = await add({ kind: 'waits-at-first' })
  const peer = spawn(process.execPath, [PEER.pathname, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => peer.kill('SIGKILL'))
  const [line] = await onceOf(createInterface({ input: peer.stdout }), 'line')
  const [, task, attempt, worker] = String(line).split(' ').map(Number)
  assert.deepEqual([task, attempt], [id, 1])
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
  assert.equal(await isGone(worker ?? 0), true)
})
