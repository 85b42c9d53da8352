/**
 * The seam between ingest and the platforms: one implementation a platform, one conformance suite for all.
 *
 * Reading is a pure function of the listing and the small metadata files, so a listing and a few JSON files
 * reproduce any user's bug.
 *
 * @module
 */

import type { ArchiveEntry } from './archive/archive.ts'
import type { Album, MediaItem } from './media-item.ts'

/** What a platform is given to look at. */
export interface Listing {
  /** The name of the export (folder or archive name without part number and extension). */
  readonly exportName: string
  readonly entries: readonly ArchiveEntry[]
  /** A metadata file's bytes; throws when it is unreadable. At most 64 MiB. */
  read(entry: ArchiveEntry): Promise<Buffer>
}

/** What became of an entry that holds no media. */
export type NonMedia =
  | { readonly entry: ArchiveEntry; readonly outcome: 'sidecar'; readonly of: string }
  | {
      readonly entry: ArchiveEntry
      readonly outcome: 'ignored'
      readonly reason: string
      /** `service-file`: no photo of anybody, whatever its name is. `other-processor`: was not asked for. */
      readonly code?: 'service-file' | 'other-processor'
    }
  | {
      readonly entry: ArchiveEntry
      readonly outcome: 'failed'
      readonly reason: string
      /** What the container has against it: `link`, `encrypted`. */
      readonly code?: string
    }

/** Everything a platform has to say of its part of an export. Each entry appears at most once. */
export interface Reading {
  /** Walked once, after {@link Platform.read} is through: may be made one by one, so that they need not all be there. */
  readonly items: Iterable<MediaItem>
  readonly albums: readonly Album[]
  /** Sidecars, album files, and files of the platform that are of no use, each with its reason. */
  readonly nonMedia: readonly NonMedia[]
  /** What a person should know of the export, such as an album with missing members. */
  readonly remarks: readonly { readonly code: string; readonly message: string; readonly path?: string }[]
}

export interface Platform {
  /** As users know it: `Google Photos`. */
  readonly name: string
  /** Sub-folder of the export's folder in the library: `photos`. */
  readonly folder: string
  /** First word of the file names: `gphotos`. */
  readonly stem: string
  /** Higher is asked first; an entry goes to the first platform that claims it. */
  readonly priority: number
  /** The entries that are this platform's to read: empty when the export is not of this platform. Names only. */
  claim(listing: Listing): readonly ArchiveEntry[]
  /** Reads the claimed entries, and answers for each of them. */
  read(listing: Listing): Promise<Reading>
}
