/**
 * What a person's takeout holds, in about forty files: ordinary photos and one of every peculiarity.
 *
 * The peculiarities are those of Google's export (names cut or counted, edits and live photos without a JSON, a
 * JSON without its photo, 0/0 as a place, a wrong extension) and of people's lives (umlauts, emoji, scans without
 * a date). Damaged files come only when asked for.
 *
 * @module
 */

import sharp, { type Sharp } from 'sharp'
import type { PhotoExif } from './exif-block.ts'
import { makePhoto, withSegments, xmpSegment } from './make-photo.ts'
import { makeVideo } from './make-video.ts'
import type { Content, TakeoutItem, TakeoutPlan } from './takeout-layout.ts'

export type Damage = 'corrupt-json' | 'truncated-jpeg' | 'empty-file'

export interface SampleOptions {
  /** Other pictures for another seed, same names and dates; default 1. */
  readonly seed?: number
  /** Ordinary photos; default 12. */
  readonly photos?: number
  /** Whether the peculiarities are in it; default true. */
  readonly specials?: boolean
  readonly damage?: readonly Damage[]
  /** Width of a picture, 4:3; default 160. */
  readonly widthPx?: number
}

export const SUMMER_ALBUM = 'Sommer 2019: Kärnten 🏔'
export const FAMILY_ALBUM = 'Familie Müller'

/** Klagenfurt. */
const AT_THE_LAKE = { latitude: 46.6247, longitude: 14.3053 }

/** Same plan for the same options. */
export function samplePlan(options: SampleOptions = {}): TakeoutPlan {
  const maker = new SampleMaker(options.seed ?? 1, options.widthPx ?? 160)
  return {
    items: [
      ...ordinary(maker, options.photos ?? 12),
      ...(options.specials === false
        ? []
        : [...names(maker), ...companions(maker), ...facts(maker), ...formats(maker)]),
      ...(options.damage ?? []).map((kind) => damaged(kind, maker)),
    ],
    albumDescriptions: { [SUMMER_ALBUM]: 'Zwei Wochen am Wörthersee' },
  }
}

/** Contents that are made when they are asked for, each from a seed of its own. */
class SampleMaker {
  readonly #seed: number
  readonly #widthPx: number
  #count = 0

  constructor(seed: number, widthPx: number) {
    this.#seed = seed
    this.#widthPx = widthPx
  }

