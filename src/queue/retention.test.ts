import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TaskFilter } from './backend.ts'
import { applyRetention } from './retention.ts'
import type { TaskStatus } from './task.ts'

const DAY = 86_400_000
const NOW = 100 * DAY

interface Ended {
  readonly status: TaskStatus
  readonly ageDays: number
}

/** A store of tasks that have ended, and nothing else. */
function storeOf(ended: readonly Ended[]) {
  let left = [...ended].sort((a, b) => b.ageDays - a.ageDays)
  const limits: number[] = []
  return {
    limits,
    get left() {
      return left
    },
    counts: async () => ({
      waiting: 0,
      pending: 0,
      processing: 0,
      retry: 0,
      completed: left.filter(({ status }) => status === 'completed').length,
      failed: 0,
      cancelled: 0,
    }),
    prune: async ({ status, endedBefore }: TaskFilter & { endedBefore: number }, limit: number) => {
      limits.push(limit)
      const gone = left
        .filter((task) => task.status === status && NOW - task.ageDays * DAY < endedBefore)
        .slice(0, limit)
      left = left.filter((task) => !gone.includes(task))
      return gone.length
    },
  }
}

describe('applyRetention', () => {
  test('forgets what completed or was cancelled after a week, what failed after a month', async () => {
    const ages = [6, 8, 29, 31]
    const store = storeOf(
      (['completed', 'cancelled', 'failed'] as const).flatMap((status) =>
        ages.map((ageDays) => ({ status, ageDays })),
      ),
    )
    assert.equal(await applyRetention(store, {}, NOW), 7)
    assert.deepEqual(store.left.map(({ status, ageDays }) => `${status} ${ageDays}`).sort(), [
      'cancelled 6',
      'completed 6',
      'failed 29',
      'failed 6',
      'failed 8',
    ])
  })

  test('keeps no more completed tasks than it is told, the newest', async () => {
    const store = storeOf([1, 2, 3, 4, 5].map((ageDays) => ({ status: 'completed', ageDays })))
    assert.equal(await applyRetention(store, { maxCompleted: 2 }, NOW), 3)
    assert.deepEqual(
      store.left.map(({ ageDays }) => ageDays),
      [2, 1],
    )
  })

  test('keeps for ever what it is told to', async () => {
    const store = storeOf([
      { status: 'completed', ageDays: 99 },
      { status: 'failed', ageDays: 99 },
    ])
    await applyRetention(
      store,
      { completedDays: Infinity, failedDays: Infinity, maxCompleted: Infinity },
      NOW,
    )
    assert.equal(store.left.length, 2)
  })

  test('forgets a great many in small transactions', async () => {
    const store = storeOf(Array.from({ length: 2_500 }, () => ({ status: 'completed' as const, ageDays: 9 })))
    assert.equal(await applyRetention(store, {}, NOW), 2_500)
    assert.ok(store.limits.every((limit) => limit <= 1_000))
  })
})
