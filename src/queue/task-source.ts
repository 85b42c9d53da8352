/**
 * Reads tasks from whatever a caller has them in, a few at a time and no earlier than they are wanted.
 *
 * @module
 */

export type Source<Item> = Iterable<Item> | AsyncIterable<Item>

/** A slow source's tasks are not held back for longer than this until there are enough of them for one addition. */
const FLUSH_MS = 20

export class TaskSource<Item> {
  readonly #iterator: Iterator<Item> | AsyncIterator<Item>
  /** Asked for, and not read yet. */
  #next: Promise<IteratorResult<Item>> | undefined
  #failure: { readonly error: unknown } | undefined
  #isDone = false

  constructor(source: Source<Item>) {
    this.#iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  }

  /**
   * At most `limit` items; fewer when the source is slow, none when it has ended.
   *
   * @throws what the source threw, after all that came before it was read.
   */
  async read(limit: number): Promise<Item[]> {
    const items: Item[] = []
    const flush = new Flush()
    try {
      await this.#readInto(items, limit, flush)
    } catch (error) {
      this.#isDone = true
      this.#failure = { error }
    } finally {
      flush.cancel()
    }
    if (items.length > 0 || this.#failure === undefined) return items
    throw this.#failure.error
  }

  /** Tells the source that no more is wanted, unless it has ended by itself. */
  async close(): Promise<void> {
    if (this.#isDone) return
    this.#isDone = true
    // One who is waiting for a source that never answers must not wait for it to end, either.
    if (this.#next !== undefined) this.#next.catch(() => undefined)
    else await this.#iterator.return?.()
  }

  async #readInto(items: Item[], limit: number, flush: Flush): Promise<void> {
    while (items.length < limit && !this.#isDone) {
      const result = await this.#pull(items.length === 0 ? undefined : flush)
      if (result === undefined) return
      if (result.done === true) this.#isDone = true
      else items.push(result.value)
    }
  }

  /** The next item, or undefined when it takes longer than `flush` waits. */
  async #pull(flush: Flush | undefined): Promise<IteratorResult<Item> | undefined> {
    const next = this.#next ?? this.#iterator.next()
    if (!(next instanceof Promise)) return next
    this.#next = next
    const result = await (flush === undefined ? next : Promise.race([next, flush.due()]))
    if (result !== undefined) this.#next = undefined
    return result
  }
}

/** One timer for a whole reading, started when it is first needed. */
class Flush {
  #due: Promise<undefined> | undefined
  #timer: NodeJS.Timeout | undefined

  due(): Promise<undefined> {
    this.#due ??= new Promise((resolve) => {
      this.#timer = setTimeout(() => resolve(undefined), FLUSH_MS)
    })
    return this.#due
  }

  cancel(): void {
    clearTimeout(this.#timer)
  }
}
