/**
 * A queue steered from another process than the one that works on it: as a user does, by `heirloom queue`.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { main } from '../../src/cli/main.ts'
import { memoryIo } from '../../src/cli/testing/memory-io.ts'
import { systemClock } from '../../src/clock.ts'
import type { Backend } from '../../src/queue/backend.ts'
import { openSqliteBackendInProcess } from '../../src/queue/sqlite/index.ts'
import type { Task } from '../../src/queue/task.ts'
import { contradictions, libraryContent } from '../support/library-content.ts'
import { type MadeTakeout, makeTakeout } from '../support/make-takeout.ts'
import { runHeirloom, startHeirloom, until } from '../support/run-heirloom.ts'
import { runHere } from '../support/run-here.ts'
import type { TakeoutItem } from '../support/takeout-layout.ts'

const COORDINATOR = fileURLToPath(new URL('../fixtures/queue/control-coordinator.ts', import.meta.url))

/** Each goes through exiftool, so that placing them takes long enough to be steered. Different for each seed below 256. */
const PICTURES = 16
function picture(seed: number): TakeoutItem {
  const background = { r: seed, g: 120, b: 60 }
  return {
    title: `picture-${seed}.webp`,
    takenAt: Date.UTC(2020, 4, 1, 8, seed),
    content: () =>
      sharp({ create: { width: 16, height: 16, channels: 3, background } })
        .webp({ lossless: true })
        .toBuffer(),
  }
}

let folder: string
let count = 0
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-control-'))
})
after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))

interface Answer {
  readonly stdout: string
  readonly stderr: string
}

/** `heirloom queue VERB FILE …`, which has to end with this code. In this process, which is not the one that works. */
async function queue(code: number, verb: string, target: string, ...rest: string[]): Promise<Answer> {
  const io = { ...memoryIo({ cwd: folder }), clock: systemClock }
  const exitCode = await main(['queue', verb, target, ...rest], io)
  const answer = { stdout: io.stdout.text(), stderr: io.stderr.text() }
  assert.equal(exitCode, code, `queue ${verb} ${rest.join(' ')}\n${answer.stdout}${answer.stderr}`)
  return answer
}

async function json<Value>(code: number, verb: string, target: string, ...rest: string[]): Promise<Value> {
  return JSON.parse((await queue(code, verb, target, ...rest, '--json')).stdout) as Value
}

