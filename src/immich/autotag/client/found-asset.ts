/**
 * An asset as a search answers it, in the words of the domain.
 *
 * @module
 */

import type { FoundAsset } from '../autotag-api.ts'
import type { AssetType } from '../snapshot.ts'
import type { AssetAnswer, ExifAnswer } from './answers.ts'

const TYPES: Readonly<Record<AssetAnswer['type'], AssetType>> = {
  IMAGE: 'image',
  VIDEO: 'video',
  AUDIO: 'audio',
  OTHER: 'other',
}

export function foundAsset(asset: AssetAnswer, withPeople: boolean): FoundAsset {
  const exif = asset.exifInfo ?? {}
  return {
    id: asset.id,
    ownerId: asset.ownerId,
    fileName: asset.originalFileName,
    path: asset.originalPath.replaceAll('\\', '/'),
    type: TYPES[asset.type],
    visibility: asset.visibility,
    isFavourite: asset.isFavorite,
    ...wordsOf(exif),
    fileCreatedAtMs: asset.fileCreatedAt,
    fileModifiedAtMs: asset.fileModifiedAt,
    uploadedAtMs: asset.createdAt ?? asset.fileCreatedAt,
    wallClockMs: asset.localDateTime,
    updatedAt: asset.updatedAt,
    widthPixels: exif.exifImageWidth ?? asset.width ?? undefined,
    heightPixels: exif.exifImageHeight ?? asset.height ?? undefined,
    sizeBytes: exif.fileSizeInByte ?? undefined,
    duplicateId: asset.duplicateId ?? undefined,
    people: withPeople ? namesOf(asset.people ?? []) : undefined,
  }
}

function wordsOf(
  exif: ExifAnswer,
): Pick<FoundAsset, 'rating' | 'description' | 'taken' | 'camera' | 'place'> {
  const { dateTimeOriginal, timeZone, rating } = exif
  return {
    // Some versions answer 0 for what nobody rated.
    rating: typeof rating === 'number' && rating !== 0 ? rating : undefined,
    description: exif.description ?? '',
    taken:
      typeof dateTimeOriginal === 'number' ? { atMs: dateTimeOriginal, zone: filled(timeZone) } : undefined,
    camera: { make: filled(exif.make), model: filled(exif.model) },
    place: { city: filled(exif.city), state: filled(exif.state), country: filled(exif.country) },
  }
}

function filled(text: string | null | undefined): string | undefined {
  return text === null || text === undefined || text === '' ? undefined : text
}

/** Each once; faces without a name have an empty one. */
function namesOf(people: readonly { readonly name: string }[]): readonly string[] {
  return [...new Set(people.map(({ name }) => name).filter((name) => name !== ''))]
}
