/**
 * A library opened for writing: the lease held, the database in its thread, what a crash left behind mended.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { HeirloomError } from '../errors.ts'
import { claimLibrary, readIdentity, requireIdentity } from '../library/identity.ts'
import { takeLease } from '../library/lease.ts'
import { findLibrary, type LibraryPaths, prepareLibrary } from '../library/library-folder.ts'
import { type Recovery, recoverLibrary } from '../library/recover.ts'
import { isReadableLibrary } from '../library/schema.ts'
import type { Backend } from '../queue/backend.ts'
import { explainSqlite } from '../queue/sqlite/database-error.ts'
import { startSqliteBackend } from '../queue/sqlite/sqlite-backend.ts'
import { LocalStorage } from '../storage/local-storage.ts'
import { callLibrary } from './library-calls.ts'

/** A library whose lease is held, and whose database is being opened. */
export interface StartedSession {
  readonly paths: LibraryPaths
  readonly backend: Backend
  readonly storage: LocalStorage
}

export interface LibrarySession extends StartedSession {
  readonly recovery: Recovery
  /** Closes the database and gives the lease back. */
  close(): Promise<void>
}

/** The program's module, for the thread of the store; `.js` when this is the built package. */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './store-program.ts' : './store-program.js',
  import.meta.url,
)

/**
 * Opens a library, making it when it is not there.
 *
 * @throws LibraryInUseError when another coordinator has it; NetworkStateError when its database would lie on a
 *   network share; OtherStateError, OtherLibraryError or CopiedLibraryError when its database is not its own;
 *   {@link DamagedLibraryError} when its database is damaged.
 */
export async function openLibrarySession(options: {
  readonly library: string
  readonly state: string | undefined
  /** What it is opened for, told to a second one: `ingest`. */
  readonly command: string
  readonly now: number
  /** Called while the database is being opened, which takes about as long as a process takes to start. */
  readonly whileOpening?: (started: StartedSession) => void
}): Promise<LibrarySession> {
  const paths = await prepareLibrary(options.library, options.state)
  const lease = takeLease(paths, { command: options.command, now: options.now })
  let backend: Backend | undefined
  try {
    const storage = new LocalStorage({ root: paths.root, tempFolder: paths.tempFolder })
    const started = startSqliteBackend({ file: paths.database, program: PROGRAM, durability: 'power' })
    options.whileOpening?.({ paths, storage, backend: started.backend })
    await started.opened
    backend = started.backend
    await claim(paths, backend)
    const recovery = await recover(backend, storage)
    return { paths, backend, storage, recovery, close: closer(backend, lease.release) }
  } catch (error) {
    await backend?.close()
    lease.release()
    throw inWordsOfLibrary(error)
  }
}

function closer(backend: Backend, release: () => void): () => Promise<void> {
  return async () => {
    await backend.close()
    release()
  }
}

function claim(paths: LibraryPaths, backend: Backend): Promise<void> {
  return claimLibrary(paths, {
    read: async () => (await callLibrary(backend, 'library.read', null)) ?? undefined,
    write: (identity) => callLibrary(backend, 'library.claim', identity),
  })
}

function recover(backend: Backend, storage: LocalStorage): Promise<Recovery> {
  return recoverLibrary(storage, {
    begin: () => callLibrary(backend, 'recovery.begin', null),
    apply: (replay) => callLibrary(backend, 'recovery.apply', replay),
    list: () => callLibrary(backend, 'outbox.list', null),
  })
}

/** Thrown when a folder holds no library. */
export class NoLibraryError extends HeirloomError {
  readonly code = 'library/none'
  readonly recovery = 'discard'

  constructor(root: string) {
    super(`${root} holds no library`, {
      hint: 'Name the folder that `heirloom ingest` wrote to (and its --state, if it had one).',
    })
  }
}

/** Thrown when a library's database is damaged. Its photos and videos are files of their own, and untouched by that. */
export class DamagedLibraryError extends HeirloomError {
  readonly code = 'library/damaged'
  readonly recovery = 'discard'

  constructor(message: string, options: ErrorOptions) {
    super(message, {
      ...options,
      hint: 'Put a backup of that file in its place. Without one, move it away and ingest your exports again: files that lie in the library are recognised.',
    })
  }
}

/** @throws {@link NoLibraryError} when the folder holds none: a job that only reads its catalog makes none. */
export async function requireLibrary(library: string, state: string | undefined): Promise<LibraryPaths> {
  const paths = await findLibrary(library, state)
  if (!existsSync(paths.database)) throw new NoLibraryError(paths.root)
  return paths
}

/**
 * Opens a library's database for reading, which is safe while a coordinator writes it. The caller closes it.
 *
 * @throws {@link NoLibraryError}; OtherLibraryError when the database is that of another library; NewerSchemaError
 *   when a newer version has written it; {@link DamagedLibraryError} or another error that names it when it cannot be read.
 */
export async function openLibraryForReading(
  library: string,
  state: string | undefined,
): Promise<{ readonly paths: LibraryPaths; readonly db: DatabaseSync }> {
  const paths = await requireLibrary(library, state)
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(paths.database, { readOnly: true, timeout: 5_000 })
    if (!isReadableLibrary(db)) throw new NoLibraryError(paths.root)
    await requireIdentity(paths, readIdentity(db))
    return { paths, db }
  } catch (error) {
    db?.close()
    throw inWordsOfLibrary(explainSqlite(error, paths.database))
  }
}

/** The store's thread sends errors on by their code. */
function inWordsOfLibrary(error: unknown): unknown {
  if (!(error instanceof HeirloomError) || error.code !== 'queue/database-damaged') return error
  return new DamagedLibraryError(error.message, { cause: error })
}
