/**
 * The seam between the library and the place where its files lie: a folder, or object storage.
 *
 * Names are relative, `/` between segments. A file comes to be in two steps: it is written under a temporary
 * name that carries task and attempt ({@link tempName}), and published under its final one when the catalog
 * has decided. Nothing here ever replaces a final file. Promises of every implementation are held by the
 * conformance suite in `testing/`.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'

/**
 * `published`: the temporary file now has the final name, and no other.
 * `exists`: the final file is there with the same bytes (a replay after a crash); the temporary one is gone.
 * `conflict`: another file has the final name; nothing was changed.
 * `missing`: there is no such temporary file; nothing was changed.
 */
export type PublishOutcome = 'published' | 'exists' | 'conflict' | 'missing'

export interface StoredFile {
  readonly name: string
  readonly sizeBytes: number
  /** Epoch milliseconds. */
  readonly modifiedAt: number
}

export interface ByteRange {
  /** First byte; default 0. */
  readonly offset?: number
  /** Bytes at most; default to the end. */
  readonly length?: number
}

export interface Storage {
  /** Writes a temporary file; durable when it resolves. Replaces one of the same name. */
  writeTemp(temp: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>
  /** Gives a temporary file its final name, without replacing anything; folders are made as needed. */
  publish(temp: string, final: string): Promise<PublishOutcome>
  /** Makes the names of published files durable: once a batch. */
  syncFolders(finals: readonly string[]): Promise<void>
  /** Removes a temporary file; does nothing when it is not there. */
  discard(temp: string): Promise<void>
  /**
   * Removes all temporary files but `keep`; answers how many. Only files of a name that we give
   * ({@link isTempName}): whatever else lies there is somebody's. Only when nobody else writes any.
   *
   * @throws {@link UnsafeNameError} when the place of temporary files is a link: it could lead anywhere.
   */
  sweepTemps(keep: ReadonlySet<string>): Promise<number>
  statTemp(temp: string): Promise<StoredFile | undefined>
  readTemp(temp: string): AsyncIterable<Uint8Array>
  /** Undefined when there is no such file. */
  stat(name: string): Promise<StoredFile | undefined>
  /** Those of many final names that have no file, cheaply: their size is not looked at. */
  missing(names: readonly string[]): Promise<readonly string[]>
  /** Chunks of at most 1 MiB; throws {@link StoredFileMissingError} at the first one. */
  read(name: string, range?: ByteRange): AsyncIterable<Uint8Array>
  /** All final files, in no particular order; the library's own state is not among them. */
  list(): AsyncIterable<StoredFile>
  /** Undefined where there is no telling. */
  freeBytes(): Promise<number | undefined>
}

/** Thrown for a name that could lead out of the storage, or does. */
export class UnsafeNameError extends HeirloomError {
  readonly code = 'storage/unsafe-name'
  readonly recovery = 'discard'
}

/** Thrown when a file that should be read is not there. */
export class StoredFileMissingError extends HeirloomError {
  readonly code = 'storage/missing'
  readonly recovery = 'discard'

  constructor(name: string, options: ErrorOptions = {}) {
    super(`${name} is not in the library`, { ...options, hint: 'Run `heirloom check` on the library.' })
  }
}

/** A temporary name that no other attempt has: `412-1-0.part`. */
export function tempName(attempt: {
  readonly taskId: number
  readonly attempt: number
  /** Tells the files of one attempt apart. */
  readonly index: number
}): string {
  return `${attempt.taskId}-${attempt.attempt}-${attempt.index}.part`
}

/**
 * A name that only a temporary file of ours has: of an attempt ({@link tempName}) or the `.xmp` beside it
 * (`412-1-0x.part`), unpacked (`spool-412-1-7`), or left by an exiftool that was killed.
 */
export function isTempName(name: string): boolean {
  return /^(?:\d+-\d+-\d+x?\.part|spool-\d+-\d+-\d+)(?:_exiftool_tmp)?$/u.test(name)
}

/**
 * The segments of a name that stays inside.
 *
 * @throws {@link UnsafeNameError} for anything absolute, empty, with `..`, a NUL or a backslash (Windows takes
 *   it for a separator).
 */
export function segmentsOf(name: string): string[] {
  const segments = name.split('/')
  const unsafe = segments.some((segment) => segment === '' || segment === '.' || segment === '..')
  if (unsafe || /[\0\\]/u.test(name) || /^[a-z]:/iu.test(name)) {
    throw new UnsafeNameError(`name ${JSON.stringify(name)} is not a relative path inside the library`)
  }
  return segments
}
