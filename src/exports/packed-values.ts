/**
 * A long list of small plain objects in little memory: packed in blocks, unpacked when they are asked for.
 *
 * What 100,000 sidecars say takes 50 MB as objects, and 3 MB like this, for the same keys and nearly the same
 * values stand in all of them. Meant to be read about in the order in which it was written: then each block is
 * unpacked once.
 *
 * @module
 */

import { deflateRawSync, inflateRawSync } from 'node:zlib'

/** Enough for the deflater to find what repeats; few enough that a value out of order costs a tenth of a millisecond. */
const BLOCK_VALUES = 64

/** For a few kilobytes: by default each call would take 300 kB for a moment, which slows the collector down. */
const DEFLATE = { level: 1, windowBits: 13, memLevel: 5, chunkSize: 4096 } as const
const INFLATE = { windowBits: 13, chunkSize: 16_384 } as const

/** Blocks that are kept unpacked: copies in albums are read in turn with what they are copies of. */
const KEPT_BLOCKS = 16

/** `Value` must be what JSON can hold: it comes back equal, as another object that is not to be changed. */
export class PackedValues<Value> {
  readonly #blocks: Buffer[] = []
  /** The values behind the last whole block. */
  #last: Value[] = []
  /** Least recently used first. */
  readonly #unpacked = new Map<number, readonly Value[]>()

  get length(): number {
    return this.#blocks.length * BLOCK_VALUES + this.#last.length
  }

  /** @returns The value's index. */
  add(value: Value): number {
    const index = this.length
    this.#last.push(value)
    if (this.#last.length === BLOCK_VALUES) {
      this.#blocks.push(pack(this.#last))
      this.#last = []
    }
    return index
  }

  /** @throws RangeError for an index that {@link add} has not returned. */
  at(index: number): Value {
    const place = index % BLOCK_VALUES
    const value = this.#block((index - place) / BLOCK_VALUES)[place]
    if (value === undefined) throw new RangeError(`there is no value ${index} of ${this.length}`)
    return value
  }

  #block(number: number): readonly Value[] {
    const packed = this.#blocks[number]
    if (packed === undefined) return number === this.#blocks.length ? this.#last : []
    const known = this.#unpacked.get(number)
    const values = known ?? (JSON.parse(inflateRawSync(packed, INFLATE).toString('utf8')) as Value[])
    this.#unpacked.delete(number)
    this.#unpacked.set(number, values)
    const [oldest] = this.#unpacked.keys()
    if (oldest !== undefined && this.#unpacked.size > KEPT_BLOCKS) this.#unpacked.delete(oldest)
    return values
  }
}

/** A buffer of its own size: one that is a part of a larger buffer would keep all of that. */
function pack(values: readonly unknown[]): Buffer {
  const packed = deflateRawSync(JSON.stringify(values), DEFLATE)
  const own = Buffer.allocUnsafeSlow(packed.length)
  packed.copy(own)
  return own
}
