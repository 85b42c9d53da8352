import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ClaimedTask } from '../task.ts'
import { endOfFailed, endOfReturned, eventOf } from './remote-ends.ts'
import { jobNames } from './remote-leftovers.ts'
import { compareIds } from './remote-reader.ts'
import { failedReason } from './wire.ts'

const ours = (): boolean => true
const error = { code: 'a/b', message: 'm', hint: 'h', recovery: 'discard' } as const

describe('what a job’s end means', () => {
  test('a result comes with its time', () => {
    const end = { outcome: 'completed', result: [1], durationMs: 5 }
    assert.deepEqual(endOfReturned('{"result":[1],"durationMs":5}'), end)
  })

  test('an error is what the handler threw', () => {
    assert.deepEqual(endOfFailed(failedReason(error, 7)), { outcome: 'error', error, durationMs: 7 })
  })

  test('the next attempt after a crash runs alone, and at once', () => {
    const crash = { ...error, code: 'queue/worker-crashed' }
    const { crashed, retryAtOnce } = endOfFailed(failedReason(crash)) as never
    assert.deepEqual([crashed, retryAtOnce], [true, true])
  })

  test('a job that stalled too often is charged as a lease that ran out', () => {
    const end = endOfFailed('job stalled more than allowable limit')
    assert.equal(end.outcome === 'error' && end.error.code, 'queue/lease-expired')
    assert.equal(end.outcome === 'error' && end.error.recovery, 'retry')
  })

  test('whatever is written there is an end', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        assert.equal(endOfReturned(text).outcome, 'completed')
        assert.equal(endOfFailed(text).outcome, 'error')
      }),
    )
  })
})

describe('an entry of the events stream', () => {
  test('tells of a job of ours', () => {
    const completed = ['event', 'completed', 'jobId', 'j', 'returnvalue', '{"result":1}', 'prev', 'active']
    const end = { outcome: 'completed', result: 1, durationMs: 0 }
    assert.deepEqual(eventOf(completed, ours), ['j', { type: 'ended', end }])
    assert.deepEqual(eventOf(['event', 'active', 'jobId', 'j'], ours), ['j', { type: 'active' }])
    const progress = ['event', 'progress', 'jobId', 'j', 'data', '{"attempt":1,"value":{"a":2}}']
    assert.deepEqual(eventOf(progress, ours), ['j', { type: 'progress', value: { a: 2 } }])
  })

  test('of any other job, or of anything else, tells nothing', () => {
    assert.equal(
      eventOf(['event', 'completed', 'jobId', 'j'], () => false),
      undefined,
    )
    assert.equal(eventOf(['event', 'waiting', 'jobId', 'j'], ours), undefined)
    assert.equal(eventOf(['event', 'constructor', 'jobId', 'j'], ours), undefined)
    assert.equal(eventOf(['event', 'progress', 'jobId', 'j', 'data', '{'], ours), undefined)
    assert.equal(eventOf(['event'], ours), undefined)
  })
})

test('ids of streams are in order of time, then of number', () => {
  const ids = ['10-0', '9-12', '9-2', '0-0']
  assert.deepEqual(ids.toSorted(compareIds), ['0-0', '9-2', '9-12', '10-0'])
})

describe('names of jobs', () => {
  const claimed = { lease: { taskId: 7, attempt: 2, token: '' } } as ClaimedTask

  test('are those of a run, an attempt and its runs', () => {
    const { ofLibrary, ofRun, name } = jobNames('library/run')
    assert.ok(ofRun.startsWith(ofLibrary))
    assert.equal(name(claimed, 3), `${ofRun}7.2.3`)
    // Colons separate keys, and ids that begin so are those of the backend's own tasks.
    assert.match(name(claimed, 3), /^r\.[\w-]{6}\.[\w-]{6}\.7\.2\.3$/u)
  })

  test('of two runs share the library, and of two libraries nothing', () => {
    const [one, two, other] = ['a/b/1', 'a/b/2', 'a/c/1'].map(jobNames)
    assert.equal(one?.ofLibrary, two?.ofLibrary)
    assert.notEqual(one?.ofRun, two?.ofRun)
    assert.notEqual(one?.ofLibrary, other?.ofLibrary)
  })
})
