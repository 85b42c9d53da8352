/**
 * The SQLite store as a {@link Backend} in the caller's thread: for tests, and for commands that ask one thing.
 *
 * Apart from `sqlite-backend.ts`, whose callers need nothing of what the store itself is made of.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../clock.ts'
import type { Backend } from '../backend.ts'
import type { StoreProgram } from '../commit.ts'
import { backendOf } from './sqlite-backend.ts'
import { SqliteStore, type SqliteStoreOptions } from './sqlite-store.ts'
import { Watchers, watchCommits } from './watch.ts'

export interface InProcessOptions extends SqliteStoreOptions {
  readonly clock?: Clock
  readonly program?: StoreProgram<DatabaseSync>
}

/** Opens the database in the caller's thread: for tests, which bring a clock and `:memory:`. */
export function openSqliteBackendInProcess(options: InProcessOptions): Backend {
  const store = new SqliteStore(options)
  const watched = { file: options.file, readVersion: () => store.dataVersion() }
  const watchers = new Watchers(() => watchCommits(watched, () => watchers.notify()))
  return backendOf({
    call: async (method, parameters) => {
      const run = store[method] as (...values: readonly unknown[]) => unknown
      return run.apply(store, [...parameters])
    },
    watch: (onChange) => watchers.add(onChange),
    close: async () => {
      watchers.close()
      store.close()
    },
  })
}
