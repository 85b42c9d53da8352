/**
 * Reads the names that Google gives to the parts of one takeout.
 *
 * `takeout-20240101T000000Z-001.zip` is part 1; since 2023 there is often a series before it,
 * `takeout-20240101T000000Z-2-001.zip`, each series counted from 001. Browsers put ` (1)` behind the name of a
 * file that they have downloaded before. The time stamp is what the parts of one takeout have in common. Nothing
 * here touches the disk.
 *
 * @module
 */

import type { ArchiveProblem } from './archive.ts'

const ARCHIVE = /\.(?:zip|tgz|tar\.gz|tar)$/iu

const PART =
  /^(?<takeout>.*takeout-\d{8}T\d{6}Z)(?:-(?<series>\d{1,4}))?-(?<number>\d{3,5})(?: ?\(\d+\))?\.(?:zip|tgz|tar\.gz|tar)$/iu

/** A number beyond this is not a part's: naming all that are missing before it would fill the report. */
const MAX_PART_NUMBER = 9999
const MAX_NAMED_PARTS = 50

export interface PartName {
  /** What the parts of one takeout share: `takeout-20240101T000000Z`. */
  readonly takeout: string
  /** Undefined in the plain form. */
  readonly series?: string
  readonly number: number
}

/** Whether a file of that name is taken for an archive. */
export function isArchiveName(name: string): boolean {
  return ARCHIVE.test(name)
}

/** The name without its extension and without a browser's ` (1)`. */
export function archiveStem(name: string): string {
  return name.replace(ARCHIVE, '').replace(/(?<=.) ?\(\d+\)$/u, '')
}

/** Undefined for an archive that is not a numbered part. */
export function parsePartName(name: string): PartName | undefined {
  const { takeout, series, number } = PART.exec(name)?.groups ?? {}
  if (takeout === undefined || number === undefined || Number(number) > MAX_PART_NUMBER) return undefined
  return { takeout, number: Number(number), ...(series === undefined ? {} : { series }) }
}

/** One problem a series that has gaps between 001 and the highest number seen. */
export function missingParts(names: readonly string[]): ArchiveProblem[] {
  const seen = new Map<string, Set<number>>()
  for (const name of names) {
    const part = parsePartName(name)
    if (part === undefined) continue
    const key = part.series === undefined ? part.takeout : `${part.takeout}-${part.series}`
    seen.set(key, (seen.get(key) ?? new Set()).add(part.number))
  }
  return [...seen].flatMap(([series, numbers]) => {
    const missing = gaps(numbers)
    return missing.length === 0 ? [] : [missingProblem(series, missing, Math.max(...numbers))]
  })
}

function gaps(numbers: ReadonlySet<number>): number[] {
  const highest = Math.max(...numbers)
  return Array.from({ length: highest }, (_, index) => index + 1).filter((number) => !numbers.has(number))
}

function missingProblem(series: string, missing: readonly number[], highest: number): ArchiveProblem {
  const named = missing.slice(0, MAX_NAMED_PARTS).map((number) => String(number).padStart(3, '0'))
  const more = missing.length > named.length ? ` and ${missing.length - named.length} more` : ''
  const is = missing.length === 1 ? 'part is' : 'parts are'
  return {
    code: 'missing-part',
    message: `${missing.length} ${is} missing from ${series}: ${named.join(', ')}${more} (the highest is ${highest})`,
    hint: 'Download what is missing and run this again; what is done already is not repeated.',
  }
}
