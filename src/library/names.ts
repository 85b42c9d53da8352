/**
 * The names of placed files and folders.
 *
 * `gphotos-anna-20210704T223005-3fa9c1.jpg`: the platform's stem, the account where the export names one, the
 * local time, six digits of the source bytes' SHA-1. So a name is the same in every run, never depends on its
 * neighbours, and an alphabetical (also a "natural") listing is a listing by date. That is why the date always
 * has eight digits: `20210700` is some day of July, `20210000` some day of 2021 (no real date looks like that,
 * EXIF writes unknown parts the same way); a time of day that is not known is left out; `undated` sorts last.
 * Seconds of a time known to the minute are 00; the catalog has the precision.
 *
 * Everything here is pure. What is taken already is the catalog's business.
 *
 * @module
 */

import type { Precision } from '../media/metadata.ts'

export type AssetRole =
  | 'primary'
  | 'edited'
  | 'live-video'
  | 'motion-video'
  | 'raw'
  | 'overlay'
  | 'edit-instructions'

/** What a primary file is named after. */
export interface NameParts {
  /** The platform's first word: `gphotos`. */
  readonly stem: string
  /** See {@link accountOf}. */
  readonly account?: string
  /** Wall-clock time `YYYY-MM-DDTHH:mm:ss`, anything after it is ignored; absent or unreadable is `undated`. */
  readonly local?: string
  /** How much of `local` is known; default `second`. */
  readonly precision?: Precision
  /** SHA-1 of the source bytes, 40 hexadecimal digits. */
  readonly sha1Hex: string
  /** Of the identified format, with or without its dot. */
  readonly extension: string
}

/** What a companion is named after: its primary's stem. */
export interface CompanionNameParts {
  /** The part of the primary's name before its extension. */
  readonly primaryStem: string
  readonly role: Exclude<AssetRole, 'primary'>
  /** SHA-1 of the companion's own source bytes, 40 hexadecimal digits. */
  readonly sha1Hex: string
  readonly extension: string
}

/** Digits of the hash in a name: 24 bits, and a name is only contested within one second of one account. */
const SHORT_HASH_LENGTH = 6

/** Most filesystems end a name here, in bytes of UTF-8 (NTFS and APFS count more kindly). */
export const MAX_NAME_BYTES = 255

/**
 * Limits of the free parts. The longest name they allow, with all 40 digits, role, the companion's 40 digits,
 * extension and `.xmp`, is 223 bytes.
 */
const MAX_STEM_BYTES = 32
const MAX_ACCOUNT_BYTES = 64

/** Longest folder name of an export: leaves room for ` (99)`. */
const MAX_FOLDER_BYTES = 120

/** Roles that always show: they would otherwise look like the primary in another format. */
const SHOWN_ROLES: ReadonlySet<AssetRole> = new Set(['edited', 'overlay'])

/** A primary's names, best first: the hash gets longer until the name is free. Finite, the last one is unique. */
export function* primaryNames(parts: NameParts): Generator<PlacedName> {
  const account = parts.account === undefined ? '' : safeSegment(parts.account, MAX_ACCOUNT_BYTES, '')
  const base = [
    safeSegment(parts.stem, MAX_STEM_BYTES, 'file'),
    account,
    datePart(parts.local, parts.precision),
  ]
    .filter((part) => part !== '')
    .join('-')
  for (const hash of hashes(parts.sha1Hex)) {
    const stem = `${base}-${hash}`
    yield { stem, name: `${stem}.${safeExtension(parts.extension)}`, startsFamily: true }
  }
}

/** A companion's names, best first: the plain stem where its role need not show, then role, then its own hash. */
export function* companionNames(parts: CompanionNameParts): Generator<PlacedName> {
  const extension = safeExtension(parts.extension)
  const stem = parts.primaryStem
  if (!isRoleShown(parts.role, extension)) yield { stem, name: `${stem}.${extension}`, startsFamily: false }
  yield { stem, name: `${stem}-${parts.role}.${extension}`, startsFamily: false }
  for (const hash of hashes(parts.sha1Hex)) {
    yield { stem, name: `${stem}-${parts.role}-${hash}.${extension}`, startsFamily: false }
  }
}

/** A further `.xmp` under the plain stem would pass for the sidecar of the primary, or of its RAW file. */
function isRoleShown(role: AssetRole, extension: string): boolean {
  return SHOWN_ROLES.has(role) || (role === 'edit-instructions' && extension === 'xmp')
}

