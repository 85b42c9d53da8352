/**
 * The server of the autotag benchmark, in a process of its own: a fake Immich with the library in it.
 *
 *     node bench/autotag-server.ts '{"version":"3.1.0","scale":1,"seed":1}'
 *
 * Told by messages what to do ({@link ServerCommand}); each is answered when it is done. Ends with its parent.
 *
 * @module
 */

import { type AutotagLibrary, fillAutotagLibrary } from '../test/support/fake-immich/autotag-library.ts'
import { autotagMix } from '../test/support/fake-immich/autotag-mix.ts'
import { type FakeImmich, startFakeImmich } from '../test/support/fake-immich/fake-immich.ts'
import type { FakeLoad } from '../test/support/fake-immich/load.ts'
import { shownIn } from '../test/support/fake-immich/shapes.ts'

export interface ServerSettings {
  readonly version: string
  readonly scale: number
  readonly seed: number
}

export type ServerCommand =
  | { readonly do: 'week' | 'jobs' | 'forget' | 'traffic' | 'violations' | 'contents' | 'albumsChanged' }
  | { readonly do: 'load'; readonly load: FakeLoad | undefined }

export interface ServerHello {
  readonly address: string
  readonly key: string
  readonly token: string
  readonly userId: string
}

/** Of the calls since the last `forget`. */
export interface Traffic {
  readonly calls: number
  /** By route. */
  readonly routes: Readonly<Record<string, number>>
  /** Answered with something else than 2xx, by status and route. */
  readonly refused: Readonly<Record<string, number>>
  /** From the first call to the end of the last. */
  readonly ms: number
  /** Over that time. */
  readonly averageInFlight: number
  /** What a proxy or a person may find too long. */
  readonly longest: { readonly route: string; readonly ms: number }
}

/** What a client of the seed's kind would ask for, one after the other. */
export interface Contents {
  readonly assetIds: readonly string[]
  readonly albumIds: readonly string[]
  readonly tagIds: readonly string[]
}

const settings = JSON.parse(process.argv[2] ?? '{}') as ServerSettings
const fake = await startFakeImmich({ version: settings.version, isAdmin: false })
const library = fillAutotagLibrary(fake.state, autotagMix(settings.scale), settings.seed)

/** What a list of albums tells of each, as it was when it was asked for last. */
let albumsSeen = albumFacts(fake)

process.on('message', (command: ServerCommand) => {
  process.send?.(answer(fake, library, command) ?? {})
})
process.once('disconnect', () => process.exit())

const hello: ServerHello = {
  address: fake.address,
  key: fake.key,
  token: fake.addSession().secret,
  userId: fake.user.id,
}
process.send?.(hello)

function answer({ state }: FakeImmich, { user, week }: AutotagLibrary, command: ServerCommand): unknown {
  switch (command.do) {
    case 'week':
      return week.call(library)
    case 'jobs':
      return state.runMetadataJobs()
    case 'forget':
      return fake.forgetRequests()
    case 'traffic':
      return traffic()
    case 'violations':
      return state.violations.map(({ kind, route, detail }) => `${kind} ${route}: ${detail}`.slice(0, 300))
    case 'contents':
      return {
        assetIds: [...state.assets.values()].filter(({ ownerId }) => ownerId === user.id).map(({ id }) => id),
        albumIds: [...state.albums.values()].filter(({ ownerId }) => ownerId === user.id).map(({ id }) => id),
        tagIds: [...state.tags.keys()],
      } satisfies Contents
    case 'albumsChanged':
      return albumsChanged()
    case 'load':
      fake.load = command.load
      return undefined
  }
}

/** How many albums look other than when it was asked last, those that are new among them. */
function albumsChanged(): number {
  const now = albumFacts(fake)
  const changed = [...now].filter(([id, facts]) => albumsSeen.get(id) !== facts)
  albumsSeen = now
  return changed.length
}

/** All that tells a change: assets that leave do not touch the album's own date. */
function albumFacts({ state }: FakeImmich): Map<string, string> {
  const facts = new Map<string, string>()
  for (const album of state.albums.values()) {
    const shown = shownIn(state, album)
    const dates = shown.map(({ updatedAt }) => updatedAt)
    const lastChange = dates.toSorted().at(-1) ?? ''
    facts.set(album.id, `${album.updatedAt} ${shown.length} ${lastChange}`)
  }
  return facts
}

function traffic(): Traffic {
  const requests = fake.requests.filter(({ durationMs }) => durationMs !== undefined)
  const routes: Record<string, number> = {}
  const refused: Record<string, number> = {}
  let [from, to, busyMs] = [Number.POSITIVE_INFINITY, 0, 0]
  let longest = { route: 'none', ms: 0 }
  for (const { route, at, durationMs = 0, status } of requests) {
    routes[route] = (routes[route] ?? 0) + 1
    if (status === undefined || status >= 300) {
      const key = `${status} ${route}`
      refused[key] = (refused[key] ?? 0) + 1
    }
    from = Math.min(from, at)
    to = Math.max(to, at + durationMs)
    busyMs += durationMs
    if (durationMs > longest.ms) longest = { route, ms: durationMs }
  }
  const ms = requests.length === 0 ? 0 : to - from
  return { calls: requests.length, routes, refused, ms, averageInFlight: ms === 0 ? 0 : busyMs / ms, longest }
}
