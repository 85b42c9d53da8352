/**
 * The SQLite backend.
 *
 * @module
 */

export { openSqliteBackend, type SqliteBackendOptions, startSqliteBackend } from './sqlite-backend.ts'
export { type InProcessOptions, openSqliteBackendInProcess } from './sqlite-in-process.ts'
export { SqliteStore, type SqliteStoreOptions } from './sqlite-store.ts'
