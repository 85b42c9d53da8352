import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { FakeClock } from '../../clock.ts'
import type { Backend } from '../../queue/backend.ts'
import { openSqliteBackendInProcess } from '../../queue/sqlite/index.ts'
import type { NewTask } from '../../queue/task.ts'
import { createPaint } from '../paint.ts'
import type { QueueRequest } from '../queue-request.ts'
import type { Key, Terminal } from '../terminal.ts'
import { type MemoryIo, memoryIo } from '../testing/memory-io.ts'
import { runDrain } from './queue-drain.ts'
import type { QueueWork } from './queue-run.ts'
import { runTop } from './queue-top.ts'

const ENTER = '\u001B[?1049h\u001B[?25l'
const LEAVE = '\u001B[?25h\u001B[?1049l'

let folder = ''
let count = 0
let backend: Backend
const clock = new FakeClock()

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-watch-'))
})
after(() => rmSync(folder, { recursive: true }))
beforeEach(() => {
  count += 1
  backend = openSqliteBackendInProcess({ file: join(folder, `${count}.db`), clock, durability: 'process' })
})
afterEach(() => backend.close())

const plain: NewTask = { kind: 'k', lane: 'a', payload: { secret: 'x' } }

async function finish(outcome: 'completed' | 'failed'): Promise<void> {
  const request = { lane: 'a', limit: 1, workerId: 'w', leaseMs: 60_000 }
  const { claimed } = await backend.exchange({ settle: [], claim: [request] })
  const lease = claimed[0]?.[0]?.lease
  assert.ok(lease)
  const error = { code: 'mail/refused', message: 'nobody \u001B[2Jthere', recovery: 'discard' } as const
  const settle =
    outcome === 'completed' ? { lease, outcome, result: 1 } : { lease, outcome, error, retryAt: 0 }
  await backend.exchange({
    settle: [settle.outcome === 'completed' ? settle : { ...settle, outcome: 'error' }],
    claim: [],
  })
}

function workOf(io: MemoryIo, json = false): QueueWork {
  return {
    backend,
    place: { database: '/q.db' },
    close: async () => undefined,
    io,
    json,
    style: { paint: createPaint(false), columns: 80 },
  }
}

/** A terminal whose keys the test presses. */
function fakeTerminal(): Terminal & { press(key: Key): void; leave(): void; readonly raw: () => boolean } {
  const listeners = new Set<(key: Key) => void>()
  const gone = new Set<() => void>()
  return {
    hasKeys: true,
    listen: (onKey) => {
      listeners.add(onKey)
      return () => listeners.delete(onKey)
    },
    onReaderGone: (callback) => {
      gone.add(callback)
      return () => gone.delete(callback)
    },
    press: (key) => {
      for (const listener of listeners) listener(key)
    },
    leave: () => {
      for (const callback of gone) callback()
    },
    raw: () => listeners.size > 0,
  }
}

