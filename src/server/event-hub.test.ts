import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { FakeClock } from '../clock.ts'
import { silentLogger } from '../logger.ts'
import type { DashboardReading } from './dashboard-reader.ts'
import { EventHub, type EventListener, MAX_LISTENERS } from './event-hub.ts'

/** A hub on a reader whose parts can be changed one by one. */
function setup(): {
  hub: EventHub
  clock: FakeClock
  parts: Record<string, unknown>
  reads: { count: number; rests: number; fails: boolean }
  pass(ms: number): Promise<void>
} {
  const clock = new FakeClock()
  const parts: Record<string, unknown> = { tasks: { running: [] }, exports: { exports: [] } }
  const reads = { count: 0, rests: 0, fails: false }
  const reader = {
    read: async (): Promise<DashboardReading> => {
      reads.count += 1
      if (reads.fails) throw new Error('database is away')
      return structuredClone(parts) as unknown as DashboardReading
    },
    rest: () => {
      reads.rests += 1
    },
  }
  const hub = new EventHub({ clock, logger: silentLogger, reader })
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await hub.settled()
    await setImmediate()
  }
  return { hub, clock, parts, reads, pass }
}

class TestListener implements EventListener {
  text = ''
  behindBytes = 0
  ended: string | undefined

  write(text: string): number {
    this.text += text
    return this.behindBytes
  }

  end(why: 'slow' | 'ending'): void {
    this.ended = why
  }

  /** Names of the events since the last call. */
  take(): string[] {
    const names = [...this.text.matchAll(/^event: (?<name>.*)$/gmu)].map(
      ({ groups }) => groups?.['name'] ?? '',
    )
    this.text = ''
    return names
  }
}

describe('the hub of events', () => {
  test('reads nothing while nobody listens', async () => {
    const { hub, reads, pass } = setup()
    await pass(60_000)
    assert.equal(reads.count, 0)
    const leave = hub.join(new TestListener())
    await pass(0)
    leave()
    await pass(60_000)
    assert.deepEqual([reads.count, reads.rests], [1, 1])
  })

  test('reads once a second, however many listen', async () => {
    const { hub, reads, pass } = setup()
    for (let count = 0; count < 20; count += 1) hub.join(new TestListener())
    await pass(0)
    assert.equal(reads.count, 1)
    for (let second = 0; second < 5; second += 1) await pass(1_000)
    assert.equal(reads.count, 6)
  })

  test('sends all at first, and then only what has changed', async () => {
    const { hub, parts, pass } = setup()
    const listener = new TestListener()
    hub.join(listener)
    assert.match(listener.text, /^retry: \d+\n\n/u)
    await pass(0)
    assert.deepEqual(listener.take(), ['tasks', 'exports'])
    await pass(1_000)
    assert.deepEqual(listener.take(), [])
    parts['exports'] = { exports: ['one'] }
    await pass(1_000)
    assert.match(listener.text, /^id: 3\nevent: exports\ndata: \{"exports":\["one"\]\}\n\n$/u)
  })

  test('sends one that comes later the state at once', async () => {
    const { hub, pass } = setup()
    hub.join(new TestListener())
    await pass(300)
    const late = new TestListener()
    hub.join(late)
    assert.deepEqual(late.take(), ['tasks', 'exports'])
  })

  test('sends one that comes back after a pause everything, though nothing has changed', async () => {
    const { hub, pass } = setup()
    const leave = hub.join(new TestListener())
    await pass(0)
    leave()
    await pass(30_000)
    const back = new TestListener()
    hub.join(back)
    await pass(0)
    assert.deepEqual(back.take(), ['tasks', 'exports'])
  })

  test('does not read again for a page that is loaded anew at once', async () => {
    const { hub, reads, pass } = setup()
    const leave = hub.join(new TestListener())
    await pass(0)
    leave()
    await pass(200)
    const again = new TestListener()
    hub.join(again)
    assert.deepEqual(again.take(), ['tasks', 'exports'])
    await pass(999)
    assert.equal(reads.count, 1)
    await pass(1)
    assert.equal(reads.count, 2)
  })

  test('says that it lives four times a minute', async () => {
    const { hub, pass } = setup()
    const listener = new TestListener()
    hub.join(listener)
    await pass(0)
    listener.take()
    for (let second = 0; second < 60; second += 1) await pass(1_000)
    assert.equal(listener.text.match(/^: still here$/gmu)?.length, 4)
  })

  test('drops one that does not keep up, and goes on with the others', async () => {
    const { hub, parts, pass } = setup()
    const [slow, quick] = [new TestListener(), new TestListener()]
    hub.join(slow)
    hub.join(quick)
    await pass(0)
    slow.behindBytes = 2_000_000
    parts['tasks'] = { running: [1] }
    await pass(1_000)
    assert.deepEqual([slow.ended, quick.ended, hub.size], ['slow', undefined, 1])
  })

  test('goes on after a look that failed', async () => {
    const { hub, reads, pass } = setup()
    const listener = new TestListener()
    reads.fails = true
    hub.join(listener)
    await pass(0)
    assert.deepEqual(listener.take(), [])
    reads.fails = false
    await pass(1_000)
    assert.deepEqual(listener.take(), ['tasks', 'exports'])
  })

  test('has no room for more than it can serve', () => {
    const { hub } = setup()
    for (let count = 0; count < MAX_LISTENERS; count += 1) {
      assert.equal(hub.isFull, false)
      hub.join(new TestListener())
    }
    assert.equal(hub.isFull, true)
  })

  test('says good-bye, and takes nobody any more', async () => {
    const { hub, reads, pass } = setup()
    const listener = new TestListener()
    hub.join(listener)
    await pass(0)
    listener.take()
    hub.close()
    assert.deepEqual([listener.take(), listener.ended, hub.isFull], [['ending'], 'ending', true])
    await pass(60_000)
    assert.equal(reads.count, 1)
  })

  test('does not count the time or a byte of memory as news', async () => {
    const { hub, parts, pass } = setup()
    const snapshot = (now: number, freeBytes: number, done = 0): unknown => ({
      now,
      memory: { freeBytes },
      coordinators: [{ pid: 1, seenAt: now }],
      run: { done },
    })
    parts['snapshot'] = snapshot(1, 1)
    const listener = new TestListener()
    hub.join(listener)
    await pass(0)
    listener.take()
    parts['snapshot'] = snapshot(2, 2)
    await pass(1_000)
    assert.deepEqual(listener.take(), [])
    parts['snapshot'] = snapshot(3, 3, 1)
    await pass(1_000)
    assert.deepEqual(listener.take(), ['snapshot'])
  })
})
