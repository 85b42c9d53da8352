/**
 * Plans for tests: of given steps, or of random ones that fit a library.
 *
 * @module
 */

import fc from 'fast-check'
import type { AlbumRef, Plan, Step } from '../../../src/immich/autotag/plan.ts'
import { planIdOf } from '../../../src/immich/autotag/plan-id.ts'
import type { Snapshot, SnapshotAlbum, SnapshotAsset } from '../../../src/immich/autotag/snapshot.ts'
import { type MemoryAlbum, type MemoryAsset, MemoryServer } from './memory-server.ts'

/** A plan with these steps, made on what is there now. */
export function planOf(
  snapshot: Snapshot,
  steps: readonly Step[],
  madeAt: string = new Date().toISOString(),
): Plan {
  const rest: Omit<Plan, 'id'> = {
    format: 1,
    madeAt,
    server: { address: snapshot.address, userId: snapshot.userId, version: snapshot.version },
    rulesHash: '0'.repeat(64),
    snapshot: {
      takenAt: snapshot.takenAt,
      assets: snapshot.assets.size,
      albums: Object.fromEntries(
        [...snapshot.albums.values()].map(({ id, fingerprint }) => [id, fingerprint]),
      ),
    },
    steps,
    overrides: [],
    remarks: [],
  }
  return { id: planIdOf(rest), ...rest }
}

/** What is to become of a small library; numbers point into it. */
export interface Wish {
  readonly tagAdds: readonly (readonly [tag: number, asset: number])[]
  readonly tagRemoves: readonly (readonly [tag: number, asset: number])[]
  readonly albumAdds: readonly (readonly [album: number, asset: number])[]
  readonly albumRemoves: readonly (readonly [album: number, asset: number])[]
  readonly creates: readonly (readonly number[])[]
  readonly dates: readonly (readonly [day: number, asset: number])[]
  readonly favourites: readonly number[]
  readonly ratings: readonly (readonly [rating: number, asset: number])[]
  readonly shares: readonly (readonly [album: number, user: number])[]
}

const index = fc.nat(1000)

export const anyWish: fc.Arbitrary<Wish> = wishOf(0, 30)

/** `min` to `max` changes of each common kind. */
export function wishOf(min: number, max: number): fc.Arbitrary<Wish> {
  const pairs = fc.array(fc.tuple(index, index), { minLength: min, maxLength: max })
  return fc.record({
    tagAdds: pairs,
    tagRemoves: pairs,
    albumAdds: pairs,
    albumRemoves: pairs,
    creates: fc.array(fc.array(index, { maxLength: 12 }), { maxLength: 4 }),
    dates: pairs,
    favourites: fc.array(index, { maxLength: 10 }),
    ratings: fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), index), { maxLength: 10 }),
    shares: fc.array(fc.tuple(index, index), { maxLength: 6 }),
  })
}

const USERS = ['user-bo', 'user-cy', 'user-di']
const TAGS = ['kind', 'kind/scan', 'kind/meme', 'trip/oslo', 'auto/unsorted', 'auto/clash']

/** 40 assets, some tagged, in albums, dated, shared. */
export function fillServer(server: MemoryServer, assets = 40): void {
  const ids: string[] = []
  for (let index = 0; index < assets; index += 1) {
    ids.push(
      server.addAsset({
        visibility: index % 7 === 0 ? 'archive' : 'timeline',
        rating: index % 5 === 0 ? 3 : undefined,
        isFavourite: index % 6 === 0,
        taken: index % 9 === 0 ? undefined : { atMs: Date.UTC(2020, 0, index), zone: 'UTC' },
      }).id,
    )
  }
  for (const [index, value] of ['kind/scan', 'trip/oslo', 'auto/unsorted'].entries()) {
    const { id } = server.addTag(value)
    for (const asset of ids.filter((_, at) => at % (index + 2) === 0))
      server.assets.get(asset)?.tagIds.add(id)
  }
  for (let index = 0; index < 4; index += 1) {
    const album = server.addAlbum(
      `Album ${index}`,
      ids.filter((_, at) => at % (index + 2) === 1),
    )
    album.members.set(USERS[index % USERS.length] ?? '', 'viewer')
  }
}

