/**
 * The `item` task: one picture or clip with its companions and all copies of them in one export.
 *
 * Plain data only: it goes through the database and to worker processes.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import type { ItemFacts } from '../exports/group-items.ts'
import type { CompanionRole } from '../exports/media-item.ts'
import type { Position, Taken } from '../media/metadata.ts'
import type { EntrySource } from '../storage/entry.ts'

export type PartRole = 'primary' | CompanionRole

/** An input's own `.xmp`. */
export interface KeptSidecar {
  /** Path inside the export. */
  readonly path: string
  readonly sizeBytes: number
  readonly source: EntrySource
  /** As in {@link ItemCopy}. */
  readonly spooled?: boolean
}

/** One input file. */
export interface ItemCopy {
  /** Row of the ledger. */
  readonly fileId: number
  /** Path inside the export. */
  readonly path: string
  readonly sizeBytes: number
  readonly source: EntrySource
  /** Index into `ItemPayload.facts`. */
  readonly facts: number
  /** Hex SHA-1, where listing the archive has found it (tgz): such a copy need not be read to be compared. */
  readonly sha1?: string
  /** True when the source is a temporary file of ours, to be deleted with the task (tgz). */
  readonly spooled?: boolean
  /** What lies beside it; of equal copies the first one's is kept. */
  readonly xmp?: KeptSidecar
}

/** Files believed to be of equal content (the worker verifies), and the place they have in the item. */
export interface ItemPart {
  readonly role: PartRole
  readonly copies: readonly ItemCopy[]
}

export interface PlaceOptions {
  /** Absolute; on the same filesystem as the library. */
  readonly tempFolder: string
  readonly metadata: 'embed' | 'sidecar'
  /** IANA zone for photos whose zone nothing tells. */
  readonly zone?: string
}

/** How names and folders of an export's files begin. */
export interface Placement {
  readonly exportId: number
  readonly exportName: string
  /** Folder of the export in the library. */
  readonly exportFolder: string
  /** `anna` in `gphotos-anna-…`, where the export's name tells an account. */
  readonly account?: string
  readonly platform: { readonly name: string; readonly folder: string; readonly stem: string }
}

export interface ItemPayload {
  readonly placement: Placement
  readonly options: PlaceOptions
  readonly facts: readonly ItemFacts[]
  /** Titles of the albums that the facts name by their keys. */
  readonly albumTitles: Readonly<Record<string, string>>
  readonly parts: readonly ItemPart[]
}

/** What became of one input file, as the worker sees it; the commit decides between imported and duplicate. */
export type CopyResult =
  | { readonly path: string; readonly outcome: 'same' }
  /** Not equal to the part's first copy after all: becomes an item of its own. */
  | { readonly path: string; readonly outcome: 'different' }
  | { readonly path: string; readonly outcome: 'ignored'; readonly reason: string }
  | { readonly path: string; readonly outcome: 'failed'; readonly error: ErrorRecord }

/** A file written under a temporary name, ready to be published. Hashes are hex SHA-1. */
export interface PlacedFile {
  /** Object name of the storage. */
  readonly temp: string
  /** The `.xmp` beside it: the input's own, or one for what the file cannot carry. `sha1` is hex. */
  readonly sidecar?: {
    readonly temp: string
    readonly sizeBytes: number
    readonly sha1: string
    /** Path inside the export, when it is the input's own. */
    readonly keptFrom?: string
  }
  readonly sourceSha1: string
  readonly writtenSha1: string
  readonly sourceSizeBytes: number
  readonly sizeBytes: number
  readonly format: string
  readonly mime: string
  /** Without the dot. */
  readonly extension: string
  readonly taken?: Taken
  /** The file's own date, which stays in it, where `taken` is another one: see `camera-date.ts`. */
  readonly cameraLocal?: string
  readonly position?: Position
  /** As it is written into the file, or beside it. */
  readonly caption?: string
  readonly people: readonly string[]
  readonly keywords?: readonly string[]
  readonly rating?: number
  /** Keys. */
  readonly albums: readonly string[]
  readonly originalName: string
  readonly favourite: boolean
  readonly archived: boolean
  readonly trashed: boolean
  readonly shared: boolean
  readonly widthPx?: number
  readonly heightPx?: number
  /** What is wrong with the file though it was placed, such as `truncated`. */
  readonly problems: readonly { readonly code: string; readonly message: string }[]
}

export interface PartResult {
  readonly role: PartRole
  /** In the order of the part's copies. */
  readonly copies: readonly CopyResult[]
  /** Absent when no copy could be placed. */
  readonly placed?: PlacedFile
}

export interface ItemResult {
  /** In the order of the payload's parts. */
  readonly parts: readonly PartResult[]
}
