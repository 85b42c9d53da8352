import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { prepareTask } from '../new-task.ts'
import type { Task } from '../task.ts'
import {
  attemptOf,
  failedReason,
  isRemote,
  type JobHash,
  jobIdOf,
  jobOf,
  jobPriority,
  laneIndexOf,
  optionsOf,
  queueNameOf,
  readFailedReason,
  readProgress,
  readReturnValue,
  remoteJobOf,
  taskIdFor,
  taskIdOf,
  taskOf,
  taskPriority,
  type WireJob,
} from './wire.ts'

const NOW = Date.UTC(2026, 0, 1)

/** As BullMQ stores it, see `storeJob.lua`. */
function hashOf({ name, data, opts, timestamp }: WireJob): JobHash {
  const { priority, delay = 0 } = opts
  return {
    name,
    data,
    opts: JSON.stringify(opts),
    timestamp: `${timestamp}`,
    priority: `${priority}`,
    delay: `${delay}`,
  }
}

describe('a task as a job', () => {
  test('is read back as it was added', () => {
    fc.assert(
      fc.property(
        fc.record({
          kind: fc.string({ minLength: 1 }),
          lane: fc.string({ minLength: 1 }),
          payload: fc.jsonValue(),
          priority: fc.integer({ min: -1_000_000, max: 1_000_000 }),
          maxRetries: fc.nat(),
          timeoutMs: fc.option(fc.nat(), { nil: undefined }),
          memoryBytes: fc.option(fc.nat(), { nil: undefined }),
          group: fc.option(fc.string(), { nil: undefined }),
          dedupeKey: fc.option(fc.string(), { nil: undefined }),
          runAt: fc.integer({ min: NOW - 1_000, max: NOW + 1e9 }),
        }),
        ({ timeoutMs, memoryBytes, group, dedupeKey, ...given }) => {
          const optional = { timeoutMs, memoryBytes, group, dedupeKey }
          const known = Object.fromEntries(
            Object.entries(optional).filter(([, value]) => value !== undefined),
          )
          const task = { ...given, ...known, payload: JSON.parse(JSON.stringify(given.payload)) as unknown }
          const expected: Task = {
            ...task,
            id: 5,
            status: 'pending',
            attempt: 0,
            failures: 0,
            createdAt: NOW,
          }
          const read = taskOf(5, task.lane, hashOf(jobOf(prepareTask(task, NOW), NOW)), 'prioritized')
          assert.deepEqual(read, expected)
        },
      ),
    )
  })

  test('says nothing that is the default', () => {
    const { opts } = jobOf(prepareTask({ kind: 'k', lane: 'l', payload: null }, NOW), NOW)
    assert.deepEqual(opts, { priority: 2 ** 20 })
  })

  test('of higher priority goes first, and what BullMQ cannot tell apart is equal', () => {
    assert.deepEqual([5, 0, -5].map(jobPriority), [2 ** 20 - 5, 2 ** 20, 2 ** 20 + 5])
    assert.deepEqual([2 ** 30, -(2 ** 30)].map(jobPriority), [1, 2 ** 21 - 1])
    assert.equal(taskPriority(jobPriority(-7)), -7)
  })

  test('has a state that BullMQ does not know', () => {
    const hash = { name: 'k', opts: '{}', ats: '2', atm: '1', rt: '2', er: failedReason(OFTEN) }
    const waiting = taskOf(1, 'l', hash, 'delayed')
    assert.deepEqual([waiting.status, waiting.failures, waiting.error], ['retry', 1, OFTEN])
    // Released since: another attempt has begun and was given back.
    assert.equal(taskOf(1, 'l', { ...hash, ats: '3' }, 'prioritized').status, 'pending')
    assert.equal(attemptOf(hash), 2)
  })

  test('tells progress of its current attempt only', () => {
    const hash = { name: 'k', opts: '{}', ats: '2', progress: '{"attempt":2,"value":[1,2]}' }
    assert.deepEqual(taskOf(1, 'l', hash, 'active').progress, [1, 2])
    assert.equal(taskOf(1, 'l', { ...hash, ats: '3' }, 'active').progress, undefined)
    assert.equal(readProgress('0'), undefined)
  })

  test('changed fields go before what the options say, and an empty one takes it away', () => {
    const hash = { opts: '{"h":{"mr":9,"gr":"g","to":5,"dk":"d"}}', mr: '2', gr: '', to: '', dg: '1' }
    assert.deepEqual(optionsOf(hash), { mr: 2 })
  })
})

const OFTEN = { code: 'test/often', message: 'again', hint: 'Wait.', recovery: 'retry' } as const

describe('a job of a remote lane', () => {
  test('carries the envelope, runs once, and alone when asked to', () => {
    const envelope = { version: 1, origin: 'o', taskId: 7, attempt: 2, payload: { a: 1 } }
    const hash = hashOf(remoteJobOf({ kind: 'item', envelope, priority: 3, alone: true, timeoutMs: 0 }, NOW))
    const task = taskOf(1, 'item', hash, 'active')
    assert.deepEqual([task.payload, task.maxRetries, task.timeoutMs, task.priority], [envelope, 0, 0, 3])
    assert.ok(isRemote(optionsOf(hash)))
  })
})

describe('names and ids', () => {
  test('two lanes never share a queue, and no name holds a colon', () => {
    const lanes = [
      'a',
      'A',
      'a:b',
      'a%3Ab',
      '~',
      '%7E',
      '__proto__',
      'a b',
      'ü',
      '😀',
      'x'.repeat(1e6),
      'x'.repeat(1e6 + 1),
    ]
    const names = lanes.map(queueNameOf)
    assert.equal(new Set(names).size, lanes.length)
    for (const name of names) assert.match(name, /^[^:]{1,80}$/u)
  })

  test('an id tells its lane, and grows with its counter', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 45 - 2), fc.nat(255), fc.nat(255), (counter, lane, other) => {
        const id = taskIdFor(counter + 1, lane)
        assert.equal(laneIndexOf(id), lane)
        assert.ok(Number.isSafeInteger(id) && id > taskIdFor(counter, other))
        assert.equal(taskIdOf(jobIdOf(id)), id)
      }),
    )
    assert.deepEqual([Number.NaN, 0, -1, 1.5, 2 ** 60].map(laneIndexOf), Array(5).fill(undefined))
    assert.ok(['12', 'repeat:a:1', 't', 'tx'].every((id) => Number.isNaN(taskIdOf(id))))
  })
})

describe('how a job ended', () => {
  test('is read back', () => {
    assert.deepEqual(readFailedReason(failedReason(OFTEN, 12)), { error: OFTEN, durationMs: 12 })
    assert.deepEqual(readReturnValue('{"result":{"a":1},"durationMs":3}'), {
      result: { a: 1 },
      durationMs: 3,
    })
  })

  test('in the words of BullMQ or another program is told as it is', () => {
    assert.deepEqual(readFailedReason('child h:a:t1 failed').error.code, 'queue/dependency-failed')
    assert.deepEqual(readFailedReason('boom').error, {
      code: 'redis/failed',
      message: 'boom',
      recovery: 'discard',
    })
    for (const text of ['', 'null', '5', '[]', '{', '"x"']) assert.equal(readReturnValue(text).result, null)
  })
})
