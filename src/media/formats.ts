/**
 * The media formats that Heirloom knows: their names, kinds, extensions, and how each can carry metadata.
 *
 * Data only. Telling the format of a file is `identify.ts`. Why a format is written to or given an `.xmp`
 * instead is argued in `docs/formats/media.md`.
 *
 * @module
 */

export type MediaKind = 'image' | 'raw' | 'video' | 'audio' | 'other'

/**
 * How metadata gets into a file. `jpeg-splice`: our own segment writer; `exiftool`: the program kept open;
 * `sidecar`: the file's bytes stay as they are and an `.xmp` lies beside it.
 */
export type MetadataCarrier = 'jpeg-splice' | 'exiftool' | 'sidecar'

export interface MediaFormat {
  /** Stable, stored in the catalog. */
  readonly id: string
  readonly kind: MediaKind
  readonly mime: string
  /** Lower case, without dot. The first is given to files whose own does not fit. */
  readonly extensions: readonly string[]
  readonly carrier: MetadataCarrier
}

type Row = readonly [id: string, mime: string, extensions: string, carrier: MetadataCarrier]

const IMAGES: readonly Row[] = [
  ['jpeg', 'image/jpeg', 'jpg jpeg jpe jfif mpo', 'jpeg-splice'],
  ['heic', 'image/heic', 'heic heif hif', 'exiftool'],
  ['heif', 'image/heif', 'heif heic hif', 'exiftool'],
  ['avif', 'image/avif', 'avif avifs', 'exiftool'],
  ['png', 'image/png', 'png apng', 'exiftool'],
  ['webp', 'image/webp', 'webp', 'exiftool'],
  ['gif', 'image/gif', 'gif', 'exiftool'],
  ['tiff', 'image/tiff', 'tif tiff', 'exiftool'],
  ['jxl', 'image/jxl', 'jxl', 'exiftool'],
  ['jp2', 'image/jp2', 'jp2 j2k jpf jpx', 'exiftool'],
  ['bmp', 'image/bmp', 'bmp dib', 'sidecar'],
  ['psd', 'image/vnd.adobe.photoshop', 'psd psb', 'sidecar'],
]

const RAWS: readonly Row[] = [
  ['dng', 'image/x-adobe-dng', 'dng', 'sidecar'],
  ['cr2', 'image/x-canon-cr2', 'cr2', 'sidecar'],
  ['cr3', 'image/x-canon-cr3', 'cr3', 'sidecar'],
  ['crw', 'image/x-canon-crw', 'crw', 'sidecar'],
  ['nef', 'image/x-nikon-nef', 'nef nrw', 'sidecar'],
  ['arw', 'image/x-sony-arw', 'arw sr2 srf', 'sidecar'],
  ['raf', 'image/x-fuji-raf', 'raf', 'sidecar'],
  ['orf', 'image/x-olympus-orf', 'orf ori', 'sidecar'],
  ['rw2', 'image/x-panasonic-rw2', 'rw2 rwl raw', 'sidecar'],
  ['pef', 'image/x-pentax-pef', 'pef', 'sidecar'],
  ['srw', 'image/x-samsung-srw', 'srw', 'sidecar'],
  ['x3f', 'image/x-sigma-x3f', 'x3f', 'sidecar'],
  ['mrw', 'image/x-minolta-mrw', 'mrw', 'sidecar'],
  ['3fr', 'image/x-hasselblad-3fr', '3fr fff', 'sidecar'],
  ['iiq', 'image/x-phaseone-iiq', 'iiq', 'sidecar'],
  ['erf', 'image/x-epson-erf', 'erf', 'sidecar'],
  ['kdc', 'image/x-kodak-kdc', 'kdc dcr', 'sidecar'],
  ['mef', 'image/x-mamiya-mef', 'mef', 'sidecar'],
  ['mos', 'image/x-leaf-mos', 'mos', 'sidecar'],
]

