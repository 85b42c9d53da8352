/**
 * The seam between placing a file and the many ways to read and write its metadata.
 *
 * @module
 */

import type { EmbeddedMetadata, MetadataPatch } from './metadata.ts'

/** What a write came to. `sidecar`: the format cannot carry it, write `.xmp` beside the file instead. */
export type WriteOutcome = 'embedded' | 'unchanged' | 'sidecar'

/** Reads and writes the metadata of files on disk, for the formats that need a program kept open. */
export interface MetadataTool {
  read(file: string): Promise<EmbeddedMetadata>
  /** Changes `file` in place; the caller gives it a temporary file of its own, never an input. */
  write(file: string, patch: MetadataPatch): Promise<WriteOutcome>
  close(): Promise<void>
}
