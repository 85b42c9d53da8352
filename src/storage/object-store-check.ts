/**
 * Tries a store before it is trusted with work: at the start of the server, and by `heirloom doctor`.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { type ObjectStore, ObjectStoreError } from './object-store.ts'

/**
 * Puts, reads and removes a tiny object.
 *
 * @throws {@link ObjectStoreError} saying which of the three does not work, and what to do.
 */
export async function checkObjectStore(
  store: ObjectStore,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const name = `heirloom-check-${randomUUID()}`
  const content = Buffer.from(name)
  await step('writing to', store, () => store.put(name, content, { contentType: 'text/plain', ...options }))
  try {
    const read = await step('reading from', store, () => bytesOf(store.read(name, {}, options)))
    if (!read.equals(content)) {
      throw new ObjectStoreError('storage/altered', `${store.address} answers other bytes than were put`, {
        recovery: 'discard',
        hint: 'Look for a proxy or gateway between this machine and the storage that changes what it passes on.',
      })
    }
  } catch (error) {
    // Best effort: that reading fails is the news.
    await store.remove([name]).catch(() => undefined)
    throw error
  }
  await step('removing from', store, () => store.remove([name]))
}

async function step<T>(what: string, store: ObjectStore, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof ObjectStoreError)) throw error
    throw new ObjectStoreError(error.code, `${what} ${store.address} does not work: ${error.message}`, {
      cause: error,
      recovery: error.recovery,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    })
  }
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}
