/**
 * What the fake answers for a user, an asset, an album, a stack, a tag; albums differ between 2.x and 3.x.
 *
 * @module
 */

import type { FakeVersion } from './call.ts'
import type { FakeAlbum, FakeAsset, FakeStack, FakeState, FakeTag, FakeUser } from './fake-state.ts'

type Shape = Readonly<Record<string, unknown>>

const EPOCH = '2026-01-01T00:00:00.000Z'

export function userShape(user: FakeUser): Shape {
  return {
    id: user.id,
    name: user.name,
    email: user.email,
    avatarColor: 'primary',
    profileImagePath: '',
    profileChangedAt: EPOCH,
  }
}

export function adminUserShape(user: FakeUser): Shape {
  return {
    ...userShape(user),
    createdAt: EPOCH,
    updatedAt: EPOCH,
    deletedAt: null,
    isAdmin: true,
    license: null,
    oauthId: '',
    quotaSizeInBytes: user.quotaBytes ?? null,
    quotaUsageInBytes: 0,
    shouldChangePassword: false,
    status: 'active',
    storageLabel: 'admin',
  }
}

export function assetShape(state: FakeState, asset: FakeAsset): Shape {
  const stack = asset.stackId === undefined ? undefined : state.stacks.get(asset.stackId)
  return {
    id: asset.id,
    ownerId: asset.ownerId,
    checksum: Buffer.from(asset.sha1, 'hex').toString('base64'),
    type: asset.type,
    originalFileName: asset.fileName,
    originalPath: `/data/upload/${asset.ownerId}/${asset.id}`,
    fileCreatedAt: asset.fileCreatedAt,
    fileModifiedAt: asset.fileModifiedAt,
    localDateTime: asset.fileCreatedAt,
    createdAt: asset.createdAt,
    updatedAt: asset.updatedAt,
    isFavorite: asset.isFavorite,
    isArchived: asset.visibility === 'archive',
    isTrashed: asset.deletedAt !== undefined,
    isOffline: false,
    isEdited: false,
    hasMetadata: true,
    visibility: asset.visibility,
    livePhotoVideoId: asset.livePhotoVideoId ?? null,
    duration: asset.duration === undefined ? null : Number(asset.duration),
    duplicateId: null,
    thumbhash: null,
    width: null,
    height: null,
    exifInfo: { description: asset.description, rating: asset.rating, fileSizeInByte: asset.sizeBytes },
    tags: [...asset.tagIds]
      .map((id) => state.tags.get(id))
      .filter((tag) => tag !== undefined)
      .map(tagShape),
    people: [],
    stack: stack && {
      id: stack.id,
      primaryAssetId: stack.primaryAssetId,
      assetCount: state.membersOf(stack).length,
    },
  }
}

/** Members that an album shows and counts: neither trashed, hidden nor locked. */
export function shownIn(state: FakeState, album: FakeAlbum): FakeAsset[] {
  const members = [...album.assetIds].map((id) => state.assets.get(id)).filter((asset) => asset !== undefined)
  return members.filter(
    ({ deletedAt, visibility }) =>
      deletedAt === undefined && (visibility === 'timeline' || visibility === 'archive'),
  )
}

export function albumShape(
  state: FakeState,
  album: FakeAlbum,
  version: FakeVersion,
  options: { readonly withAssets?: boolean } = {},
): Shape {
  const shown = shownIn(state, album)
  const owner = userShape(state.users.get(album.ownerId)!)
  const guests = [...album.sharedWith].map((id) => ({
    role: 'editor',
    user: userShape(state.users.get(id)!),
  }))
  const common = {
    id: album.id,
    albumName: album.name,
    description: album.description === '' && hasNullDescriptions(version) ? null : album.description,
    albumThumbnailAssetId: shown[0]?.id ?? null,
    assetCount: shown.length,
    createdAt: album.createdAt,
    updatedAt: album.updatedAt,
    hasSharedLink: false,
    isActivityEnabled: true,
    order: 'desc',
    shared: album.sharedWith.size > 0,
  }
  if (version.major >= 3) return { ...common, albumUsers: [{ role: 'owner', user: owner }, ...guests] }
  const assets = options.withAssets === true ? shown.map((asset) => assetShape(state, asset)) : []
  return { ...common, albumUsers: guests, owner, ownerId: album.ownerId, assets }
}

function hasNullDescriptions({ major, minor }: FakeVersion): boolean {
  return major > 3 || (major === 3 && minor >= 2)
}

export function stackShape(state: FakeState, stack: FakeStack): Shape {
  const assets = state.membersOf(stack).map((asset) => assetShape(state, asset))
  return { id: stack.id, primaryAssetId: stack.primaryAssetId, assets }
}

export function tagShape(tag: FakeTag): Shape {
  return {
    id: tag.id,
    name: tag.value.split('/').at(-1),
    value: tag.value,
    createdAt: tag.createdAt,
    updatedAt: tag.createdAt,
    ...(tag.parentId === undefined ? {} : { parentId: tag.parentId }),
  }
}
