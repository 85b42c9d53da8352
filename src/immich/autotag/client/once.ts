/**
 * Work that several wait for: whoever goes away does not end it for the others.
 *
 * @module
 */

/** The answer of the first call, for all; a failure is asked again. A signal ends the wait of whoever gave it alone. */
export function once<T>(question: () => Promise<T>): (signal?: AbortSignal) => Promise<T> {
  let answer: Promise<T> | undefined
  return async (signal) => {
    signal?.throwIfAborted()
    answer ??= question().catch((error: unknown) => {
      answer = undefined
      throw error
    })
    return await unlessCalledOff(answer, signal)
  }
}

/** Rejects with the signal's reason as soon as it is aborted; what was begun goes on. */
export async function unlessCalledOff<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  const calledOff = Promise.withResolvers<never>()
  const abort = (): void => calledOff.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work, calledOff.promise])
  } finally {
    signal.removeEventListener('abort', abort)
    work.catch(() => undefined)
  }
}
