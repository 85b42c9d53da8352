/**
 * Albums on the server: found by name or made, filled, and counted against the plan.
 *
 * @module
 */

import type { ImmichApi, MemberResult, ServerAlbum } from './api.ts'
import { NotFoundError, RejectedError } from './immich-errors.ts'
import type { AlbumCount, MemberState, OpenAlbum, Page, UploadJournal } from './upload-journal.ts'
import { pages } from './upload-pages.ts'

const ALBUM_PAGE = 200
const MEMBER_PAGE = 1000

export interface FilledAlbums {
  readonly made: number
  /** Memberships that are new on the server. */
  readonly added: number
  /** The server refused: the picture is gone there, or not ours. */
  readonly refused: number
}

/**
 * Adds to each album what is on the server by now. An album of the user's with the same name is used; one that
 * was deleted on the server since is made again when there is something new to put into it, and filled anew. One that
 * the server refuses does not hold the others back.
 *
 * @throws What the server threw; what was done until then is in the journal. A refusal, when the others are filled.
 */
export async function fillAlbums(
  api: ImmichApi,
  journal: UploadJournal,
  signal?: AbortSignal,
): Promise<FilledAlbums> {
  const filled = { made: 0, added: 0, refused: 0 }
  let refusal: unknown
  // Read when there is something to fill only: a server may have thousands.
  let shelf: AlbumShelf | undefined
  for await (const album of pages(
    ALBUM_PAGE,
    (page) => journal.openAlbums(page),
    ({ id }) => id,
  )) {
    shelf ??= await readShelf(api, signal)
    try {
      await seeToAlbum({ api, journal, signal }, album, shelf, filled)
    } catch (error) {
      if (!(error instanceof NotFoundError || error instanceof RejectedError)) throw error
      refusal ??= error
    }
  }
  if (refusal !== undefined) throw refusal
  return filled
}

interface Filling {
  readonly api: ImmichApi
  readonly journal: UploadJournal
  readonly signal: AbortSignal | undefined
}

type Sums = { -readonly [Key in keyof FilledAlbums]: number }

async function seeToAlbum(filling: Filling, album: OpenAlbum, known: AlbumShelf, sums: Sums): Promise<void> {
  const remoteId = await linkAlbum(filling, album, known, sums)
  try {
    await fillAlbum(filling, { id: album.id, remoteId }, sums)
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
    // Deleted since the albums were listed: it is made again, and filled from the beginning.
    const now = await readShelf(filling.api, filling.signal)
    const again = await linkAlbum(filling, { ...album, remoteId }, now, sums)
    await fillAlbum(filling, { id: album.id, remoteId: again }, sums)
  }
}

async function linkAlbum(filling: Filling, album: OpenAlbum, shelf: AlbumShelf, sums: Sums): Promise<string> {
  const found = shelf.find(album)
  const remoteId = found ?? (await makeAlbum(filling, album))
  if (found === undefined) sums.made += 1
  if (remoteId !== album.remoteId) await filling.journal.linkAlbum(album.id, remoteId)
  return remoteId
}

async function readShelf(api: ImmichApi, signal: AbortSignal | undefined): Promise<AlbumShelf> {
  return new AlbumShelf(await api.albums(signal))
}

/** The user's albums: those of others cannot be relied upon, even where we may add to them. */
class AlbumShelf {
  readonly #ids: ReadonlySet<string>
  readonly #byName: ReadonlyMap<string, ServerAlbum>

  constructor(albums: readonly ServerAlbum[]) {
    const owned = albums.filter(({ isOwned }) => isOwned)
    this.#ids = new Set(owned.map(({ id }) => id))
    // The fullest of several with one name is most likely the one that is in use.
    const byUse = owned.toSorted(
      (one, other) => one.assetCount - other.assetCount || (one.id < other.id ? 1 : -1),
    )
    this.#byName = new Map(byUse.map((album) => [nameKey(album.name), album]))
  }

