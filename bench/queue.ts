/**
 * `queue`: tasks a second that do nothing, drained from SQLite.
 *
 * Three rows for each durability: a bare loop that claims and acknowledges a hundred rows a transaction (the limit
 * of SQLite in this process), the store with its states, leases, counters and dependencies, called directly, and
 * the whole engine with two worker processes. Adding the tasks is not counted, process start is.
 *
 * @module
 */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type NewTask, QueueEngine, type Settlement } from '../src/queue/index.ts'
import { openSqliteBackend, SqliteStore } from '../src/queue/sqlite/index.ts'
import type { BenchArgs } from './args.ts'
import { machine, median } from './measure.ts'
import { perSecond, printTable, seconds } from './print.ts'
import { freshOutput, removeOutputs, settle } from './workspace.ts'

type Durability = 'process' | 'power'

const BATCH = 100
const LEASE_MS = 60_000
const WORKER_MODULE = new URL('noop-worker.ts', import.meta.url)

export async function benchQueue({ workers, rounds, quick, items }: BenchArgs): Promise<void> {
  const count = items?.[0] ?? (quick ? 2_000 : 50_000)
  console.log(`${count.toLocaleString('en')} tasks, batches of ${BATCH}, ${workers} workers, ${machine()}`)
  const programs: [string, (folder: string, durability: Durability) => Promise<number>][] = [
    [
      'bare claim and ack',
      async (folder, durability) => bareLoop(join(folder, 'bare.db'), durability, count),
    ],
    [
      'SqliteStore.exchange',
      async (folder, durability) => storeLoop(join(folder, 'store.db'), durability, count),
    ],
    [
      'engine, worker processes',
      (folder, durability) => engine(join(folder, 'q.db'), durability, count, workers),
    ],
  ]
  for (const durability of ['process', 'power'] as const) {
    const times = programs.map((): number[] => [])
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, [, run]] of programs.entries()) {
        const folder = await freshOutput('queue')
        settle()
        times[index]?.push(await run(folder, durability))
      }
    }
    const limitMs = median(times[0] ?? [])
    printTable(
      [`durability: ${durability}`, 'median', 'tasks/s', 'of the limit'],
      programs.map(([name], index) => {
        const time = median(times[index] ?? [])
        return [name, seconds(time), perSecond(count, time), `${((100 * limitMs) / time).toFixed(0)} %`]
      }),
    )
  }
  await removeOutputs()
}

/** Milliseconds to drain a table that knows three states and one index. */
function bareLoop(file: string, durability: Durability, count: number): number {
  const db = new DatabaseSync(file)
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'};
    CREATE TABLE tasks (id INTEGER PRIMARY KEY, payload TEXT NOT NULL, status TEXT NOT NULL) STRICT;
    CREATE INDEX tasks_ready ON tasks (id) WHERE status = 'pending'`)
  const insert = db.prepare(`INSERT INTO tasks (payload, status) VALUES (?, 'pending')`)
  db.exec('BEGIN')
  for (let index = 0; index < count; index += 1) insert.run(JSON.stringify({ index }))
  db.exec('COMMIT')
  const claim = db.prepare(`UPDATE tasks SET status = 'processing'
    WHERE id IN (SELECT id FROM tasks WHERE status = 'pending' ORDER BY id LIMIT ?) RETURNING id, payload`)
  const acknowledge = db.prepare(`UPDATE tasks SET status = 'completed' WHERE id = ?`)
  const startedAt = performance.now()
  let claimed: Record<string, unknown>[] = []
  let done = 0
  do {
    db.exec('BEGIN IMMEDIATE')
    for (const { id } of claimed) done += Number(acknowledge.run(id as number).changes)
    claimed = claim.all(BATCH)
    db.exec('COMMIT')
  } while (claimed.length > 0)
  const elapsedMs = performance.now() - startedAt
  db.close()
  if (done !== count) throw new Error(`${done} of ${count} rows were acknowledged`)
  return elapsedMs
}

function storeLoop(file: string, durability: Durability, count: number): number {
  const store = new SqliteStore({ file, durability })
  store.add(noops(count))
  const claim = [{ lane: 'noop', limit: BATCH, workerId: 'bench', leaseMs: LEASE_MS }]
  const startedAt = performance.now()
  let settlements: Settlement[] = []
  do {
    const { claimed } = store.exchange({ settle: settlements, claim })
    settlements = (claimed[0] ?? []).map(({ lease }) => ({ lease, outcome: 'completed', result: null }))
  } while (settlements.length > 0)
  const elapsedMs = performance.now() - startedAt
  const { completed } = store.counts('noop')
  store.close()
  if (completed !== count) throw new Error(`${completed} of ${count} tasks are completed`)
  return elapsedMs
}

async function engine(file: string, durability: Durability, count: number, workers: number): Promise<number> {
  const backend = await openSqliteBackend({ file, durability })
  const queue = new QueueEngine({
    backend,
    lanes: { noop: { concurrency: workers, runsIn: 'worker', batchSize: BATCH } },
    workerModule: WORKER_MODULE,
  })
  await queue.add(noops(count))
  const startedAt = performance.now()
  await queue.start()
  await queue.drain()
  const elapsedMs = performance.now() - startedAt
  const { completed } = await backend.counts('noop')
  await queue.stop()
  await backend.close()
  if (completed !== count) throw new Error(`${completed} of ${count} tasks are completed`)
  return elapsedMs
}

function noops(count: number): NewTask[] {
  return Array.from({ length: count }, (_, index) => ({ kind: 'noop', lane: 'noop', payload: { index } }))
}
