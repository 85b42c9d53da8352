/**
 * The SQLite backend.
 *
 * @module
 */

export {
  type InProcessOptions,
  openSqliteBackend,
  openSqliteBackendInProcess,
  type SqliteBackendOptions,
  startSqliteBackend,
} from './sqlite-backend.ts'
export { SqliteStore, type SqliteStoreOptions } from './sqlite-store.ts'