  /** The one that we filled before, however it is called by now; else the one of this name. */
  find({ remoteId, name }: OpenAlbum): string | undefined {
    if (remoteId !== undefined && this.#ids.has(remoteId)) return remoteId
    return this.#byName.get(nameKey(name))?.id
  }
}

function nameKey(name: string): string {
  return name.normalize('NFC').trim()
}

async function makeAlbum({ api, journal, signal }: Filling, album: OpenAlbum): Promise<string> {
  const { id, name, description } = album
  await journal.intendAlbum(id)
  try {
    const wanted = { name, ...(description === undefined ? {} : { description }) }
    return (await api.createAlbum(wanted, signal)).id
  } catch (error) {
    signal?.throwIfAborted()
    // The answer may be all that was lost. A server that cannot be asked is asked by the next run.
    const shelf = await readShelf(api, signal).catch(() => undefined)
    const made = shelf?.find(album)
    if (made === undefined) throw error
    return made
  }
}

async function fillAlbum(
  { api, journal, signal }: Filling,
  { id, remoteId }: { readonly id: number; readonly remoteId: string },
  sums: Sums,
): Promise<void> {
  for (let after = 0; ; ) {
    signal?.throwIfAborted()
    const members = await journal.openMembers(id, { after, limit: MEMBER_PAGE })
    if (members.length === 0) return
    const results = await api.addToAlbum(
      remoteId,
      members.map((member) => member.remoteId),
      signal,
    )
    const outcomes = new Map(results.map(({ assetId, outcome }) => [assetId, outcome]))
    const settled = members.flatMap((member) => {
      const outcome = outcomes.get(member.remoteId)
      return outcome === undefined ? [] : [{ assetId: member.assetId, state: STATES[outcome], outcome }]
    })
    await journal.settleMembers(
      id,
      settled.map(({ assetId, state }) => ({ assetId, state })),
    )
    sums.added += settled.filter(({ outcome }) => outcome === 'added').length
    sums.refused += settled.filter(({ state }) => state === 'refused').length
    after = members.at(-1)?.assetId ?? after
  }
}

const STATES: Readonly<Record<MemberResult['outcome'], MemberState>> = {
  added: 'done',
  present: 'done',
  'not-found': 'refused',
  'no-permission': 'refused',
}

export interface AlbumDifference {
  readonly name: string
  /** Undefined: there is no such album on the server. */
  readonly remoteId?: string
  readonly planned: number
  /** Of the planned ones, how many the server shows in the album. */
  readonly found: number
  /** Of the planned ones, how many were added, as far as we were told. */
  readonly done: number
  /** Could not be sent (yet). */
  readonly waiting: number
  /** Refused by the server when they were to be added. */
  readonly refused: number
}

/**
 * Holds every planned album against the server; what is in it besides is none of our business. Answers the albums
 * that lack something. The content of each is read, a thousand in a call: the server's own count says nothing of an
 * album that had pictures before.
 */
export async function verifyAlbums(
  api: ImmichApi,
  journal: UploadJournal,
  signal?: AbortSignal,
): Promise<readonly AlbumDifference[]> {
  const differences: AlbumDifference[] = []
  let onServer: ReadonlyMap<string, ServerAlbum> | undefined
  for await (const album of pages(
    ALBUM_PAGE,
    (page) => journal.countAlbums(page),
    ({ id }) => id,
  )) {
    onServer ??= new Map((await api.albums(signal)).map((one) => [one.id, one]))
    const remote = album.remoteId === undefined ? undefined : onServer.get(album.remoteId)
    const found = remote === undefined ? 0 : await countFound(api, journal, album, remote, signal)
    if (found === album.planned) continue
    const { name, planned, done, waiting, refused } = album
    differences.push({
      name,
      planned,
      found,
      done,
      waiting,
      refused,
      ...(remote === undefined ? {} : { remoteId: remote.id }),
    })
  }
  return differences
}

async function countFound(
  api: ImmichApi,
  journal: UploadJournal,
  album: AlbumCount,
  remote: ServerAlbum,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (album.done === 0) return 0
  const there = new Set<string>()
  for await (const { id } of api.search({ albumId: remote.id }, signal)) there.add(id)
  let found = 0
  const members = pages(
    MEMBER_PAGE,
    (page: Page) => journal.doneMembers(album.id, page),
    ({ assetId }) => assetId,
  )
  for await (const { remoteId } of members) if (there.has(remoteId)) found += 1
  return found
}
