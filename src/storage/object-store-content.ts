/**
 * The content of a put on its way into a store: counted, and ended when the caller gives up.
 *
 * @module
 */

import { ObjectStoreError, type PutOptions } from './object-store.ts'

/**
 * The chunks of `content`, as they come. A source that hangs is left when the signal aborts; one that is left early
 * is told so (`return`), so that it closes what it holds.
 *
 * @throws what the source throws, unchanged; the signal's reason; {@link ObjectStoreError}
 *   `storage/size-mismatch` when the bytes are more or fewer than announced.
 */
export async function* contentChunks(
  name: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): AsyncGenerator<Uint8Array> {
  const { sizeBytes: announced } = options
  let seen = 0
  for await (const chunk of untilAborted(content, options.signal)) {
    seen += chunk.length
    // Told at once: an endless source must not fill the store first.
    if (announced !== undefined && seen > announced) throw sizeMismatch(name, announced, `${seen} or more`)
    if (chunk.length > 0) yield chunk
  }
  if (announced !== undefined && seen !== announced) throw sizeMismatch(name, announced, String(seen))
}

function sizeMismatch(name: string, announced: number, seen: string): ObjectStoreError {
  return new ObjectStoreError(
    'storage/size-mismatch',
    `content of ${name} has ${seen} bytes instead of ${announced}`,
    { recovery: 'retry' },
  )
}

async function* untilAborted(
  content: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted()
  if (content instanceof Uint8Array) {
    yield content
    return
  }
  const iterator = content[Symbol.asyncIterator]()
  let ended = false
  try {
    while (true) {
      const next = await nextOrAbort(iterator, signal)
      ended = next.done === true
      if (next.done === true) return
      yield next.value
    }
  } catch (error) {
    // Not waited for: a generator that hangs in its body would never answer.
    if (signal?.aborted === true) void leave(iterator)
    ended = true
    throw error
  } finally {
    if (!ended) await leave(iterator)
  }
}

/** One listener at a time: racing each chunk against one promise would keep a reaction for each chunk. */
function nextOrAbort(
  iterator: AsyncIterator<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<Uint8Array>> {
  if (signal === undefined) return iterator.next()
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

/** What a source says on being left does not matter any more: the put has failed with a better reason. */
async function leave(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    await iterator.return?.()
  } catch {
    return
  }
}
