/**
 * `serve`: uploads by eight clients, against `heirloom thumbs` on the same files; and a thousand requests a second while
 * thumbnails are made.
 *
 * The server runs as its users start it, in a process of its own; only a probe that measures its event loop is loaded
 * before it. Its own memory counts, not that of the workers, which have their own limit. Requests are sent at fixed
 * times, whether earlier ones were answered or not, and are late from the time at which they should have been sent.
 * Clients and server share the machine.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import type { BenchArgs } from './args.ts'
import type { LoopDelay } from './loop-probe.ts'
import { machine, type Run, runNode } from './measure.ts'
import { megabytes, perSecond, printTable, printVerdict, seconds } from './print.ts'
import { thumbPhotos } from './thumbs-photos.ts'
import { endedChildrenCpuMs } from './tree-memory.ts'
import { freshOutput, needSpace, removeOutputs, settle } from './workspace.ts'

const CLIENTS = 8
const REQUESTS_PER_S = 1_000
/** About 5 MB a photo. */
const SIZE = { name: '16 MP', widthPx: 4640, heightPx: 3480 }

const MAX_MEMORY_BYTES = 300e6
const MAX_DELAY_MS = 50
const MAX_RATIO = 1.15
const MAX_LATENCY_MS = 100

const HEIRLOOM = fileURLToPath(new URL('../bin/heirloom.js', import.meta.url))
const PROBE = new URL('./loop-probe.ts', import.meta.url).href

export async function benchServe({ workers, quick, items }: BenchArgs): Promise<void> {
  const photos = items?.[0] ?? (quick ? 20 : 200)
  const loadS = quick ? 5 : 60
  const { folder, facts } = await thumbPhotos(SIZE, photos)
  await needSpace(facts.bytes * 2)
  const names = (await readdir(folder)).toSorted()
  const files = names.map((name) => join(folder, name))
  console.log(
    `${photos} photos of ${megabytes(facts.bytes / photos)}, ${CLIENTS} clients, ${workers} workers; ${machine()}\n`,
  )
  const library = await freshOutput('library')
  settle()
  const watch = watchOthers()
  const uploads = await uploadAll(library, files, workers)
  settle()
  const thumbs = await runNode([
    HEIRLOOM,
    'thumbs',
    folder,
    '-o',
    await freshOutput('thumbs'),
    '-w',
    String(workers),
    '--json',
  ])
  printUploads(uploads, thumbs, photos)
  console.log(`other programs took ${watch.share()} of the machine meanwhile`)
  const loadWatch = watchOthers()
  const load = await loadWhileProcessing(library, workers, loadS)
  printLoad(load, loadS)
  console.log(`other programs took ${loadWatch.share()} of the machine meanwhile`)
  await removeOutputs()
}

/** How much of the processors went to neither this program nor its ended children, in percent. */
function watchOthers(): { share: () => string } {
  const read = (): { busyMs: number; totalMs: number; ownMs: number } => {
    const ticks =
      readFileSync('/proc/stat', 'utf8').split('\n')[0]?.trim().split(/\s+/u).slice(1, 9).map(Number) ?? []
    const totalMs = ticks.reduce((sum, value) => sum + value, 0) * 10
    const { user, system } = process.cpuUsage()
    const ownMs = (user + system) / 1000 + (endedChildrenCpuMs() ?? 0)
    return { busyMs: totalMs - ((ticks[3] ?? 0) + (ticks[4] ?? 0)) * 10, totalMs, ownMs }
  }
  const from = read()
  return {
    share: () => {
      const to = read()
      const others = to.busyMs - from.busyMs - (to.ownMs - from.ownMs)
      return `${((Math.max(0, others) / (to.totalMs - from.totalMs)) * 100).toFixed(0)} %`
    },
  }
}

interface Uploads {
  readonly uploadMs: number
  readonly thumbsMs: number
  /** Of the server and its workers, from start to end. */
  readonly cpuMs: number
  readonly delay: LoopDelay
  readonly peakBytes: number
}

