/**
 * What an upload would do: the plan of every page, counted. The server is asked, and not changed.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import { pages } from '../immich/upload-pages.ts'
import type { Backend } from '../queue/backend.ts'
import type { LibrarySession } from './library-session.ts'
import type { UploadForecast, UploadOptions, UploadSummary } from './upload-api.ts'
import { libraryJournal } from './upload-journal.ts'
import { type PlannedPage, planOptionsOf, planPages } from './upload-planning.ts'
import { UploadServer } from './upload-server.ts'

/** Pictures that one call adds to an album, or lists of it. */
const ALBUM_CHUNK = 1_000

/** Albums of the catalog that are read at once. */
const ALBUM_PAGE = 200

/** Whoever is the server, what the key may do and who it belongs to, and which formats it takes. */
const GREETING_CALLS = 4

export async function forecastUploads(
  { backend, paths }: LibrarySession,
  { settings, signal }: UploadOptions,
  { names, startedAt }: { readonly names: readonly string[]; readonly startedAt: number },
): Promise<UploadSummary> {
  const server = new UploadServer(settings)
  try {
    const { api, serverId, supported, version } = await server.open(backend, signal)
    const options = planOptionsOf(settings, supported)
    const tally = new Tally(await readFilled(backend, serverId))
    for (const exportName of names) {
      tally.beginExport()
      for await (const page of planPages({ backend, serverId, options, exportName }, api, signal)) {
        tally.add(page)
      }
    }
    return {
      status: 'complete',
      library: paths.root,
      address: settings.connection.address,
      serverVersion: version,
      exports: [],
      problems: [],
      durationMs: systemClock.now() - startedAt,
      forecast: tally.forecast(),
    }
  } finally {
    await server.close()
  }
}

/** What earlier runs did for an album of this name. */
interface FilledAlbum {
  readonly isLinked: boolean
  readonly done: number
}

async function readFilled(
  backend: Pick<Backend, 'call'>,
  serverId: number,
): Promise<ReadonlyMap<string, FilledAlbum>> {
  const journal = libraryJournal(backend, serverId)
  const filled = new Map<string, FilledAlbum>()
  for await (const { name, remoteId, done } of pages(
    ALBUM_PAGE,
    (page) => journal.countAlbums(page),
    ({ id }) => id,
  )) {
    filled.set(name, { isLinked: remoteId !== undefined, done })
  }
  return filled
}

/** Counts what is sent once, though several exports may have it. */
class Tally {
  readonly #filled: ReadonlyMap<string, FilledAlbum>
  readonly #sent = new Map<number, number>()
  readonly #stacks = new Set<number>()
  readonly #albums = new Map<string, Set<number>>()
  /** Names, of each export. */
  readonly #albumsByExport: Set<string>[] = []
  readonly #present = new Set<number>()
  #pages = 0

  constructor(filled: ReadonlyMap<string, FilledAlbum>) {
    this.#filled = filled
  }

  beginExport(): void {
    this.#albumsByExport.push(new Set())
  }

  add({ plan, presentIds }: PlannedPage): void {
    for (const id of presentIds) this.#present.add(id)
    this.#pages += 1
    for (const { files } of plan.units) {
      for (const { assetId, upload } of files) this.#sent.set(assetId, upload.sizeBytes)
    }
    for (const { assetId } of plan.stacks) this.#stacks.add(assetId)
    for (const { name, assetId } of plan.members) this.#addMember(name, assetId)
  }

  forecast(): UploadForecast {
    const open = [...this.#albums].filter(([name, { size }]) => size > (this.#filled.get(name)?.done ?? 0))
    const names = new Set(open.map(([name]) => name))
    const byExport = this.#albumsByExport.map((own) => [...own].filter((name) => names.has(name)))
    const fillings = byExport.filter((own) => own.length > 0).length
    return {
      files: this.#sent.size,
      bytes: sum([...this.#sent.values()]),
      present: this.#present.size,
      albums: open.length,
      calls: {
        'GET (server and key)': GREETING_CALLS,
        'POST /assets/bulk-upload-check': this.#pages,
        'POST /assets': this.#sent.size,
        'GET /albums': fillings * 2 * ALBUM_LISTINGS,
        'POST /albums': open.filter(([name]) => this.#filled.get(name)?.isLinked !== true).length,
        'PUT /albums/{id}/assets': sum(open.map(([name]) => this.#chunksOf(name))),
        'POST /search/metadata': sum(byExport.flat().map((name) => this.#chunksOf(name))),
        'POST /stacks': this.#stacks.size,
      },
    }
  }

  #addMember(name: string, assetId: number): void {
    this.#albumsByExport.at(-1)?.add(name)
    const members = this.#albums.get(name) ?? new Set()
    members.add(assetId)
    this.#albums.set(name, members)
  }

  /** Calls that the whole album takes. */
  #chunksOf(name: string): number {
    return Math.ceil((this.#albums.get(name)?.size ?? 0) / ALBUM_CHUNK)
  }
}

/** Before filling and for counting afterwards; own and shared albums are listed apart. */
const ALBUM_LISTINGS = 2

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
