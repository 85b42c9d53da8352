import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Coordinator } from '../queue/backend.ts'
import { RemoteAnswers, type RemoteView } from './remote-answers.ts'
import { startTestServer } from './testing/test-server.ts'
import { readThumbnailStatus, remotePlaces } from './thumbnail-status.ts'

function host(lanes: Coordinator['lanes']): Coordinator {
  const identity = { pid: 1 } as Coordinator['identity']
  return { id: 'a', host: 'a', pid: 1, identity, startedAt: 0, seenAt: 0, lanes }
}

const HOSTS = [
  host({ thumbnail: { concurrency: 2, workers: 2 }, item: { concurrency: 6, workers: 6 } }),
  host({ thumbnail: { concurrency: 4, workers: 0 } }),
]

const depth = (active: number) => ({ lane: 'thumbnail', waiting: 1_900, active, delayed: 0, failed: 0 })

describe('how far the thumbnails are, on worker hosts', () => {
  test('the places are those of the hosts; what no host has yet does not run', () => {
    const answer = { hosts: HOSTS, depths: [depth(5)] }
    assert.deepEqual(remotePlaces(2_000, answer), { activeWorkers: 5, maxWorkers: 6 })
  })

  test('what hosts do for other libraries, or have taken ahead, does not run here', () => {
    assert.equal(remotePlaces(3, { hosts: HOSTS, depths: [depth(5)] }).activeWorkers, 3)
    assert.equal(remotePlaces(2_000, { hosts: HOSTS, depths: [depth(40)] }).activeWorkers, 6)
  })

  test('a Redis that is away leaves the places unknown', () => {
    assert.deepEqual(remotePlaces(2_000, undefined), { activeWorkers: 0 })
  })

  test('the status tells that', async () => {
    await using server = await startTestServer()
    const role = server.context.role()
    assert.equal(role.kind, 'working')
    const withRemote = async (workerHosts: RemoteView['workerHosts']) => {
      const remote = { workerHosts, queueDepths: async () => [] }
      const context = { ...server.context, role: () => ({ ...role, remote }) as typeof role }
      return readThumbnailStatus(context, new RemoteAnswers(context.clock))
    }
    assert.equal((await withRemote(async () => HOSTS)).maxWorkers, 6)
    const away = await withRemote(async () => Promise.reject(new Error('away')))
    assert.equal('maxWorkers' in away, false)
  })
})
