/**
 * A new file as pieces of the old one and bytes put between them: what all our own metadata writers plan.
 *
 * @module
 */

/** Bytes to write, or a range of the source to copy (`to` exclusive). */
export type SplicePart = Buffer | { readonly from: number; readonly to: number }

/** The new file: its parts in order, whose lengths add up to `sizeBytes`. */
export interface Splice {
  readonly parts: readonly SplicePart[]
  readonly sizeBytes: number
}

/** How to make the new file out of the old one. `handover`: not by this writer; `reason` says why. */
export type SplicePlan =
  | ({ readonly kind: 'splice' } & Splice)
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'handover'; readonly reason: string }

/** The bytes of the source from `at` to `to` (exclusive) give way to `bytes`. */
export interface SpliceEdit {
  readonly at: number
  readonly to: number
  readonly bytes: Buffer
}

/** The parts as buffers, for a source that is in memory as a whole. */
export function sliceParts(source: Buffer, parts: readonly SplicePart[]): Buffer[] {
  return parts.map((part) => (Buffer.isBuffer(part) ? part : source.subarray(part.from, part.to)))
}

/** Edits that do not overlap, in any order; of those at one place, the order of the list counts. */
export function toSplice(edits: readonly SpliceEdit[], sourceSizeBytes: number): Splice {
  const parts: SplicePart[] = []
  let copiedTo = 0
  let sizeBytes = sourceSizeBytes
  for (const { at, to, bytes } of edits.toSorted((left, right) => left.at - right.at)) {
    if (at > copiedTo) parts.push({ from: copiedTo, to: at })
    parts.push(bytes)
    copiedTo = to
    sizeBytes += bytes.length - (to - at)
  }
  if (copiedTo < sourceSizeBytes) parts.push({ from: copiedTo, to: sourceSizeBytes })
  return { parts, sizeBytes }
}

/** A range of the source that has another place in the new file. */
export interface MovedRange {
  readonly from: number
  readonly to: number
  /** Where it begins in the new file. */
  readonly target: number
}

/** The ranges of the source that do not stay where they are. */
export function movedRanges(parts: readonly SplicePart[]): MovedRange[] {
  const moved: MovedRange[] = []
  let target = 0
  for (const part of parts) {
    if (Buffer.isBuffer(part)) {
      target += part.length
      continue
    }
    if (part.from !== target) moved.push({ from: part.from, to: part.to, target })
    target += part.to - part.from
  }
  return moved
}
