/**
 * Lays photos, albums and edits out as a Google takeout has them, and says what is true of every media file.
 *
 * Pure: contents are functions that are called when a file is written, so that a takeout of gigabytes needs the
 * memory of one photo. The order of things is Google's: a year folder with everything, one folder per album with
 * copies (of edits and live videos too), one JSON beside each copy, edits and live videos without a JSON.
 *
 * @module
 */

import { FolderNames, safe } from './takeout-names.ts'

export type Content = () => Buffer | Promise<Buffer>

export interface Place {
  readonly latitude: number
  readonly longitude: number
}

export interface TakeoutItem {
  /** The name that the phone gave: `IMG_0001.jpg`. */
  readonly title: string
  readonly content: Content
  /** Epoch milliseconds; undefined is Google's timestamp `0`, unknown. */
  readonly takenAt?: number
  /** What the file's own EXIF says, `2019-07-14T12:11:12`; goes into the truth only. */
  readonly takenLocal?: string
  readonly caption?: string
  readonly people?: readonly string[]
  /** `'zero'` writes 0/0, Google's way to say none. */
  readonly place?: Place | 'zero'
  readonly favorite?: boolean
  readonly archived?: boolean
  readonly trashed?: boolean
  readonly partner?: boolean
  /** Titles of albums in which a copy lies. */
  readonly albums?: readonly string[]
  /** Titles of albums in which only its JSON lies. */
  readonly orphanIn?: readonly string[]
  /** Default `new`. `corrupt` is cut in the middle. */
  readonly sidecar?: 'new' | 'old' | 'none' | 'corrupt'
  /** An edited version beside it; `suffix` defaults to `-edited`. */
  readonly edited?: { readonly content: Content; readonly suffix?: string }
  /** The moving half of a live photo: same stem, no JSON of its own. */
  readonly live?: { readonly content: Content; readonly extension: string }
  /** What is wrong with the content, if anything; goes into the truth only. */
  readonly damage?: 'truncated' | 'empty'
}

export interface TakeoutPlan {
  readonly items: readonly TakeoutItem[]
  /** Albums' own text, by title; every album that an item names gets its `metadata.json` anyway. */
  readonly albumDescriptions?: Readonly<Record<string, string>>
  /** Files of Google's that are neither media nor sidecar; default true. */
  readonly extras?: boolean
}

export interface TakeoutFile {
  /** `Takeout/Google Photos/Photos from 2019/IMG_0001.jpg` */
  readonly path: string
  readonly content: Content
}

export interface MediaTruth {
  readonly path: string
  /** Path of the JSON that belongs to it, its own or its original's. */
  readonly json?: string
  readonly title: string
  /** `copy` is byte-equal to a file in the year folder: an original, an edited one or a live video. */
  readonly role: 'original' | 'copy' | 'edited' | 'live'
  /** Path of the file that it is a copy of, or that it was edited from, or that moves in it. */
  readonly original?: string
  readonly takenAt?: number
  readonly takenLocal?: string
  readonly caption?: string
  readonly people: readonly string[]
  /** Undefined for 0/0. */
  readonly place?: Place
  readonly favorite: boolean
  readonly archived: boolean
  readonly trashed: boolean
  readonly partner: boolean
  /** Of all its copies together, sorted; an orphan JSON counts for the original only. */
  readonly albums: readonly string[]
  readonly damage?: 'truncated' | 'empty' | 'corrupt-json'
}

export interface TakeoutLayout {
  readonly files: readonly TakeoutFile[]
  readonly media: readonly MediaTruth[]
}

const ROOT = 'Takeout/Google Photos'

/** Same layout for the same plan. */
export function layOut(plan: TakeoutPlan): TakeoutLayout {
  const builder = new LayoutBuilder()
  for (const item of plan.items) builder.add(item)
  builder.addAlbums(plan.albumDescriptions ?? {})
  if (plan.extras !== false) builder.addExtras()
  return { files: builder.files, media: builder.media }
}

/** Paths of an item's files in one folder. */
interface Placed {
  readonly media: string
  edited?: string
  live?: string
}

function relation(
  role: keyof Placed,
  placed: Placed,
  copied: Placed | undefined,
): [role: MediaTruth['role'], original: Pick<MediaTruth, 'original'>] {
  if (copied !== undefined) return ['copy', { original: copied[role] ?? copied.media }]
  return role === 'media' ? ['original', {}] : [role, { original: placed.media }]
}

class LayoutBuilder {
  readonly files: TakeoutFile[] = []
  readonly media: MediaTruth[] = []
  readonly #names = new Map<string, FolderNames>()
  readonly #albums = new Map<string, number>()

  add(item: TakeoutItem): void {
    const original = this.#place(item, yearFolder(item))
    for (const album of item.albums ?? []) {
      this.#touch(album, item)
      this.#place(item, `${ROOT}/${safe(album)}`, original)
    }
    for (const album of item.orphanIn ?? []) {
      this.#touch(album, item)
      const { json } = this.#folder(`${ROOT}/${safe(album)}`).pair(item.title, styleOf(item))
      this.#put(`${ROOT}/${safe(album)}/${json}`, sidecarText(item))
    }
  }

  addAlbums(descriptions: Readonly<Record<string, string>>): void {
    for (const [title, startedAt] of this.#albums) {
      const text = {
        title,
        description: descriptions[title] ?? '',
        access: 'protected',
        date: stamp(startedAt),
      }
      this.#put(`${ROOT}/${safe(title)}/metadata.json`, `${JSON.stringify(text, null, 2)}\n`)
    }
  }

