/**
 * A library and a server that have something of everything, and what both come to.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { DEFAULT_ALBUM_NAMES } from '../../src/immich/album-names.ts'
import type { ImmichApi } from '../../src/immich/api.ts'
import { createImmichClient } from '../../src/immich/client.ts'
import { toIgnoreMatcher } from '../../src/immich/ignore-patterns.ts'
import type { UploadPlanOptions } from '../../src/immich/upload-plan.ts'
import { addToAlbum, putAlbum } from '../../src/library/albums.ts'
import { memoryLibrary, sha1Of } from '../../src/library/testing/sample-assets.ts'
import { type FakeImmich, startFakeImmich } from './fake-immich/fake-immich.ts'
import type { FakeAsset } from './fake-immich/fake-state.ts'
import { type Mortality, place, runUpload, storeOf, type UploadRun } from './upload-run.ts'

const OPTIONS: UploadPlanOptions = {
  supported: new Set(['.jpg', '.heic', '.mov', '.dng', '.png']),
  albumNames: DEFAULT_ALBUM_NAMES,
  isIgnored: toIgnoreMatcher([]),
  includeTrashed: false,
  recheck: false,
}

/** Of the running test; between {@link setUp} and {@link tearDown}. */
export let fake: FakeImmich
export let api: ImmichApi
export let db: DatabaseSync
export let root: string

export async function setUp(): Promise<void> {
  root = mkdtempSync(join(tmpdir(), 'heirloom-upload-'))
  fake = await startFakeImmich()
  api = clientOf(fake)
  db = memoryLibrary()
}

export async function tearDown(): Promise<void> {
  await api.close()
  await fake.close()
  db.close()
  rmSync(root, { recursive: true })
}

/** The library's files are gone from where they were. */
export function moveLibrary(): void {
  rmSync(root, { recursive: true })
  root = mkdtempSync(join(tmpdir(), 'heirloom-upload-'))
}

/** Goes on with another client, or with the same one in other clothes. */
export function useClient(client: ImmichApi): void {
  api = client
}

function clientOf({ address, key }: FakeImmich): ImmichApi {
  return createImmichClient({ address, key, retry: { attempts: 1 }, stallMs: 5_000 })
}

export function run(life?: Mortality, options: Partial<UploadPlanOptions> = {}): Promise<UploadRun> {
  const store = storeOf(db)
  const plan = { ...OPTIONS, ...options }
  return life === undefined
    ? runUpload(store, api, root, plan)
    : runUpload(life.wrap(store), life.wrap(api), root, plan)
}

/** As the owner's phone would: the untouched bytes. */
export async function sendFromPhone(text: string, fileName = `${text}.jpg`): Promise<FakeAsset> {
  const path = join(root, `phone-${text}`)
  writeFileSync(path, text)
  const at = '2021-07-04T22:30:05+02:00'
  const sizeBytes = Buffer.byteLength(text)
  const { assetId } = await api.upload({
    path,
    fileName,
    sizeBytes,
    sha1: sha1Of(text),
    createdAt: at,
    modifiedAt: at,
  })
  const asset = fake.state.assets.get(assetId)
  assert.ok(asset)
  return asset
}

