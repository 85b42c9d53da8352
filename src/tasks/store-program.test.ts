/**
 * What a cancellation from outside means for a library: the real program on a real store, no workers.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { FakeClock } from '../clock.ts'
import { balance, closePlan, findExport, findFile, finishExport } from '../library/ledger.ts'
import type { Backend } from '../queue/backend.ts'
import { openSqliteBackendInProcess } from '../queue/sqlite/index.ts'
import type { Lease } from '../queue/task.ts'
import type { PlannedCopy, PlannedItem } from './plan-chunk.ts'
import { callLibrary, exportGroup } from './store-calls.ts'
import { program } from './store-program.ts'

const NAME = 'google-anna-20240101'

let folder: string
let clock: FakeClock
/** The coordinator's, and that of the process which steers. */
let owner: Backend
let outside: Backend
let db: DatabaseSync

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'store-program-'))
  clock = new FakeClock()
  const options = { file: join(folder, 'library.db'), clock, program, durability: 'process' } as const
  owner = openSqliteBackendInProcess(options)
  outside = openSqliteBackendInProcess(options)
  db = new DatabaseSync(options.file)
  await list()
  await plan('a.jpg', 'b.jpg')
})
afterEach(async () => {
  db.close()
  await outside.close()
  await owner.close()
  rmSync(folder, { recursive: true })
})

function list(): Promise<{ readonly unchanged: boolean }> {
  return callLibrary(owner, 'export.listed', { name: NAME, inputs: ['/in/a.zip'], digest: 'd' })
}

/** Each path an item of its own; answers which are still to do. */
async function plan(...paths: string[]): Promise<readonly number[]> {
  const items = paths.map((path): PlannedItem => {
    const source = { kind: 'file', file: `/in/${path}` } as const
    const copy: PlannedCopy = { path, sizeBytes: 10, source, facts: 0, fingerprint: '10:m1', knowledge: 'k' }
    return {
      albumTitles: {},
      platform: { name: 'Google Photos', folder: 'photos', stem: 'gphotos' },
      facts: [{ taken: [], people: [], albums: [] }],
      parts: [{ role: 'primary', copies: [copy] }],
    }
  })
  const request = { exportId: 1, exportName: NAME, exportFolder: NAME, priority: 0, enqueue: true } as const
  const options = { tempFolder: '/lib/tmp', metadata: 'embed' } as const
  return (await callLibrary(owner, 'plan.items', { ...request, items, options })).open
}

async function claim(lane: string): Promise<Lease> {
  const request = { lane, limit: 1, workerId: 'w', leaseMs: 60_000 }
  const { claimed } = await owner.exchange({ settle: [], claim: [request] })
  const lease = claimed[0]?.[0]?.lease
  assert.ok(lease)
  return lease
}

function outcomeOf(path: string): readonly [outcome: string | undefined, code: string | undefined] {
  const file = findFile(db, 1, path)
  return [file?.outcome, file?.reasonCode]
}

describe('an item that is cancelled from outside', () => {
  test('is failed in the ledger at once while it waits, and says why', async () => {
    assert.deepEqual(await outside.cancel([1]), { cancelled: [1], requested: [] })
    assert.deepEqual(outcomeOf('a.jpg'), ['failed', 'queue/cancelled'])
    assert.match(findFile(db, 1, 'a.jpg')?.reason ?? '', /task 1 was cancelled/u)
    assert.deepEqual(outcomeOf('b.jpg'), [undefined, undefined])
    const { found, open, byOutcome } = balance(db, 1)
    assert.deepEqual([found, open, byOutcome.failed], [2, 1, 1])
  })

  test('is failed in the ledger when it runs, once its work has been ended', async () => {
    const lease = await claim('item')
    assert.deepEqual(await outside.cancel([lease.taskId]), { cancelled: [], requested: [lease.taskId] })
    assert.deepEqual(outcomeOf('a.jpg'), [undefined, undefined])
    const { cancelRequested } = await owner.renew([lease], 60_000)
    assert.deepEqual(cancelRequested, [lease])
    const { settled } = await owner.exchange({ settle: [{ lease, outcome: 'cancelled' }], claim: [] })
    assert.equal(settled[0]?.status, 'cancelled')
    assert.deepEqual(outcomeOf('a.jpg'), ['failed', 'queue/cancelled'])
  })

  test('is to do again in the next run, and the export is not taken for unchanged', async () => {
    await outside.cancel([1, 2])
    closePlan(db, 1, { listingDigest: 'd', now: clock.now() })
    finishExport(db, 1, { now: clock.now() })
    assert.equal((await list()).unchanged, false)
    assert.deepEqual(await plan('a.jpg', 'b.jpg'), [0, 1])
    assert.deepEqual(outcomeOf('a.jpg'), [undefined, undefined])
  })

  test('says so when the ledger could not be written', async () => {
    db.exec("CREATE TRIGGER broken BEFORE UPDATE ON files BEGIN SELECT raise(ABORT, 'disk gone'); END")
    await outside.cancel([1])
    const task = await owner.get(1)
    assert.equal(task?.status, 'cancelled')
    assert.match(task?.error?.message ?? '', /recording that went wrong too: disk gone/u)
  })
})

describe('a cancelled export', () => {
  test('is closed with the reason, and read again by the next run', async () => {
    const group = exportGroup(NAME)
    const [planning] = await owner.add([
      { kind: 'export', lane: 'export', payload: { name: NAME, inputs: [], tempFolder: '/t' }, group },
    ])
    const lease = await claim('export')
    assert.equal(lease.taskId, planning?.id)
    await outside.cancel([lease.taskId])
    await owner.exchange({ settle: [{ lease, outcome: 'cancelled' }], claim: [] })
    const row = findExport(db, NAME)
    assert.deepEqual(
      row?.problems.map(({ code }) => code),
      ['queue/cancelled'],
    )
    assert.equal((await list()).unchanged, false)
  })
})

describe('an item that is tried again from outside', () => {
  test('stays failed in the ledger until its new attempt has ended', async () => {
    const error = { code: 'media/x', message: 'x', recovery: 'discard' } as const
    const lease = await claim('item')
    await owner.exchange({ settle: [{ lease, outcome: 'error', error, retryAt: 0 }], claim: [] })
    assert.deepEqual(await outside.retryFailed({ ids: [lease.taskId] }, 1), [lease.taskId])
    assert.deepEqual(outcomeOf('a.jpg'), ['failed', 'media/x'])
    const again = await claim('item')
    assert.deepEqual([again.taskId, again.attempt], [lease.taskId, 2])
    const result = { parts: [{ copies: [{ outcome: 'ignored', reason: 'no photo' }] }] }
    await owner.exchange({ settle: [{ lease: again, outcome: 'completed', result }], claim: [] })
    assert.deepEqual(outcomeOf('a.jpg'), ['ignored', 'not-media'])
    const { found, open, byOutcome } = balance(db, 1)
    assert.deepEqual([found, open, byOutcome.ignored, byOutcome.failed], [2, 1, 1, 0])
  })
})
