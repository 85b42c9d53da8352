/**
 * Which library a database belongs to.
 *
 * A library has an id, in its own folder and in its database, so that a state folder is never used for two
 * libraries: the second would be told that everything is there already. A library that was moved keeps its id; a
 * copy of it has the id too, and is told from a moved one by the old place, where the library still is.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { readFile, realpath, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { HeirloomError, systemCode } from '../errors.ts'
import { type LibraryPaths, libraryPaths, rememberState } from './library-folder.ts'
import { prepared } from './statements.ts'

/** What the database says of the library that it belongs to. */
export interface Identity {
  readonly id: string
  /** Real path, as of the last run. */
  readonly root: string
}

/** Thrown when a state folder belongs to another library than the one it is used for. */
export class OtherLibraryError extends HeirloomError {
  readonly code = 'library/other-library'
  readonly recovery = 'discard'
}

/** Thrown when a library is a copy of another one that is still there. */
export class CopiedLibraryError extends HeirloomError {
  readonly code = 'library/copied'
  readonly recovery = 'discard'
}

/** Undefined: a new database. */
export function readIdentity(db: DatabaseSync): Identity | undefined {
  const row = prepared(db, 'SELECT id, root FROM library').get()
  return row === undefined ? undefined : { id: String(row['id']), root: String(row['root']) }
}

export function writeIdentity(db: DatabaseSync, { id, root }: Identity): void {
  prepared(
    db,
    `INSERT INTO library (one, id, root) VALUES (1, ?, ?)
     ON CONFLICT DO UPDATE SET id = excluded.id, root = excluded.root`,
  ).run(id, root)
}

/**
 * Makes sure that a database is the library's, before anything is read from it.
 *
 * @throws {@link OtherLibraryError}
 */
export async function requireIdentity(paths: LibraryPaths, known: Identity | undefined): Promise<void> {
  if (known !== undefined) idOf(paths, await readId(paths.idFile), known)
}

/**
 * Makes sure that a database is the library's, and that both remember it. The caller holds the lease.
 *
 * @param store - Reads and writes the database's side: {@link readIdentity}, {@link writeIdentity}.
 * @throws {@link OtherLibraryError}, {@link CopiedLibraryError}
 */
export async function claimLibrary(
  paths: LibraryPaths,
  store: { read(): Promise<Identity | undefined>; write(identity: Identity): Promise<unknown> },
): Promise<void> {
  const known = await store.read()
  const found = await readId(paths.idFile)
  const root = await realpath(paths.root)
  if (known === undefined) {
    await rememberState(paths)
    // The file first: a database whose library has no id belongs to another one.
    const id = found ?? randomUUID()
    if (found === undefined) await writeId(paths.idFile, id)
    await store.write({ id, root })
    return
  }
  const id = idOf(paths, found, known)
  const moved = known.root !== root
  if (moved && found !== undefined) await requireNoTwin(paths, known)
  await rememberState(paths)
  // Whoever deletes the id of a copy says so: it is a library of its own.
  const claimed = { id: moved && found === undefined ? randomUUID() : id, root }
  if (moved) await store.write(claimed)
  if (found === undefined) await writeId(paths.idFile, claimed.id)
}

/** @throws {@link OtherLibraryError} */
function idOf(paths: LibraryPaths, found: string | undefined, known: Identity): string {
  if (found === known.id || (found === undefined && paths.ownState)) return known.id
  const { root, stateFolder, idFile } = paths
  const moved = `When ${root} is that library, write ${known.id} into ${idFile}.`
  const hint =
    found !== undefined
      ? 'Give each library a --state folder of its own.'
      : known.root === root
        ? `The folder has lost its id: see that its disk is connected. ${moved}`
        : `Name another --state folder for a new library. ${moved}`
  throw new OtherLibraryError(`${stateFolder} is the state of the library in ${known.root}, not of ${root}`, {
    hint,
  })
}

/** @throws {@link CopiedLibraryError} */
async function requireNoTwin({ root, ownState, idFile }: LibraryPaths, known: Identity): Promise<void> {
  const twin = libraryPaths(known.root).idFile
  if ((await readId(twin)) !== known.id || (await isSameFile(twin, idFile))) return
  const own = ownState ? idFile : join(idFile, '..')
  throw new CopiedLibraryError(`${root} is a copy of the library in ${known.root}, which is still there`, {
    hint: `Go on with that one; or, to make the copy a library of its own, delete ${own} and ingest again${ownState ? '' : ', with a --state folder of its own'}.`,
  })
}

/** The same library by another way, such as a second mount. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one, { bigint: true }), stat(other, { bigint: true })])
  return a.ino === b.ino && a.dev === b.dev && a.ino !== 0n
}

async function readId(file: string): Promise<string | undefined> {
  try {
    const id = (await readFile(file, 'utf8')).trim()
    return id === '' ? undefined : id
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

async function writeId(file: string, id: string): Promise<void> {
  await writeFile(`${file}.new`, `${id}\n`, { flush: true })
  await rename(`${file}.new`, file)
}
