import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  defaultMaxWorkers,
  engineOptionsOf,
  laneFor,
  type QueueManagerOptions,
  resolveManagerOptions,
} from './manager-options.ts'
import { MemoryBackend } from './testing/memory-backend.ts'

const ROOM = { cpus: 4, availableBytes: 8e9 }
const MODULE = 'file:///work.ts'
const handlers = { ping: async () => 'pong' }

function engine(options: QueueManagerOptions) {
  return engineOptionsOf(resolveManagerOptions(options, ROOM), new MemoryBackend())
}

describe('resolveManagerOptions', () => {
  test('fills in the numbers of the document that the manager was made after', () => {
    const { file, ...numbers } = resolveManagerOptions({ file: 'queue.db' }, ROOM)
    assert.equal(file, 'queue.db')
    assert.deepEqual(numbers, {
      maxWorkers: 4,
      minWorkers: 1,
      queueSize: 1_000,
      workerTimeout: 300,
      maxRetries: 3,
      retryDelay: 5,
      maxRetryDelay: 300,
      progressUpdateInterval: 10,
      memoryThresholdPercent: 85,
      memoryCheckInterval: 30,
      workerMemoryLimit: 256,
      batchSize: 100,
      lease: 15,
    })
  })

  const wrong: { rule: string; options: QueueManagerOptions; message: RegExp }[] = [
    { rule: 'no place for the tasks', options: {}, message: /neither file nor backend is given/u },
    {
      rule: 'two places for the tasks',
      options: { file: 'a', backend: new MemoryBackend() },
      message: /file is given and a backend too/u,
    },
    {
      rule: 'a number that is none',
      options: { file: 'a', workerTimeout: Number.NaN },
      message: /workerTimeout is not a number from 0 on: NaN/u,
    },
    {
      rule: 'a part of a worker',
      options: { file: 'a', maxWorkers: 1.5 },
      message: /maxWorkers is not a whole number from 1 on: 1\.5/u,
    },
    {
      rule: 'more workers at least than at most',
      options: { file: 'a', maxWorkers: 2, minWorkers: 3 },
      message: /minWorkers 3 is more than maxWorkers 2/u,
    },
    {
      rule: 'more memory than there is',
      options: { file: 'a', memoryThresholdPercent: 101 },
      message: /memoryThresholdPercent is not a number from 11 to 100: 101/u,
    },
    {
      rule: 'a wait that no timer holds',
      options: { file: 'a', progressUpdateInterval: Number.POSITIVE_INFINITY },
      message: /progressUpdateInterval is not a number from 0\.001 to 2147483: Infinity/u,
    },
    {
      rule: 'a wrong age',
      options: { file: 'a', retention: { failedDays: -1 } },
      message: /failedDays of retention is not a number from 0 on: -1/u,
    },
    {
      rule: 'a mistyped name, with the right one',
      options: { file: 'a', maxWorker: 2 } as QueueManagerOptions,
      message: /unknown option maxWorker, did you mean maxWorkers\?/u,
    },
    {
      rule: 'every problem at once',
      options: { queueSize: 0, wrong: 1 } as QueueManagerOptions,
      message: /unknown option wrong; neither file nor backend is given; queueSize is not/u,
    },
  ]
  for (const { rule, options, message } of wrong) {
    test(`refuses ${rule}`, () => {
      assert.throws(() => resolveManagerOptions(options, ROOM), { code: 'queue/invalid-options', message })
    })
  }
})

describe('defaultMaxWorkers', () => {
  const cases = [
    { rule: 'CPUs, where memory is plenty', cpus: 4, availableBytes: 8e9, workers: 4 },
    { rule: 'what memory holds beside 300 MB', cpus: 16, availableBytes: 300e6 + 3 * 256e6, workers: 3 },
    { rule: 'one, however little there is', cpus: 2, availableBytes: 100e6, workers: 1 },
  ]
  for (const { rule, workers, ...room } of cases) {
    test(rule, () => assert.equal(defaultMaxWorkers(room, 256), workers))
  }
})

describe('lanes', () => {
  test('a module makes the lane default, in workers; handlers beside it the lane coordinator', () => {
    const { lanes } = engine({ file: 'a', module: MODULE, handlers, workerTimeout: 60, batchSize: 7 })
    const rules = { concurrency: 4, timeoutMs: 60_000, batchSize: 7 }
    assert.deepEqual(lanes, {
      default: { ...rules, runsIn: 'worker' },
      coordinator: { ...rules, runsIn: 'coordinator' },
    })
  })

  test('handlers alone make the lane default, in the coordinator', () => {
    assert.deepEqual(Object.keys(engine({ file: 'a', handlers }).lanes), ['default'])
    assert.equal(engine({ file: 'a', handlers }).lanes['default']?.runsIn, 'coordinator')
  })

  test('a lane says itself what is different', () => {
    const { lanes } = engine({
      file: 'a',
      module: MODULE,
      lanes: { video: { concurrency: 1, timeoutMs: 9 } },
    })
    assert.deepEqual(lanes['video'], { concurrency: 1, timeoutMs: 9, batchSize: 100, runsIn: 'worker' })
    assert.ok('default' in lanes)
  })

  test('seconds become milliseconds on the way to the engine', () => {
    const { retryDelayMs, maxRetryDelayMs, leaseMs } = engine({ file: 'a', retryDelay: 0.5, lease: 2 })
    assert.deepEqual([retryDelayMs, maxRetryDelayMs, leaseMs], [500, 300_000, 2_000])
  })

  test('a task goes where its kind is said to go, else where its handler is', () => {
    const laneOf = (kind: string) => (kind === 'film' ? 'video' : undefined)
    const options = { file: 'a', module: MODULE, handlers, laneOf }
    assert.deepEqual(
      ['film', 'ping', 'thumbnail'].map((kind) => laneFor(kind, options)),
      ['video', 'coordinator', 'default'],
    )
    assert.equal(laneFor('ping', { file: 'a', handlers }), 'default')
  })
})