  addExtras(): void {
    this.#put('Takeout/archive_browser.html', '<!DOCTYPE html><title>Google Takeout</title>\n')
    this.#put(`${ROOT}/print-subscriptions.json`, '{}\n')
    this.#put(`${ROOT}/shared_album_comments.json`, '{}\n')
    const titles = [...this.#albums.keys()]
    this.#put(`${ROOT}/user-generated-memory-titles.json`, `${JSON.stringify({ title: titles })}\n`)
  }

  /** The item with what belongs to it in one folder; copies in albums say what they are copies of. */
  #place(item: TakeoutItem, folder: string, copied?: Placed): Placed {
    const names = this.#folder(folder)
    const { media, json } = names.pair(item.title, styleOf(item))
    const jsonPath = item.sidecar === 'none' ? undefined : `${folder}/${json}`
    const placed: Placed = { media: `${folder}/${media}` }
    const add = (role: keyof Placed, content: Content): void => {
      const path = placed[role] ?? ''
      this.files.push({ path, content })
      const [asWhat, original] = relation(role, placed, copied)
      this.media.push({ ...truthOf(item, path, jsonPath, role === 'media'), role: asWhat, ...original })
    }
    add('media', item.content)
    if (jsonPath !== undefined) {
      const text = sidecarText(item)
      this.#put(jsonPath, item.sidecar === 'corrupt' ? text.slice(0, text.length / 2) : text)
    }
    if (item.edited !== undefined) {
      placed.edited = `${folder}/${names.alone(item.title, item.edited.suffix ?? '-edited')}`
      add('edited', item.edited.content)
    }
    if (item.live !== undefined) {
      placed.live = `${folder}/${names.alone(item.title, '', item.live.extension)}`
      add('live', item.live.content)
    }
    return placed
  }

  #folder(path: string): FolderNames {
    const known = this.#names.get(path)
    if (known !== undefined) return known
    const names = new FolderNames()
    this.#names.set(path, names)
    return names
  }

  #touch(album: string, { takenAt = 0 }: TakeoutItem): void {
    this.#albums.set(album, Math.min(takenAt, this.#albums.get(album) ?? takenAt))
  }

  #put(path: string, text: string): void {
    this.files.push({ path, content: () => Buffer.from(text) })
  }
}

function styleOf(item: TakeoutItem): 'new' | 'old' {
  return item.sidecar === 'old' ? 'old' : 'new'
}

function yearFolder({ takenAt, trashed }: TakeoutItem): string {
  if (trashed === true) return `${ROOT}/Trash`
  return `${ROOT}/Photos from ${new Date(takenAt ?? 0).getUTCFullYear()}`
}

function truthOf(
  item: TakeoutItem,
  path: string,
  json: string | undefined,
  isOriginal: boolean,
): Omit<MediaTruth, 'role'> {
  const damage = item.sidecar === 'corrupt' ? 'corrupt-json' : item.damage
  const told = item.sidecar !== 'none' && item.sidecar !== 'corrupt'
  return {
    path,
    title: item.title,
    ...(json === undefined ? {} : { json }),
    ...(told ? toldBySidecar(item) : NOTHING_TOLD),
    ...(item.takenLocal === undefined ? {} : { takenLocal: item.takenLocal }),
    albums: [...(item.albums ?? []), ...(isOriginal ? (item.orphanIn ?? []) : [])].sort(),
    ...(damage === undefined ? {} : { damage }),
  }
}

const NOTHING_TOLD = { people: [], favorite: false, archived: false, trashed: false, partner: false } as const

function toldBySidecar(
  item: TakeoutItem,
): Omit<MediaTruth, 'path' | 'title' | 'role' | 'albums' | 'json' | 'original'> {
  return {
    ...(item.takenAt === undefined ? {} : { takenAt: item.takenAt }),
    ...(item.caption === undefined ? {} : { caption: item.caption }),
    ...(item.place === undefined || item.place === 'zero' ? {} : { place: item.place }),
    people: item.people ?? [],
    favorite: item.favorite === true,
    archived: item.archived === true,
    trashed: item.trashed === true,
    partner: item.partner === true,
  }
}

/** Long enough for the time taken not to pass for the time of the upload. */
const UPLOADED_AFTER_MS = 3 * 86_400_000

/** The JSON beside a media file, with the fields and their order as Google wrote them in 2024. */
export function sidecarText(item: TakeoutItem): string {
  const place = item.place === undefined || item.place === 'zero' ? { latitude: 0, longitude: 0 } : item.place
  const geo = { ...place, altitude: 0, latitudeSpan: 0, longitudeSpan: 0 }
  const origin =
    item.partner === true ? { fromPartnerSharing: {} } : { mobileUpload: { deviceType: 'ANDROID_PHONE' } }
  const document = {
    title: item.title,
    description: item.caption ?? '',
    imageViews: '3',
    creationTime: stamp(item.takenAt === undefined ? 0 : item.takenAt + UPLOADED_AFTER_MS),
    photoTakenTime: stamp(item.takenAt ?? 0),
    geoData: geo,
    geoDataExif: geo,
    ...(item.people === undefined ? {} : { people: item.people.map((name) => ({ name })) }),
    url: 'https://photos.google.com/photo/AF1QipExample',
    googlePhotosOrigin: origin,
    ...(item.favorite === true ? { favorited: true } : {}),
    ...(item.archived === true ? { archived: true } : {}),
    ...(item.trashed === true ? { trashed: true } : {}),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function stamp(epochMs: number): { timestamp: string; formatted: string } {
  const date = new Date(epochMs)
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`
  return {
    timestamp: String(Math.floor(epochMs / 1000)),
    formatted: `${day}, ${date.toISOString().slice(11, 19)} UTC`,
  }
}
