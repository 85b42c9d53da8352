/**
 * Reads an object that the server may cut off: what is missing is asked for again.
 *
 * @module
 */

import { addAbortSignal, type Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { ObjectStoreError } from './object-store.ts'
import { isBroken } from './s3-errors.ts'
import type { ByteRange } from './storage.ts'

/** The bytes that a request is for. */
export interface Stretch {
  readonly first: number
  /** Included; undefined for the end of the object. */
  readonly last: number | undefined
  /** ETag that the object must still have. */
  readonly tag?: string | undefined
}

export interface Answer {
  readonly body: Readable
  /** Position in the object after the last byte of the answer. */
  readonly end: number
  readonly tag: string | undefined
}

/** Of a read that breaks off again and again without a byte. */
const MAX_BROKEN_READS = 4

/** Doubled each time. */
const PAUSE_MS = 100

/**
 * @param open - Asks for a stretch; undefined when the object ends before it.
 * @throws {@link ObjectStoreError} `storage/cut-off` when it keeps breaking off; what `open` throws.
 */
export async function* readWhole(
  name: string,
  range: ByteRange,
  open: (stretch: Stretch) => Promise<Answer | undefined>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let answer = await open(stretchOf(range))
  let position = range.offset ?? 0
  for (let broken = 0; answer !== undefined; ) {
    const { body, end, tag }: Answer = answer
    const before = position
    for await (const chunk of upTo(end - position, untilBroken(body, signal))) {
      position += chunk.length
      yield chunk
    }
    if (position === end) return
    broken = position > before ? 0 : broken + 1
    if (broken === MAX_BROKEN_READS) throw cutOff(name, `ends after ${position} of ${end} bytes`)
    await pause(PAUSE_MS * 2 ** broken, undefined, { signal })
    answer = same(name, { end, tag }, await open({ first: position, last: end - 1, tag }))
  }
}

/** Not every server looks at the tag that a request names. */
function same(name: string, former: Omit<Answer, 'body'>, answer: Answer | undefined): Answer {
  if (answer?.end === former.end && answer.tag === former.tag) return answer
  answer?.body.destroy()
  throw cutOff(name, 'was replaced while it was read')
}

function stretchOf({ offset = 0, length }: ByteRange): Stretch {
  return { first: offset, last: length === undefined ? undefined : offset + length - 1 }
}

/** Some servers answer more than they were asked for. */
async function* upTo(maxBytes: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = maxBytes
  for await (const chunk of chunks) {
    if (chunk.length > 0 && left > 0) yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) return
  }
}

async function* untilBroken(body: Readable, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    yield* signal === undefined ? body : addAbortSignal(signal, body)
  } catch (error) {
    if (!isBroken(error)) throw error
  }
}

function cutOff(name: string, how: string): ObjectStoreError {
  return new ObjectStoreError('storage/cut-off', `${name} ${how}`, { recovery: 'retry' })
}
