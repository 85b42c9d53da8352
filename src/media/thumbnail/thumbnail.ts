/**
 * What a thumbnail is: options, results, and the key under which a set of them is cached.
 *
 * Plain data; the rendering is in `render.ts`, which loads the decoders only when the first picture needs them.
 *
 * @module
 */

import type { MediaFormat } from '../formats.ts'

export const THUMBNAIL_FORMATS = ['jpeg', 'webp', 'avif'] as const
export type ThumbnailFormat = (typeof THUMBNAIL_FORMATS)[number]

export interface ThumbnailOptions {
  /** Longest edges in pixels, largest first, without repetition; a picture is never enlarged. */
  readonly sizes: readonly number[]
  readonly format: ThumbnailFormat
  /** 1 to 100. */
  readonly quality: number
  /** Encodes JPEG with mozjpeg: smaller files for about twice the time. */
  readonly mozjpeg: boolean
}

export const DEFAULT_THUMBNAIL_OPTIONS: ThumbnailOptions = Object.freeze({
  sizes: Object.freeze([1440, 250]),
  format: 'jpeg',
  quality: 85,
  mozjpeg: false,
})

export const MAX_THUMBNAIL_SIZE = 8192

export interface ThumbnailLimits {
  /** Of the decoded picture. A 12-megapixel photo has 12e6. */
  readonly maxPixels: number
}

/** Phones make 200 megapixels, panoramas somewhat more; at 4 bytes a pixel that is 1.2 GB for a PNG. */
export const DEFAULT_THUMBNAIL_LIMITS: ThumbnailLimits = Object.freeze({ maxPixels: 300_000_000 })

/** One attempt at one file; then its process is killed. */
export const THUMBNAIL_TIMEOUT_MS = 30_000

export interface Thumbnail {
  /** The longest edge that was asked for. */
  readonly size: number
  /** As it is; less than asked for when the picture is smaller. */
  readonly widthPx: number
  readonly heightPx: number
  readonly mime: string
  readonly bytes: Uint8Array
}

export interface RenderedThumbnails {
  /** Of the upright picture. */
  readonly widthPx: number
  readonly heightPx: number
  /** https://evanw.github.io/thumbhash/, about 25 bytes. */
  readonly thumbhash: Uint8Array
  /** In the order of the options' sizes. */
  readonly thumbnails: readonly Thumbnail[]
  /** Set when the file is cut off or damaged: a part of the picture is missing or made up. */
  readonly damaged?: true
}

/** Names everything that changes the bytes of a set, except the sizes: `jpeg-q85`, `jpeg-q85-moz`, `webp-q80`. */
export function thumbnailStyle({ format, quality, mozjpeg }: ThumbnailOptions): string {
  return `${format}-q${quality}${format === 'jpeg' && mozjpeg ? '-moz' : ''}`
}

export const THUMBNAIL_EXTENSIONS: Readonly<Record<ThumbnailFormat, string>> = Object.freeze({
  jpeg: 'jpg',
  webp: 'webp',
  avif: 'avif',
})

export const THUMBNAIL_MIMES: Readonly<Record<ThumbnailFormat, string>> = Object.freeze({
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  avif: 'image/avif',
})

/** Name of the object, by content: equal pictures share it. `ab/ab12…-jpeg-q85-250.jpg` */
export function thumbnailObjectName(sha1Hex: string, options: ThumbnailOptions, size: number): string {
  const extension = THUMBNAIL_EXTENSIONS[options.format]
  return `${sha1Hex.slice(0, 2)}/${sha1Hex}-${thumbnailStyle(options)}-${size}.${extension}`
}

export interface ThumbnailSource {
  /** Absolute path of a file on this machine, opened read-only. */
  readonly path: string
  /** As identified by content. */
  readonly format: MediaFormat
  /** The whole file, when the caller has read it anyway. */
  readonly bytes?: Buffer
}
