/**
 * Reads that go on beside each other: the first that fails calls off the rest.
 *
 * @module
 */

/** Runs `work` with a signal that is aborted when `signal` is or any of it fails; rejects when all of it has ended. */
export async function together<T extends readonly unknown[]>(
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const failing = new AbortController()
  const both = signal === undefined ? failing.signal : AbortSignal.any([signal, failing.signal])
  let first: { readonly error: unknown } | undefined
  const parts = work(both).map(async (part) => {
    try {
      return await part
    } catch (error) {
      first ??= { error }
      failing.abort(error)
      return undefined
    }
  })
  const results = await Promise.all(parts)
  if (first !== undefined) throw first.error
  return results as unknown as T
}

/** The results in the order of `items`, of which at most `width` are worked on at a time. */
export async function mapBeside<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next
      next += 1
      results[at] = await work(items[at] as Item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker))
  return results
}
