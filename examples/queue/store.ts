/**
 * What `transactional-effects.ts` writes in the same transaction as a task's end. Loaded by the thread of the database.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { StoreProgram } from '../../src/queue/index.ts' // yours: 'heirloom/queue'

export const program: StoreProgram<DatabaseSync> = {
  migrate: (db) =>
    db.exec('CREATE TABLE IF NOT EXISTS checksums (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL)'),
  commits: {
    checksum: ({ db }, { payload }, sha256) => {
      const { path } = payload as { path: string }
      db.prepare('INSERT OR REPLACE INTO checksums VALUES (?, ?)').run(path, String(sha256))
    },
  },
  calls: {
    count: ({ db }) => db.prepare('SELECT count(*) AS rows FROM checksums').get(),
  },
}
