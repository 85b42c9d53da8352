/**
 * Where the bytes of one input file lie: plain data, so that it can be stored in a task and opened by any
 * process that sees the same disk. Inputs are only ever opened for reading.
 *
 * @module
 */

export type EntrySource =
  | {
      readonly kind: 'file'
      /** Absolute path. */
      readonly file: string
    }
  | {
      readonly kind: 'zip'
      /** Absolute path of the archive. */
      readonly file: string
      /** Byte position of the entry's local file header. */
      readonly headerOffset: number
      readonly compressedSize: number
      /** 0 stored, 8 deflated; nothing else is accepted. */
      readonly method: 0 | 8
      readonly crc32: number
    }
  | {
      /** Inside a compressed stream (tgz, tar): it has to be spooled to a file before it can be opened. */
      readonly kind: 'stream'
      /** Absolute path of the archive. */
      readonly file: string
      /** Which member of the archive it is, counted from 0 over members of every type. */
      readonly ordinal: number
    }

/** One file of an export, wherever its bytes lie. */
export interface Entry {
  /** Path inside the export, `/` between segments, exactly as the export spells it (no Unicode normalization). */
  readonly path: string
  /** Uncompressed size. */
  readonly sizeBytes: number
  /** Undefined where the container does not say. */
  readonly modifiedAt?: number
  readonly source: EntrySource
}
