import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CoordinatorView } from '../dashboard-events.ts'
import { emptyText, readingOf } from './worker-words.ts'

const COORDINATOR: CoordinatorView = {
  pid: 1,
  host: 'nas',
  startedAt: 0,
  seenAt: 0,
  lanes: { thumbnail: { concurrency: 2_000, workers: 0 } },
}

describe('words about workers', () => {
  const of = (isConnected: boolean, hosts: number, concurrency: number) => ({
    coordinators: [COORDINATOR],
    workerHosts: { isConnected, hosts, concurrency },
  })

  test('tell the places of worker hosts, and never the window', () => {
    assert.equal(readingOf(of(true, 2, 12)), '1 coordinator, 2 worker hosts for 12 at a time')
    assert.doesNotMatch(readingOf({ coordinators: [COORDINATOR] }), /2,?000/u)
    assert.match(emptyText(of(true, 2, 12)), /made by worker hosts/u)
  })

  test('say what is waited for', () => {
    assert.equal(readingOf(of(true, 0, 0)), '1 coordinator, no worker host')
    assert.match(emptyText(of(true, 0, 0)), /heirloom worker/u)
    assert.equal(readingOf(of(false, 0, 0)), '1 coordinator, Redis does not answer')
    assert.match(emptyText(of(false, 0, 0)), /Redis does not answer/u)
  })

  test('of a queue that nobody works on say so', () => {
    assert.equal(readingOf({ coordinators: [] }), 'nobody works')
  })
})