async function uploadAll(library: string, files: readonly string[], workers: number): Promise<Uploads> {
  const server = await startServer(library, ['--workers', String(workers)])
  const memory = sampleMemory(server.pid)
  await server.loopDelay()
  const startedAt = performance.now()
  const waiting = [...files]
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const client = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      await uploadOne(agent, server.address, file)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  const uploadMs = performance.now() - startedAt
  const delayed = await server.loopDelay()
  agent.destroy()
  await untilIdle(server.address)
  const thumbsMs = performance.now() - startedAt
  const peakBytes = memory.stop()
  const cpuBefore = endedChildrenCpuMs() ?? Number.NaN
  await server.stop()
  const cpuMs = (endedChildrenCpuMs() ?? Number.NaN) - cpuBefore
  return { uploadMs, thumbsMs, cpuMs, delay: delayed, peakBytes }
}

/** As cheaply as a client can be: what it takes is not the server's. */
async function uploadOne(agent: Agent, address: string, file: string): Promise<void> {
  const head = `--x\r\nContent-Disposition: form-data; name="file"; filename="${basename(file)}"\r\n\r\n`
  const tail = '\r\n--x--\r\n'
  const bytes = await readFile(file)
  const sent = request(`${address}/api/uploads/direct`, {
    agent,
    method: 'POST',
    headers: {
      'content-type': 'multipart/form-data; boundary=x',
      'content-length': head.length + bytes.length + tail.length,
    },
  })
  sent.write(head)
  sent.write(bytes)
  sent.end(tail)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const answer = await text(response)
  if (response.statusCode !== 201)
    throw new Error(`upload was answered with ${response.statusCode}: ${answer}`)
}

interface Status {
  readonly queueSize: number
  readonly activeWorkers: number
}

async function openTasks(address: string): Promise<number> {
  const { queueSize, activeWorkers } = (await (
    await fetch(`${address}/api/thumbnails/status`)
  ).json()) as Status
  return queueSize + activeWorkers
}

async function untilIdle(address: string): Promise<void> {
  while ((await openTasks(address)) > 0) await delay(100)
}

interface Load {
  readonly latenciesMs: readonly number[]
  readonly errors: readonly string[]
  readonly delay: LoopDelay
  readonly peakBytes: number
  /** For how long of it thumbnails were made. */
  readonly busyMs: number
}

/** Another style makes every photo of the library work again. */
async function loadWhileProcessing(library: string, workers: number, loadS: number): Promise<Load> {
  const server = await startServer(library, [
    '--workers',
    String(workers),
    '--thumb-mozjpeg',
    '--thumb-sizes',
    '2048,1440,250',
  ])
  const memory = sampleMemory(server.pid)
  const page = (await (await fetch(`${server.address}/api/photos?limit=500`)).json()) as {
    photos: { id: string }[]
  }
  const paths = page.photos.flatMap(({ id }) => [
    '/api/thumbnails/status',
    `/api/photos/${id}/thumbnails/250`,
  ])
  const startedAt = performance.now()
  let busyMs = 0
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      if ((await openTasks(server.address)) > 0) busyMs = performance.now() - startedAt
      await delay(500)
    }
  })()
  await server.loopDelay()
  const { latenciesMs, errors } = await sendAtRate(server.address, paths, loadS)
  const delayed = await server.loopDelay()
  isOver = true
  await watching
  const peakBytes = memory.stop()
  await server.stop()
  return { latenciesMs, errors, delay: delayed, peakBytes, busyMs }
}

async function sendAtRate(
  address: string,
  paths: readonly string[],
  loadS: number,
): Promise<Pick<Load, 'latenciesMs' | 'errors'>> {
  const pool = new Pool(address, { connections: 64 })
  const total = REQUESTS_PER_S * loadS
  const latenciesMs: number[] = []
  const errors: string[] = []
  const startedAt = performance.now()
  const send = async (index: number): Promise<void> => {
    const dueAt = startedAt + (index * 1000) / REQUESTS_PER_S
    try {
      const { statusCode, body } = await pool.request({
        path: paths[index % paths.length] ?? '/',
        method: 'GET',
      })
      await body.dump()
      if (statusCode !== 200) errors.push(String(statusCode))
    } catch (error) {
      errors.push(String(error))
    }
    latenciesMs.push(performance.now() - dueAt)
  }
  const running: Promise<void>[] = []
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) * REQUESTS_PER_S) / 1000))
    while (sent < due) running.push(send(sent++))
    await delay(1)
  }
  await Promise.all(running)
  await pool.close()
  return { latenciesMs, errors }
}

interface Server {
  readonly address: string
  readonly pid: number
  /** Since it was asked last. */
  loopDelay(): Promise<LoopDelay>
  stop(): Promise<void>
}

