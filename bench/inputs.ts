/**
 * The takeouts that benchmarks run on.
 *
 * @module
 */

import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { derivePhoto, makePhoto, makeTinyPhoto } from '../test/support/make-photo.ts'
import { EXPORTED_AT, makeTakeout } from '../test/support/make-takeout.ts'
import { makeVideo } from '../test/support/make-video.ts'
import { layOut, sidecarText, type TakeoutItem } from '../test/support/takeout-layout.ts'
import { FolderNames } from '../test/support/takeout-names.ts'
import { keptInput, type MadeInput } from './workspace.ts'

export interface PhotoTakeout {
  readonly photos: number
  readonly videos: number
  /** In three albums, a third each. */
  readonly duplicates: number
  readonly widthPx: number
  /** Other pictures for another seed: exports of other people. */
  readonly seed: number
}

export const FULL_TAKEOUT: PhotoTakeout = { photos: 200, videos: 12, duplicates: 60, widthPx: 4000, seed: 1 }

export interface InputFacts {
  readonly mediaFiles: number
  readonly mediaBytes: number
}

const ALBUMS = ['Summer', 'Family', 'Garden']
/** Pictures encoded afresh; the others are derived from them (see `make-photo.ts`). */
const BASES = 6
const VIDEO_BYTES = 8_000_000
const FIRST_PHOTO_AT = Date.UTC(2019, 3, 1, 8, 0, 0)
const MINUTE_MS = 60_000

/** About 3.1 MB a photo of 12 megapixels and 8 MB a video. */
export function takeoutBytes({ photos, videos, duplicates, widthPx }: PhotoTakeout): number {
  return (photos + duplicates) * (widthPx / 4000) ** 2 * 3_200_000 + videos * VIDEO_BYTES
}

/** A folder with `Takeout/…` in it. */
export async function photoTakeout(spec: PhotoTakeout): Promise<MadeInput<InputFacts>> {
  return await keptInput('takeout', spec, takeoutBytes(spec), (folder) => makePhotoTakeout(folder, spec))
}

/** A folder with exports in it, `person-1` and so on. */
export async function originals(spec: PhotoTakeout, exports: number): Promise<MadeInput<InputFacts>> {
  return await keptInput('originals', { spec, exports }, takeoutBytes(spec) * exports, async (folder) => {
    const facts = { mediaFiles: 0, mediaBytes: 0 }
    for (let person = 1; person <= exports; person += 1) {
      const made = await makePhotoTakeout(join(folder, `person-${person}`), {
        ...spec,
        seed: spec.seed + person,
      })
      facts.mediaFiles += made.mediaFiles
      facts.mediaBytes += made.mediaBytes
    }
    return facts
  })
}

async function makePhotoTakeout(folder: string, spec: PhotoTakeout): Promise<InputFacts> {
  const items = [...(await photoItems(spec)), ...videoItems(spec)]
  const { media } = await makeTakeout(folder, { plan: { items } })
  return { mediaFiles: media.length, mediaBytes: media.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
}

async function photoItems({ photos, duplicates, widthPx, seed }: PhotoTakeout): Promise<TakeoutItem[]> {
  const size = { widthPx, heightPx: widthPx * 0.75, grain: 32 }
  const thumbnail = await makePhoto({ widthPx: 160, heightPx: 120, seed, grain: 4 })
  const bases: Buffer[] = []
  for (let base = 0; base < Math.min(BASES, photos); base += 1) {
    bases.push(await makePhoto({ ...size, seed: seed * BASES + base }))
  }
  return Array.from({ length: photos }, (_, index) => {
    const takenAt = FIRST_PHOTO_AT + index * 97 * MINUTE_MS
    const takenLocal = new Date(takenAt + 120 * MINUTE_MS).toISOString().slice(0, 19)
    const exif = {
      takenLocal: takenLocal.replaceAll('-', ':').replace('T', ' '),
      makerNoteBytes: 4000,
      thumbnail,
    }
    const base = bases[index % bases.length] as Buffer
    return {
      title: `IMG_${takenLocal.replaceAll(/[-:]/g, '').replace('T', '_')}.jpg`,
      takenAt,
      takenLocal,
      content: () => derivePhoto(base, index, exif),
      albums: index < duplicates ? [ALBUMS[index % ALBUMS.length] as string] : [],
      ...(index % 5 === 0
        ? { caption: `Photo ${index}`, place: { latitude: 46.6247, longitude: 14.3053 } }
        : {}),
    }
  })
}

function videoItems({ videos, seed }: PhotoTakeout): TakeoutItem[] {
  return Array.from({ length: videos }, (_, index) => {
    const createdAt = FIRST_PHOTO_AT + index * 1441 * MINUTE_MS
    return {
      title: `VID_${index}.mp4`,
      takenAt: createdAt,
      content: () => makeVideo({ seed: seed * 1000 + index, createdAt, payloadBytes: VIDEO_BYTES }),
    }
  })
}

/** Tiny JPEGs with a JSON each, in folders of ten years. */
export async function tinyTakeout(items: number): Promise<MadeInput<InputFacts>> {
  // A file takes a block of 4 kB on disk, however small it is.
  return await keptInput('tiny', { items }, items * 2 * 4096, async (folder) => {
    let mediaBytes = 0
    const names = Array.from({ length: 10 }, () => new FolderNames())
    for (let index = 0; index < items; index += 1) {
      const bytes = makeTinyPhoto(index)
      mediaBytes += bytes.length
      writeTiny(folder, index, bytes, names)
    }
    for (const { path, content } of layOut({ items: [] }).files) write(join(folder, path), await content())
    return { mediaFiles: items, mediaBytes }
  })
}

function writeTiny(folder: string, index: number, bytes: Buffer, names: readonly FolderNames[]): void {
  const decade = index % 10
  const takenAt = Date.UTC(2010 + decade, 0, 1) + Math.floor(index / 10) * 37_000
  const title = `IMG_${String(index).padStart(6, '0')}.jpg`
  const { media, json } = (names[decade] as FolderNames).pair(title, 'new')
  const under = join(folder, 'Takeout', 'Google Photos', `Photos from ${2010 + decade}`)
  write(join(under, media), bytes)
  write(join(under, json), Buffer.from(sidecarText({ title, takenAt, content: () => bytes })))
}

function write(path: string, bytes: Buffer): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  utimesSync(path, EXPORTED_AT / 1000, EXPORTED_AT / 1000)
}
