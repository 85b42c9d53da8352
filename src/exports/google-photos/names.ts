/**
 * How Takeout names files: the rule forwards, from a title to the names of its media file and its JSON.
 *
 * Everything that looks like a quirk of this export follows from a few cuts, counted in UTF-16 units without the
 * counter: a media name is cut to 51 with its extension kept, a JSON name to 46 with nothing kept, and the counter
 * of equal names goes in front of the media's extension but behind everything in the JSON's name. Characters that
 * a file system may refuse become `_`. This module knows names only; `match.ts` knows folders.
 *
 * Format: `docs/formats/google-takeout.md`.
 *
 * @module
 */

/** Longest media name, in UTF-16 units, extension included and counter not. */
export const MEDIA_NAME_UNITS = 51

/** Longest JSON name, in UTF-16 units, counter and `.json` not counted. */
export const SIDECAR_NAME_UNITS = 46

/** What stands between the title and `.json` since about October 2024. */
export const SUPPLEMENT = '.supplemental-metadata'

const STILL_EXTENSIONS = 'heic heif jpg jpeg png webp gif avif jxl tif tiff bmp'.split(' ')
const RAW_EXTENSIONS = 'dng cr2 cr3 nef arw raf orf rw2 pef srw raw nrw crw sr2'.split(' ')
const VIDEO_EXTENSIONS = 'mp4 mov m4v 3gp avi mkv webm mpg mpeg mts m2ts wmv mp mv'.split(' ')

/** Best first: which still a video belongs to when several share its name. */
export const STILLS: readonly string[] = STILL_EXTENSIONS.map((extension) => `.${extension}`)
const RAWS: ReadonlySet<string> = new Set(RAW_EXTENSIONS.map((extension) => `.${extension}`))
const VIDEOS: ReadonlySet<string> = new Set(VIDEO_EXTENSIONS.map((extension) => `.${extension}`))
const MEDIA: ReadonlySet<string> = new Set([...STILLS, ...RAWS, ...VIDEOS])
const STILL_SET: ReadonlySet<string> = new Set(STILLS)

export type MediaKind = 'still' | 'raw' | 'video' | 'motion' | 'none' | 'other'

/** A media file's name taken apart: `IMG_1(2).jpg` is `IMG_1`, 2, `.jpg`. */
export interface MediaName {
  readonly stem: string
  /** 0 for none. */
  readonly counter: number
  /** With its dot, or empty. */
  readonly extension: string
}

/** A JSON's name taken apart: `IMG_1.jpg(2).json` is `IMG_1.jpg`, 2. */
export interface SidecarName {
  readonly base: string
  readonly counter: number
}

export function parseMediaName(name: string): MediaName {
  const extension = /(?<=.)\.[\p{L}\p{N}~]{1,6}$/u.exec(name)?.[0] ?? ''
  const rest = name.slice(0, name.length - extension.length)
  const { stem = rest, counter = '0' } = /^(?<stem>.+)\((?<counter>\d{1,7})\)$/su.exec(rest)?.groups ?? {}
  return { stem, counter: Number(counter), extension }
}

export function parseSidecarName(name: string): SidecarName {
  const whole = name.replace(/\.json$/iu, '')
  const { base = whole, counter = '0' } = /^(?<base>.+)\((?<counter>\d{1,7})\)$/su.exec(whole)?.groups ?? {}
  return { base, counter: Number(counter) }
}

/** The first `units` UTF-16 units. A pair of surrogates that the cut divides goes as a whole. */
export function cut(text: string, units: number): string {
  if (text.length <= units) return text
  const last = text.charCodeAt(units - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? units - 1 : units)
}

/** How a title is spelled on disk. */
export function sanitize(title: string): string {
  return title.replace(/[&'"%=:*?<>|/\\]/gu, '_').replace(/\p{Cc}/gu, '_')
}

/** Most names need nothing but lower case; a folder of 100,000 asks a million times. */
const PLAIN_NAME = /^[\w .()~+@#,-]*$/u

/**
 * What two spellings of one name have in common: composed Unicode, no case, forbidden characters replaced, and no
 * half of a surrogate pair, or what an unzipper made of it, at the end.
 */
export function nameKey(name: string): string {
  if (PLAIN_NAME.test(name)) return name.toLowerCase()
  return sanitize(name.replace(/(?<![\uD800-\uDBFF\uFFFD])[\uD800-\uDBFF\uFFFD]+$/u, ''))
    .normalize('NFC')
    .toLowerCase()
}

/** The media name that Takeout makes of a title: cut, sanitised, without counter. */
export function mediaNameOf(title: string): string {
  const { extension } = parseMediaName(title)
  const stem = title.slice(0, title.length - extension.length)
  return sanitize(cut(stem, MEDIA_NAME_UNITS - extension.length) + extension)
}

/** The JSON name that Takeout makes of a title: cut, sanitised, without counter and `.json`. */
export function sidecarBaseOf(title: string, style: 'old' | 'new'): string {
  return sanitize(cut(style === 'new' ? title + SUPPLEMENT : title, SIDECAR_NAME_UNITS))
}

/** Where the name without its counter is as long as Takeout allows, so that it may have been cut. */
export function mayBeCut({ stem, extension }: MediaName): boolean {
  return stem.length + extension.length >= MEDIA_NAME_UNITS - 1
}

/** The name with its counter, spelled as Takeout does. */
export function formatMediaName({ stem, counter, extension }: MediaName): string {
  return counter === 0 ? stem + extension : `${stem}(${counter})${extension}`
}

/** What the extension says; `motion` is the video part of a motion photo, which has an extension of its own. */
export function kindOf(extension: string): MediaKind {
  const lower = extension.toLowerCase()
  if (lower === '') return 'none'
  if (/^\.(?:mp|mv)(?:~\d+)?$/u.test(lower)) return 'motion'
  if (STILL_SET.has(lower)) return 'still'
  if (RAWS.has(lower)) return 'raw'
  return VIDEOS.has(lower) ? 'video' : 'other'
}

/** True for an extension of a media file, with its dot, in any case. */
export function isMediaExtension(extension: string): boolean {
  return MEDIA.has(extension.toLowerCase()) || kindOf(extension) === 'motion'
}

/** `.j` of `.jpg`: what a cut may have left of a media extension; a bare dot too. */
export function isCutExtension(extension: string): boolean {
  const lower = extension.toLowerCase()
  return lower !== '' && [...MEDIA].some((known) => known.startsWith(lower))
}

/** What is left of `name` without a whole or cut `.supplemental-metadata`, or undefined when it has none. */
export function withoutSupplement(base: string): string | undefined {
  const dot = base.lastIndexOf('.')
  if (dot < 1) return undefined
  const tail = base.slice(dot).toLowerCase()
  return tail.length > 1 && SUPPLEMENT.startsWith(tail) ? base.slice(0, dot) : undefined
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
}

/**
 * `Tom&#39;s` as `Tom's`. Only whole entities of the few names that Google writes, once: `&amp;lt;` becomes
 * `&lt;`, and an `&` that starts nothing stays.
 */
export function decodeEntities(text: string): string {
  return text.replace(/&(?:#x(?<hex>[0-9a-f]{1,6})|#(?<dec>\d{1,7})|(?<name>[a-z]{2,5}));/giu, (...match) => {
    const { hex, dec, name } = match.at(-1) as Record<string, string | undefined>
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? match[0]
    const code = hex === undefined ? Number(dec) : Number.parseInt(hex, 16)
    const valid = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
    return valid ? String.fromCodePoint(code) : match[0]
  })
}
