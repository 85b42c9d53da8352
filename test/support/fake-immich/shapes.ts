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
    isAdmin: user.isAdmin,
    license: null,
    oauthId: '',
    quotaSizeInBytes: user.quotaBytes ?? null,
    quotaUsageInBytes: 0,
    shouldChangePassword: false,
    status: 'active',
    storageLabel: 'admin',
  }
}

/** What of an asset is told: `exifInfo`, people and tags only where they were asked for. */
export interface AssetTold {
  readonly exif?: boolean
  readonly people?: boolean
  readonly tags?: boolean
}

const ALL: AssetTold = { exif: true, people: true, tags: true }

export function assetShape(state: FakeState, asset: FakeAsset, told: AssetTold = ALL): Shape {
  const stack = asset.stackId === undefined ? undefined : state.stacks.get(asset.stackId)
  return {
    id: asset.id,
    ownerId: asset.ownerId,
    checksum: Buffer.from(asset.sha1, 'hex').toString('base64'),
    type: asset.type,
    originalFileName: asset.fileName,
    originalPath: asset.originalPath,
    fileCreatedAt: asset.fileCreatedAt,
    fileModifiedAt: asset.fileModifiedAt,
    localDateTime: asset.localDateTime,
    createdAt: asset.createdAt,
    updatedAt: asset.updatedAt,
    isFavorite: asset.isFavorite,
    isArchived: asset.visibility === 'archive',
    isTrashed: asset.deletedAt !== undefined,
    isOffline: false,
    isEdited: false,
    hasMetadata: true,
    visibility: asset.visibility,
    libraryId: null,
    livePhotoVideoId: asset.livePhotoVideoId ?? null,
    duration: asset.duration === undefined ? null : Number(asset.duration),
    duplicateId: asset.duplicateId,
    thumbhash: null,
    width: asset.exif.exifImageWidth,
    height: asset.exif.exifImageHeight,
    ...(told.exif === true ? { exifInfo: exifShape(asset) } : {}),
    ...(told.tags === true ? { tags: tagsOf(state, asset) } : {}),
    ...(told.people === true ? { people: peopleOf(state, asset) } : {}),
    stack: stack && {
      id: stack.id,
      primaryAssetId: stack.primaryAssetId,
      assetCount: state.membersOf(stack).length,
    },
  }
}

/** Dates as the server writes them: in UTC, with `+00:00`. */
function exifShape(asset: FakeAsset): Shape {
  const { dateTimeOriginal } = asset.exif
  return {
    ...asset.exif,
    dateTimeOriginal: dateTimeOriginal === null ? null : isoOf(dateTimeOriginal),
    modifyDate: asset.fileModifiedAt,
    description: asset.description,
    rating: asset.rating,
    fileSizeInByte: asset.sizeBytes,
    orientation: null,
    exposureTime: null,
    fNumber: null,
    focalLength: null,
    iso: null,
    projectionType: null,
  }
}

function isoOf(date: string): string {
  return new Date(date).toISOString().replace('Z', '+00:00')
}

function tagsOf(state: FakeState, asset: FakeAsset): Shape[] {
  const tags = [...asset.tagIds].map((id) => state.tags.get(id))
  return tags.filter((tag) => tag !== undefined).map(tagShape)
}

function peopleOf(state: FakeState, asset: FakeAsset): Shape[] {
  const people = [...asset.personIds].map((id) => state.people.get(id))
  return people
    .filter((person) => person !== undefined)
    .map(({ id, name, isHidden }) => ({
      id,
      name,
      isHidden,
      birthDate: null,
      thumbnailPath: '',
      isFavorite: false,
      updatedAt: EPOCH,
      faces: [],
    }))
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
  options: { readonly withAssets?: boolean; readonly withDates?: boolean } = {},
): Shape {
  const shown = shownIn(state, album)
  const owner = userShape(state.users.get(album.ownerId)!)
  const guests = [...album.sharedWith].map((id) => ({
    role: album.roles.get(id) ?? 'editor',
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
    ...(options.withDates === true ? albumDates(shown) : {}),
  }
  if (version.major >= 3) return { ...common, albumUsers: [{ role: 'owner', user: owner }, ...guests] }
  const assets =
    options.withAssets === true ? shown.map((asset) => assetShape(state, asset, { exif: true })) : []
  return { ...common, albumUsers: guests, owner, ownerId: album.ownerId, assets }
}

/**
 * Days of the oldest and newest `localDateTime` as if UTC, and the latest `updatedAt` of what is shown, whoever owns
 * it; nothing for an empty album. Read in the source of 2.5 and 3.x (`getMetadataForIds`).
 */
function albumDates(shown: readonly FakeAsset[]): Shape {
  const [first] = shown
  if (first === undefined) return {}
  let from = first.localDateTime
  let to = first.localDateTime
  let lastModified = first.updatedAt
  for (const { localDateTime, updatedAt } of shown) {
    if (localDateTime < from) from = localDateTime
    if (localDateTime > to) to = localDateTime
    if (updatedAt > lastModified) lastModified = updatedAt
  }
  return {
    startDate: `${from.slice(0, 10)}T00:00:00.000Z`,
    endDate: `${to.slice(0, 10)}T00:00:00.000Z`,
    lastModifiedAssetTimestamp: lastModified,
  }
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
