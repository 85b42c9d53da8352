/**
 * Where the applying of a plan keeps what it means to do and what is done: the seam to the library's database.
 *
 * Neither albums nor stacks can be made twice without there being two, so the intent is written first, and a
 * later attempt looks on the server before it repeats. Every method is one transaction; pages keep memory flat.
 *
 * @module
 */

import type { Words } from './upload-asset.ts'

export interface Page {
  /** Ids after this one; 0 for the first page. */
  readonly after: number
  readonly limit: number
}

/** An album with members that are on the server, but not known to be in it. */
export interface OpenAlbum {
  readonly id: number
  readonly name: string
  readonly description?: string
  /** `intended`: the server was asked to make it, and nobody has seen the answer. */
  readonly state: 'planned' | 'intended' | 'linked'
  readonly remoteId?: string
}

/** `refused`: the server does not have it any more, or does not let us add it. */
export type MemberState = 'done' | 'refused'

export interface OpenStack {
  /** Of the item's primary. */
  readonly assetId: number
  readonly state: 'planned' | 'intended'
  /** Our own one of before, which lacks a member. */
  readonly remoteId?: string
  /** Of those that are on the server, the shown one first. */
  readonly remoteIds: readonly string[]
  /** All were sent by this program, so that nobody can have stacked them before. */
  readonly isFresh: boolean
}

/** `left`: some of the pictures are in somebody's own stack, or the server refused. */
export type StackEnd = { readonly state: 'done'; readonly remoteId: string } | { readonly state: 'left' }

/** An asset of which the catalog knows more than the server was told. */
export interface OpenChange {
  readonly assetId: number
  readonly remoteId: string
  /** Under which the server has it. */
  readonly sha1?: string
  readonly words: Words
  /** Undefined: the server had it before us, and what it says of it is not known. */
  readonly told?: Words
}

/** An album as it was planned. */
export interface AlbumCount {
  readonly id: number
  readonly name: string
  readonly remoteId?: string
  /** Members that are, or should be, on the server by now. */
  readonly planned: number
  readonly done: number
  readonly refused: number
  /** Members that could not be sent (yet). */
  readonly waiting: number
}

export interface UploadJournal {
  openAlbums(page: Page): Promise<readonly OpenAlbum[]>
  intendAlbum(albumId: number): Promise<void>
  /** Another remote id than before: the server's album is a new one, and all members are open again. */
  linkAlbum(albumId: number, remoteId: string): Promise<void>
  openMembers(
    albumId: number,
    page: Page,
  ): Promise<readonly { readonly assetId: number; readonly remoteId: string }[]>
  settleMembers(
    albumId: number,
    members: readonly { readonly assetId: number; readonly state: MemberState }[],
  ): Promise<void>
  openStacks(page: Page): Promise<readonly OpenStack[]>
  intendStack(assetId: number): Promise<void>
  settleStack(assetId: number, end: StackEnd): Promise<void>
  openChanges(page: Page): Promise<readonly OpenChange[]>
  settleChanges(changes: readonly { readonly assetId: number; readonly told: Words }[]): Promise<void>
  /** Albums that have members, by id. */
  countAlbums(page: Page): Promise<readonly AlbumCount[]>
  /** Server ids of the members that are known to be in it. */
  doneMembers(
    albumId: number,
    page: Page,
  ): Promise<readonly { readonly assetId: number; readonly remoteId: string }[]>
}
