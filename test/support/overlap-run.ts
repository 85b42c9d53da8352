/**
 * Processing and uploading of several exports at once, with time in units: sleeping tasks and a server that is slow.
 *
 * The queue engine, the upload lanes, the library and the HTTP are the real ones; only the work is sleep. So what is
 * measured is the order in which things happen: the first export has to finish first, its upload to start at once,
 * and the line never to idle.
 *
 * @module
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { QueueEngine } from '../../src/queue/queue-engine.ts'
import type { NewTask } from '../../src/queue/task.ts'
import type { ExportFinishCommit } from '../../src/tasks/commit-export.ts'
import { ingest } from '../../src/tasks/ingest.ts'
import { openLibrarySession } from '../../src/tasks/library-session.ts'
import { exportGroup } from '../../src/tasks/store-calls.ts'
import { UploadLanes } from '../../src/tasks/upload-lanes.ts'
import type { FakeRequest } from './fake-immich/exchange.ts'
import { type FakeImmich, startFakeImmich } from './fake-immich/fake-immich.ts'
import { makeTakeout } from './make-takeout.ts'

const EXPORTS = 4
const WORKERS = 4
/** Of one export: so much work, in units of one worker. */
const PROCESSING_UNITS = 10
const UPLOAD_UNITS = 5
const UPLOADS_AT_ONCE = 4
/** Tasks of one export; each sleeps a quarter of a unit. */
const ITEMS = 40

export interface OverlapResult {
  /** From the start to the last upload. */
  readonly units: number
  /** When each export had been processed, in their order. */
  readonly processedAt: readonly number[]
  readonly firstUploadAt: number
  /** The line idled so long between the first upload and the last one. */
  readonly idleUnits: number
  readonly filesOnServer: number
}

export interface OverlapOptions {
  readonly unitMs: number
  /** Whether items of an earlier export come first, as in `ingest`; without it all exports go on side by side. */
  readonly isRanked: boolean
}

/** An export takes {@link PROCESSING_UNITS} of processing and {@link UPLOAD_UNITS} of upload. */
export async function runOverlap({ unitMs, isRanked }: OverlapOptions): Promise<OverlapResult> {
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-overlap-'))
  const server = await startFakeImmich()
  try {
    const library = await fillLibrary(folder)
    server.faults.add({ route: 'POST /assets', kind: 'latency', ms: unitMs })
    return await run(library, server, { unitMs, isRanked })
  } finally {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const names: readonly string[] = Array.from({ length: EXPORTS }, (_, index) => `export-${index + 1}`)

async function fillLibrary(folder: string): Promise<string> {
  const library = join(folder, 'library')
  const photos = UPLOAD_UNITS * UPLOADS_AT_ONCE
  const exports = await Promise.all(
    names.map(async (name, index) => {
      const made = await makeTakeout(join(folder, name), {
        seed: index + 1,
        photos,
        specials: false,
        widthPx: 32,
      })
      return { name, inputs: made.inputs }
    }),
  )
  await ingest({
    exports,
    library,
    state: undefined,
    parallelExports: EXPORTS,
    workers: 2,
    processor: undefined,
    dryRun: false,
    metadata: 'embed',
    zone: undefined,
    signal: new AbortController().signal,
    kill: new AbortController().signal,
    logger: silentLogger,
    onProgress: () => undefined,
  })
  return library
}

async function run(library: string, server: FakeImmich, options: OverlapOptions): Promise<OverlapResult> {
  const { unitMs, isRanked } = options
  const session = await openLibrarySession({ library, state: undefined, command: 'overlap', now: Date.now() })
  const { backend, paths } = session
  const processedAt = new Map<string, number>()
  const startedAt = systemClock.now()
  const uploads = new UploadLanes({
    backend,
    root: paths.root,
    settings: {
      connection: { address: server.address, key: server.key, insecure: false },
      concurrency: UPLOADS_AT_ONCE,
      waitMs: 60_000,
      albumNames: [],
      includeTrashed: false,
      ignorePatterns: [],
    },
    signal: new AbortController().signal,
    logger: silentLogger,
    startedAt,
    isBusyElsewhere: () => processedAt.size < EXPORTS,
  })
  const queue = new QueueEngine({
    backend,
    sole: true,
    lanes: {
      sleep: { concurrency: WORKERS, runsIn: 'coordinator' },
      'export-finish': { concurrency: 1, runsIn: 'coordinator' },
      ...uploads.lanes,
    },
    handlers: {
      sleep: () => delay((PROCESSING_UNITS / ITEMS) * unitMs),
      'export-finish': async () => null,
      ...uploads.handlers,
    },
    afterCommit: async (outputs) => {
      for (const { output } of outputs) {
        const { name } = output as ExportFinishCommit
        processedAt.set(name, systemClock.now())
        await uploads.enqueue(name)
      }
    },
  })
  try {
    await queue.add(tasksOf(isRanked))
    await queue.start()
    uploads.start(queue)
    await queue.drain()
    const units = (systemClock.now() - startedAt) / unitMs
    const sent = server.requests.filter(({ route }) => route === 'POST /assets')
    const firstUploadAt = (Math.min(...sent.map(({ at }) => at)) - startedAt) / unitMs
    return {
      units,
      processedAt: names.map((name) => ((processedAt.get(name) ?? 0) - startedAt) / unitMs),
      firstUploadAt,
      idleUnits: idleMs(sent) / unitMs,
      filesOnServer: server.state.assets.size,
    }
  } finally {
    await queue.stop()
    await uploads.close()
    await session.close()
  }
}

function tasksOf(isRanked: boolean): NewTask[] {
  const items = Array.from({ length: ITEMS }, () => names).flat()
  return [
    ...items.map((name): NewTask => {
      const priority = isRanked ? -names.indexOf(name) : 0
      return { kind: 'sleep', lane: 'sleep', payload: null, group: exportGroup(name), priority }
    }),
    ...names.map((name): NewTask => {
      return {
        kind: 'export-finish',
        lane: 'export-finish',
        payload: { name },
        afterGroup: exportGroup(name),
      }
    }),
  ]
}

/** Time in which nothing was under way between the first request and the last one. */
function idleMs(requests: readonly FakeRequest[]): number {
  let idle = 0
  let busyUntil = Number.POSITIVE_INFINITY
  for (const { at, durationMs = 0 } of requests.toSorted((a, b) => a.at - b.at)) {
    idle += Math.max(0, at - busyUntil)
    busyUntil = Math.max(busyUntil === Number.POSITIVE_INFINITY ? 0 : busyUntil, at + durationMs)
  }
  return idle
}
