import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { Command } from 'commander'
import { FakeClock } from '../../clock.ts'
import type { Backend } from '../../queue/backend.ts'
import { processIdentity } from '../../queue/process-identity.ts'
import { openSqliteBackendInProcess } from '../../queue/sqlite/index.ts'
import type { ClaimedTask, NewTask } from '../../queue/task.ts'
import { fakeServices, type MemoryIo, memoryIo } from '../testing/memory-io.ts'
import { UsageError } from '../usage-error.ts'
import { QUEUE_VERBS, type QueueCommandOptions, queueCommand, runQueue } from './queue.ts'

let cwd = ''
let file = ''
let count = 0
let owner: Backend
const clock = new FakeClock()

before(() => {
  cwd = mkdtempSync(join(tmpdir(), 'heirloom-queue-'))
})
after(() => rmSync(cwd, { recursive: true }))
beforeEach(() => {
  count += 1
  file = `q${count}.db`
  owner = openSqliteBackendInProcess({ file: join(cwd, file), clock, durability: 'process' })
})
afterEach(() => owner.close())

interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Parses the line, with `Q` standing for the queue, and runs it as a process of its own would. */
async function run(line: string, io: MemoryIo = memoryIo({ cwd })): Promise<Answer> {
  let code = -1
  const command = queueCommand(async (options) => {
    code = await runQueue({ io, services: fakeServices() }, options)
  })
  await new Command().addCommand(command).parseAsync(['queue', ...words(line)], { from: 'user' })
  return { code, out: io.stdout.text(), err: io.stderr.text() }
}

function words(line: string): string[] {
  return line.split(' ').map((word) => (word === 'Q' ? file : word))
}

const plain: NewTask = { kind: 'k', lane: 'a', payload: { secret: 'x' } }

/** Adds tasks and answers their ids. */
async function add(...tasks: Partial<NewTask>[]): Promise<number[]> {
  return (await owner.add(tasks.map((task) => ({ ...plain, ...task })))).map(({ id }) => id)
}

async function claim(lane = 'a', limit = 1): Promise<ClaimedTask[]> {
  const request = { lane, limit, workerId: 'w', leaseMs: 60_000 }
  return [...((await owner.exchange({ settle: [], claim: [request] })).claimed[0] ?? [])]
}

async function finish(outcome: 'completed' | 'failed', lane = 'a'): Promise<number> {
  const [claimed] = await claim(lane)
  assert.ok(claimed)
  const { lease } = claimed
  const error = { code: 'mail/refused', message: 'nobody there', recovery: 'discard' } as const
  await owner.exchange({
    settle: [
      outcome === 'completed'
        ? { lease, outcome, result: 1, durationMs: 20 }
        : { lease, outcome: 'error', error, retryAt: 0, durationMs: 20 },
    ],
    claim: [],
  })
  return lease.taskId
}

describe('a line of the queue command', () => {
  const shared = { flags: {}, configFile: undefined, envFile: undefined, json: false }
  const cases: { line: string; options: QueueCommandOptions }[] = [
    {
      line: 'list lib --lane a --status failed --kind k --error c --limit 3 --newest --json --state s -v',
      options: {
        ...shared,
        flags: { state: 's', verbose: true },
        verb: 'list',
        target: 'lib',
        names: [],
        own: { lane: 'a', status: 'failed', kind: 'k', error: 'c', limit: '3', newest: true },
        json: true,
      },
    },
    { line: 'show lib 7', options: { ...shared, verb: 'show', target: 'lib', names: ['7'], own: {} } },
    {
      line: 'cancel lib 7 8 --no-color',
      options: {
        ...shared,
        flags: { color: 'never' },
        verb: 'cancel',
        target: 'lib',
        names: ['7', '8'],
        own: {},
      },
    },
    {
      line: 'prune lib --older-than 7d',
      options: { ...shared, verb: 'prune', target: 'lib', names: [], own: { olderThan: '7d' } },
    },
  ]
  for (const { line, options } of cases) {
    test(line, async () => {
      const parsed: QueueCommandOptions[] = []
      const command = queueCommand(async (given) => {
        parsed.push(given)
      })
      await new Command().addCommand(command).parseAsync(['queue', ...line.split(' ')], { from: 'user' })
      assert.deepEqual(parsed, [options])
    })
  }

  for (const verb of QUEUE_VERBS) {
    test(`${verb} has examples of itself`, () => {
      let help = ''
      const command = queueCommand(async () => undefined).commands.find((one) => one.name() === verb)
      command?.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
      assert.match(help, new RegExp(`Examples:\n {2}\\$ heirloom queue ${verb} `, 'u'))
    })
  }

  test('what cannot be meant is a usage error, before the queue is opened', async () => {
    await assert.rejects(run('cancel nowhere.db 0'), (error) => {
      assert.ok(error instanceof UsageError)
      assert.deepEqual(error.problems, ['"0" is no task id: a whole number from 1 on'])
      return true
    })
  })
})

