/**
 * Decides what to write into a file, given what it says and what the library knows.
 *
 * Nothing the file says is lost: a plausible camera date stays, an existing caption stays (a different one of
 * the export is added behind it), a position stays, lists only grow, a rating stays. Pure: writes nothing.
 *
 * @module
 */

import { isFactoryTime, isPlausibleTime } from './dates.ts'
import { mayReplaceCaption, toPlainLines } from './exif/caption-text.ts'
import type { EmbeddedMetadata, MetadataPatch, Taken, TakenEvidence, WantedMetadata } from './metadata.ts'

/** Evidence that dates the file's last change or the receiver's clock, not what the camera's clock said. */
const NO_CAMERA_DATE = new Set(['ModifyDate', 'GPSDateTime', 'XMP-exif:GPSDateTime'])

/**
 * Plans the write of one file.
 *
 * @param now - Epoch milliseconds; a camera date after it (by more than a day) is not plausible.
 * @returns Undefined when the file already says all there is to say.
 */
export function planPatch(
  embedded: EmbeddedMetadata,
  wanted: WantedMetadata,
  now: number = Number.POSITIVE_INFINITY,
): MetadataPatch | undefined {
  const people = missing(wanted.people, embedded.people)
  const tags = wanted.keywords ?? []
  const plain = [...wanted.albums, ...tags.filter((tag) => !isHierarchical(tag))]
  const keywords = missing(plain, embedded.keywords)
  const hierarchical = [
    ...branch('People', wanted.people),
    ...branch('Album', wanted.albums),
    ...tags.filter(isHierarchical),
  ]
  const hierarchicalKeywords = missing(hierarchical, embedded.keywords)
  const caption = planCaption(embedded.caption, wanted.caption)
  const position = embedded.position === undefined ? wanted.position : undefined
  const rating = (embedded.rating ?? 0) === 0 ? wantedRating(wanted) : undefined
  const patch: MetadataPatch = {
    ...planDate(embedded.taken, wanted.taken, now),
    ...(position && { position }),
    ...(caption !== undefined && { caption }),
    ...(people.length > 0 && { people }),
    ...(keywords.length > 0 && { keywords }),
    ...(hierarchicalKeywords.length > 0 && { hierarchicalKeywords }),
    ...(rating !== undefined && { rating }),
    ...(wanted.originalName !== undefined &&
      embedded.originalName === undefined && { originalName: wanted.originalName }),
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}

function planDate(
  evidence: readonly TakenEvidence[],
  taken: Taken | undefined,
  now: number,
): Pick<MetadataPatch, 'taken' | 'offsetMinutes'> {
  if (taken === undefined) return {}
  const cameraDates = evidence.filter((statement) => isCameraDate(statement, now))
  const [kept] = cameraDates
  if (kept !== undefined) return planOffset(cameraDates, kept, taken)
  // EXIF has no way to say "some time in 2014": the first of January would be a lie.
  if (taken.precision === 'year' || taken.precision === 'month') return {}
  const { local, at, offsetMinutes } = taken
  return { taken: offsetMinutes === undefined ? { local, at } : { local, at, offsetMinutes } }
}

/** A camera's or a person's plausible statement about the moment of the picture: never overwritten. */
function isCameraDate(statement: TakenEvidence, now: number): boolean {
  const { source, detail, local } = statement
  if (source !== 'embedded' || NO_CAMERA_DATE.has(detail)) return false
  return isPlausibleTime(statement, now) && !(local !== undefined && isFactoryTime(local))
}

/** The zone that the decision found for the very date that stays; a guess (the user's zone) is not written. */
function planOffset(
  cameraDates: readonly TakenEvidence[],
  kept: TakenEvidence,
  taken: Taken,
): Pick<MetadataPatch, 'taken' | 'offsetMinutes'> {
  const isStated = cameraDates.some(({ offsetMinutes }) => offsetMinutes !== undefined)
  const isGuess = taken.zone === 'user' || taken.zone === 'unknown'
  if (isStated || isGuess || taken.offsetMinutes === undefined) return {}
  return isSameDate(kept, taken) ? { offsetMinutes: taken.offsetMinutes } : {}
}

/** To the second; by the instant where the file states no wall clock, as QuickTime does. */
function isSameDate(kept: TakenEvidence, taken: Taken): boolean {
  if (kept.local !== undefined) return kept.local.slice(0, 19) === taken.local.slice(0, 19)
  return kept.at !== undefined && Math.abs(kept.at - taken.at) < 1000
}

/** The export's words go behind the file's own, unless one already says the other. */
function planCaption(existing: string | undefined, wanted: string | undefined): string | undefined {
  const words = toPlainLines(wanted ?? '').trim()
  if (words === '' || toPlainLines(existing ?? '').includes(words)) return undefined
  return mayReplaceCaption(existing, words) ? words : `${existing}\n\n${words}`
}

/** A favourite has five stars, unless somebody gave it another number of them. */
function wantedRating({ rating = 0, favourite }: WantedMetadata): number | undefined {
  if (rating > 0) return rating
  return favourite === true ? 5 : undefined
}

function isHierarchical(keyword: string): boolean {
  return keyword.includes('|')
}

/** `|` separates the levels, so a name cannot hold it. */
function branch(root: string, names: readonly string[]): string[] {
  return names.map((name) => `${root}|${name.replaceAll('|', '/')}`)
}

function missing(wanted: readonly string[], existing: readonly string[]): string[] {
  const known = new Set(existing.map(normal))
  return [...new Set(wanted.map((text) => text.trim()))].filter(
    (text) => text !== '' && !known.has(normal(text)),
  )
}

/** Macs decompose accents, others do not: the same name either way. */
function normal(text: string): string {
  return text.normalize('NFC').trim()
}
