import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, test } from 'node:test'
import { FakeClock } from '../clock.ts'
import type { Backend } from '../queue/backend.ts'
import { openSqliteBackendInProcess } from '../queue/sqlite/index.ts'
import { findRunBeginning, RunProgress } from './dashboard-run.ts'

const folder = mkdtempSync(join(tmpdir(), 'heirloom-run-'))
after(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
function openQueue(): { backend: Backend; db: DatabaseSync; clock: FakeClock } & AsyncDisposable {
  count += 1
  const clock = new FakeClock()
  const file = join(folder, `${count}.db`)
  const backend = openSqliteBackendInProcess({ file, clock })
  const db = new DatabaseSync(file, { readOnly: true })
  const close = async (): Promise<void> => {
    db.close()
    await backend.close()
  }
  return { backend, db, clock, [Symbol.asyncDispose]: close }
}

async function complete(backend: Backend, limit: number, lane = 'item'): Promise<void> {
  const claim = { lane, limit, workerId: 'w', leaseMs: 60_000 }
  const { claimed } = await backend.exchange({ settle: [], claim: [claim] })
  const settle = claimed.flat().map(({ lease }) => ({ lease, outcome: 'completed', result: 1 }) as const)
  await backend.exchange({ settle, claim: [] })
}

const tasks = (number: number, lane = 'item'): { kind: string; lane: string; payload: null }[] =>
  Array.from({ length: number }, () => ({ kind: lane, lane, payload: null }))

describe('a run', () => {
  test('begins with its oldest open task, and leaves out what ended before', async () => {
    await using queue = openQueue()
    const { backend, db, clock } = queue
    await backend.add(tasks(5))
    await complete(backend, 5)
    clock.advance(60_000)
    await backend.add(tasks(4))
    clock.advance(1_000)
    await complete(backend, 3)
    assert.deepEqual(findRunBeginning(db, ['item']), { done: 3 })
  })

  test('begins with a task that waits for the others, as the end of an export does', async () => {
    await using queue = openQueue()
    const { backend, db, clock } = queue
    await backend.add([
      { kind: 'item', lane: 'item', payload: null, group: 'export' },
      { kind: 'end', lane: 'end', payload: null, afterGroup: 'export' },
    ])
    clock.advance(1_000)
    await backend.add(tasks(2).map((task) => ({ ...task, group: 'export' })))
    clock.advance(1_000)
    await complete(backend, 2)
    assert.deepEqual(findRunBeginning(db, ['item', 'end']), { done: 2 })
  })

  test('of which nothing is open has not begun', async () => {
    await using queue = openQueue()
    await queue.backend.add(tasks(2))
    await complete(queue.backend, 2)
    assert.deepEqual(findRunBeginning(queue.db, ['item']), { done: 0 })
  })
})

describe('the progress of a run', () => {
  const begin = () => ({ done: 10 })

  test('goes on from where it was', () => {
    const run = new RunProgress()
    assert.deepEqual(
      [
        // What ended before the first look is in the beginning already.
        run.see({ open: 5, ended: 999, begin }),
        run.see({ open: 3, ended: 2, begin }),
        run.see({ open: 0, ended: 3, begin }),
      ],
      [10, 12, 15],
    )
  })

  test('begins anew with the first tasks after none', () => {
    const run = new RunProgress()
    run.see({ open: 0, ended: 0, begin })
    assert.equal(run.see({ open: 8, ended: 2, begin }), 2)
    assert.equal(run.see({ open: 5, ended: 3, begin }), 5)
  })

  test('is asked for again after a rest', () => {
    const run = new RunProgress()
    run.see({ open: 1, ended: 0, begin })
    run.rest()
    assert.equal(run.see({ open: 1, ended: 50, begin: () => ({ done: 70 }) }), 70)
  })
})
