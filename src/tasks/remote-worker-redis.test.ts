import assert from 'node:assert/strict'
import { EventEmitter, once as onceEvent } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makePhoto } from '../../test/support/make-photo.ts'
import { once } from '../../test/support/queue-engine.ts'
import { NO_REDIS, startRedis, type TestRedis } from '../../test/support/redis-server.ts'
import { createLogger } from '../logger.ts'
import { DEFAULT_THUMBNAIL_OPTIONS } from '../media/thumbnail/thumbnail.ts'
import { openRemoteLanes, type RedisOptions } from '../queue/bullmq/index.ts'
import { QueueEngine } from '../queue/queue-engine.ts'
import { MemoryBackend } from '../queue/testing/memory-backend.ts'
import type { PathMap, RemoteWorkerOptions } from './remote-api.ts'
import { REDIS_PARTS, runRemoteWorker } from './remote-worker.ts'
import { REMOTE_HOST_TIMES } from './remote-worker-host.ts'
import type { ThumbnailPayload, ThumbnailResult } from './thumbnail-task.ts'

const THERE = '/nonexistent/data'

interface Scene {
  readonly queue: QueueEngine
  readonly backend: MemoryBackend
  readonly data: string
  readonly redis: RedisOptions
  readonly emitted: unknown[]
  readonly server: TestRedis
  /** Called one after the other after the test, the last one first. */
  readonly ends: (() => Promise<unknown>)[]
}

/** A coordinator whose thumbnails are made by worker hosts, with a Redis of their own between them. */
async function setup(t: TestContext): Promise<Scene | undefined> {
  const server = await startRedis()
  if (server === undefined) {
    t.skip(NO_REDIS)
    return undefined
  }
  const ends: (() => Promise<unknown>)[] = []
  // Last opened, first closed.
  t.after(async () => {
    for (const end of ends.toReversed()) await end()
  })
  ends.push(() => server.stop())
  const root = mkdtempSync(join(tmpdir(), 'heirloom-remote-redis-'))
  ends.push(async () => rmSync(root, { recursive: true, force: true }))
  const data = join(root, 'data')
  mkdirSync(join(data, '.heirloom/thumbs'), { recursive: true })
  const redis = { url: server.url, prefix: `test-${process.pid}-${Date.now()}` }
  const remote = await openRemoteLanes({ ...redis, origin: 'library/run' })
  const emitted: unknown[] = []
  const backend = new MemoryBackend()
  const queue = new QueueEngine({
    backend,
    remote,
    lanes: { thumbnail: { concurrency: 10, runsIn: 'remote', batchSize: 1, timeoutMs: 20_000 } },
    onEmit: async (_task, chunk) => {
      emitted.push(chunk)
      return { isKnown: false }
    },
  })
  ends.push(() => remote.close())
  ends.push(() => queue.stop({ graceful: false }))
  await queue.start()
  return { queue, backend, data, redis, emitted, server, ends }
}

interface Host {
  /** Messages. */
  readonly lines: string[]
  readonly onLine: EventEmitter
  /** As it was last told. */
  completed(): number
  stop(): Promise<{ readonly completed: number; readonly failed: number }>
}

function startHost({ redis, ends }: Scene, map: PathMap): Host {
  const [signal, kill] = [new AbortController(), new AbortController()]
  const lines: string[] = []
  const onLine = new EventEmitter()
  let completed = 0
  const options: RemoteWorkerOptions = {
    redis,
    lanes: { thumbnail: 1 },
    maps: [map],
    buckets: [],
    signal: signal.signal,
    kill: kill.signal,
    logger: createLogger({
      level: 'warn',
      write: (line) => {
        lines.push(line)
        onLine.emit('line')
      },
      now: Date.now,
    }),
    onStatus: ({ lanes }) => {
      completed = lanes.reduce((sum, lane) => sum + lane.completed, 0)
    },
  }
  const ended = runRemoteWorker(options, {
    ...REDIS_PARTS,
    times: { ...REMOTE_HOST_TIMES, putOffMs: 300 },
  })
  ends.push(() => {
    kill.abort()
    return ended.catch(() => undefined)
  })
  const stop: Host['stop'] = () => {
    signal.abort()
    return ended
  }
  return { lines, onLine, completed: () => completed, stop }
}

async function addPhoto({ queue, data }: Scene, seed: number): Promise<number> {
  const name = `${seed}.jpg`
  writeFileSync(join(data, name), await makePhoto({ widthPx: 640, heightPx: 480, seed }))
  const payload: ThumbnailPayload = {
    source: { kind: 'file', path: `${THERE}/${name}` },
    fileName: name,
    options: DEFAULT_THUMBNAIL_OPTIONS,
    maxPixels: 1e8,
    store: { kind: 'local', root: `${THERE}/.heirloom/thumbs`, durable: false },
    tempFolder: `${THERE}/.heirloom/tmp`,
  }
  const [added] = await queue.add([{ kind: 'thumbnail', lane: 'thumbnail', payload, maxRetries: 0 }])
  return added?.id ?? assert.fail('not added')
}

test('thumbnails are made by a worker host behind Redis, also after Redis has died and come back empty', async (t) => {
  const scene = await setup(t)
  if (scene === undefined) return
  const { queue, backend, data, emitted, server } = scene
  const { stop, lines, completed: counted } = startHost(scene, { there: THERE, here: data })
  const firstEnd = once(queue, 'task.settled')
  const first = await addPhoto(scene, 1)
  assert.equal((await firstEnd).status, 'completed')
  const { result } = (await backend.get(first)) ?? {}
  for (const { objectName, sizeBytes } of (result as ThumbnailResult).thumbnails)
    assert.equal(readFileSync(join(data, '.heirloom/thumbs', objectName)).length, sizeBytes)
  const [chunk] = emitted as { readonly file: { readonly path: string } }[]
  assert.equal(chunk?.file.path, `${THERE}/1.jpg`)
  let made = 1
  if (server.isOwn) {
    // What a server that is killed has not answered is not counted: nobody knows what became of it.
    for (const end = Date.now() + 10_000; counted() < 1; ) {
      assert.ok(Date.now() < end, 'the first one is not counted')
      await delay(20)
    }
    await server.kill('SIGKILL')
    const secondEnd = once(queue, 'task.settled')
    const second = await addPhoto(scene, 2)
    await server.start()
    assert.equal((await secondEnd).status, 'completed')
    assert.equal((await backend.get(second))?.failures, 0)
    made += 1
  }
  const { completed, failed } = await stop()
  assert.deepEqual({ completed, failed }, { completed: made, failed: 0 }, lines.join('\n'))
})

test('a task of a folder that one host does not have waits for one that has it, uncharged', async (t) => {
  const scene = await setup(t)
  if (scene === undefined) return
  const { queue, backend, data } = scene
  const { lines, onLine } = startHost(scene, { there: '/nonexistent/other', here: data })
  const end = once(queue, 'task.settled')
  const id = await addPhoto(scene, 1)
  while (!lines.some((line) => line.includes('remote/path-not-mapped')))
    await onceEvent(onLine, 'line', { signal: AbortSignal.timeout(10_000) })
  const other = startHost(scene, { there: THERE, here: data })
  assert.equal((await end).status, 'completed')
  const task = await backend.get(id)
  assert.deepEqual({ failures: task?.failures, attempt: task?.attempt }, { failures: 0, attempt: 1 })
  assert.equal((await other.stop()).completed, 1)
})
