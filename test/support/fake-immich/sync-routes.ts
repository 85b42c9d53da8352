/**
 * `/sync`: what has changed for a session, as lines of JSON. An API key is refused whatever it may do (measured on 3.1.0).
 *
 * A session has a checkpoint for each type, moved by `POST /sync/ack` alone; without any, a stream is the whole. After a
 * checkpoint only newer rows come; rows carry the time of their change (of a membership: of its album's). Deletions since a checkpoint are not kept
 * here: a stream after an ack tells no `…DeleteV1`. Read in the source of 3.x (`sync.service.ts`).
 *
 * @module
 */

import { z } from 'zod'
import { type Answer, HttpError, NO_CONTENT, ok } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeAlbum, FakeState } from './fake-state.ts'
import { jsonRoute, plainRoute, type Route } from './route.ts'

/** Requests that 3.1.0 knows; those of 2.5.6 lack the second versions (read in both SDKs). */
const TYPES = [
  'AlbumsV1',
  'AlbumsV2',
  'AlbumUsersV1',
  'AlbumToAssetsV1',
  'AlbumAssetsV1',
  'AlbumAssetsV2',
  'AlbumAssetExifsV1',
  'AssetsV1',
  'AssetsV2',
  'AssetExifsV1',
  'AssetEditsV1',
  'AssetMetadataV1',
  'AssetOcrV1',
  'AuthUsersV1',
  'MemoriesV1',
  'MemoryToAssetsV1',
  'PartnersV1',
  'PartnerAssetsV1',
  'PartnerAssetsV2',
  'PartnerAssetExifsV1',
  'PartnerStacksV1',
  'StacksV1',
  'UsersV1',
  'PeopleV1',
  'AssetFacesV1',
  'AssetFacesV2',
  'UserMetadataV1',
] as const
type RequestType = (typeof TYPES)[number]

/** 3.x answers 400 to them: they are enumerated and their handlers throw. */
const GONE_IN_3: ReadonlySet<string> = new Set([
  'AssetsV1',
  'AlbumAssetsV1',
  'PartnerAssetsV1',
  'AssetFacesV1',
])
const NEW_IN_3: ReadonlySet<string> = new Set([
  'AlbumsV2',
  'AlbumAssetsV2',
  'AssetsV2',
  'PartnerAssetsV2',
  'AssetFacesV2',
])

/** Of those that have rows here. */
const STREAM_ORDER: readonly RequestType[] = [
  'UsersV1',
  'AssetsV1',
  'AssetsV2',
  'AlbumsV1',
  'AlbumsV2',
  'AlbumUsersV1',
  'AlbumToAssetsV1',
]

const MAX_ACKS = 1_000

const STREAM = z.object({ types: z.array(z.enum(TYPES)), reset: z.boolean().optional() })
const ACKS = z.object({ acks: z.array(z.string()).max(MAX_ACKS) })

interface Row {
  readonly type: string
  /** Grows with each change: what the real server's `updateId` is. */
  readonly updateId: string
  readonly data: unknown
}

const streaming: WeakSet<object> = new WeakSet()

export const SYNC_ROUTES: readonly Route[] = [
  jsonRoute('POST /sync/stream', { permission: 'sync.stream', body: STREAM }, (call, { types, reset }) => {
    requireSession(call)
    checkTypes(call, types)
    const checkpoints = checkpointsOf(call)
    if (reset === true) checkpoints.clear()
    // Users, assets, albums, their users, their assets: in the server's order, whatever the request's is.
    const lines = STREAM_ORDER.filter((type) => types.includes(type))
      .flatMap((type) => rowsOf(call, type).toSorted(byUpdate))
      .filter(isAfter(checkpoints))
      .map(lineOf)
    lines.push(
      lineOf({ type: 'SyncCompleteV1', updateId: updateIdOf(new Date().toISOString(), 'now'), data: {} }),
    )
    return streamOf(call, lines)
  }),
  plainRoute('GET /sync/ack', { permission: 'syncCheckpoint.read' }, (call) => {
    requireSession(call)
    return ok([...checkpointsOf(call)].map(([type, ack]) => ({ type, ack })))
  }),
  jsonRoute('POST /sync/ack', { permission: 'syncCheckpoint.update', body: ACKS }, (call, { acks }) => {
    requireSession(call)
    for (const ack of acks) checkpointsOf(call).set(ack.split('|', 1)[0] ?? '', ack)
    return NO_CONTENT
  }),
]

function requireSession({ key }: Call): void {
  if (!key.isSession) throw new HttpError(403, 'Sync endpoints cannot be used with API keys')
}

function checkTypes(call: Call, types: readonly RequestType[]): void {
  const isOld = call.version.major < 3
  const wrong = types.find((type) => (isOld ? NEW_IN_3 : GONE_IN_3).has(type))
  if (wrong === undefined) return
  const message = isOld
    ? `each value in types must be one of …, not ${wrong}`
    : `SyncRequestType.${wrong} is deprecated`
  call.violate('invalid-body', message)
  throw isOld ? call.invalid([], [message]) : new HttpError(400, message)
}

function checkpointsOf({ state, key }: Call): Map<string, string> {
  const known = state.checkpoints.get(key.secret) ?? new Map<string, string>()
  state.checkpoints.set(key.secret, known)
  return known
}

