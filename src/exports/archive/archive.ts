/**
 * An export as it lies on disk: a folder, a zip, a tgz, or several parts of one, seen as one list of entries.
 *
 * @module
 */

import type { Entry } from '../../storage/entry.ts'

export type ArchiveProblemCode =
  | 'missing-part'
  | 'truncated'
  | 'encrypted'
  | 'unsafe-name'
  | 'link'
  | 'duplicate-name'
  | 'bomb'
  | 'unsupported-method'
  | 'unreadable'
  | 'special-file'

/** Something about the container itself that a person must know. None of it stops the rest. */
export interface ArchiveProblem {
  /** The entry it is about, or undefined when it is about the whole container. May be unsafe as a path: show only. */
  readonly path?: string
  readonly sizeBytes?: number
  /**
   * True when the bytes of `path` are among the entries all the same (perhaps under another path). Without it, a
   * problem with a `path` stands for one file that was found and cannot be had: a failed one in the ledger.
   */
  readonly delivered?: true
  /**
   * `missing-part`, `truncated`, `encrypted`, `unsafe-name`, `link`, `duplicate-name`, `bomb`, `unsupported-method`,
   * `unreadable`, `special-file`.
   */
  readonly code: ArchiveProblemCode
  readonly message: string
  readonly hint?: string
}

/**
 * An opened export.
 *
 * A folder or zip gives `entries` that any process can open by their `source`. A tgz cannot be read out of
 * order: its `entries` carry the content hash instead (found while listing) and a `source` of kind `stream`, and
 * their bytes are delivered by `spool`, which writes wanted entries to files and hands them over in the archive's
 * order. An export may have parts of both sorts; then only some of its entries have to be spooled.
 */
export interface Archive {
  /** What it was opened from: absolute paths, in part order. */
  readonly inputs: readonly string[]
  readonly entries: readonly ArchiveEntry[]
  readonly problems: readonly ArchiveProblem[]
  /** A small entry (metadata) as a whole; throws when it is larger than `maxBytes`. */
  readSmall(entry: ArchiveEntry, maxBytes: number): Promise<Buffer>
  /** False when any entry lies in a tgz (`source.kind === 'stream'`): its bytes come from {@link Archive.spool}. */
  readonly randomAccess: boolean
  /**
   * Streams the archive once and writes each wanted entry to `fileFor(entry)` (fsync not needed); yields it when
   * it is complete, in archive order. Meant for entries without random access, works for all. Stops reading while the consumer
   * does not ask for the next one, which is what bounds the disk space.
   */
  spool(
    wanted: (entry: ArchiveEntry) => boolean,
    fileFor: (entry: ArchiveEntry) => string,
    signal: AbortSignal,
  ): AsyncIterable<ArchiveEntry>
  close(): Promise<void>
}

export interface ArchiveEntry extends Entry {
  /**
   * Equal for entries of equal content and, but for rare accidents, only for those: CRC-32 and size from a zip's
   * directory, SHA-1 from a tgz. Undefined for folders, where it is found by sampling (`contentKey`).
   */
  readonly contentHint?: string
}
