import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Backend } from './backend.ts'
import { LazyBackend } from './lazy-backend.ts'
import { openSqliteBackendInProcess } from './sqlite/index.ts'

function setup(failures = 0) {
  const seen = { opened: 0, closed: 0 }
  const open = async (): Promise<Backend> => {
    seen.opened += 1
    if (seen.opened <= failures) throw new Error('disk is away')
    const backend = openSqliteBackendInProcess({ file: ':memory:' })
    const close = async (): Promise<void> => {
      seen.closed += 1
      await backend.close()
    }
    return { ...backend, close }
  }
  return { seen, backend: new LazyBackend(open) }
}

describe('LazyBackend', () => {
  test('is opened by the first call, once', async () => {
    const { seen, backend } = setup()
    assert.equal(seen.opened, 0)
    await Promise.all([
      backend.counts(),
      backend.add([{ kind: 'k', lane: 'l', payload: 1 }]),
      backend.statistics(),
    ])
    assert.equal((await backend.get(1))?.kind, 'k')
    await backend.close()
    assert.deepEqual(seen, { opened: 1, closed: 1 })
    await assert.rejects(backend.counts(), { code: 'queue/store-closed' })
  })

  test('hands every parameter on', async () => {
    const { backend } = setup()
    await backend.add([
      { kind: 'k', lane: 'l', payload: 1 },
      { kind: 'k', lane: 'l', payload: 1 },
    ])
    const rate = { limit: 1, perMs: 60_000 }
    const claim = [{ lane: 'l', limit: 1, workerId: 'w', leaseMs: 1_000, rate }]
    await backend.exchange({ settle: [], claim })
    const dueAt = (await backend.nextDueAt('l', rate)) ?? 0
    assert.ok(dueAt > Date.now() + 50_000, `${dueAt}`)
    await backend.close()
  })

  test('tries again when it could not be opened', async () => {
    const { seen, backend } = setup(1)
    await assert.rejects(backend.counts(), /disk is away/u)
    assert.equal((await backend.counts()).pending, 0)
    await backend.close()
    assert.equal(seen.opened, 2)
  })

  test('closed before it was used, it is never opened', async () => {
    const { seen, backend } = setup()
    await backend.close()
    await assert.rejects(backend.get(1), { code: 'queue/store-closed' })
    assert.equal(seen.opened, 0)
  })

  test('a watch that has ended before the opening never begins', async () => {
    const { backend } = setup()
    let changes = 0
    const end = backend.watch(() => {
      changes += 1
    })
    end()
    await turn()
    await backend.add([{ kind: 'k', lane: 'l', payload: 1 }])
    await backend.close()
    assert.equal(changes, 0)
  })

  test('has every method of a backend', async () => {
    const { backend } = setup()
    const real = openSqliteBackendInProcess({ file: ':memory:' })
    const missing = Object.keys(real).filter((name) => !(name in backend))
    assert.deepEqual(missing, [])
    await real.close()
  })
})
