/**
 * The floor that the ingest is measured against: a plain program that copies, hashes, fsyncs and renames.
 *
 * `node bench/plain-copy.ts FROM TO WORKERS` starts that many worker processes and hands the media files out one by
 * one, two ahead. It parses nothing, keeps no database and does not look at what the bytes are. A worker blocks in
 * its calls, which for one process is the fastest way that Node has.
 *
 * @module
 */

import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, fsyncSync, openSync, readdirSync, readSync, renameSync, writeSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Job {
  readonly from: string
  readonly to: string
}

const CHUNK = Buffer.allocUnsafe(1 << 20)
const AHEAD = 2

if (process.send === undefined) await coordinate(process.argv.slice(2))
else process.on('message', (job: Job) => process.send?.(copy(job)))

async function coordinate([from = '', to = '', workers = '']: readonly string[]): Promise<void> {
  const jobs: Job[] = readdirSync(from, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(json|html)$/.test(entry.name))
    .map((entry, index) => ({
      from: join(entry.parentPath, entry.name),
      to: join(to, String(index).padStart(6, '0') + extname(entry.name)),
    }))
  const queue = jobs.values()
  const copied = await Promise.all(Array.from({ length: Number(workers) }, () => work(queue)))
  const bytes = copied.reduce((sum, one) => sum + one, 0)
  console.log(JSON.stringify({ files: jobs.length, bytes }))
}

/** One worker process, fed until the queue is empty; answers the bytes that it copied. */
async function work(queue: Iterator<Job>): Promise<number> {
  const worker = fork(fileURLToPath(import.meta.url))
  let open = 0
  let bytes = 0
  const feed = (): void => {
    while (open < AHEAD) {
      const next = queue.next()
      if (next.done === true) break
      open += 1
      worker.send(next.value)
    }
    if (open === 0) worker.disconnect()
  }
  worker.on('message', (copied: { bytes: number }) => {
    bytes += copied.bytes
    open -= 1
    feed()
  })
  feed()
  const [code] = (await once(worker, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`worker exited with ${code}`)
  return bytes
}

function copy({ from, to }: Job): { bytes: number; sha1: string } {
  const hash = createHash('sha1')
  const input = openSync(from, 'r')
  const output = openSync(`${to}.tmp`, 'w')
  let bytes = 0
  for (;;) {
    const length = readSync(input, CHUNK)
    if (length === 0) break
    const chunk = CHUNK.subarray(0, length)
    hash.update(chunk)
    writeSync(output, chunk)
    bytes += length
  }
  fsyncSync(output)
  closeSync(output)
  closeSync(input)
  renameSync(`${to}.tmp`, to)
  return { bytes, sha1: hash.digest('hex') }
}
