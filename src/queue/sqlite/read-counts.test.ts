import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openSqliteBackendInProcess } from './index.ts'
import { readCounts } from './read-counts.ts'

test('the counts of a lane are read while somebody writes, as of the last commit', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'heirloom-read-counts-'))
  const file = join(folder, 'q.db')
  const backend = openSqliteBackendInProcess({ file })
  try {
    await backend.add([
      { kind: 'k', lane: 'a', payload: null },
      { kind: 'k', lane: 'a', payload: null, runAt: Date.now() + 60_000 },
      { kind: 'k', lane: 'b', payload: null },
    ])
    using writer = new DatabaseSync(file)
    using reader = new DatabaseSync(file, { readOnly: true, timeout: 0 })
    writer.exec("BEGIN IMMEDIATE; UPDATE queue_counts SET tasks = 99 WHERE lane = 'a'")
    assert.deepEqual(readCounts(reader, 'a'), await backend.counts('a'))
    assert.equal(readCounts(reader, 'a').pending, 2)
    writer.exec('COMMIT')
    assert.equal(readCounts(reader, 'a').pending, 99)
    assert.equal(readCounts(reader, 'nobody').pending, 0)
  } finally {
    await backend.close()
    rmSync(folder, { recursive: true })
  }
})
