/**
 * Takes away what uploads leave behind in memory, cheaply and soon.
 *
 * Each 64 KiB of a body lie outside of V8's heap, behind a small object in it. The small objects take many uploads to fill
 * V8's young space, but after 64 MB outside it marks the whole heap: that took 16 to 20 of the 50 ms of processor time that
 * an upload of 5 MB took the server (Node 24, 2026-11). A collection of the young space alone frees nearly all of them, in a
 * millisecond or two.
 *
 * @module
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Well below V8's 64 MB: what a collection comes too late for is old by then, and has to wait for the next large one. */
const EVERY_BYTES = 6 * 1024 * 1024

type Collect = (options: { readonly type: 'minor' }) => void

export class BodyGarbage {
  readonly #collect: Collect
  #bytes = 0

  constructor(collect: Collect = youngCollector()) {
    this.#collect = collect
  }

  /** To be told of each chunk of a body as it comes. */
  see(sizeBytes: number): void {
    this.#bytes += sizeBytes
    if (this.#bytes < EVERY_BYTES) return
    this.#bytes = 0
    this.#collect({ type: 'minor' })
  }

  /** The same chunks, seen. */
  async *watch(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.see(chunk.length)
      yield chunk
    }
  }
}

/** A V8 without it collects by itself, as it would anyway. */
function youngCollector(): Collect {
  setFlagsFromString('--expose-gc')
  const found: unknown = runInNewContext('globalThis.gc')
  return typeof found === 'function' ? (found as Collect) : () => undefined
}
