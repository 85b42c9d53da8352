/**
 * Makes the single things of a generated library: events with their albums, photos, files that tell nothing, tags.
 *
 * @module
 */

import { wallClock } from './fake-asset.ts'
import type { FakeAlbum, FakeAsset, FakeExif, FakeState, FakeUser } from './fake-state.ts'
import type { Seeded } from './seeded.ts'

export const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

const WORDS = [
  'Lake',
  'Wedding',
  'Skiing',
  'Birthday',
  'Harbour',
  'Cabin',
  'Concert',
  'School',
  'Garden',
  'Zoo',
]
const CAMERAS = [
  ['Canon', 'EOS 80D'],
  ['Apple', 'iPhone 13'],
  ['samsung', 'SM-G991B'],
  ['NIKON CORPORATION', 'D750'],
] as const
const CITIES = ['Oslo', 'Bergen', 'Lisboa', 'Berlin', 'Trondheim'] as const

export interface Event {
  readonly album: FakeAlbum
  /** Midnight of its first day, as if UTC. */
  readonly dayMs: number
  readonly days: number
}

export class LibraryMaker {
  readonly state: FakeState
  readonly user: FakeUser
  readonly random: Seeded
  /** Files so far: what a name is made of. */
  count = 0
  /** When what is made comes to the server. */
  now: string

  constructor(state: FakeState, user: FakeUser, random: Seeded, now: string) {
    this.state = state
    this.user = user
    this.random = random
    this.now = now
  }

  event(dayMs: number, days: number): Event {
    const number = this.state.albums.size + 1
    const album = this.album(`${dayText(dayMs)} ${this.random.pick(WORDS)} ${number}`)
    return { album, dayMs, days }
  }

  album(name: string, more: Partial<Pick<FakeAlbum, 'ownerId' | 'sharedWith' | 'roles'>> = {}): FakeAlbum {
    return this.state.addAlbum({
      id: this.random.uuid(),
      ownerId: this.user.id,
      name,
      createdAt: this.now,
      updatedAt: this.now,
      ...more,
    })
  }

  /** With a camera, and a date of day within an event's. */
  photo(
    dayMs: number,
    more: Partial<Pick<FakeAsset, 'fileName' | 'originalPath' | 'visibility' | 'ownerId' | 'deletedAt'>> = {},
  ): FakeAsset {
    const [make, model] = this.random.pick(CAMERAS)
    const localMs = dayMs + (8 + this.random.below(12)) * HOUR_MS + this.random.below(3_600) * 1_000
    const city = this.random.next() < 0.4 ? this.random.pick(CITIES) : null
    return this.file(
      { dateTimeOriginal: new Date(localMs - HOUR_MS).toISOString(), timeZone: 'UTC+1', make, model, city },
      { ...more, fileCreatedAt: new Date(localMs - HOUR_MS).toISOString() },
    )
  }

  file(exif: Partial<FakeExif>, more: Partial<FakeAsset> & { readonly fileCreatedAt: string }): FakeAsset {
    this.count += 1
    const { fileCreatedAt } = more
    const fileName =
      more.fileName ?? `IMG_${String(this.count).padStart(5, '0')}.${this.count % 20 === 0 ? 'mp4' : 'jpg'}`
    const folder = `/data/library/ada/${fileCreatedAt.slice(0, 4)}/${fileCreatedAt.slice(5, 7)}`
    return this.state.addAsset({
      id: this.random.uuid(),
      ownerId: this.user.id,
      fileName,
      originalPath: `${folder}/${fileName}`,
      createdAt: this.now,
      updatedAt: this.now,
      fileModifiedAt: fileCreatedAt,
      localDateTime: wallClock(fileCreatedAt, exif.timeZone ?? null),
      sizeBytes: 1_000_000 + this.random.below(4_000_000),
      isFavorite: false,
      ...more,
      exif: { ...exif, exifImageWidth: 4032, exifImageHeight: 3024, country: 'Norway' },
    })
  }

  put(assets: readonly FakeAsset[], { album }: Pick<Event, 'album'>): void {
    for (const { id } of assets) album.assetIds.add(id)
    album.updatedAt = this.now
  }

  tag(value: string, assets: readonly FakeAsset[]): void {
    const { id } = this.state.addTag(this.user.id, value)
    for (const asset of assets) asset.tagIds.add(id)
  }

  photos(count: number, dayMs: number): FakeAsset[] {
    return Array.from({ length: count }, () => this.photo(dayMs))
  }
}

export function dayText(dayMs: number): string {
  return new Date(dayMs).toISOString().slice(0, 10)
}