function isAfter(checkpoints: ReadonlyMap<string, string>): (row: Row) => boolean {
  return ({ type, updateId }) => updateId > (checkpoints.get(type)?.split('|')[1] ?? '')
}

/** Within a type: the last ack of a stream covers what came before. */
function byUpdate(a: Row, b: Row): number {
  if (a.updateId === b.updateId) return 0
  return a.updateId < b.updateId ? -1 : 1
}

function lineOf({ type, updateId, data }: Row): string {
  return `${JSON.stringify({ type, data, ack: `${type}|${updateId}` })}\n`
}

/** One at a time for a session; a connection stays open for it, which 3.2.0 loses when the client goes away (#31415). */
function streamOf(call: Call, lines: readonly string[]): Answer {
  const { counters } = call.state
  if (streaming.has(call.key)) counters.streamsAtOnce += 1
  streaming.add(call.key)
  return {
    status: 200,
    body: lines.join(''),
    headers: { 'content-type': 'application/jsonlines+json' },
    onClosed: (wasSent) => {
      streaming.delete(call.key)
      if (wasSent) return
      counters.cutStreams += 1
      if (call.version.major === 3 && call.version.minor === 2) call.parts.pool.leak()
    },
  }
}

/** By time, then by what it is of. */
function updateIdOf(at: string, id: string): string {
  return `${Date.parse(at).toString(16).padStart(12, '0')}-${id}`
}

function rowsOf(call: Call, type: RequestType): Row[] {
  const albums = [...call.state.albums.values()].filter((album) => isMember(album, call.user.id))
  if (type === 'AlbumsV1' || type === 'AlbumsV2') return albums.map((album) => albumRow(album, type))
  if (type === 'AlbumUsersV1') return albums.flatMap((album) => userRows(album, call.version.major))
  if (type === 'AlbumToAssetsV1') return albums.flatMap((album) => memberRows(album))
  if (type === 'AssetsV1' || type === 'AssetsV2') return assetRows(call.state, call.user.id, type)
  if (type === 'UsersV1') return userList(call.state)
  return []
}

function isMember({ ownerId, sharedWith }: FakeAlbum, userId: string): boolean {
  return ownerId === userId || sharedWith.has(userId)
}

function albumRow(album: FakeAlbum, type: 'AlbumsV1' | 'AlbumsV2'): Row {
  const { id, name, description, createdAt, updatedAt, ownerId } = album
  const common = {
    id,
    name,
    description,
    createdAt,
    updatedAt,
    isActivityEnabled: true,
    order: 'desc',
    thumbnailAssetId: null,
  }
  const data = type === 'AlbumsV1' ? { ...common, ownerId } : common
  return { type: type.replace('sV', 'V'), updateId: updateIdOf(updatedAt, id), data }
}

/** With the owner from 3.x on. */
function userRows({ id: albumId, ownerId, sharedWith, roles, updatedAt }: FakeAlbum, major: number): Row[] {
  const guests = [...sharedWith].map((userId) => ({ albumId, userId, role: roles.get(userId) ?? 'editor' }))
  const all = major >= 3 ? [{ albumId, userId: ownerId, role: 'owner' }, ...guests] : guests
  return all.map((data) => ({
    type: 'AlbumUserV1',
    updateId: updateIdOf(updatedAt, `${albumId}${data.userId}`),
    data,
  }))
}

/** All of them, also those that are trashed or hidden: the table has no more than the two ids. */
function memberRows({ id: albumId, assetIds, updatedAt }: FakeAlbum): Row[] {
  return [...assetIds].map((assetId) => ({
    type: 'AlbumToAssetV1',
    updateId: updateIdOf(updatedAt, `${albumId}${assetId}`),
    data: { albumId, assetId },
  }))
}

/** Neither path, nor duplicate, nor tags are in it. */
function assetRows(state: FakeState, userId: string, type: 'AssetsV1' | 'AssetsV2'): Row[] {
  const own = [...state.assets.values()].filter(({ ownerId }) => ownerId === userId)
  return own.map((asset) => ({
    type: type.replace('sV', 'V'),
    updateId: updateIdOf(asset.updatedAt, asset.id),
    data: {
      id: asset.id,
      ownerId: asset.ownerId,
      originalFileName: asset.fileName,
      checksum: Buffer.from(asset.sha1, 'hex').toString('base64'),
      type: asset.type,
      visibility: asset.visibility,
      isFavorite: asset.isFavorite,
      isEdited: false,
      fileCreatedAt: asset.fileCreatedAt,
      fileModifiedAt: asset.fileModifiedAt,
      localDateTime: asset.localDateTime,
      createdAt: asset.createdAt,
      deletedAt: asset.deletedAt ?? null,
      duration: null,
      libraryId: null,
      livePhotoVideoId: asset.livePhotoVideoId ?? null,
      stackId: asset.stackId ?? null,
      thumbhash: null,
      width: asset.exif.exifImageWidth,
      height: asset.exif.exifImageHeight,
    },
  }))
}

function userList(state: FakeState): Row[] {
  return [...state.users.values()].map(({ id, name, email }) => ({
    type: 'UserV1',
    updateId: updateIdOf('2026-01-01T00:00:00.000Z', id),
    data: {
      id,
      name,
      email,
      avatarColor: null,
      deletedAt: null,
      hasProfileImage: false,
      profileChangedAt: '2026-01-01T00:00:00.000Z',
    },
  }))
}
