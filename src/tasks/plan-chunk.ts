/**
 * What an `export` task sends ahead while it plans: plain data, in pieces of the size of one transaction.
 *
 * @module
 */

import type { ItemFacts } from '../exports/group-items.ts'
import type { Album, Pairing } from '../exports/media-item.ts'
import type { ItemCopy, ItemPart } from './item.ts'

/** Ledger rows or items a chunk: one transaction of the store. */
const CHUNK_SIZE = 200

/** One file that is to be placed, for the ledger. */
export interface PlannedCopy extends Omit<ItemCopy, 'fileId'> {
  readonly fingerprint: string
  /** Digest of all that the export tells of the file: see `PlannedFile.knowledge`. */
  readonly knowledge: string
  readonly modifiedAt?: number
  readonly pairing?: Pairing
}

export interface PlannedPart {
  readonly role: ItemPart['role']
  readonly copies: readonly PlannedCopy[]
}

/** An item as it is planned: the task's payload without what only the database knows. */
export interface PlannedItem {
  /** Titles of the albums that the facts name by their keys. */
  readonly albumTitles: Readonly<Record<string, string>>
  readonly platform: { readonly name: string; readonly folder: string; readonly stem: string }
  readonly facts: readonly ItemFacts[]
  readonly parts: readonly PlannedPart[]
}

/** A file whose outcome the reading itself decides. */
export interface SettledFile {
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedAt?: number
  readonly fingerprint: string
  readonly outcome: 'sidecar' | 'ignored' | 'failed'
  readonly reasonCode?: string
  readonly reason?: string
}

export interface PlanRemark {
  readonly code: string
  readonly message: string
  readonly path?: string
}

/** What is emitted, in this order; `phase` may come at any time. */
export type PlanChunk =
  | { readonly type: 'phase'; readonly phase: 'listing' | 'reading' }
  /** Answered with {@link ListedAnswer}. */
  | { readonly type: 'listed'; readonly digest: string; readonly files: number; readonly bytes: number }
  /** How much the export takes when all of it is placed, at most. */
  | { readonly type: 'totals'; readonly items: number; readonly placeBytes: number }
  | { readonly type: 'albums'; readonly albums: readonly Album[] }
  | { readonly type: 'settled'; readonly files: readonly SettledFile[] }
  | { readonly type: 'remarks'; readonly remarks: readonly PlanRemark[] }
  /** Which of these items are still to do? Answered with their indices. Asked for a tgz, before it is unpacked. */
  | { readonly type: 'ask'; readonly items: readonly PlannedItem[] }
  | { readonly type: 'items'; readonly items: readonly PlannedItem[] }
  /**
   * The same as JSON text, where the coordinator has nothing to look up in it: it hands the text on to the store's
   * thread. Parsed on the way, a stream of items made its heap grow by 60 MB.
   */
  | { readonly type: 'items-text'; readonly json: string }

export interface ListedAnswer {
  /** True when this very listing was finished before: nothing is to be done. */
  readonly unchanged: boolean
}

/** Pieces of the size that one transaction of the store takes. */
export function* chunksOf<T>(list: Iterable<T>): Generator<readonly T[]> {
  let chunk: T[] = []
  for (const value of list) {
    chunk.push(value)
    if (chunk.length < CHUNK_SIZE) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}
