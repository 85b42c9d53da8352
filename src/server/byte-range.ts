/**
 * The `Range` header, as far as files need it: one range of bytes (RFC 9110, section 14).
 *
 * @module
 */

export type RangeAnswer =
  /** Send everything. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly offset: number; readonly length: number }
  /** 416. */
  | { readonly kind: 'unsatisfiable' }

/**
 * What to send. A header that cannot be read, or asks for several ranges, is as good as none; the RFC allows both.
 *
 * @param header - Such as `bytes=0-499`, `bytes=500-` or `bytes=-500`.
 */
export function byteRangeOf(header: string | undefined, sizeBytes: number): RangeAnswer {
  const { first, last } = /^bytes=(?<first>\d{0,15})-(?<last>\d{0,15})$/u.exec(header ?? '')?.groups ?? {}
  if (first === undefined || last === undefined || (first === '' && last === '')) return { kind: 'whole' }
  if (first === '') return partOf(Math.max(0, sizeBytes - Number(last)), sizeBytes - 1, sizeBytes)
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1)
  if (last !== '' && Number(last) < Number(first)) return { kind: 'whole' }
  return partOf(Number(first), end, sizeBytes)
}

function partOf(offset: number, end: number, sizeBytes: number): RangeAnswer {
  if (offset >= sizeBytes) return { kind: 'unsatisfiable' }
  return { kind: 'part', offset, length: end - offset + 1 }
}

/** `bytes 0-499/1234`; without `part`, of a range that cannot be given, with a star in place of the two numbers. */
export function contentRange(
  sizeBytes: number,
  part?: { readonly offset: number; readonly length: number },
): string {
  if (part === undefined) return `bytes */${sizeBytes}`
  return `bytes ${part.offset}-${part.offset + part.length - 1}/${sizeBytes}`
}

/** Whether an `If-None-Match` names this entity (RFC 9110, 13.1.2: weakly compared). */
export function matchesTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  const plain = tag.replace(/^W\//u, '')
  return header.split(',').some((one) => {
    const given = one.trim()
    return given === '*' || given.replace(/^W\//u, '') === plain
  })
}
