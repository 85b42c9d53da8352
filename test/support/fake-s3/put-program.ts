/**
 * A program that streams objects into a bucket, and prints how its memory grew.
 *
 * `node put-program.ts ENDPOINT MIBIBYTES`; credentials from the environment. The first object is small, so that what
 * the client itself takes is counted as there before.
 *
 * @module
 */

import { openObjectStore } from '../../../src/storage/open-object-store.ts'

const MIB = 1024 * 1024

/** One chunk again and again: the content itself takes no memory. */
const CHUNK = Buffer.alloc(256 * 1024, 'photo')

const [, , endpoint = '', mibibytes = ''] = process.argv

async function* content(sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < sizeBytes; sent += CHUNK.length) yield CHUNK
}

const store = await openObjectStore({ kind: 's3', bucket: 'photos', prefix: '', endpoint })
await store.put('first', content(MIB), { contentType: 'video/mp4' })
const before = process.memoryUsage().rss
const { sizeBytes } = await store.put('large', content(Number(mibibytes) * MIB), { contentType: 'video/mp4' })
// Kilobytes, of the whole life of the process.
const peakBytes = process.resourceUsage().maxRSS * 1024
await store.close()
process.stdout.write(JSON.stringify({ sizeBytes, grownBytes: peakBytes - before }))