  /** Remembers its bytes: copies in albums are equal without being encoded again. */
  photo(exif?: PhotoExif): Content {
    const spec = {
      widthPx: this.#widthPx,
      heightPx: Math.round(this.#widthPx * 0.75),
      seed: this.nextSeed(),
      ...(exif === undefined ? {} : { exif: { makerNoteBytes: 600, ...exif } }),
    }
    return once(() => makePhoto(spec))
  }

  nextSeed(): number {
    this.#count += 1
    return this.#seed * 1000 + this.#count
  }
}

function once(make: () => Promise<Buffer>): Content {
  let made: Promise<Buffer> | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Noon of a day in summer time, two hours before UTC: the camera's local time, and the instant. */
interface Moment {
  readonly takenAt: number
  readonly takenLocal: string
  readonly exif: PhotoExif
}

function moment(local: string, offsetHours = 2, written = false): Moment {
  const exif = { takenLocal: local.replaceAll('-', ':').replace('T', ' ') }
  return {
    takenAt: Date.parse(`${local}Z`) - offsetHours * 3_600_000,
    takenLocal: local,
    exif: written ? { ...exif, offset: `+0${offsetHours}:00` } : exif,
  }
}

function item(
  title: string,
  { takenAt, takenLocal, exif }: Moment,
  maker: SampleMaker,
  more: Partial<TakeoutItem> = {},
): TakeoutItem {
  return { title, takenAt, takenLocal, content: maker.photo(exif), ...more }
}

function ordinary(maker: SampleMaker, count: number): TakeoutItem[] {
  return Array.from({ length: count }, (_, index) => {
    const day = String((index % 27) + 1).padStart(2, '0')
    const month = String((Math.floor(index / 27) % 2) + 7).padStart(2, '0')
    const year = 2019 + (index % 3)
    const taken = moment(
      `${year}-${month}-${day}T12:11:${String(index % 60).padStart(2, '0')}`,
      2,
      index % 2 === 0,
    )
    const title = `IMG_${taken.takenLocal.replaceAll(/[-:]/g, '').replace('T', '_')}_${index}.jpg`
    const albums = index % 4 === 0 ? [SUMMER_ALBUM] : []
    if (index % 3 !== 0) return item(title, taken, maker, { albums })
    const exif = { ...taken.exif, place: AT_THE_LAKE }
    return item(title, { ...taken, exif }, maker, { albums, place: AT_THE_LAKE })
  })
}

function names(maker: SampleMaker): TakeoutItem[] {
  const whatsApp = moment('2019-01-02T18:00:00', 1)
  return [
    item('PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGINAL.jpg', moment('2023-08-09T22:34:49'), maker),
    item('IMG_0769.JPG', moment('2020-06-01T09:00:00'), maker),
    item('IMG_0769.JPG', moment('2020-06-02T10:00:00'), maker, { albums: [FAMILY_ALBUM] }),
    item('27/06/12 - 1.jpg', moment('2012-06-27T15:00:00'), maker),
    item('20161105_170829.jpg', moment('2016-11-05T17:08:29', 1), maker, { sidecar: 'old' }),
    { title: 'IMG-20190102-WA0001.jpg', takenAt: whatsApp.takenAt, content: maker.photo() },
    { title: 'Scan Oma.jpg', content: maker.photo() },
  ]
}

function companions(maker: SampleMaker): TakeoutItem[] {
  const live = moment('2021-08-15T16:20:00')
  const motion = moment('2021-10-13T12:06:51', 2, true)
  const edit = moment('2019-07-20T11:00:00')
  const liveVideo = makeVideo({
    seed: maker.nextSeed(),
    createdAt: live.takenAt,
    brand: 'qt  ',
    payloadBytes: 20_000,
  })
  return [
    item('IMG_4573.JPG', live, maker, { live: { content: () => liveVideo, extension: '.MP4' } }),
    { ...item('PXL_20211013_220651983.MP.jpg', motion, maker), content: motionPhoto(motion, maker) },
    item('IMG_20190720_110000.jpg', edit, maker, {
      edited: { content: maker.photo(edit.exif) },
      albums: [SUMMER_ALBUM],
    }),
  ]
}

/** A JPEG with an MP4 behind its end marker, announced in the XMP as Google's camera does. */
function motionPhoto({ exif, takenAt }: Moment, maker: SampleMaker): Content {
  const video = makeVideo({ seed: maker.nextSeed(), createdAt: takenAt, payloadBytes: 30_000 })
  const still = maker.photo(exif)
  const attributes =
    'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MicroVideo="1" ' +
    `GCamera:MicroVideoVersion="1" GCamera:MicroVideoOffset="${video.length}"`
  return once(async () => Buffer.concat([withSegments(await still(), xmpSegment(attributes)), video]))
}

function facts(maker: SampleMaker): TakeoutItem[] {
  return [
    item('IMG_20190721_080000.jpg', moment('2019-07-21T08:00:00'), maker, {
      caption: 'Grüße vom Wörthersee 🏊‍♀️ – früh um acht',
      people: ['Jürgen Müller', 'Åsa Öberg'],
      place: AT_THE_LAKE,
      favorite: true,
      albums: [SUMMER_ALBUM, FAMILY_ALBUM],
    }),
    item('IMG_20190722_090000.jpg', moment('2019-07-22T09:00:00'), maker, { place: 'zero' }),
    item('IMG_20190723_100000.jpg', moment('2019-07-23T10:00:00'), maker, { sidecar: 'none' }),
    item('IMG_20190724_110000.jpg', moment('2019-07-24T11:00:00'), maker, { orphanIn: [FAMILY_ALBUM] }),
    item('IMG_20200101_001500.jpg', moment('2020-01-01T00:15:00', 1), maker, { archived: true }),
    item('IMG_20200704_130000.jpg', moment('2020-07-04T13:00:00'), maker, { trashed: true }),
    item('IMG_20200705_140000.jpg', moment('2020-07-05T14:00:00'), maker, { partner: true }),
  ]
}

function formats(maker: SampleMaker): TakeoutItem[] {
  const pixel = (): Sharp => {
    const shade = { r: maker.nextSeed() % 256, g: 120, b: 60 }
    return sharp({ create: { width: 24, height: 24, channels: 3, background: shade } })
  }
  const screen = Date.UTC(2020, 9, 3, 19, 31, 4)
  const png = pixel().png()
  const webp = pixel().webp()
  const mislabelled = pixel().png()
  const clip = Date.UTC(2019, 6, 25, 17, 0, 0)
  const video = makeVideo({ seed: maker.nextSeed(), createdAt: clip, payloadBytes: 200_000 })
  const movie = makeVideo({
    seed: maker.nextSeed(),
    createdAt: clip + 60_000,
    brand: 'qt  ',
    payloadBytes: 100_000,
  })
  return [
    { title: 'Screenshot_20201003-213104.png', takenAt: screen, content: once(() => png.toBuffer()) },
    {
      title: 'signal-2020-10-04-183000.webp',
      takenAt: screen + 75_536_000,
      content: once(() => webp.toBuffer()),
    },
    { title: 'IMG_5002.jpg', takenAt: screen + 3_600_000, content: once(() => mislabelled.toBuffer()) },
    { title: 'VID_20190725_190000.mp4', takenAt: clip, place: AT_THE_LAKE, content: () => video },
    { title: 'IMG_6001.MOV', takenAt: clip + 60_000, caption: 'Österreich', content: () => movie },
    item('IMG_5001.HEIC', moment('2021-05-01T12:00:00'), maker),
  ]
}

function damaged(kind: Damage, maker: SampleMaker): TakeoutItem {
  switch (kind) {
    case 'corrupt-json':
      return item('IMG_20180101_120000.jpg', moment('2018-01-01T12:00:00', 1), maker, { sidecar: 'corrupt' })
    case 'truncated-jpeg': {
      const whole = item('IMG_20180102_120000.jpg', moment('2018-01-02T12:00:00', 1), maker)
      const content = async (): Promise<Buffer> => {
        const bytes = await whole.content()
        return bytes.subarray(0, Math.floor(bytes.length * 0.7))
      }
      return { ...whole, content, damage: 'truncated' }
    }
    case 'empty-file':
      return {
        title: 'IMG_20180103_120000.jpg',
        takenAt: Date.UTC(2018, 0, 3, 11),
        content: () => Buffer.alloc(0),
        damage: 'empty',
      }
  }
}