describe('a queue of its own', () => {
  let file: string
  let gate: string
  let backend: Backend
  let coordinator: ChildProcess
  let workers: number[]

  beforeEach(async (t) => {
    count += 1
    file = join(folder, `queue-${count}.db`)
    gate = join(folder, `gate-${count}`)
    workers = []
    backend = openSqliteBackendInProcess({ file, durability: 'process' })
    coordinator = spawn(process.execPath, [COORDINATOR, file], { stdio: ['pipe', 'pipe', 'inherit'] })
    coordinator.stdout?.setEncoding('utf8').on('data', (text: string) => {
      for (const [, pid] of text.matchAll(/worker (\d+)/gu)) workers.push(Number(pid))
    })
    const exited = new Promise((resolve) => coordinator.once('exit', resolve))
    assert.ok('after' in t)
    t.after(async () => {
      coordinator.stdin?.end()
      await exited
      await backend.close()
    })
  })

  async function add(...kinds: ('read' | 'wait' | 'spin')[]): Promise<number[]> {
    const tasks = kinds.map((kind) => ({ kind, lane: 'work', payload: { file: gate } }))
    return (await backend.add(tasks)).map(({ id }) => id)
  }

  function untilStatus(id: number, status: Task['status']): Promise<Task> {
    return until(`task ${id} is ${status}`, async () => {
      const task = await backend.get(id)
      return task?.status === status ? task : undefined
    })
  }

  test('a paused lane starts nothing more, and goes on when it is resumed', async () => {
    const [first = 0, second = 0] = await add('wait', 'wait')
    await untilStatus(first, 'processing')
    assert.match((await queue(0, 'pause', file, 'work')).stdout, /^lane work paused/u)
    await writeFile(gate, '')
    await untilStatus(first, 'completed')
    const status = await json<{ lanes: { paused: boolean }[]; coordinators: { pid: number }[] }>(
      0,
      'status',
      file,
    )
    assert.deepEqual(
      [status.lanes.map(({ paused }) => paused), status.coordinators.map(({ pid }) => pid)],
      [[true], [coordinator.pid]],
    )
    // An unpaused lane would have started it within a millisecond or two.
    const late = await queue(1, 'drain', file, '--timeout', '500ms')
    assert.match(late.stderr, /warning: lane work is paused/u)
    assert.equal((await backend.get(second))?.attempt, 0)
    await queue(0, 'resume', file, 'work')
    assert.match((await queue(0, 'drain', file)).stdout, /^drained in /u)
    assert.equal((await backend.get(second))?.status, 'completed')
  })

  test('a running task that never comes back is ended, and the next one runs', async () => {
    const [spinning = 0] = await add('spin')
    await untilStatus(spinning, 'processing')
    const worker = await until('a worker', () => workers[0])
    const [next = 0] = await add('wait')
    const asked = await json<{ cancelled: number[]; requested: number[] }>(
      0,
      'cancel',
      file,
      String(spinning),
    )
    assert.deepEqual([asked.cancelled, asked.requested], [[], [spinning]])
    const task = await untilStatus(spinning, 'cancelled')
    assert.equal(task.error?.code, 'queue/cancelled')
    await until('the worker is gone', () => (isAlive(worker) ? undefined : true))
    await writeFile(gate, '')
    await untilStatus(next, 'completed')
    assert.match(
      (await queue(1, 'cancel', file, String(next))).stderr,
      /task \d+ is completed: it cannot be cancelled/u,
    )
  })

  test('failed tasks are found, shown and tried again', async () => {
    const ids = await add('read', 'read', 'wait')
    await untilStatus(ids[1] ?? 0, 'failed')
    const failed = await json<Task[]>(0, 'list', file, '--status', 'failed', '--error', 'system/ENOENT')
    assert.deepEqual(
      failed.map(({ id }) => id),
      ids.slice(0, 2),
    )
    assert.match(
      (await queue(0, 'show', file, String(ids[0]))).stdout,
      /system\/ENOENT: .*no other attempt can help/su,
    )
    await writeFile(gate, 'x')
    await queue(0, 'drain', file)
    const { retried } = await json<{ retried: number[] }>(0, 'retry', file, '--failed', '--kind', 'read')
    assert.deepEqual(retried, ids.slice(0, 2))
    await queue(0, 'drain', file)
    assert.equal((await backend.counts()).completed, 3)
    assert.deepEqual(
      await json(0, 'prune', file, '--older-than', '0s').then((one) => (one as { pruned: number }).pruned),
      3,
    )
    assert.equal((await backend.counts()).completed, 0)
  })

  test('top in a pipe shows what runs, and Ctrl-C ends it', async () => {
    const [id = 0] = await add('wait')
    await untilStatus(id, 'processing')
    const top = startHeirloom(['queue', 'top', file, '--json', '--interval', '100ms'])
    let out = ''
    top.child.stdout?.on('data', (text: string) => (out += text))
    await until('its progress is seen', () =>
      out.includes('"progress":{"done":1,"total":4}') ? true : undefined,
    )
    top.child.kill('SIGINT')
    assert.equal((await top.ended).exitCode, 130)
    const [first] = out.split('\n')
    assert.deepEqual(
      JSON.parse(first ?? '').running.map((task: Task) => [task.id, 'payload' in task]),
      [[id, false]],
    )
    await writeFile(gate, '')
    await queue(0, 'drain', file)
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('an ingest', () => {
  let library: string
  let takeout: MadeTakeout
  before(async () => {
    library = join(folder, 'Photos')
    takeout = await makeTakeout(join(folder, 'takeout-20240101T000000Z'), {
      plan: { items: Array.from({ length: PICTURES }, (_, index) => picture(index)) },
    })
  })

  test('waits while its items are paused, and completes when they are resumed', async () => {
    const paused = join(folder, 'Paused')
    const ingest = startHeirloom(['ingest', ...takeout.inputs, '-o', paused, '--workers', '1'])
    const counts = async (): Promise<Record<string, number>> => {
      const io = { ...memoryIo({ cwd: folder }), clock: systemClock }
      if ((await main(['queue', 'status', paused, '--json'], io)) !== 0) return {}
      const { lanes } = JSON.parse(io.stdout.text())
      return lanes.find(({ lane }: { lane: string }) => lane === 'item')?.counts ?? {}
    }
    await until('items are planned', async () => ((await counts())['pending'] ? true : undefined))
    await queue(0, 'pause', paused, 'item')
    await until('what ran is finished', async () => ((await counts())['processing'] === 0 ? true : undefined))
    const before = await counts()
    assert.ok((before['pending'] ?? 0) > 0, JSON.stringify(before))
    assert.match((await queue(1, 'drain', paused, '--timeout', '1s')).stderr, /lane item is paused/u)
    assert.deepEqual(await counts(), before)
    assert.equal(ingest.child.exitCode, null)
    await queue(0, 'resume', paused, 'item')
    const run = await ingest.ended
    assert.equal(run.exitCode, 0, run.stdout + run.stderr)
    assert.match(run.stderr, /lane is paused/u)
    assert.equal((await libraryContent(paused)).assets.length, PICTURES)
    assert.deepEqual(await contradictions(paused), [])
  })

  test('items that are cancelled meanwhile are named in the ledger, and done by the next run', async () => {
    const ingest = startHeirloom(['ingest', ...takeout.inputs, '-o', library, '--workers', '1', '--json'])
    const database = join(library, '.heirloom/library.db')
    const pending = await until('items are planned', async () => {
      if (!existsSync(database)) return undefined
      const io = { ...memoryIo({ cwd: folder }), clock: systemClock }
      const line = [
        'queue',
        'list',
        library,
        '--lane',
        'item',
        '--status',
        'pending',
        '--newest',
        '--limit',
        '2',
      ]
      if ((await main([...line, '--json'], io)) !== 0) return undefined
      const tasks = JSON.parse(io.stdout.text()) as Task[]
      return tasks.length === 2 ? tasks : undefined
    })
    const ids = pending.map(({ id }) => String(id))
    const { cancelled } = await json<{ cancelled: number[] }>(0, 'cancel', library, ...ids)
    assert.deepEqual(
      cancelled,
      pending.map(({ id }) => id),
    )
    const status = await json<{ coordinators: { pid: number; lanes: object }[] }>(0, 'status', library)
    assert.deepEqual(
      status.coordinators.map(({ pid, lanes }) => [pid, Object.keys(lanes).sort()]),
      [[ingest.pid, ['export', 'export-finish', 'item']]],
    )

    const run = await ingest.ended
    assert.equal(run.exitCode, 1, run.stderr)
    const [summary] = JSON.parse(run.stdout).exports
    assert.deepEqual([summary.failed, summary.balanced, summary.phase], [2, true, 'finished'])
    assert.deepEqual(
      summary.problems.map(({ code }: { code: string }) => code),
      ['queue/cancelled', 'queue/cancelled'],
    )
    assert.deepEqual(await contradictions(library), [])
    assert.equal((await libraryContent(library)).assets.length, PICTURES - 2)

    const again = await runHere(['ingest', ...takeout.inputs, '-o', library, '--workers', '1'])
    assert.equal(again.exitCode, 0, again.stdout + again.stderr)
    assert.deepEqual(await contradictions(library), [])
    assert.equal((await libraryContent(library)).assets.length, PICTURES)
  })
})

test('looking at what is no queue makes nothing', async () => {
  const run = await runHeirloom(['queue', 'status', folder])
  assert.equal(run.exitCode, 1)
  assert.match(run.stderr, /^error: .* holds no library\nName the folder/u)
  assert.equal(existsSync(join(folder, '.heirloom')), false)
})
