/**
 * The body of a request, read whole and hashed.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export interface S3Body {
  readonly bytes: Buffer
  readonly sizeBytes: number
  /** Hex. */
  readonly sha256: string
}

/** Large bodies are not kept when they are to be forgotten: only their size and hash. */
export async function bodyOf(request: IncomingMessage, forget: boolean): Promise<S3Body> {
  const chunks: Buffer[] = []
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk)
    sizeBytes += chunk.length
    // The XML of requests is needed; it is small.
    if (!forget || sizeBytes < 1024 * 1024) chunks.push(chunk)
  }
  return { bytes: Buffer.concat(chunks), sizeBytes, sha256: hash.digest('hex') }
}
