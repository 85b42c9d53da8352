/**
 * A library on the fake server, a plan for it, and what it should look like afterwards.
 *
 * What is expected is worked out in memory, by doing the steps one asset at a time.
 *
 * @module
 */

import fc from 'fast-check'
import type { AutotagApi } from '../../../src/immich/autotag/autotag-api.ts'
import type { Plan, Step } from '../../../src/immich/autotag/plan.ts'
import type { Snapshot } from '../../../src/immich/autotag/snapshot.ts'
import type { FakeImmich } from '../fake-immich/fake-immich.ts'
import type { FakeState } from '../fake-immich/fake-state.ts'
import { MemoryServer } from './memory-server.ts'
import { applyByHand, planOf, stepsOf, wishOf } from './sample-plan.ts'

export interface Scene {
  readonly plan: Plan
  /** As `pictureOf` shows it. */
  readonly before: unknown
  readonly after: unknown
}

/** `count` assets with some tags, albums, dates and guests. */
export function fillFake(fake: FakeImmich, count: number): void {
  const { state, user } = fake
  const guests = ['bo', 'cy', 'di'].map((name) => state.addUser(name).id)
  const ids = Array.from({ length: count }, (_, index) => {
    const dateTimeOriginal = index % 9 === 0 ? null : new Date(Date.UTC(2020, 0, index)).toISOString()
    const { id } = state.addAsset({
      ownerId: user.id,
      fileName: `IMG_${index}.jpg`,
      visibility: index % 7 === 0 ? 'archive' : 'timeline',
      rating: index % 5 === 0 ? 3 : null,
      isFavorite: index % 6 === 0,
      exif: { dateTimeOriginal, timeZone: 'UTC' },
      updatedAt: new Date(Date.UTC(2026, 0, 1)).toISOString(),
    })
    return id
  })
  for (const [index, value] of ['kind/scan', 'trip/oslo', 'auto/unsorted'].entries()) {
    const { id } = state.addTag(user.id, value)
    for (const asset of ids.filter((_, at) => at % (index + 2) === 0)) state.assets.get(asset)?.tagIds.add(id)
  }
  for (let index = 0; index < 12; index += 1) {
    const assetIds = ids.filter((_, at) => at % (index + 2) === 1)
    const album = state.addAlbum({ ownerId: user.id, name: `Album ${index}`, assetIds })
    const guest = guests[index % guests.length] ?? ''
    album.sharedWith.add(guest)
    album.roles.set(guest, 'viewer')
  }
}

/** A plan of several hundred changes, the same for the same seed. */
export async function sceneOf(fake: FakeImmich, api: AutotagApi, seed: number): Promise<Scene> {
  const [wish] = fc.sample(wishOf(60, 120), { seed, numRuns: 1 })
  if (wish === undefined) throw new RangeError('no wish')
  const memory = memoryOf(fake.state)
  const before = memory.picture()
  const snapshot = await snapshotOf(fake, api)
  const guests = [...fake.state.users.keys()].filter((id) => id !== fake.user.id)
  const steps = stepsOf(snapshot, wish, guests)
  return { plan: planOf(snapshot, joined(steps)), before, after: afterOf(memory, steps) }
}

/** What a loader would have read. */
export async function snapshotOf(fake: FakeImmich, api: AutotagApi): Promise<Snapshot> {
  return {
    ...memoryOf(fake.state).snapshot(),
    address: api.address,
    userId: fake.user.id,
    takenAt: new Date().toISOString(),
    albums: new Map((await api.albums()).map((album) => [album.id, album])),
  }
}

function afterOf(memory: MemoryServer, steps: readonly Step[]): unknown {
  applyByHand(memory, steps)
  return memory.picture()
}

/** As the engine makes them: one step for all assets of a change, not one an asset. */
function joined(steps: readonly Step[]): readonly Step[] {
  const byChange = new Map<string, Step[]>()
  for (const [index, step] of steps.entries()) {
    const isJoinable = step.op === 'tag.add' || step.op === 'tag.remove'
    const key = isJoinable ? `${step.op} ${step.rule} ${step.tag}` : String(index)
    byChange.set(key, [...(byChange.get(key) ?? []), step])
  }
  return [...byChange.values()].flatMap((same) => {
    const [first] = same
    if (first === undefined) return []
    if (first.op !== 'tag.add' && first.op !== 'tag.remove') return [first]
    return [{ ...first, assetIds: same.flatMap((step) => ('assetIds' in step ? step.assetIds : [])) }]
  })
}

export function pictureOf({ state }: Pick<FakeImmich, 'state'>): unknown {
  return memoryOf(state).picture()
}

function memoryOf(state: FakeState): MemoryServer {
  const memory = new MemoryServer()
  for (const asset of state.assets.values()) {
    const { dateTimeOriginal, timeZone } = asset.exif
    memory.assets.set(asset.id, {
      id: asset.id,
      visibility: asset.visibility,
      isFavourite: asset.isFavorite,
      rating: asset.rating ?? undefined,
      taken:
        dateTimeOriginal === null
          ? undefined
          : { atMs: Date.parse(dateTimeOriginal), zone: timeZone ?? undefined },
      updatedAt: asset.updatedAt,
      tagIds: new Set(asset.tagIds),
    })
  }
  for (const tag of state.tags.values()) memory.tags.set(tag.id, tag)
  for (const album of state.albums.values()) {
    memory.albums.set(album.id, {
      id: album.id,
      name: album.name,
      description: album.description,
      isOwned: true,
      updatedAt: album.updatedAt,
      members: new Map(album.roles),
      assetIds: new Set(album.assetIds),
    })
  }
  return memory
}
