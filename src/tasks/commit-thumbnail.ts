/**
 * The commit of a `thumbnail` task: the set and its sizes, in the task's own transaction; or why there are none.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { findLastHash } from '../library/hashed-files.ts'
import { recordNoThumbnails, recordThumbnails, type ThumbnailError } from '../library/thumbnails.ts'
import { thumbnailStyle } from '../media/thumbnail/thumbnail.ts'
import type { Transaction } from '../queue/commit.ts'
import type { Task } from '../queue/task.ts'
import { causeOf, type KnownResult, type ThumbnailPayload, type ThumbnailResult } from './thumbnail-task.ts'

export interface ThumbnailCommit {
  /** Hex, of the content. */
  readonly sha1: string
  /** `known`: the same content had its thumbnails already. */
  readonly outcome: 'made' | 'known'
  readonly damaged: boolean
}

/** Of a picture that is damaged, and has thumbnails of what is left. */
const DAMAGED: ThumbnailError = Object.freeze({
  code: 'thumbnail/incomplete',
  message: 'picture is cut off or damaged: its thumbnails show what is left of it',
})

export function commitThumbnail(
  { db, now }: Transaction<DatabaseSync>,
  _task: Task,
  result: unknown,
): ThumbnailCommit {
  const made = result as ThumbnailResult | KnownResult
  if ('isKnown' in made) return { sha1: made.sha1, outcome: 'known', damaged: false }
  const { sha1, style, store, widthPx, heightPx, thumbhash, thumbnails, damaged = false } = made
  const objects = thumbnails.map((thumbnail) => ({ ...thumbnail, store }))
  const set = { sha1, style, widthPx, heightPx, thumbhash, objects, ...(damaged ? { error: DAMAGED } : {}) }
  recordThumbnails(db, set, now)
  return { sha1, outcome: 'made', damaged }
}

/** What is the picture's own fault is not tried again; what is not, is not written down. */
export function failThumbnail({ db, now }: Transaction<DatabaseSync>, { payload, error }: Task): null {
  const { sha1, source, options } = payload as ThumbnailPayload
  if (error === undefined) return null
  const cause = causeOf(error)
  const known = sha1 ?? (source.kind === 'file' ? findLastHash(db, source.path) : undefined)
  if (cause === 'circumstances' || known === undefined) return null
  const { code, message, hint } = error
  const refused = {
    sha1: known,
    style: thumbnailStyle(options),
    state: cause === 'unsupported' ? 'unsupported' : 'failed',
    error: { code, message, ...(hint === undefined ? {} : { hint }) },
  } as const
  recordNoThumbnails(db, refused, now)
  return null
}