/** Something of everything: see the assertions of {@link assertComplete}. */
export function fillLibrary(): void {
  const trip = putAlbum(db, { exportId: 1, key: 'trip', title: 'Trip', description: 'To the sea' })
  const beach = putAlbum(db, { exportId: 1, key: 'beach', title: 'Beach' })
  const photo = (text: string, changes: Parameters<typeof place>[3] = {}): number =>
    place(db, root, text, { originalName: `${text}.jpg`, ...changes })
  const movie = { format: 'mov', mime: 'video/quicktime', name: { stem: 'gphotos', extension: 'mov' } }
  const raw = { format: 'dng', mime: 'image/x-adobe-dng', name: { stem: 'gphotos', extension: 'dng' } }

  const original = photo('original')
  const edited = photo('edited', { role: 'edited', primaryAssetId: original })
  for (const id of [original, edited]) for (const album of [trip, beach]) addToAlbum(db, album, id)

  const still = photo('still', { favourite: true, archived: true })
  photo('clip', {
    ...movie,
    originalName: 'clip.mov',
    role: 'live-video',
    primaryAssetId: still,
    favourite: true,
  })
  addToAlbum(db, beach, still)

  const developed = photo('developed', { rating: 4 })
  photo('raw', { ...raw, originalName: 'raw.dng', role: 'raw', primaryAssetId: developed })

  addToAlbum(db, trip, photo('phone', { favourite: true, caption: 'From the phone' }))
  addToAlbum(db, trip, photo('thrown', { favourite: true }))

  const snap = photo('snap')
  photo('overlay', { role: 'overlay', primaryAssetId: snap })
  photo('bin', { trashed: true })
}

/** What the owner had on the server before. */
export async function fillServer(): Promise<void> {
  const phone = await sendFromPhone('phone')
  assert.ok(phone)
  const thrown = await sendFromPhone('thrown')
  thrown.deletedAt = '2026-01-01T00:00:00.000Z'
  const other = await sendFromPhone('other')
  const { id } = await api.createAlbum({ name: 'Trip' })
  await api.addToAlbum(id, [other.id])
}

export function byName(): ReadonlyMap<string, FakeAsset> {
  return new Map([...fake.state.assets.values()].map((asset) => [asset.fileName, asset]))
}

export function albums(): Record<string, string[]> {
  const rows = [...fake.state.albums.values()].map(({ name, assetIds }) => [name, namesOf(assetIds)] as const)
  assert.equal(new Set(rows.map(([name]) => name)).size, rows.length, 'an album is there twice')
  return Object.fromEntries(rows)
}

function namesOf(ids: Iterable<string>): string[] {
  return [...ids].map((id) => fake.state.assets.get(id)?.fileName ?? id).toSorted()
}

export function stacks(): string[][] {
  return [...fake.state.stacks.values()]
    .map((stack) => {
      const first = fake.state.assets.get(stack.primaryAssetId)?.fileName ?? ''
      const members = namesOf(fake.state.membersOf(stack).map(({ id }) => id))
      return [first, ...members.filter((name) => name !== first)]
    })
    .toSorted()
}

export function assertComplete(): void {
  const names = [...fake.state.assets.values()].map(({ fileName }) => fileName).toSorted()
  assert.deepEqual(names, [
    'clip.mov',
    'developed.jpg',
    'edited.jpg',
    'original.jpg',
    'other.jpg',
    'phone.jpg',
    'raw.dng',
    'snap.jpg',
    'still.jpg',
    'thrown.jpg',
  ])
  assert.deepEqual(albums(), {
    Trip: ['edited.jpg', 'other.jpg', 'phone.jpg'],
    Beach: ['edited.jpg', 'still.jpg'],
  })
  assert.deepEqual(stacks(), [
    ['developed.jpg', 'raw.dng'],
    ['edited.jpg', 'original.jpg'],
  ])
  const assets = byName()
  assert.equal(assets.get('still.jpg')?.livePhotoVideoId, assets.get('clip.mov')?.id)
  assert.equal(assets.get('still.jpg')?.isFavorite, true)
  assert.equal(assets.get('still.jpg')?.visibility, 'archive')
  assert.equal(assets.get('phone.jpg')?.isFavorite, true)
  assert.equal(assets.get('phone.jpg')?.sha1, sha1Of('phone'))
  assert.equal(assets.get('thrown.jpg')?.isFavorite, false)
  assert.notEqual(assets.get('thrown.jpg')?.deletedAt, undefined)
  assert.deepEqual(fake.state.violations, [])
}

const CHANGING = ['POST /assets', 'PUT /assets', 'POST /albums', 'PUT /albums/*', 'POST /stacks']

export function changingCalls(): number {
  return CHANGING.reduce((sum, route) => sum + fake.callsOf(route), 0)
}
