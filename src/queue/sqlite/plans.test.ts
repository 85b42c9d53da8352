import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { TaskFilter } from '../backend.ts'
import { filterSql } from './filter-sql.ts'
import { migrateQueue } from './schema.ts'
import { prepareStatements } from './statements.ts'

function planOf(db: DatabaseSync, sql: string): string {
  const names = [...new Set([...sql.matchAll(/:(\w+)/gu)].map(([, name]) => name ?? ''))]
  const values = names.length > 0 ? [Object.fromEntries(names.map((name) => [name, 0]))] : []
  const unnamed = Array.from(sql.matchAll(/\?/gu), () => 0)
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...(values as []), ...unnamed)
  return rows.map(({ detail }) => String(detail)).join(' | ')
}

test('no statement walks all tasks', (t) => {
  const db = new DatabaseSync(':memory:')
  t.after(() => db.close())
  migrateQueue(db)
  for (const [name, statement] of Object.entries(prepareStatements(db))) {
    const plan = planOf(db, statement.sourceSQL)
    // Only running tasks are in the index of leases.
    assert.doesNotMatch(
      plan,
      /SCAN (queue_tasks|task|holder|queue_edges)(?! USING INDEX queue_tasks_lease)/u,
      name,
    )
  }
})

test('a list of rare tasks is found by an index that has them in order', (t) => {
  const db = new DatabaseSync(':memory:')
  t.after(() => db.close())
  migrateQueue(db)
  const rare: Readonly<Record<string, TaskFilter>> = {
    queue_tasks_rare: { status: 'failed', lane: 'a' },
    queue_tasks_error: { errorCode: 'x', status: 'failed' },
    queue_tasks_group: { group: 'g', kind: 'k' },
  }
  for (const [index, filter] of Object.entries(rare)) {
    const { from, conditions } = filterSql(filter)
    for (const order of ['id', 'id DESC']) {
      const where = ['id > :afterId', 'id < :beforeId', ...conditions].join(' AND ')
      const plan = planOf(db, `SELECT * FROM ${from} WHERE ${where} ORDER BY ${order} LIMIT :limit`)
      assert.match(plan, new RegExp(`^SEARCH queue_tasks USING INDEX ${index} \\([^)]*\\)$`, 'u'))
    }
  }
})

test('a list of what is processing looks at nothing but what is processing', (t) => {
  const db = new DatabaseSync(':memory:')
  t.after(() => db.close())
  migrateQueue(db)
  for (const filter of [{ status: 'processing' }, { status: 'processing', lane: 'a', group: 'g' }] as const) {
    const { from, conditions } = filterSql(filter)
    const where = ['id > :afterId', 'id < :beforeId', ...conditions].join(' AND ')
    const plan = planOf(db, `SELECT * FROM ${from} WHERE ${where} ORDER BY id LIMIT :limit`)
    assert.equal(plan, 'SCAN queue_tasks USING INDEX queue_tasks_lease | USE TEMP B-TREE FOR ORDER BY')
  }
})
