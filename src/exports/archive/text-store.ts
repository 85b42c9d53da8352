/**
 * The small text files of a tgz, kept while it streams past: they are the metadata, and will be asked for.
 *
 * @module
 */

/** Metadata that is kept while listing: larger ones are rare, and read again. */
const MAX_KEPT_TEXT_BYTES = 1024 * 1024
/** 256 MiB hold the sidecars of about 200,000 photos, at 1.2 kB each. */
const MAX_KEPT_TOTAL_BYTES = 256 * 1024 * 1024

const TEXT = /\.(?:json|html?|csv|xmp|txt|xml|ini|js)$/iu

/** Whether a member is worth keeping: a text, and small. */
export function isKeptText(path: string, sizeBytes: number): boolean {
  return sizeBytes <= MAX_KEPT_TEXT_BYTES && TEXT.test(path)
}

/** Small files of an archive by the number of their member, within a budget of memory. */
export class TextStore {
  readonly #texts = new Map<number, Buffer>()
  #bytes = 0

  get(ordinal: number): Buffer | undefined {
    return this.#texts.get(ordinal)
  }

  hasRoomFor(sizeBytes: number): boolean {
    return this.#bytes + sizeBytes <= MAX_KEPT_TOTAL_BYTES
  }

  add(ordinal: number, text: Buffer): void {
    this.#texts.set(ordinal, text)
    this.#bytes += text.length
  }

  clear(): void {
    this.#texts.clear()
    this.#bytes = 0
  }
}
