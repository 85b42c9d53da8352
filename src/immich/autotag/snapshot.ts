/**
 * A library of an Immich server as it was at one moment, in memory: all that rules are decided on.
 *
 * Made by the loader in few calls, read by pure functions, changed by nobody. Which calls it came from cannot be seen
 * here: albums and tags of an asset are exact, or the loader has failed.
 *
 * @module
 */

import type { ServerVersion, Visibility } from '../api.ts'

export type AssetType = 'image' | 'video' | 'audio' | 'other'

/** When a picture was taken, as the server has it in `exifInfo`. */
export interface TakenDate {
  /** Of `exifInfo.dateTimeOriginal`: epoch milliseconds. */
  readonly atMs: number
  /** Of `exifInfo.timeZone`: an IANA name, `UTC+2`, or undefined where the server has none. */
  readonly zone: string | undefined
}

export interface SnapshotAsset {
  readonly id: string
  readonly ownerId: string
  /** With its extension: `IMG_0001.jpg`. */
  readonly fileName: string
  /** Of the server's disk, for uploads made up by it, for external libraries the user's own. Parts divided by `/`. */
  readonly path: string
  readonly type: AssetType
  readonly visibility: Visibility
  readonly isFavourite: boolean
  /** Undefined where nobody rated it. */
  readonly rating: number | undefined
  readonly description: string
  /** Undefined where the file says nothing: then the server shows {@link fileCreatedAtMs}, which no rule trusts. */
  readonly taken: TakenDate | undefined
  /** What the server sorts by; epoch milliseconds. */
  readonly fileCreatedAtMs: number
  readonly fileModifiedAtMs: number
  /** When it came to the server; epoch milliseconds. */
  readonly uploadedAtMs: number
  /** Wall-clock time where it was taken, written as if it were UTC: a day to compare albums with, never an instant. */
  readonly wallClockMs: number
  /** ISO 8601 as the server wrote it; changes with every change of the asset. */
  readonly updatedAt: string
  readonly camera: { readonly make: string | undefined; readonly model: string | undefined }
  readonly place: {
    readonly city: string | undefined
    readonly state: string | undefined
    readonly country: string | undefined
  }
  readonly widthPixels: number | undefined
  readonly heightPixels: number | undefined
  readonly sizeBytes: number | undefined
  readonly duplicateId: string | undefined
  /** Names of the people in it; undefined when no rule asks for them. Unnamed faces are not in it. */
  readonly people: readonly string[] | undefined
  /**
   * Ids of the tags it has, of those that rules ask for. The server finds an asset under the parents of its tags too, so
   * the parents are in it, and whether a parent was given itself is not known ({@link SnapshotTag.hasChildren}).
   */
  readonly tagIds: readonly string[]
  /** All albums that the user sees it in. */
  readonly albumIds: readonly string[]
}

export interface SnapshotTag {
  readonly id: string
  /** The whole path: `kind/scan`. */
  readonly value: string
  /** Its own assets cannot be told from those of its children. */
  readonly hasChildren: boolean
}

export type AlbumRole = 'viewer' | 'editor'

export interface AlbumMember {
  readonly userId: string
  readonly role: AlbumRole
}

export interface SnapshotAlbum {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly isOwned: boolean
  readonly assetCount: number
  /** Days of its oldest and newest asset, as if UTC: epoch milliseconds; undefined for an empty album. */
  readonly startMs: number | undefined
  readonly endMs: number | undefined
  /** Without its owner. */
  readonly members: readonly AlbumMember[]
  /** Another one whenever its assets are others (see `album-fingerprint.ts`). */
  readonly fingerprint: string
}

export interface SnapshotUser {
  readonly id: string
  readonly name: string
  /** Lower case. */
  readonly email: string
}

export interface DuplicateGroup {
  readonly id: string
  /** Two or more, all in {@link Snapshot.assets}. */
  readonly assetIds: readonly string[]
  /** What the server would keep, from 2.7 on; empty where it says nothing. */
  readonly suggestedKeepIds: readonly string[]
}

export interface Snapshot {
  readonly address: string
  readonly version: ServerVersion
  readonly userId: string
  /** By the server's clock if it tells it: ISO 8601. What has changed after it was not seen. */
  readonly takenAt: string
  /** Those of the visibilities that the rules ask for, not in the trash, whoever owns them; by id. */
  readonly assets: ReadonlyMap<string, SnapshotAsset>
  /** All of the user's; by id. */
  readonly tags: ReadonlyMap<string, SnapshotTag>
  /** All that the user sees; by id. */
  readonly albums: ReadonlyMap<string, SnapshotAlbum>
  /** Empty when no rule asks for them. */
  readonly duplicates: readonly DuplicateGroup[]
  /** Of the server; empty when no rule shares, or the key may not ask. */
  readonly users: readonly SnapshotUser[]
}

/** What rules need to know, so that nothing else is asked for. */
export interface SnapshotNeeds {
  readonly visibilities: readonly Visibility[]
  /** Whether the assets of a tag with this path are read. */
  readonly isTagNeeded: (value: string) => boolean
  readonly people: boolean
  /** Members of albums: of all, of none, or of these ids; the list of albums always comes. */
  readonly albums: boolean | ReadonlySet<string>
  readonly duplicates: boolean
  readonly users: boolean
}