/** The steps of a wish, of those changes that are changes; each asset is changed in one way only. */
/** `users`: ids of those whom albums may be shared with. */
export function stepsOf(snapshot: Snapshot, wish: Wish, users: readonly string[] = USERS): readonly Step[] {
  const library = libraryOf(snapshot, users)
  return [
    ...createSteps(library, wish),
    ...contentSteps(library, 'album.add', wish.albumAdds),
    ...tagSteps(library, 'tag.add', wish.tagAdds),
    ...tagSteps(library, 'tag.remove', wish.tagRemoves),
    ...dateSteps(library, wish),
    ...wordSteps(library, wish),
    ...contentSteps(library, 'album.remove', wish.albumRemoves),
    ...shareSteps(library, wish),
  ]
}

interface Library {
  readonly users: readonly string[]
  readonly assetAt: (at: number) => SnapshotAsset
  readonly albumAt: (at: number) => SnapshotAlbum
  readonly hasTag: (asset: SnapshotAsset, tag: string) => boolean
  /** True the first time. */
  readonly once: (...key: readonly unknown[]) => boolean
}

function libraryOf(snapshot: Snapshot, users: readonly string[]): Library {
  const assets = [...snapshot.assets.values()]
  const albums = [...snapshot.albums.values()]
  const tagIds = new Map([...snapshot.tags.values()].map(({ id, value }) => [value, id]))
  const seen = new Set<string>()
  return {
    users,
    assetAt: (at) => itemAt(assets, at),
    albumAt: (at) => itemAt(albums, at),
    hasTag: ({ tagIds: own }, tag) => own.includes(tagIds.get(tag) ?? ''),
    once: (...key) => {
      const before = seen.size
      return seen.add(JSON.stringify(key)).size > before
    },
  }
}

function itemAt<Item>(items: readonly Item[], at: number): Item {
  const item = items[at % items.length]
  if (item === undefined) throw new RangeError('nothing to choose from')
  return item
}

const ruleAt = (at: number): string => `rule/${at % 3}`

function createSteps({ assetAt, users }: Library, { creates }: Wish): Step[] {
  return creates.flatMap((members, index): Step[] => {
    const album = { key: `New ${index}`, name: `New ${index}` }
    const assetIds = [...new Set(members.map((at) => assetAt(at).id))]
    const rule = ruleAt(index)
    const member = { userId: itemAt(users, 0), email: 'bo@x.org', role: 'editor' } as const
    return [
      { op: 'album.create', rule, album, description: `of ${index}`, assetIds },
      ...(index % 2 === 0 ? [{ op: 'share.add', rule: 'sharing/0', album, ...member } as const] : []),
    ]
  })
}

function contentSteps(
  { assetAt, albumAt, once }: Library,
  op: 'album.add' | 'album.remove',
  wishes: Wish['albumAdds'],
): Step[] {
  return wishes.flatMap(([at, member]): Step[] => {
    const { id, name } = albumAt(at)
    const asset = assetAt(member)
    const isChange = asset.albumIds.includes(id) !== (op === 'album.add')
    if (!isChange || !once('album', id, asset.id)) return []
    return [{ op, rule: ruleAt(at + member), album: { id, name }, assetIds: [asset.id] }]
  })
}

function tagSteps(
  { assetAt, hasTag, once }: Library,
  op: 'tag.add' | 'tag.remove',
  wishes: Wish['tagAdds'],
): Step[] {
  return wishes.flatMap(([at, member]): Step[] => {
    const tag = itemAt(TAGS, at)
    const asset = assetAt(member)
    // Of a tag with children nobody knows whether it is the asset's own.
    const isChange = hasTag(asset, tag) !== (op === 'tag.add') && (op === 'tag.add' || tag !== 'kind')
    if (!isChange || !once('tag', tag, asset.id)) return []
    return [{ op, rule: ruleAt(at + member), tag, assetIds: [asset.id] }]
  })
}

function dateSteps({ assetAt, once }: Library, { dates }: Wish): Step[] {
  return dates.flatMap(([day, member]): Step[] => {
    const { id, taken } = assetAt(member)
    const before = taken === undefined ? null : dateText(taken.atMs)
    const to = dateText(Date.UTC(2010, 0, day % 20))
    if (before?.dateTimeOriginal === to.dateTimeOriginal || !once('date', id)) return []
    return [{ op: 'date.set', rule: 'dates', to, precision: 'day', assetIds: [id], before: [before] }]
  })
}

