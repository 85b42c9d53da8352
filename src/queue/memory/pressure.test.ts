/**
 * The governor with a real engine, real worker processes that take real memory, and real readings of it. Only the size
 * of the machine is made up: all that counts as used is what the workers keep, since others use this machine too.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { type EngineOptions, once, setupEngine } from '../../../test/support/queue-engine.ts'
import { type GovernorEvents, MemoryGovernor, type MemoryGovernorOptions } from './governor.ts'
import { parsePrivateBytes, readResidentBytes } from './resident.ts'

const MB = 1e6
const LIMIT_MS = 10_000

/** `keep` takes memory and holds it until the process ends; `hang` does and never comes back; `short` is done soon. */
const WORKER_MODULE = new URL(
  `data:text/javascript,${encodeURIComponent(`
  import { spawn } from 'node:child_process'
  const kept = []
  const keep = ({ megabytes }) => {
    for (let taken = 0; taken < megabytes; taken += 10) kept.push(Buffer.alloc(10e6, 1))
  }
  const child = ({ megabytes }) => new Promise((resolve) => {
    const program = 'globalThis.kept = Buffer.alloc(' + megabytes + 'e6, 1); console.log("kept"); setInterval(() => {}, 1e6)'
    spawn(process.execPath, ['-e', program]).stdout.once('data', () => setTimeout(resolve, 300))
  })
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  export const handlers = {
    keep: async (payload) => { keep(payload); await pause(300) },
    child,
    hang: async (payload) => { keep(payload); await new Promise(() => setInterval(() => {}, 1e6)) },
    short: () => pause(20),
  }`)}`,
)

const skip = process.platform === 'linux' ? false : 'the memory that workers keep is only exact on Linux'

interface Told {
  readonly name: keyof GovernorEvents
  readonly event: GovernorEvents[keyof GovernorEvents]
}

function setUp(
  t: TestContext,
  engine: EngineOptions,
  options: Partial<MemoryGovernorOptions>,
  totalBytes: number,
) {
  const setup = setupEngine(t, { workerModule: WORKER_MODULE, ...engine })
  const told: Told[] = []
  let keptBytes = 0
  let changed: () => void = () => undefined
  const governor = new MemoryGovernor({
    pool: {
      workers: () => setup.queue.workers(),
      lanes: () => setup.queue.lanes().filter(({ runsIn }) => runsIn === 'worker'),
      setConcurrency: (lane, count) => setup.queue.setConcurrency(lane, count),
      retireWorker: (pid, reason) => setup.queue.retireWorker(pid, reason),
      killWorker: (pid, reason, why) => setup.queue.killWorker(pid, reason, why),
    },
    emit: (name, event) => {
      told.push({ name, event })
      changed()
    },
    onError: (error) => assert.fail(String(error)),
    readMemory: () => ({
      limitBytes: totalBytes,
      usedBytes: keptBytes,
      freeBytes: Math.max(0, totalBytes - keptBytes),
      source: 'host',
    }),
    readResident: async (pids) => {
      const residents = await readResidentBytes(pids)
      keptBytes = [...residents.values()].reduce((sum, bytes) => sum + bytes, 0)
      return residents
    },
    checkIntervalMs: 50,
    pressedIntervalMs: 50,
    ...options,
  })
  t.after(() => governor.stop())
  /** Waits until the governor has told so many events of a name; answers them. */
  const toldTimes = async (name: keyof GovernorEvents, times: number): Promise<Told[]> => {
    const limit = AbortSignal.timeout(LIMIT_MS)
    for (;;) {
      const found = told.filter((one) => one.name === name)
      if (found.length >= times) return found
      await new Promise<void>((resolve, reject) => {
        changed = resolve
        limit.onabort = () => reject(new Error(`told: ${JSON.stringify(told)}`))
      })
    }
  }
  return { ...setup, governor, told, toldTimes }
}

