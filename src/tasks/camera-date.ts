/**
 * The camera's date of a file, where the library goes by another one.
 *
 * The file keeps its own date then (see `plan-patch.ts`), so that two dates of one picture are about: the report
 * names them, because nobody but the owner knows which is right.
 *
 * @module
 */

import { decideTaken } from '../media/dates.ts'
import type { EmbeddedMetadata, MetadataPatch, Precision, Taken } from '../media/metadata.ts'

const DAY_MS = 86_400_000

/** Characters of `YYYY-MM-DDTHH:mm:ss` that a coarse date vouches for; the others have all of them. */
const VOUCHED_LENGTH: Readonly<Partial<Record<Precision, number>>> = { day: 10, month: 7, year: 4 }

export interface CameraDateQuestion {
  readonly embedded: EmbeddedMetadata
  /** The library's date, where somebody stated it; undefined where it is a guess. */
  readonly stated: Taken | undefined
  /** What is written: a date in it takes the place of one that is not worth keeping, or of none. */
  readonly patch: MetadataPatch | undefined
  /** Epoch milliseconds. */
  readonly now: number
}

/**
 * Wall clock of the camera when it is more than a day from the library's date, as far as the file knows it:
 * `2019`, `2019-07-04` or `2019-07-04T22:30:05`.
 */
export function overruledCameraDate({
  embedded,
  stated,
  patch,
  now,
}: CameraDateQuestion): string | undefined {
  if (stated === undefined || stated.source === 'embedded' || patch?.taken !== undefined) return undefined
  const { position } = embedded
  const camera = decideTaken({ evidence: embedded.taken, now, ...(position && { position }) })
  if (camera === undefined) return undefined
  const local = camera.local.slice(0, VOUCHED_LENGTH[camera.precision])
  const agrees = stated.local.startsWith(local) || Math.abs(camera.at - stated.at) <= DAY_MS
  return agrees ? undefined : local
}
