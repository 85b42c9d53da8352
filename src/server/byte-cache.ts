/**
 * The newest small objects in memory, up to a total: what was asked for last is kept longest.
 *
 * @module
 */

export class ByteCache {
  readonly #maxBytes: number
  /** In the order in which they were asked for; a `Map` keeps it. */
  readonly #entries = new Map<string, Buffer>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get(name: string): Buffer | undefined {
    const bytes = this.#entries.get(name)
    if (bytes === undefined) return undefined
    this.#entries.delete(name)
    this.#entries.set(name, bytes)
    return bytes
  }

  /** One that takes more than a sixteenth of the room would drive out too many others, and is not kept. */
  put(name: string, bytes: Buffer): void {
    this.delete(name)
    if (bytes.length > this.#maxBytes / 16) return
    this.#entries.set(name, bytes)
    this.#bytes += bytes.length
    for (const [oldest] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break
      this.delete(oldest)
    }
  }

  delete(name: string): void {
    this.#bytes -= this.#entries.get(name)?.length ?? 0
    this.#entries.delete(name)
  }
}
