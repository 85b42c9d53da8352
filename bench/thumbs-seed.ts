/**
 * The design that thumbnails are measured against, as the seed document describes it: a new worker thread for each
 * photo and size, up to eight at once, with the whole file in a buffer and mozjpeg at quality 85.
 *
 * `node bench/thumbs-seed.ts FROM TO SIZE,…`
 *
 * @module
 */

import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

interface Job {
  readonly from: string
  readonly to: string
  readonly sizePx: number
}

if (isMainThread) await coordinate(process.argv.slice(2))
else await makeThumbnail(workerData as Job)

async function coordinate([from = '', to = '', sizes = '']: readonly string[]): Promise<void> {
  const jobs = readdirSync(from).flatMap((name) =>
    sizes.split(',').map((size) => ({
      from: join(from, name),
      to: join(to, `${name}-${size}.jpg`),
      sizePx: Number(size),
    })),
  )
  const queue = jobs.values()
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, () => work(queue)))
}

async function work(queue: Iterator<Job>): Promise<void> {
  for (let next = queue.next(); next.done !== true; next = queue.next()) {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: next.value })
    await new Promise<void>((resolve, reject) => {
      worker.once('error', reject)
      worker.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`worker ended with ${code}`))))
    })
  }
}

async function makeThumbnail({ from, to, sizePx }: Job): Promise<void> {
  const { default: sharp } = await import('sharp')
  const photo = await readFile(from)
  const thumbnail = await sharp(photo)
    .resize(sizePx, sizePx, { fit: 'inside' })
    .jpeg({ quality: 85, mozjpeg: true })
    .toBuffer()
  await writeFile(to, thumbnail)
}
