/**
 * The vocabulary of what is known of a media file: times with their evidence, places, words and names.
 *
 * @module
 */

/** Degrees, north and east positive; metres above sea level, negative below. */
export interface Position {
  readonly latitude: number
  readonly longitude: number
  readonly altitudeM?: number
}

/** How exactly a time is known. */
export type Precision = 'second' | 'minute' | 'day' | 'month' | 'year'

/** Who says so. Ranked in `dates.ts`. */
export type EvidenceSource =
  | 'export' // the platform's own metadata
  | 'embedded' // EXIF, QuickTime and their kin inside the file
  | 'xmp-sidecar'
  | 'file-name'
  | 'folder-name'
  | 'file-time'

/**
 * One statement about when a file was taken. An instant (`at`), a wall-clock time (`local`), or both.
 * `local` is `YYYY-MM-DDTHH:mm:ss` with optional `.SSS`.
 */
export interface TakenEvidence {
  readonly source: EvidenceSource
  /** Which field or pattern: `photoTakenTime`, `DateTimeOriginal`, `yyyymmdd-hhmmss`. */
  readonly detail: string
  /** Epoch milliseconds. */
  readonly at?: number
  readonly local?: string
  /** Minutes east of UTC, when the statement itself says so. */
  readonly offsetMinutes?: number
  readonly precision: Precision
}

/** The decision: see `dates.ts`. */
export interface Taken {
  /** Wall-clock time where it was taken (best known), `YYYY-MM-DDTHH:mm:ss` with optional `.SSS`. */
  readonly local: string
  /** Epoch milliseconds: `local` with `offsetMinutes`, or in the user's zone where the zone is unknown. */
  readonly at: number
  /** Minutes east of UTC; undefined when nothing tells the zone. */
  readonly offsetMinutes?: number
  readonly precision: Precision
  readonly source: EvidenceSource
  readonly detail: string
  /** How the zone is known. */
  readonly zone: 'stated' | 'camera-against-utc' | 'position' | 'user' | 'unknown'
}

/** What a file says of itself. Everything is optional: hostile and empty files say nothing. */
export interface EmbeddedMetadata {
  /** Best first. */
  readonly taken: readonly TakenEvidence[]
  readonly position?: Position
  readonly caption?: string
  readonly people: readonly string[]
  /** Plain and hierarchical ones, the latter with `|` between their levels: `Album|Summer`. */
  readonly keywords: readonly string[]
  /** 0 to 5; -1 for a rejected picture. */
  readonly rating?: number
  readonly originalName?: string
  /** Apple's pairing id of a live photo's still and video. */
  readonly contentIdentifier?: string
  readonly make?: string
  readonly model?: string
  readonly widthPx?: number
  readonly heightPx?: number
  /** True when a video lies inside the picture file. */
  readonly motionPhoto?: boolean
}

/** What the library wants the file to say. Merged with {@link EmbeddedMetadata} by `planPatch`. */
export interface WantedMetadata {
  readonly taken?: Taken
  readonly position?: Position
  readonly caption?: string
  readonly people: readonly string[]
  readonly albums: readonly string[]
  /** As in {@link EmbeddedMetadata}: hierarchical ones have `|` between their levels. */
  readonly keywords?: readonly string[]
  /** 1 to 5; counts for more than `favourite`. */
  readonly rating?: number
  readonly favourite?: boolean
  readonly originalName?: string
}

/**
 * What is to be written; an absent field is left as it is in the file. Result of the merge, where an existing
 * plausible camera date and an existing caption have already won.
 */
export interface MetadataPatch {
  /** Writes the date fields of the format; `offsetMinutes` also the `OffsetTime*` fields. */
  readonly taken?: { readonly local: string; readonly at: number; readonly offsetMinutes?: number }
  /** Only the offset is missing beside a camera date that stays. */
  readonly offsetMinutes?: number
  readonly position?: Position
  readonly caption?: string
  /** To add to those already there. */
  readonly people?: readonly string[]
  /** Plain keywords to add (`dc:subject`). */
  readonly keywords?: readonly string[]
  /** Hierarchical keywords to add, `|` between levels: `Album|Summer`. */
  readonly hierarchicalKeywords?: readonly string[]
  /** 0 to 5. */
  readonly rating?: number
  readonly originalName?: string
}