describe('memory that is really taken', { skip }, () => {
  test('shrinks the pool to one, which lets it grow again, and costs no task a failure', async (t) => {
    const limits = { minFreeBytes: 0, shrinkCooldownMs: 200, growCooldownMs: 100 }
    const { queue, governor, add, get, toldTimes } = setUp(t, { concurrency: 3 }, { limits }, 380 * MB)
    const ids = await add(
      ...Array.from({ length: 3 }, () => ({ kind: 'keep', payload: { megabytes: 110 }, priority: 1 })),
      ...Array.from({ length: 100 }, () => ({ kind: 'short' })),
    )
    await queue.start()
    governor.start()
    const [pressure] = await toldTimes('memory.pressure', 1)
    assert.ok(pressure !== undefined && 'percent' in pressure.event && pressure.event.usedBytes > 323 * MB)
    const [first] = await toldTimes('pool.resized', 1)
    assert.ok(first !== undefined && 'to' in first.event)
    assert.deepEqual([first.event.from, first.event.to, first.event.cause], [3, 1, 'memory'])
    await toldTimes('memory.relieved', 1)
    const [, grown] = await toldTimes('pool.resized', 2)
    assert.ok(grown !== undefined && 'to' in grown.event)
    assert.deepEqual([grown.event.from, grown.event.to], [1, 2])
    await queue.drain()
    const tasks = await get(...ids)
    assert.deepEqual(
      tasks.filter((task) => task?.status !== 'completed' || task.failures !== 0),
      [],
    )
  })

  test('replaces a worker that has grown too large after its task, uncharged', async (t) => {
    const limits = { minFreeBytes: 0, workerMemoryBytes: 90 * MB }
    const { queue, governor, add, get, exits, toldTimes } = setUp(t, {}, { limits }, 10_000 * MB)
    const [id = 0, next = 0] = await add(
      { kind: 'keep', payload: { megabytes: 100 }, priority: 1 },
      { kind: 'short' },
    )
    const exited = once(queue, 'worker.exited')
    await queue.start()
    governor.start()
    const [replaced] = await toldTimes('worker.replaced', 1)
    assert.ok(replaced !== undefined && 'killed' in replaced.event)
    assert.equal(replaced.event.killed, false)
    assert.ok(replaced.event.bytes > 90 * MB && replaced.event.bytes < 180 * MB, replaced.event.reason)
    await exited
    await queue.drain()
    const [task, after] = await get(id, next)
    assert.deepEqual([task?.status, task?.failures, after?.status], ['completed', 0, 'completed'])
    assert.deepEqual(
      exits.map(({ pid, reason }) => [pid, reason]),
      [[replaced.event.pid, 'memory']],
    )
  })

  test('counts what a child of the worker keeps', async (t) => {
    const limits = { minFreeBytes: 0, workerMemoryBytes: 90 * MB }
    const { queue, governor, add, toldTimes } = setUp(t, {}, { limits }, 10_000 * MB)
    await add({ kind: 'child', payload: { megabytes: 100 } })
    await queue.start()
    governor.start()
    const [replaced] = await toldTimes('worker.replaced', 1)
    assert.ok(replaced !== undefined && 'killed' in replaced.event)
    const ownBytes = parsePrivateBytes(readFileSync(`/proc/${replaced.event.pid}/status`, 'utf8'))
    assert.ok(ownBytes > 0 && ownBytes < 60 * MB && replaced.event.bytes > ownBytes + 30 * MB)
  })

  test('kills a worker far beyond its limit, charges its task, and says why', async (t) => {
    const limits = { minFreeBytes: 0, workerMemoryBytes: 60 * MB }
    const { queue, governor, add, get, exits } = setUp(t, {}, { limits }, 10_000 * MB)
    const [id = 0] = await add({ kind: 'hang', payload: { megabytes: 200 }, maxRetries: 0 })
    await queue.start()
    governor.start()
    await queue.drain()
    const [task] = await get(id)
    assert.deepEqual([task?.status, task?.failures, task?.error?.code], ['failed', 1, 'queue/memory-limit'])
    assert.match(task?.error?.message ?? '', /keeps \d+ MB, its limit is 60\.0 MB/u)
    assert.equal(exits[0]?.reason, 'memory')
  })

  test('allows a task what it was admitted with', async (t) => {
    const limits = { minFreeBytes: 0, workerMemoryBytes: 60 * MB }
    const { queue, governor, add, get, told } = setUp(t, {}, { limits }, 10_000 * MB)
    const [id = 0] = await add({ kind: 'keep', payload: { megabytes: 130 }, memoryBytes: 150 * MB })
    await queue.start()
    const settled = once(queue, 'task.settled')
    governor.start()
    await settled
    assert.deepEqual(
      told.filter(({ event }) => 'killed' in event && event.killed),
      [],
    )
    const [task] = await get(id)
    assert.deepEqual([task?.status, task?.failures], ['completed', 0])
  })
})
