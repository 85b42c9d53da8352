/**
 * Opens the queue that a command line names, to look at it or to steer it, beside whatever works on it.
 *
 * SQLite's WAL makes that safe from another process, and no lock of a library is taken. What must not happen is that
 * looking changes anything: so the database is first read as it is, and only one that is there, is a queue, and has
 * this program's version is opened.
 *
 * @module
 */

import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { HeirloomError } from '../errors.ts'
import { readIdentity, requireIdentity } from '../library/identity.ts'
import { findLibrary, type LibraryPaths } from '../library/library-folder.ts'
import { LIBRARY_SCHEMA_VERSION } from '../library/schema.ts'
import type { Backend } from '../queue/backend.ts'
import { NewerSchemaError } from '../queue/queue-errors.ts'
import { explainSqlite, sqliteCode } from '../queue/sqlite/database-error.ts'
import { openSqliteBackendInProcess } from '../queue/sqlite/index.ts'
import { QUEUE_SCHEMA_VERSION } from '../queue/sqlite/schema.ts'
import type { QueuePlace } from '../tasks/queue-snapshot.ts'
import { requireLibrary } from './inputs.ts'

export interface OpenQueue {
  readonly backend: Backend
  readonly place: QueuePlace
  close(): Promise<void>
}

/** How long to wait for a process that writes. */
const BUSY_TIMEOUT_MS = 5_000

/** Thrown for a file that holds no queue of ours. */
export class NotAQueueError extends HeirloomError {
  readonly code = 'queue/not-a-queue'
  readonly recovery = 'discard'

  constructor(file: string, why: string) {
    super(`${file} is no queue: ${why}`, {
      hint: 'Name the folder of a library (and its --state, if it had one), or the database file of a queue.',
    })
  }
}

/** Thrown for a database that an older version has written; to look at it must not alter it. */
export class OlderSchemaError extends HeirloomError {
  readonly code = 'queue/older-schema'
  readonly recovery = 'discard'

  constructor(file: string, component: string, found: number, known: number) {
    super(`${file} has version ${found} of ${component}, this program works with ${known}`, {
      hint: 'Let the program that owns it open it once with this version: heirloom ingest, for a library.',
    })
  }
}

/** SQLite's primary result code of a missing table, and of a file that is no database. */
const LACKS_SOMETHING = 1
const NOT_A_DATABASE = 26

export interface QueueTarget {
  /** As given: the folder of a library, or a database. */
  readonly path: string
  readonly cwd: string
  /** `--state`, for a library. */
  readonly state: string | undefined
}

/**
 * @param options.withProgram - Ends of tasks are to be recorded where the tasks belong: in a library's ledger.
 * @throws UsageError when there is no such path; {@link NotAQueueError}, {@link OlderSchemaError},
 *   NewerSchemaError, QueueDatabaseError, and what a library has against its state folder.
 */
export async function openQueue(
  target: QueueTarget,
  options: { readonly withProgram: boolean; readonly clock: Clock },
): Promise<OpenQueue> {
  const place = await findPlace(target)
  const { database } = place
  try {
    const { isLibrary } = inspect(database)
    const program =
      options.withProgram && isLibrary ? (await import('../tasks/store-program.ts')).program : undefined
    const backend = openSqliteBackendInProcess({
      file: database,
      busyTimeoutMs: BUSY_TIMEOUT_MS,
      clock: options.clock,
      ...(program === undefined ? {} : { program }),
    })
    return { backend, place, close: () => backend.close() }
  } catch (error) {
    throw sqliteCode(error) === LACKS_SOMETHING
      ? new NotAQueueError(database, error instanceof Error ? error.message : String(error))
      : explainSqlite(error, database)
  }
}

async function findPlace({ path, cwd, state }: QueueTarget): Promise<QueuePlace> {
  const absolute = resolve(cwd, path)
  if (statSync(absolute, { throwIfNoEntry: false })?.isFile()) return { database: absolute }
  const paths = await findLibrary(requireLibrary(path, cwd), state)
  if (!existsSync(paths.database)) throw new NotAQueueError(paths.root, 'the folder holds no library')
  try {
    await requireOwnDatabase(paths)
  } catch (error) {
    throw explainSqlite(error, paths.database)
  }
  return { database: paths.database, library: paths.root }
}

async function requireOwnDatabase(paths: LibraryPaths): Promise<void> {
  if (!inspect(paths.database).isLibrary) throw new NotAQueueError(paths.database, 'it is not of a library')
  using db = openForReading(paths.database)
  await requireIdentity(paths, readIdentity(db))
}

/** Looks at a database without changing it. @throws when this program cannot work with it as it is */
function inspect(file: string): { readonly isLibrary: boolean } {
  using db = openForReading(file)
  const versions = readVersions(db, file)
  const queue = versions.get('queue')
  if (queue === undefined) throw new NotAQueueError(file, 'it has no tables of a queue')
  requireVersion(file, 'queue', queue, QUEUE_SCHEMA_VERSION)
  const library = versions.get('library')
  if (library !== undefined) requireVersion(file, 'library', library, LIBRARY_SCHEMA_VERSION)
  return { isLibrary: library !== undefined }
}

function openForReading(file: string): DatabaseSync {
  return new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
}

function readVersions(db: DatabaseSync, file: string): ReadonlyMap<string, number> {
  try {
    const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_versions'").get()
    const rows = table === undefined ? [] : db.prepare('SELECT component, version FROM schema_versions').all()
    return new Map(rows.map((row) => [String(row['component']), Number(row['version'])]))
  } catch (error) {
    if (sqliteCode(error) === NOT_A_DATABASE) throw new NotAQueueError(file, 'it is not an SQLite database')
    throw error
  }
}

function requireVersion(file: string, component: string, found: number, known: number): void {
  if (found > known) throw new NewerSchemaError(component, found, known)
  if (found < known) throw new OlderSchemaError(file, component, found, known)
}