function wordSteps({ assetAt, once }: Library, { favourites, ratings }: Wish): Step[] {
  const favouriteSteps = favourites.flatMap((member): Step[] => {
    const { id, isFavourite } = assetAt(member)
    if (isFavourite || !once('favourite', id)) return []
    return [{ op: 'asset.set', rule: 'dup', to: { isFavourite: true }, assetIds: [id], before: [false] }]
  })
  const ratingSteps = ratings.flatMap(([rating, member]): Step[] => {
    const { id, rating: before = null } = assetAt(member)
    if (before === rating || !once('rating', id)) return []
    return [{ op: 'asset.set', rule: 'dup', to: { rating }, assetIds: [id], before: [before] }]
  })
  return [...favouriteSteps, ...ratingSteps]
}

function shareSteps({ albumAt, once, users }: Library, { shares }: Wish): Step[] {
  return shares.flatMap(([at, user]): Step[] => {
    const { id, name, members } = albumAt(at)
    const userId = itemAt(users, user)
    if (!once('share', id, userId)) return []
    const before = members.find((member) => member.userId === userId)?.role
    const target = { rule: 'sharing/1', album: { id, name }, userId, email: `${userId}@x.org` }
    if (before === undefined) return [{ op: 'share.add', ...target, role: 'viewer' }]
    if (user % 2 === 0) return [{ op: 'share.role', ...target, role: 'editor', before }]
    return [{ op: 'share.remove', ...target, before }]
  })
}

export function dateText(atMs: number): { dateTimeOriginal: string; timeZone: string | null } {
  return { dateTimeOriginal: new Date(atMs).toISOString().replace('Z', '+00:00'), timeZone: 'UTC' }
}

/** Does the steps by hand, one asset at a time: what the server should look like after them. */
export function applyByHand(server: MemoryServer, steps: readonly Step[]): void {
  const made = new Map<string, string>()
  const albumOf = (album: AlbumRef): MemoryAlbum => {
    const found = server.albums.get('id' in album ? album.id : (made.get(album.key) ?? ''))
    if (found === undefined) throw new RangeError(`no album ${album.name}`)
    return found
  }
  for (const step of steps) {
    if (step.op === 'album.create') {
      const album = server.addAlbum(step.album.name, step.assetIds)
      album.description = step.description
      made.set(step.album.key, album.id)
    } else if (step.op === 'album.delete') {
      server.albums.delete(step.album.id)
    } else if ('album' in step) {
      changeAlbumByHand(step, albumOf(step.album))
    } else {
      for (const id of step.assetIds) changeByHand(server, step, server.assets.get(id))
    }
  }
}

function changeAlbumByHand(step: Step, { assetIds, members }: MemoryAlbum): void {
  if (step.op === 'share.remove') members.delete(step.userId)
  else if (step.op === 'share.add' || step.op === 'share.role') members.set(step.userId, step.role)
  else if (step.op === 'album.add') for (const id of step.assetIds) assetIds.add(id)
  else if (step.op === 'album.remove') for (const id of step.assetIds) assetIds.delete(id)
}

function changeByHand(server: MemoryServer, step: Step, asset: MemoryAsset | undefined): void {
  if (asset === undefined) return
  if (step.op === 'tag.add') asset.tagIds.add(server.addTag(step.tag).id)
  else if (step.op === 'tag.remove') asset.tagIds.delete(server.addTag(step.tag).id)
  else if (step.op === 'date.set') asset.taken = { atMs: Date.parse(step.to.dateTimeOriginal), zone: 'UTC' }
  else if (step.op === 'asset.set') setWord(asset, step.to)
}

function setWord(asset: MemoryAsset, to: Extract<Step, { op: 'asset.set' }>['to']): void {
  if ('rating' in to) asset.rating = to.rating ?? undefined
  else asset.isFavourite = to.isFavourite
}

/** The same library apart, to be changed by hand. */
export function twinOf(server: MemoryServer): MemoryServer {
  const twin = new MemoryServer()
  for (const asset of server.assets.values()) twin.assets.set(asset.id, structuredClone(asset))
  for (const album of server.albums.values()) twin.albums.set(album.id, structuredClone(album))
  for (const tag of server.tags.values()) twin.tags.set(tag.id, tag)
  return twin
}