const VIDEOS: readonly Row[] = [
  ['mp4', 'video/mp4', 'mp4 m4v lrv insv', 'exiftool'],
  ['m4v', 'video/x-m4v', 'm4v mp4', 'exiftool'],
  ['mov', 'video/quicktime', 'mov qt', 'exiftool'],
  ['3gp', 'video/3gpp', '3gp 3gpp', 'exiftool'],
  ['3g2', 'video/3gpp2', '3g2 3gp2', 'exiftool'],
  ['avi', 'video/x-msvideo', 'avi divx', 'sidecar'],
  ['mkv', 'video/x-matroska', 'mkv mk3d', 'sidecar'],
  ['webm', 'video/webm', 'webm', 'sidecar'],
  ['mts', 'video/mp2t', 'mts m2ts m2t ts', 'sidecar'],
  ['mpg', 'video/mpeg', 'mpg mpeg mpe vob mod', 'sidecar'],
  ['wmv', 'video/x-ms-wmv', 'wmv asf', 'sidecar'],
  ['flv', 'video/x-flv', 'flv', 'sidecar'],
  ['ogv', 'video/ogg', 'ogv ogg', 'sidecar'],
]

const AUDIO: readonly Row[] = [
  ['mp3', 'audio/mpeg', 'mp3 mp2 mpga', 'sidecar'],
  ['m4a', 'audio/mp4', 'm4a m4b m4p m4r', 'sidecar'],
  ['wav', 'audio/wav', 'wav wave', 'sidecar'],
  ['aiff', 'audio/aiff', 'aiff aif aifc', 'sidecar'],
  ['flac', 'audio/flac', 'flac', 'sidecar'],
  ['ogg', 'audio/ogg', 'ogg oga', 'sidecar'],
  ['opus', 'audio/opus', 'opus ogg oga', 'sidecar'],
  ['aac', 'audio/aac', 'aac', 'sidecar'],
  ['amr', 'audio/amr', 'amr', 'sidecar'],
  ['caf', 'audio/x-caf', 'caf', 'sidecar'],
  ['wma', 'audio/x-ms-wma', 'wma', 'sidecar'],
]

const formatOf =
  (kind: MediaKind) =>
  ([id, mime, extensions, carrier]: Row): MediaFormat =>
    Object.freeze({ id, kind, mime, extensions: Object.freeze(extensions.split(' ')), carrier })

export const FORMATS: readonly MediaFormat[] = Object.freeze([
  ...IMAGES.map(formatOf('image')),
  ...RAWS.map(formatOf('raw')),
  ...VIDEOS.map(formatOf('video')),
  ...AUDIO.map(formatOf('audio')),
])

const BY_ID: ReadonlyMap<string, MediaFormat> = new Map(FORMATS.map((format) => [format.id, format]))

/** First format that names the extension, so that `ogg` is audio and `m4v` an MP4. */
const BY_EXTENSION: ReadonlyMap<string, MediaFormat> = new Map(
  FORMATS.flatMap((format) => format.extensions.map((extension) => [extension, format] as const)).reverse(),
)

/** The format stored under `id`, or undefined for an id that no version wrote. */
export function formatById(id: string): MediaFormat | undefined {
  return BY_ID.get(id)
}

/** What a name promises, whatever the content is: for reports on files that cannot be read. */
export function formatByName(fileName: string): MediaFormat | undefined {
  return BY_EXTENSION.get(extensionOf(fileName))
}

/** `jpeg` of `IMG.JPEG`; empty when the name has none (`.nomedia` has none). */
export function extensionOf(fileName: string): string {
  return /[^/\\]\.(?<extension>[^./\\]*)$/u.exec(fileName)?.groups?.['extension']?.toLowerCase() ?? ''
}

/**
 * The extension that a file of this format should have, lower case, without dot: its own when that is one of
 * the format's (`jpeg` stays `jpeg`), else the format's first.
 */
export function correctExtension(fileName: string, format: MediaFormat): string {
  const extension = extensionOf(fileName)
  return format.extensions.includes(extension) ? extension : (format.extensions[0] ?? extension)
}
