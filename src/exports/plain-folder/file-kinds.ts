/**
 * What the name of a file in a plain folder promises: a picture, a clip, a sidecar, or nothing for us.
 *
 * Only the name is looked at. A name that is on no list promises nothing either way, and its file is looked at
 * by content: what this table does not know must never be lost for it.
 *
 * @module
 */

export type FileKind =
  | 'still'
  | 'raw'
  | 'video'
  /** The video half of a Google motion photo, which has no usual extension. */
  | 'motion'
  | 'xmp'
  | 'apple-edit'
  /** Decided by its content. */
  | 'unknown'

export interface NamedKind {
  readonly kind: FileKind | 'ignored'
  /** Why it is ignored. */
  readonly reason?: string
  /** Ignored though its name may be that of a photo. */
  readonly code?: 'service-file'
}

const STILLS =
  'jpg jpeg jpe jfif heic heif hif png apng webp gif avif tif tiff jxl bmp psd jp2 jpx j2k mpo insp svg'

const RAWS =
  '3fr arw cr2 cr3 crw dcr dng erf fff gpr iiq k25 kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f'

const VIDEOS =
  'mp4 mov 3gp 3g2 m4v avi mkv webm mts m2ts m2t mod tod mpg mpeg mpe wmv asf flv f4v ogv qt vob divx dv insv lrv'

const MEDIA_KINDS: ReadonlyMap<string, FileKind> = new Map([
  ...listOf(STILLS, 'still'),
  ...listOf(RAWS, 'raw'),
  ...listOf(VIDEOS, 'video'),
  ['mp', 'motion'],
  ['xmp', 'xmp'],
  ['aae', 'apple-edit'],
])

/** Extensions whose files hold no picture or clip, whatever is in them. */
const NOT_MEDIA = new Set(
  [
    'pdf txt md rtf doc docx odt pages xls xlsx ods numbers csv tsv ppt pptx odp key',
    'htm html css js ts json xml yml yaml log ini plist vcf ics eml',
    'db db-shm db-wal sqlite sqlite3 lrcat lrprev ithmb nfo url lnk webloc torrent',
    'exe msi dll dmg pkg apk app bat sh py',
  ].flatMap((line) => line.split(' ')),
)

/** They may hold photos, but are not opened here. */
const ARCHIVES = new Set('zip tgz gz tar rar 7z bz2 xz zst iso'.split(' '))

const JUNK_NAMES = new Set([
  '.ds_store',
  'thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  '.localized',
  '.nomedia',
  '.picasa.ini',
  'picasa.ini',
  'icon\r',
])

/** Folders in which programs keep what they can make again. Whole names, so that an album may be called alike. */
const JUNK_FOLDERS = new Set([
  '@eadir',
  '@__thumb',
  '.thumbnails',
  '.@__thumb',
  '__macosx',
  '.photostructure',
  '.trash-1000',
  '.spotlight-v100',
  '.fseventsd',
  '.heirloom',
])

/** @param path - Inside the export. */
export function kindOfPath(path: string): NamedKind {
  const segments = path.toLowerCase().split('/')
  const name = segments.at(-1) ?? ''
  const service = serviceReason(segments.slice(0, -1), name)
  if (service !== undefined) return { kind: 'ignored', reason: service, code: 'service-file' }
  return kindOfExtension(extensionOf(name))
}

/** Why nobody's photo is in it: made by a program for itself. */
function serviceReason(folders: readonly string[], name: string): string | undefined {
  const junkFolder = folders.find((segment) => JUNK_FOLDERS.has(segment))
  if (junkFolder !== undefined) return `made by a program (${junkFolder})`
  if (JUNK_NAMES.has(name)) return `made by the system (${name.trim()})`
  if (name.startsWith('._')) return 'attributes that macOS keeps beside a file'
  return name.startsWith('synofile_thumb_') ? 'thumbnail of a NAS' : undefined
}

function kindOfExtension(extension: string): NamedKind {
  const kind = MEDIA_KINDS.get(extension)
  if (kind !== undefined) return { kind }
  if (NOT_MEDIA.has(extension)) return { kind: 'ignored', reason: `not a media file (${extension})` }
  if (ARCHIVES.has(extension)) {
    return { kind: 'ignored', reason: `an archive in the export (${extension}); ingest it on its own` }
  }
  // `PXL_….MP~2`: the motion part of a numbered copy.
  return { kind: /^mp~\d+$/u.test(extension) ? 'motion' : 'unknown' }
}

/** Without the dot, empty when there is none; a leading dot makes a hidden file, not an extension. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot <= 0 ? '' : name.slice(dot + 1)
}

function listOf(extensions: string, kind: FileKind): [string, FileKind][] {
  return extensions.split(' ').map((extension) => [extension, kind])
}
