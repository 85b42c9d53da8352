import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backend } from './backend.ts'
import { retryAllFailed } from './bulk-changes.ts'
import { openSqliteBackendInProcess } from './sqlite/index.ts'
import type { NewTask } from './task.ts'

const TASK = { kind: 'plain', lane: 'a', payload: null } as const

async function failOne(backend: Backend): Promise<void> {
  const claim = [{ lane: 'a', limit: 1, workerId: 'w', leaseMs: 1_000 }]
  const [lease] = (await backend.exchange({ settle: [], claim })).claimed.flat().map((one) => one.lease)
  assert.ok(lease)
  const error = { code: 'test/no', message: 'no', recovery: 'discard' } as const
  await backend.exchange({ settle: [{ lease, outcome: 'error', error, retryAt: 0 }], claim: [] })
}

test('what failed with a task of a later page is retried too, over several pages', async (t) => {
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  t.after(() => backend.close())
  // Each waits for the next one, so that the oldest is the last in its chain.
  const chain = Array.from({ length: 2_500 }, (_, index): NewTask => {
    const next = index === 2_499 ? {} : { dependsOn: [{ ref: String(index + 1) }] }
    return { ...TASK, ref: String(index), ...next }
  })
  const ids = (await backend.add(chain)).map(({ id }) => id)
  await failOne(backend)
  assert.equal((await backend.counts()).failed, 2_500)
  assert.deepEqual(await retryAllFailed(backend, {}), ids)
  assert.deepEqual((await backend.counts()).failed, 0)
})

test('what fails again meanwhile is not revived again', async (t) => {
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  t.after(() => backend.close())
  const [added] = await backend.add([TASK])
  await failOne(backend)
  const hasty: Pick<Backend, 'list' | 'retryFailed'> = {
    list: (filter) => backend.list(filter),
    retryFailed: async (filter, limit) => {
      const retried = await backend.retryFailed(filter, limit)
      for (const _ of retried) await failOne(backend)
      return retried
    },
  }
  assert.deepEqual(await retryAllFailed(hasty, {}), [added?.id])
  assert.equal((await backend.counts()).failed, 1)
})
