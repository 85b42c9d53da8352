/**
 * What an upload would do: the plan of every page, counted. The server is asked, and not changed.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import type { LibrarySession } from './library-session.ts'
import type { UploadForecast, UploadOptions, UploadSummary } from './upload-api.ts'
import { type PlannedPage, planOptionsOf, planPages } from './upload-planning.ts'
import { UploadServer } from './upload-server.ts'

/** Pictures that one call adds to an album. */
const ALBUM_CHUNK = 1_000

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
    const tally = new Tally()
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

/** Counts contents once, though several exports may have them. */
class Tally {
  readonly #sent = new Map<number, number>()
  readonly #stacks = new Set<number>()
  readonly #albums = new Map<string, Set<number>>()
  #present = 0
  #pages = 0
  #fillings = 0
  #isFilling = false

  beginExport(): void {
    this.#isFilling = false
  }

  add({ plan, present }: PlannedPage): void {
    this.#present += present
    this.#pages += 1
    for (const { files } of plan.units) {
      for (const { assetId, upload } of files) this.#sent.set(assetId, upload.sizeBytes)
    }
    for (const { assetId } of plan.stacks) this.#stacks.add(assetId)
    for (const { name, assetId } of plan.members) this.#addMember(name, assetId)
  }

  forecast(): UploadForecast {
    const fills = [...this.#albums.values()].map(({ size }) => Math.ceil(size / ALBUM_CHUNK))
    return {
      files: this.#sent.size,
      bytes: sum([...this.#sent.values()]),
      present: this.#present,
      albums: this.#albums.size,
      calls: {
        'GET (server and key)': GREETING_CALLS,
        'POST /assets/bulk-upload-check': this.#pages,
        'POST /assets': this.#sent.size,
        'GET /albums': this.#fillings * 2 * ALBUM_LISTINGS,
        'POST /albums': this.#albums.size,
        'PUT /albums/{id}/assets': sum(fills),
        'POST /stacks': this.#stacks.size,
      },
    }
  }

  #addMember(name: string, assetId: number): void {
    if (!this.#isFilling) this.#fillings += 1
    this.#isFilling = true
    const members = this.#albums.get(name) ?? new Set()
    members.add(assetId)
    this.#albums.set(name, members)
  }
}

/** Before filling and for counting afterwards; own and shared albums are listed apart. */
const ALBUM_LISTINGS = 2

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
