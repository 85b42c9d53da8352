import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createWorkerView } from './live-view.ts'
import { createPaint } from './paint.ts'
import { memoryIo } from './testing/memory-io.ts'
import { widthOf } from './text-width.ts'
import { plainWorker, RateMeter, renderWorker, type WorkerProgress, workerPhase } from './worker-view.ts'

const PROGRESS: WorkerProgress = {
  now: 1_000,
  isConnected: true,
  lanes: [
    { lane: 'item', concurrency: 6, running: 4, completed: 1204, failed: 2 },
    { lane: 'thumbnail', concurrency: 2, running: 0, completed: 0, failed: 0 },
  ],
  perSecond: 12.4,
}
const paint = createPaint(false)
const lineAt = (columns: number, progress: WorkerProgress = PROGRESS): string => {
  const [line = '', ...others] = renderWorker(progress, { columns, rows: 24 }, paint)
  assert.deepEqual(others, [])
  return line
}

describe('renderWorker', () => {
  test('says in one line how each lane is', () => {
    assert.equal(
      lineAt(120),
      'connected  item 4/6 running, 1,204 done, 2 failed  thumbnail 0/2 running, 0 done  12 tasks/s',
    )
  })

  test('is short where there is little room', () => {
    assert.equal(lineAt(80), 'connected  item 4/6 ✓1,204 ✗2  thumbnail 0/2 ✓0  12/s')
    assert.equal(lineAt(40), 'connected  item 4/6 ✓1,204 ✗2')
  })

  test('says that it waits for Redis', () => {
    assert.match(lineAt(80, { ...PROGRESS, isConnected: false }), /^waiting for Redis {2}item/u)
  })

  test('never fills more than the terminal is wide', () => {
    for (let columns = 18; columns < 130; columns += 1) {
      for (const isConnected of [true, false]) {
        const line = lineAt(columns, { ...PROGRESS, isConnected })
        assert.ok(widthOf(line) < columns, `${columns}: ${line}`)
      }
    }
  })
})

test('a pipe is told the same', () => {
  assert.deepEqual(plainWorker(PROGRESS), [
    'worker: connected; item 4/6 running, 1,204 done, 2 failed; thumbnail 0/2 running, 0 done; 12 tasks/s',
  ])
})

test('a host is idle when nothing runs and nothing has ended of late', () => {
  const lanes = PROGRESS.lanes.map((lane) => ({ ...lane, running: 0 }))
  assert.equal(workerPhase(PROGRESS), 'working')
  assert.equal(workerPhase({ ...PROGRESS, lanes }), 'working')
  assert.equal(workerPhase({ ...PROGRESS, lanes, perSecond: 0 }), 'idle')
  assert.equal(workerPhase({ ...PROGRESS, isConnected: false }), 'disconnected')
})

describe('RateMeter', () => {
  const at = (now: number, completed: number, failed = 0): WorkerProgress => ({
    now,
    isConnected: true,
    lanes: [{ lane: 'item', concurrency: 1, running: 0, completed, failed }],
  })

  test('knows no rate from one look', () => {
    assert.equal(new RateMeter().note(at(0, 5)).perSecond, undefined)
  })

  test('counts what ended over the last ten seconds', () => {
    const meter = new RateMeter()
    for (let second = 0; second <= 60; second += 1) {
      const { perSecond } = meter.note(at(second * 1000, second * 20, second * 2))
      if (second > 0) assert.equal(perSecond, 22)
    }
    for (let second = 61; second <= 69; second += 1) meter.note(at(second * 1000, 1200, 120))
    assert.equal(meter.note(at(70_000, 1200, 120)).perSecond, 0)
  })
})

test('a pipe hears at once that Redis is away, and nothing while there is nothing to do', () => {
  const io = memoryIo()
  const view = createWorkerView(io, { json: false, color: false })
  const idle = { ...PROGRESS, lanes: PROGRESS.lanes.map((lane) => ({ ...lane, running: 0 })), perSecond: 0 }
  const lines = (): string[] => io.stderr.text().trimEnd().split('\n')
  view.update(idle)
  for (let look = 0; look < 100; look += 1) {
    io.clock.advance(1_000)
    view.update(idle)
  }
  assert.equal(lines().length, 1)
  view.update({ ...idle, isConnected: false })
  assert.match(lines()[1] ?? '', /^worker: waiting for Redis/u)
  view.update(PROGRESS)
  assert.equal(lines().length, 3)
  io.clock.advance(10_000)
  view.update(PROGRESS)
  assert.equal(lines().length, 4)
})
