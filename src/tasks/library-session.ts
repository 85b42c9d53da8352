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
import type { Backend } from '../queue/backend.ts'
import { startSqliteBackend } from '../queue/sqlite/index.ts'
import { LocalStorage } from '../storage/local-storage.ts'
import { callLibrary } from './store-calls.ts'

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
 *   network share; OtherStateError, OtherLibraryError or CopiedLibraryError when its database is not its own.
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
    throw error
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

/** @throws {@link NoLibraryError} when the folder holds none: a job that only reads its catalog makes none. */
export async function requireLibrary(library: string, state: string | undefined): Promise<LibraryPaths> {
  const paths = await findLibrary(library, state)
  if (!existsSync(paths.database)) throw new NoLibraryError(paths.root)
  return paths
}

/**
 * Opens a library's database for reading, which is safe while a coordinator writes it. The caller closes it.
 *
 * @throws {@link NoLibraryError}; OtherLibraryError when the database is that of another library
 */
export async function openLibraryForReading(
  library: string,
  state: string | undefined,
): Promise<{ readonly paths: LibraryPaths; readonly db: DatabaseSync }> {
  const paths = await requireLibrary(library, state)
  const db = new DatabaseSync(paths.database, { readOnly: true, timeout: 5_000 })
  try {
    await requireIdentity(paths, readIdentity(db))
    return { paths, db }
  } catch (error) {
    db.close()
    throw error
  }
}