describe('queue status', () => {
  test('counts and times come from the database', async () => {
    await add({}, {}, {}, { lane: 'b' })
    await finish('completed')
    await finish('failed')
    await owner.report({
      id: 'w',
      host: 'anna',
      pid: process.pid,
      identity: processIdentity(),
      startedAt: clock.now(),
      lanes: { a: { concurrency: 2, workers: 1 } },
    })
    const { code, out, err } = await run('status Q')
    assert.match(out, /^queue .*\n1 coordinator, 1 worker\n {2}process \d+ on anna, for 0 ms: a 1 of 2\n/u)
    assert.match(out, /\na +1 +1 +1\nb +1 +0 +0\nall +2 +1 +1\n/u)
    assert.match(out, /\nLANE .*P50.*\na .* 0 +-?/u)
    assert.deepEqual([code, err], [0, ''])
  })

  test('as JSON it has every number under its own name', async () => {
    await add({})
    await finish('completed')
    await owner.setPaused('b', true)
    const { out } = await run('status Q --json')
    const document = JSON.parse(out)
    assert.deepEqual(Object.keys(document).sort(), [
      'coordinators',
      'counts',
      'database',
      'etaMs',
      'lanes',
      'now',
      'schedules',
      'throughput',
    ])
    assert.deepEqual(
      document.lanes.map((lane: { lane: string; paused: boolean }) => [lane.lane, lane.paused]),
      [
        ['a', false],
        ['b', true],
      ],
    )
    assert.equal(document.lanes[0].counts.completed, 1)
    assert.deepEqual(Object.keys(document.lanes[0].durations).sort(), [
      'averageMs',
      'count',
      'maxMs',
      'p50Ms',
      'p95Ms',
      'p99Ms',
    ])
    assert.equal(document.lanes[0].durations.count, 1)
  })
})

describe('queue list and show', () => {
  test('list narrows, orders and limits', async () => {
    await add({}, { kind: 'other' }, {}, {})
    await finish('failed')
    const ids = async (flags: string): Promise<number[]> =>
      JSON.parse((await run(`list Q --json ${flags}`.trim())).out).map(({ id }: { id: number }) => id)
    assert.deepEqual(await ids(''), [1, 2, 3, 4])
    assert.deepEqual(await ids('--newest --limit 2'), [4, 3])
    assert.deepEqual(await ids('--kind other'), [2])
    assert.deepEqual(await ids('--status failed'), [1])
    assert.deepEqual(await ids('--error mail/refused'), [1])
    assert.deepEqual(await ids('--lane nowhere'), [])
  })

  test('list as text', async () => {
    await add({}, {})
    await finish('failed')
    assert.equal(
      (await run('list Q')).out,
      'ID  STATUS   LANE  KIND  ATTEMPT   AGE\n' +
        ' 1  failed   a     k           1  0 ms  mail/refused: nobody there\n' +
        ' 2  pending  a     k           0  0 ms\n',
    )
  })

  test('show has one task, or says that there is none', async () => {
    const [id] = await add({ payload: { name: 'a\u001B[2J' } })
    const found = await run(`show Q ${id}`)
    assert.match(found.out, /^task 1: k, pending\n {2}lane .*payload {3}\{"name":"a\\u001b\[2J"\}\n$/su)
    assert.equal(JSON.parse((await run(`show Q ${id} --json`)).out).payload.name, 'a\u001B[2J')
    const none = await run('show Q 99 --json')
    assert.deepEqual(none, { code: 1, out: 'null\n', err: 'error: there is no task 99\n' })
  })
})