/** Lets whatever can go on without the clock go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate()
}

async function pass(io: MemoryIo, ms: number): Promise<void> {
  await settle()
  io.clock.advance(ms)
  await settle()
}

describe('queue drain', () => {
  const drain = (io: MemoryIo, request: Partial<QueueRequest> = {}, json = false): Promise<number> =>
    runDrain(workOf(io, json), { verb: 'drain', ...request } as Extract<QueueRequest, { verb: 'drain' }>)

  test('an empty queue is drained at once', async () => {
    const io = memoryIo()
    assert.equal(await drain(io), 0)
    assert.equal(io.stdout.text(), 'drained in 0 ms: 0 completed\n')
    assert.equal(io.stderr.text(), '')
  })

  test('waits for the last task, and says what is in the way', async () => {
    await backend.add([plain, plain])
    const io = memoryIo()
    const drained = drain(io)
    await settle()
    assert.match(io.stderr.text(), /^warning: no coordinator is there.*\n2 open, 0\.0\/s\n$/u)
    await finish('completed')
    await pass(io, 500)
    await finish('completed')
    await pass(io, 500)
    assert.equal(await drained, 0)
    assert.equal(io.stdout.text(), 'drained in 1.0 s: 2 completed\n')
  })

  test('a task that fails meanwhile makes it 1, one that failed before does not', async () => {
    await backend.add([plain, plain])
    await finish('failed')
    const io = memoryIo()
    const drained = drain(io)
    await settle()
    await finish('completed')
    await pass(io, 500)
    assert.equal(await drained, 0)
    await backend.add([plain])
    const again = memoryIo()
    const failing = drain(again)
    await settle()
    await finish('failed')
    await pass(again, 500)
    assert.equal(await failing, 1)
    assert.match(again.stdout.text(), /0 completed, 1 failed/u)
  })

  test('a cancelled task is no failure', async () => {
    await backend.add([plain])
    const io = memoryIo()
    const drained = drain(io)
    await settle()
    await backend.cancel([1])
    await pass(io, 500)
    assert.equal(await drained, 0)
    assert.equal(io.stdout.text(), 'drained in 500 ms: 0 completed, 1 cancelled\n')
  })

  test('looks at one lane only when told to', async () => {
    await backend.add([{ ...plain, lane: 'b' }])
    assert.equal(await drain(memoryIo(), { lane: 'a' }), 0)
  })

  test('the time is over: 1', async () => {
    await backend.add([plain])
    await backend.setPaused('a', true)
    const io = memoryIo()
    const drained = drain(io, { timeoutMs: 700 })
    await pass(io, 500)
    await pass(io, 200)
    assert.equal(await drained, 1)
    assert.match(io.stderr.text(), /warning: lane a is paused/u)
    assert.equal(io.stdout.text(), 'not drained after 700 ms, 1 task open: 0 completed\n')
  })

  test('Ctrl-C: 130', async () => {
    await backend.add([plain])
    const io = memoryIo()
    const drained = drain(io)
    await settle()
    io.interrupt()
    assert.equal(await drained, 130)
  })

  test('as JSON, a line at each change and one for the end', async () => {
    await backend.add([plain, plain])
    const io = memoryIo()
    const drained = drain(io, {}, true)
    await pass(io, 500)
    await finish('completed')
    await pass(io, 500)
    await finish('failed')
    await pass(io, 500)
    assert.equal(await drained, 1)
    const lines = io.stdout
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ type, open, completed, failed, drained: isDrained }) => [
        type,
        open,
        completed,
        failed,
        isDrained,
      ]),
      [
        ['progress', 2, 0, 0, undefined],
        ['progress', 1, 1, 0, undefined],
        ['end', 0, 1, 1, true],
      ],
    )
  })

  test('on a terminal one line is written over itself', async () => {
    await backend.add([plain])
    const io = memoryIo({ terminal: { columns: 12, rows: 5 } })
    const drained = drain(io)
    await pass(io, 500)
    await finish('completed')
    await pass(io, 500)
    await drained
    const text = io.stderr.text()
    assert.ok(text.endsWith('1 open, 0.…\r\u001B[K1 open, 0.…\r\u001B[K'), JSON.stringify(text))
  })
})

describe('queue top in a pipe', () => {
  test('writes a page at each look, without colours or cursor', async () => {
    await backend.add([plain, plain])
    await finish('failed')
    const io = memoryIo()
    const ended = runTop(workOf(io), { verb: 'top', intervalMs: 1_000, count: 2 }, fakeTerminal())
    await pass(io, 1_000)
    assert.equal(await ended, 0)
    const [first, second] = io.stdout.text().split('\n\nqueue ')
    assert.match(first ?? '', /^queue \/q\.db\n.*last failures:\n.*mail\/refused: nobody ␛\[2Jthere/su)
    assert.ok(second?.startsWith('/q.db'))
    assert.equal(io.stdout.text().includes('\u001B'), false)
  })

  test('ends when its reader leaves, and on Ctrl-C', async () => {
    const io = memoryIo()
    const terminal = fakeTerminal()
    const ended = runTop(workOf(io), { verb: 'top', intervalMs: 1_000 }, terminal)
    await settle()
    terminal.leave()
    assert.equal(await ended, 0)
    const other = memoryIo()
    const interrupted = runTop(workOf(other), { verb: 'top', intervalMs: 1_000 }, fakeTerminal())
    await settle()
    other.interrupt()
    assert.equal(await interrupted, 130)
  })

  test('as JSON, tasks have no payload', async () => {
    await backend.add([plain])
    await finish('failed')
    const io = memoryIo({ terminal: { columns: 80, rows: 24 } })
    await runTop(workOf(io, true), { verb: 'top', intervalMs: 1_000, count: 1 }, fakeTerminal())
    const { failures, running, lanes } = JSON.parse(io.stdout.text())
    assert.deepEqual([failures.length, running.length, lanes.length], [1, 0, 1])
    assert.equal('payload' in failures[0], false)
    assert.equal(failures[0].error.code, 'mail/refused')
  })
})

describe('queue top on a terminal', () => {
  const start = (io: MemoryIo, terminal: Terminal): Promise<number> =>
    runTop(workOf(io), { verb: 'top', intervalMs: 1_000 }, terminal)

  test('takes the screen and the keys, and gives both back on q', async () => {
    await backend.add([plain])
    const io = memoryIo({ terminal: { columns: 60, rows: 8 } })
    const terminal = fakeTerminal()
    const ended = start(io, terminal)
    await settle()
    assert.ok(io.stdout.text().startsWith(`${ENTER}\u001B[H\u001B[2Kqueue /q.db\r\n`))
    assert.equal(terminal.raw(), true)
    terminal.press('quit')
    assert.equal(await ended, 0)
    assert.ok(io.stdout.text().endsWith(LEAVE))
    assert.equal(io.stdout.text().split(LEAVE).length, 2)
    assert.equal(terminal.raw(), false)
  })

  const ways: { fact: string; end: (io: MemoryIo, terminal: ReturnType<typeof fakeTerminal>) => void }[] = [
    { fact: 'the key Ctrl-C', end: (_io, terminal) => terminal.press('interrupt') },
    { fact: 'a signal', end: (io) => io.interrupt() },
  ]
  for (const { fact, end } of ways) {
    test(`${fact} ends it with 130, the terminal as it was`, async () => {
      const io = memoryIo({ terminal: { columns: 60, rows: 8 } })
      const terminal = fakeTerminal()
      const ended = start(io, terminal)
      await settle()
      end(io, terminal)
      assert.equal(await ended, 130)
      assert.ok(io.stdout.text().endsWith(LEAVE))
      assert.equal(terminal.raw(), false)
    })
  }

  test('a process that ends in the middle leaves the terminal as it was', async () => {
    const io = memoryIo({ terminal: { columns: 60, rows: 8 } })
    const terminal = fakeTerminal()
    const ended = start(io, terminal)
    await settle()
    io.exit(1)
    assert.ok(io.stdout.text().endsWith(LEAVE))
    assert.equal(terminal.raw(), false)
    terminal.press('quit')
    io.interrupt()
    assert.equal(await ended, 130)
  })

  test('a queue that breaks while it is watched is told after the terminal is back', async () => {
    const io = memoryIo({ terminal: { columns: 60, rows: 8 } })
    const broken = { ...backend, statistics: backend.statistics }
    const ended = runTop(
      { ...workOf(io), backend: broken },
      { verb: 'top', intervalMs: 1_000 },
      fakeTerminal(),
    )
    await settle()
    broken.statistics = () => Promise.reject(new TypeError('broken'))
    io.clock.advance(1_000)
    await assert.rejects(ended, /broken/u)
    assert.ok(io.stdout.text().endsWith(LEAVE))
  })

  test('a busy database is waited for', async () => {
    const io = memoryIo({ terminal: { columns: 60, rows: 8 } })
    const terminal = fakeTerminal()
    const busy = { ...backend, statistics: backend.statistics }
    const ended = runTop({ ...workOf(io), backend: busy }, { verb: 'top', intervalMs: 1_000 }, terminal)
    await settle()
    busy.statistics = () => Promise.reject(Object.assign(new Error('database is locked'), { errcode: 5 }))
    await pass(io, 1_000)
    assert.match(io.stdout.text(), /\/q\.db: database is locked$/u)
    terminal.press('quit')
    assert.equal(await ended, 0)
  })

  test('keys choose a lane and pause it', async () => {
    await backend.add([plain, { ...plain, lane: 'b' }])
    const io = memoryIo({ terminal: { columns: 60, rows: 8 } })
    const terminal = fakeTerminal()
    const ended = start(io, terminal)
    await settle()
    terminal.press('down')
    terminal.press('down')
    terminal.press('toggle')
    await settle()
    assert.deepEqual(await backend.pausedLanes(), ['b'])
    assert.match(io.stdout.text(), /> b .*paused.*lane b paused: what runs is finished$/su)
    terminal.press('toggle')
    await settle()
    assert.deepEqual(await backend.pausedLanes(), [])
    terminal.press('quit')
    await ended
  })

  test('a narrower window is drawn at once, within its width', async () => {
    await backend.add([plain])
    const io = memoryIo({ terminal: { columns: 80, rows: 8 } })
    const terminal = fakeTerminal()
    const ended = start(io, terminal)
    await settle()
    const before = io.stdout.text().length
    io.stdout.resize(40, 5)
    const lines = io.stdout.text().slice(before).split('\r\n')
    assert.equal(lines.length, 5)
    terminal.press('quit')
    await ended
  })
})
