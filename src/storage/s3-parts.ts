/**
 * Cuts content into the parts of a multipart upload.
 *
 * @module
 */

const MIB = 1024 * 1024

/** Of S3: 10,000 parts at most, each of 5 MiB at least but the last. */
const MAX_PARTS = 10_000

/** Of 8 MiB: 80 GB fit, and few of them at once need little memory. */
export const PART_BYTES: number = 8 * MIB

/** Parts after which they double, when nobody knows how much will come: 500 GB fit then. */
const PARTS_OF_ONE_SIZE = 2000

/**
 * How large a part is.
 *
 * @param number - From 1.
 * @param announcedBytes - Size of the whole, when it is known: all parts are equal then, which Cloudflare insists on.
 */
export function partBytes(number: number, announcedBytes: number | undefined): number {
  if (announcedBytes === undefined) return PART_BYTES * 2 ** Math.floor((number - 1) / PARTS_OF_ONE_SIZE)
  return Math.max(PART_BYTES, Math.ceil(announcedBytes / MAX_PARTS / MIB) * MIB)
}

/** Most objects are small, and many are put at once. */
const FIRST_BYTES = 256 * 1024

export interface Part {
  /** From 1. */
  readonly number: number
  readonly bytes: Buffer
  /** Whether nothing comes after it. */
  readonly last: boolean
}

/**
 * The chunks as parts; at least one, which may be empty. Each has a buffer that is taken from `buffers`; whoever is
 * done with a part gives it back there.
 *
 * @throws what the chunks throw, before the part that they would be in.
 */
export async function* partsOf(
  chunks: AsyncIterable<Uint8Array>,
  announcedBytes: number | undefined,
  buffers: PartBuffers,
): AsyncGenerator<Part> {
  let number = 1
  let buffer = buffers.take(firstBytes(announcedBytes))
  let filled = 0
  const full = (): boolean => filled === buffer.length && filled >= partBytes(number, announcedBytes)
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length; ) {
      // Only when more comes: a full part may be the last one.
      if (full()) {
        yield { number, bytes: buffer, last: false }
        number += 1
        buffer = buffers.take(partBytes(number, announcedBytes))
        filled = 0
      }
      if (filled === buffer.length) buffer = grown(buffer, partBytes(number, announcedBytes))
      const fits = chunk.subarray(taken, taken + buffer.length - filled)
      buffer.set(fits, filled)
      filled += fits.length
      taken += fits.length
    }
  }
  yield { number, bytes: buffer.subarray(0, filled), last: true }
}

/** What is known to be small takes little, and what may be small begins so. */
function firstBytes(announcedBytes: number | undefined): number {
  return Math.max(1, Math.min(partBytes(1, announcedBytes), announcedBytes ?? FIRST_BYTES))
}

function grown(buffer: Buffer, maxBytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.min(buffer.length * 4, maxBytes))
  buffer.copy(larger)
  return larger
}

/** Buffers that are used again, so that memory does not wait for the garbage collector. */
export class PartBuffers {
  readonly #free: Buffer[] = []

  take(sizeBytes: number): Buffer {
    const found = this.#free.pop()
    // Of its own memory, which is only touched as far as it is filled.
    return found?.length === sizeBytes ? found : Buffer.allocUnsafeSlow(sizeBytes)
  }

  giveBack(buffer: Buffer): void {
    this.#free.push(buffer)
  }
}
