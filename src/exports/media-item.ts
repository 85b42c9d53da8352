/**
 * The one model that every platform's export is read into.
 *
 * @module
 */

import type { Position, TakenEvidence } from '../media/metadata.ts'
import type { ArchiveEntry } from './archive/archive.ts'

/** How a companion belongs to the primary file of its item. */
export type CompanionRole =
  | 'edited'
  | 'live-video'
  | 'motion-video'
  | 'raw'
  | 'overlay'
  /** Of a program (Apple's `.AAE`, a further `.xmp`): no media, kept byte for byte. */
  | 'edit-instructions'

/** Why a sidecar was taken for a file, and what came second. */
export interface Pairing {
  readonly sidecar: string
  /** The name of the rule that fired, stable, from a closed list of the platform. */
  readonly rule: string
  readonly runnerUp?: { readonly sidecar: string; readonly rule: string }
  /** True when a person should look: two sidecars fit equally well, or the rule is a guess. */
  readonly ambiguous: boolean
}

export interface MediaFile {
  readonly entry: ArchiveEntry
  readonly pairing?: Pairing
  /** The `.xmp` that lies beside it in the export: may hold what is not modelled, so the library keeps it. */
  readonly xmp?: ArchiveEntry
}

export interface Companion extends MediaFile {
  readonly role: CompanionRole
}

/** One picture or clip as its export tells of it, with the files that belong to it. Read, not yet decided. */
export interface MediaItem {
  readonly primary: MediaFile
  readonly companions: readonly Companion[]
  /** What the export knows of the time, best first; the worker adds what the file itself says. */
  readonly taken: readonly TakenEvidence[]
  /** True when the export says that it knows no time: then the folder and the file's time that it made are no dates. */
  readonly isUndated?: boolean
  readonly position?: Position
  readonly caption?: string
  readonly people: readonly string[]
  /** What somebody tagged it with; hierarchical ones have `|` between their levels. */
  readonly keywords?: readonly string[]
  /** 1 to 5 stars. */
  readonly rating?: number
  /** Keys of `Album`. */
  readonly albums: readonly string[]
  /** Original file name, as the platform knew it. */
  readonly title?: string
  readonly favourite?: boolean
  readonly archived?: boolean
  readonly trashed?: boolean
  /** Came from a partner's or another account's sharing. */
  readonly shared?: boolean
}

export interface Album {
  /** Unique in the export: the folder's path. */
  readonly key: string
  readonly title: string
  readonly description?: string
  readonly position?: Position
}
