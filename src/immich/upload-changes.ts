/**
 * Words that the catalog has of a picture and the server was not told: favourite, archive, description, rating.
 *
 * An upload carries them in the file or its sidecar; this is for what the server had before, and for what a later
 * export has added. Nothing is taken away or overwritten: a call replaces a description whole, so what the server
 * says is read first, and a text or rating that is not ours stays. A hidden or locked picture is not moved to the
 * archive. Each changed picture costs the server two jobs, so nothing is told twice, and equal changes go together.
 *
 * @module
 */

import type { AssetChange, FoundAsset, ImmichApi } from './api.ts'
import { NotFoundError } from './immich-errors.ts'
import type { OpenChange, UploadJournal } from './upload-journal.ts'

const CHANGE_PAGE = 500

/** Questions at a time. */
const READERS = 8

export interface AppliedChanges {
  readonly changed: number
  /** The server says something else of it, or the same: it stays as it is there. */
  readonly kept: number
  /** The server does not show it any more. */
  readonly gone: number
}

/** @throws What the server threw; what was done until then is in the journal. */
export async function applyChanges(
  api: ImmichApi,
  journal: UploadJournal,
  signal?: AbortSignal,
): Promise<AppliedChanges> {
  const sum = { changed: 0, kept: 0, gone: 0 }
  for (let after = 0; ; ) {
    const open = await journal.openChanges({ after, limit: CHANGE_PAGE })
    if (open.length === 0) return sum
    const groups = new Map<string, Group>()
    for (let start = 0; start < open.length; start += READERS) {
      signal?.throwIfAborted()
      const some = open.slice(start, start + READERS)
      const found = await Promise.all(some.map((change) => findAsset(api, change, signal)))
      for (const [index, change] of some.entries()) gather(groups, change, found[index])
    }
    for (const group of groups.values()) {
      signal?.throwIfAborted()
      const outcome = await tell(api, group, signal)
      await journal.settleChanges(group.members.map(({ assetId, words: told }) => ({ assetId, told })))
      sum[outcome] += group.members.length
    }
    after = open.at(-1)?.assetId ?? after
  }
}

interface Group {
  /** Undefined: nothing is to be told. */
  readonly change: AssetChange | undefined
  readonly isGone: boolean
  readonly members: OpenChange[]
}

function gather(groups: Map<string, Group>, open: OpenChange, found: FoundAsset | undefined): void {
  const change = found === undefined ? undefined : decideChange(open, found)
  const isGone = found === undefined
  const key = JSON.stringify([isGone, change])
  const group = groups.get(key)
  if (group === undefined) groups.set(key, { change, isGone, members: [open] })
  else group.members.push(open)
}

/** The one of these bytes that is ours, with what the server says of it. */
async function findAsset(
  api: ImmichApi,
  { remoteId, sha1 }: OpenChange,
  signal: AbortSignal | undefined,
): Promise<FoundAsset | undefined> {
  if (sha1 === undefined) return undefined
  for await (const found of api.search({ sha1, withWords: true }, signal)) {
    if (found.id === remoteId) return found
  }
  return undefined
}

/** What to tell the server; undefined for nothing. Pure. */
export function decideChange(
  { words, told }: Pick<OpenChange, 'words' | 'told'>,
  { words: known }: Pick<FoundAsset, 'words'>,
): AssetChange | undefined {
  const change: AssetChange = {
    ...(words.favourite && known?.isFavourite !== true && told?.favourite !== true
      ? { isFavourite: true }
      : {}),
    ...(words.archived && known?.visibility === 'timeline' && told?.archived !== true
      ? { visibility: 'archive' as const }
      : {}),
    ...(mayTell(words.rating, known?.rating, told?.rating, known) ? { rating: words.rating } : {}),
    ...(mayTell(words.caption, known?.description || undefined, told?.caption, known)
      ? { description: words.caption }
      : {}),
  }
  return Object.keys(change).length === 0 ? undefined : change
}

/** Only where the server is known to say nothing, or still what we told it. */
function mayTell<Value>(
  ours: Value | undefined,
  theirs: Value | undefined,
  told: Value | undefined,
  known: FoundAsset['words'],
): ours is Value {
  if (ours === undefined || ours === told || known === undefined) return false
  return theirs === undefined || theirs === told
}

async function tell(
  api: ImmichApi,
  { change, isGone, members }: Group,
  signal: AbortSignal | undefined,
): Promise<keyof AppliedChanges> {
  if (isGone) return 'gone'
  if (change === undefined) return 'kept'
  const remoteIds = members.map(({ remoteId }) => remoteId)
  try {
    await api.updateAssets(remoteIds, change, signal)
  } catch (error) {
    // All or nothing: one that was deleted since it was found must not hold the others back.
    if (!(error instanceof NotFoundError)) throw error
    for (const remoteId of remoteIds) await tellOne(api, remoteId, change, signal)
  }
  return 'changed'
}

async function tellOne(
  api: ImmichApi,
  remoteId: string,
  change: AssetChange,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await api.updateAssets([remoteId], change, signal)
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
  }
}