describe('queue cancel', () => {
  test('cancels what waits, asks what runs, and says what it could not', async () => {
    await add({}, {}, {}, {})
    await finish('completed')
    const [running] = await claim()
    assert.equal(running?.task.id, 2)
    const { code, out, err } = await run('cancel Q 1 2 3 77')
    assert.equal(out, '1 task cancelled; 1 running asked to end\n')
    assert.equal(err, 'error: task 1 is completed: it cannot be cancelled\nerror: there is no task 77\n')
    assert.equal(code, 1)
    assert.equal((await owner.get(2))?.cancelRequested, true)
    assert.equal((await owner.get(3))?.status, 'cancelled')
  })

  test('as JSON', async () => {
    await add({}, {})
    await finish('completed')
    const { code, out } = await run('cancel Q 1 2 --json')
    assert.deepEqual(JSON.parse(out), {
      cancelled: [2],
      requested: [],
      refused: [{ id: 1, status: 'completed' }],
    })
    assert.equal(code, 1)
  })

  test('all of a lane and kind, however many, and nothing else', async () => {
    await add(...Array.from({ length: 450 }, () => ({})), { lane: 'b' }, { kind: 'other' })
    await claim('a', 3)
    const { code, out } = await run('cancel Q --lane a --kind k --all')
    assert.deepEqual([code, out], [0, '447 tasks cancelled; 3 running asked to end\n'])
    assert.deepEqual(
      await owner.counts().then(({ pending, processing, cancelled }) => [pending, processing, cancelled]),
      [2, 3, 447],
    )
  })

  test('dependants of a cancelled task are not set going in between', async () => {
    const [parent = 0] = await add({})
    await add({ dependsOn: [{ taskId: parent, onFailure: 'run' }] })
    await run('cancel Q --all')
    assert.equal((await owner.counts()).cancelled, 2)
  })
})

describe('queue retry', () => {
  test('gives failed tasks their attempts again, and refuses others', async () => {
    await add({}, {})
    await finish('failed')
    const { code, out, err } = await run('retry Q 1 2')
    assert.equal(out, '1 task to be tried again\n')
    assert.equal(err, 'error: task 2 is pending: only failed tasks can be tried again\n')
    assert.equal(code, 1)
    assert.equal((await owner.get(1))?.status, 'pending')
  })

  test('all that failed, by kind and error', async () => {
    await add({}, { kind: 'other' }, {})
    for (let task = 0; task < 3; task += 1) await finish('failed')
    const none = await run('retry Q --failed --error mail/other --json')
    assert.deepEqual(JSON.parse(none.out), { retried: [], refused: [] })
    const { code, out } = await run('retry Q --failed --kind k --error mail/refused --json')
    assert.deepEqual(JSON.parse(out), { retried: [1, 3], refused: [] })
    assert.equal(code, 0)
  })
})

describe('queue pause and resume', () => {
  test('nobody gets a task of a paused lane until it is resumed', async () => {
    await add({}, { lane: 'b' })
    assert.deepEqual(await run('pause Q a'), {
      code: 0,
      out: 'lane a paused: what runs is finished\n',
      err: '',
    })
    assert.deepEqual(await claim('a'), [])
    assert.equal((await claim('b')).length, 1)
    assert.equal((await run('pause Q a')).out, 'lane a was paused already\n')
    const resumed = await run('resume Q a b --json')
    assert.deepEqual(JSON.parse(resumed.out), {
      lanes: [
        { lane: 'a', paused: false, changed: true },
        { lane: 'b', paused: false, changed: false },
      ],
    })
    assert.equal((await claim('a')).length, 1)
  })

  test('a lane that nobody knows is paused, with a warning', async () => {
    await add({ lane: 'mail' })
    const { code, err } = await run('pause Q mial')
    assert.deepEqual([code, err], [0, 'warning: no task of lane mial was added yet, did you mean mail?\n'])
    assert.deepEqual(await owner.pausedLanes(), ['mial'])
  })

  for (const line of [
    'list Q --lane mial',
    'cancel Q --all --lane mial',
    'retry Q --failed --lane mial',
    'drain Q --lane mial',
    'prune Q --older-than 1s --lane mial',
  ])
    test(`a lane that nobody knows is warned of: ${line}`, async () => {
      await add({ lane: 'mail' })
      const { code, err } = await run(line)
      assert.deepEqual([code, err], [0, 'warning: no task of lane mial was added yet, did you mean mail?\n'])
    })
})

describe('queue prune', () => {
  test('forgets finished tasks of that age, failed ones only by name', async () => {
    await add({}, {}, {}, {})
    await finish('completed')
    await finish('failed')
    await owner.cancel([3])
    const io = memoryIo({ cwd })
    assert.equal((await run('prune Q --older-than 1h', io)).out, '0 tasks forgotten\n')
    const later = memoryIo({ cwd })
    later.clock.advance(3_600_001)
    assert.deepEqual(await run('prune Q --older-than 1h', later), {
      code: 0,
      out: '2 tasks forgotten\n',
      err: '',
    })
    assert.deepEqual(
      (await owner.list({ limit: 9 })).map(({ id }) => id),
      [2, 4],
    )
    const failed = memoryIo({ cwd })
    failed.clock.advance(3_600_001)
    const { out } = await run('prune Q --older-than 1h --status failed --json', failed)
    assert.deepEqual(JSON.parse(out), { pruned: 1, endedBefore: clock.now() + 1, statuses: ['failed'] })
    assert.equal((await owner.get(4))?.status, 'pending')
  })
})