/** A file name and the part of it that companions share. */
export interface PlacedName {
  readonly stem: string
  readonly name: string
  /** True for a primary: nothing else may have its stem. */
  readonly startsFamily: boolean
}

/** Names for a file that cannot have `stem`: the same with more and more of its hash behind it. */
export function* longerNames(stem: string, sha1Hex: string, extension: string): Generator<PlacedName> {
  for (const hash of hashes(sha1Hex)) {
    const longer = `${stem}-${hash}`
    yield { stem: longer, name: `${longer}.${safeExtension(extension)}`, startsFamily: true }
  }
}

/** The name that {@link NameParts} get when nothing else has taken it. */
export function placedName(parts: NameParts): string {
  const [first] = primaryNames(parts)
  return first?.name ?? ''
}

function* hashes(sha1Hex: string): Generator<string> {
  const hash = sha1Hex.toLowerCase()
  for (let length = SHORT_HASH_LENGTH; length < hash.length; length += 4) yield hash.slice(0, length)
  yield hash
}

const LOCAL = /^(?<date>\d{4}-\d{2}-\d{2})T(?<time>\d{2}:\d{2}:\d{2})/u

/** Characters of `YYYYMMDD` that are known. */
const KNOWN_DIGITS: Record<Precision, number> = { second: 8, minute: 8, day: 8, month: 6, year: 4 }

function datePart(local: string | undefined, precision: Precision = 'second'): string {
  const { date = '', time = '' } = LOCAL.exec(local ?? '')?.groups ?? {}
  if (date === '') return 'undated'
  const known = date.replaceAll('-', '').slice(0, KNOWN_DIGITS[precision]).padEnd(8, '0')
  if (precision === 'second') return `${known}T${time.replaceAll(':', '')}`
  return precision === 'minute' ? `${known}T${time.slice(0, 5).replace(':', '')}00` : known
}

/** Only letters and digits, lower case; what is no extension becomes `bin`. */
function safeExtension(extension: string): string {
  const bare = extension.replace(/^\./u, '').toLowerCase()
  return /^[a-z0-9]{1,10}$/u.test(bare) ? bare : 'bin'
}

/** First words of the names that exports are given by their platforms or, with the account, by their owners. */
const EXPORT_NAME =
  /^(?:google|takeout|gphotos|instagram|snapchat|discord|facebook|imessage|imazing|icloud|apple)(?:[-_](?:photos|chat|voice|public|old|messages|memories|mac|iphone))*[-_](?<account>.+?)[-_]\d{8}(?!\d)/iu

/** The account that an export's name tells: `anna` of `google-anna-20240101`, none of `takeout-20240101T000000Z`. */
export function accountOf(exportName: string): string | undefined {
  const account = safeSegment(EXPORT_NAME.exec(exportName)?.groups?.['account'] ?? '', MAX_ACCOUNT_BYTES, '')
  return account === '' ? undefined : account
}

/** The folder that an export gets in the library; never hidden, so never `.heirloom`. */
export function exportFolderName(exportName: string): string {
  return safeSegment(exportName, MAX_FOLDER_BYTES, 'export')
}

/**
 * Characters that some filesystem refuses, that hide (controls, bidirectional overrides, zero widths) or that
 * are halves of a character.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}<>:"/\\|?*]+/gu

/** Device names that Windows finds in every folder, with any extension. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/iu

/**
 * `text` as one segment of a path that every system takes: NFC, no unsafe characters, no dots or spaces at its
 * ends, no device name, at most `maxBytes` of UTF-8; `fallback` when nothing is left. Idempotent.
 */
export function safeSegment(text: string, maxBytes: number, fallback: string): string {
  const clean = trimEnds(text.normalize('NFC').replaceAll(UNSAFE, '_'))
  const named = RESERVED.test(clean) ? `_${clean}` : clean
  const cut = trimEnds(cutToBytes(named, maxBytes))
  return cut === '' ? fallback : cut
}

function trimEnds(text: string): string {
  return text.replace(/^[.\s]+/u, '').replace(/[.\s]+$/u, '')
}

function cutToBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  let cut = ''
  let bytes = 0
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > maxBytes) break
    cut += character
  }
  return cut
}

/**
 * One spelling for all that a filesystem may take for the same path: NFC, and without case. By way of upper
 * case, so that `ß` and `ss`, `ſ` and `s` meet, as in Unicode's full case folding; lower case first for `ẞ`,
 * which is an upper case of its own.
 */
export function foldPath(path: string): string {
  return path.normalize('NFC').toLowerCase().toUpperCase().toLowerCase().normalize('NFC')
}