async function startServer(library: string, args: readonly string[]): Promise<Server> {
  const child = spawn(
    process.execPath,
    ['--import', PROBE, HEIRLOOM, 'serve', '--library', library, '--port', '0', '--json', ...args],
    { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
  )
  const [line] = (await once(
    createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> }),
    'line',
  )) as [string]
  const { address } = JSON.parse(line) as { address: string }
  return {
    address,
    pid: child.pid ?? 0,
    loopDelay: async () => {
      child.send('read')
      const [answer] = (await once(child, 'message')) as [LoopDelay]
      return answer
    },
    stop: async () => {
      child.kill('SIGTERM')
      const [code] = (await once(child, 'exit')) as [number | null]
      if (code !== 0) throw new Error(`the server ended with ${code}`)
    },
  }
}

/** Peak of one process's own memory. */
function sampleMemory(pid: number): { stop: () => number } {
  let peakBytes = 0
  const timer = setInterval(() => {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const pssKb = Number(/^Pss:\s+(?<kb>\d+) kB/mu.exec(text)?.groups?.['kb'] ?? 0)
    peakBytes = Math.max(peakBytes, pssKb * 1024)
  }, 100)
  return {
    stop: () => {
      clearInterval(timer)
      return peakBytes
    },
  }
}

function printUploads(
  { uploadMs, thumbsMs, cpuMs, delay: late, peakBytes }: Uploads,
  { wallMs: plainMs, cpuMs: plainCpuMs = Number.NaN }: Run,
  photos: number,
): void {
  printTable(
    ['', 'time', 'photos a second', 'processor time a photo'],
    [
      ['all uploads answered', seconds(uploadMs), perSecond(photos, uploadMs)],
      [
        'all thumbnails made',
        seconds(thumbsMs),
        perSecond(photos, thumbsMs),
        `${(cpuMs / photos).toFixed(0)} ms`,
      ],
      [
        'heirloom thumbs, same files',
        seconds(plainMs),
        perSecond(photos, plainMs),
        `${(plainCpuMs / photos).toFixed(0)} ms`,
      ],
    ],
  )
  console.log(
    `event loop during the uploads: p50 ${late.p50Ms.toFixed(1)} ms, p99 ${late.p99Ms.toFixed(1)} ms, at most ${late.maxMs.toFixed(1)} ms late; by its own work p99 ${late.ownP99Ms.toFixed(1)} ms, at most ${late.ownMaxMs.toFixed(1)} ms`,
  )
  printVerdict(
    'event loop, p99',
    `${late.p99Ms.toFixed(1)} ms`,
    `under ${MAX_DELAY_MS} ms`,
    late.p99Ms < MAX_DELAY_MS,
  )
  printVerdict(
    "the server's own memory, peak",
    megabytes(peakBytes),
    `under ${megabytes(MAX_MEMORY_BYTES)}`,
    peakBytes < MAX_MEMORY_BYTES,
  )
  const ratio = thumbsMs / plainMs
  printVerdict(
    'time to all thumbnails against heirloom thumbs',
    ratio.toFixed(2),
    `at most ${MAX_RATIO}`,
    ratio <= MAX_RATIO,
  )
}

function printLoad({ latenciesMs, errors, delay: late, peakBytes, busyMs }: Load, loadS: number): void {
  const sorted = latenciesMs.toSorted((a, b) => a - b)
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
  console.log(
    `\n${REQUESTS_PER_S} requests a second for ${loadS} s, status and thumbnails by turns; thumbnails were made for ${seconds(busyMs)} of it`,
  )
  printTable(
    ['', 'p50', 'p90', 'p99', 'p99.9', 'most'],
    [['answered after (ms)', ...[0.5, 0.9, 0.99, 0.999, 1].map((part) => at(part).toFixed(1))]],
  )
  console.log(
    `event loop: p99 ${late.p99Ms.toFixed(1)} ms late, by its own work ${late.ownP99Ms.toFixed(1)} ms; memory ${megabytes(peakBytes)}`,
  )
  printVerdict(
    'answers, p99',
    `${at(0.99).toFixed(1)} ms`,
    `under ${MAX_LATENCY_MS} ms`,
    at(0.99) < MAX_LATENCY_MS,
  )
  printVerdict('errors', String(errors.length), 'none', errors.length === 0)
  for (const error of new Set(errors.slice(0, 5))) console.log(`  ${error}`)
}
