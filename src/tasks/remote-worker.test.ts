import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test'
import { FAKE_CREDENTIALS, useCredentials } from '../../test/support/fake-s3/credentials.ts'
import { startFakeS3 } from '../../test/support/fake-s3/fake-s3.ts'
import { openOn } from '../../test/support/fake-s3/scene.ts'
import { makePhoto } from '../../test/support/make-photo.ts'
import { systemClock } from '../clock.ts'
import { HeirloomError } from '../errors.ts'
import { createLogger } from '../logger.ts'
import { DEFAULT_THUMBNAIL_OPTIONS, thumbnailObjectName } from '../media/thumbnail/thumbnail.ts'
import type { Backend } from '../queue/backend.ts'
import type { RemoteEnvelope } from '../queue/remote.ts'
import type { Task } from '../queue/task.ts'
import { MemoryBackend } from '../queue/testing/memory-backend.ts'
import type { ItemPayload, ItemResult } from './item.ts'
import { placeItem } from './place-item.ts'
import type { RemoteWorkerOptions, RemoteWorkerSummary, WorkerStatusReport } from './remote-api.ts'
import { runRemoteWorker } from './remote-worker.ts'
import type { HashedChunk, ThumbnailPayload, ThumbnailResult } from './thumbnail-task.ts'

const LIMIT_MS = 30_000

/** What the coordinator calls them: there is nothing under these names here. */
const THERE = { data: '/nonexistent/data', takeout: '/nonexistent/takeout' }

/** Until `look` finds something. */
async function until<Found>(
  what: string,
  look: () => Promise<Found | undefined> | Found | undefined,
): Promise<Found> {
  const giveUpAt = Date.now() + LIMIT_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > giveUpAt) throw new Error(`no ${what} within ${LIMIT_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** As far as the worker host sees it: what Redis holds, and may be told to fail or to hang. */
class Redis {
  readonly stored = new MemoryBackend()
  readonly #close = Promise.withResolvers<never>()
  /** Rejects what is under way when the connection is closed. */
  readonly closed = this.#close.promise
  /** Every request goes through here. */
  trouble: () => Promise<void> = async () => undefined

  get backend(): Backend {
    const { stored } = this
    this.closed.catch(() => undefined)
    return new Proxy(stored as Backend, {
      get: (_, name: keyof Backend) => {
        // Else it would be taken for a promise.
        if (!(name in stored)) return undefined
        if (name === 'close') return async () => this.#close.reject(new Error('connection is closed'))
        if (name === 'watch') return stored.watch.bind(stored)
        return async (...request: never[]) => {
          await this.trouble()
          return (stored[name] as (...request: never[]) => unknown)(...request)
        }
      },
    })
  }

  async add(kind: string, payload: unknown, more: object = {}): Promise<number> {
    const envelope = { origin: 'library/run', taskId: 412, attempt: 3, payload, ...more }
    const [added] = await this.stored.add([
      { kind, lane: kind === 'thumbnail' ? 'thumbnail' : 'item', payload: envelope, maxRetries: 0 },
    ])
    assert.ok(added)
    return added.id
  }

  ended(id: number): Promise<Task> {
    return until(`end of task ${id}`, async () => {
      const task = await this.stored.get(id)
      return task?.finishedAt === undefined ? undefined : task
    })
  }

  async completed(id: number): Promise<Task> {
    const task = await this.ended(id)
    assert.deepEqual({ status: task.status, error: task.error }, { status: 'completed', error: undefined })
    return task
  }
}

interface Worker {
  readonly redis: Redis
  readonly emitted: { readonly envelope: RemoteEnvelope; readonly chunk: HashedChunk }[]
  readonly lines: { readonly level: string; readonly message: string; readonly [field: string]: unknown }[]
  readonly statuses: WorkerStatusReport[]
  stop(): Promise<RemoteWorkerSummary>
  kill(): Promise<RemoteWorkerSummary>
  readonly ended: Promise<RemoteWorkerSummary>
}

describe('runRemoteWorker', () => {
  let root: string
  let data: string
  let takeout: string
  let tempFolder: string
  let photo: Buffer

  before(async () => {
    photo = await makePhoto({
      widthPx: 64,
      heightPx: 48,
      seed: 1,
      exif: { takenLocal: '2021:07:04 22:30:05' },
    })
  })
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'heirloom-remote-worker-'))
    data = join(root, 'data')
    takeout = join(root, 'takeout')
    tempFolder = join(data, 'library/.heirloom/tmp')
    mkdirSync(tempFolder, { recursive: true })
    mkdirSync(join(data, 'library/.heirloom/thumbs'))
    mkdirSync(takeout)
    writeFileSync(join(takeout, 'a.jpg'), photo)
    writeFileSync(join(data, 'library/a.jpg'), photo)
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  function start(t: TestContext, more: Partial<RemoteWorkerOptions> = {}): Worker {
    const redis = new Redis()
    const emitted: Worker['emitted'] = []
    const lines: Worker['lines'] = []
    const statuses: WorkerStatusReport[] = []
    const [signal, kill] = [new AbortController(), new AbortController()]
    const options: RemoteWorkerOptions = {
      redis: { url: 'redis://unused' },
      lanes: { item: 1, thumbnail: 1 },
      maps: [
        { there: THERE.data, here: data },
        { there: THERE.takeout, here: takeout },
      ],
      buckets: [],
      signal: signal.signal,
      kill: kill.signal,
      logger: createLogger({
        level: 'info',
        write: (line) => lines.push(JSON.parse(line) as Worker['lines'][number]),
        now: Date.now,
      }),
      onStatus: (status) => statuses.push(status),
      ...more,
    }
    const folder = root
    const ended = runRemoteWorker(options, {
      openBackend: async () => redis.backend,
      openSender: async () => ({
        send: async (envelope, chunk) => {
          emitted.push({ envelope, chunk: chunk as HashedChunk })
          return { isKnown: false }
        },
        close: async () => undefined,
      }),
      clock: systemClock,
      times: { answerLimitMs: 300, killedLimitMs: 300, holdMs: 500, putOffMs: 60_000 },
      temporaryFolder: root,
    })
    ended.catch(() => undefined)
    t.after(async () => {
      redis.trouble = async () => undefined
      kill.abort()
      await ended.catch(() => undefined)
      rmSync(folder, { recursive: true, force: true })
    })
    return {
      redis,
      emitted,
      lines,
      statuses,
      ended,
      stop: () => {
        signal.abort()
        return ended
      },
      kill: () => {
        kill.abort()
        return ended
      },
    }
  }

  function item(file: string, folder = `${THERE.data}/library/.heirloom/tmp`): ItemPayload {
    return {
      placement: {
        exportId: 1,
        exportName: 'x',
        exportFolder: 'x',
        platform: { name: 'Folder', folder: 'photos', stem: 'photo' },
      },
      options: { tempFolder: folder, metadata: 'embed', zone: 'Europe/Berlin' },
      facts: [
        {
          taken: [
            {
              source: 'export',
              detail: 'photoTakenTime',
              at: Date.UTC(2021, 6, 4, 22, 30, 5),
              precision: 'second',
            },
          ],
          people: ['Ann'],
          albums: ['trip'],
        },
      ],
      albumTitles: { trip: 'Trip' },
      parts: [
        {
          role: 'primary',
          copies: [
            { fileId: 1, path: 'a.jpg', sizeBytes: photo.length, source: { kind: 'file', file }, facts: 0 },
          ],
        },
      ],
    }
  }

  function thumbnail(path: string): ThumbnailPayload {
    return {
      source: { kind: 'file', path },
      fileName: 'a.jpg',
      options: DEFAULT_THUMBNAIL_OPTIONS,
      maxPixels: 1e8,
      store: { kind: 'local', root: `${THERE.data}/library/.heirloom/thumbs`, durable: false },
      tempFolder: `${THERE.data}/library/.heirloom/tmp`,
    }
  }

  test('places a photo of a folder that lies elsewhere on this host, byte for byte as the coordinator would', async (t) => {
    const worker = start(t)
    const id = await worker.redis.add('item', item(`${THERE.takeout}/a.jpg`))
    const { result } = await worker.redis.completed(id)
    const { parts } = result as ItemResult
    const placed = parts[0]?.placed
    assert.ok(placed)
    const [task, attempt] = placed.temp.split('-')
    assert.deepEqual([task, Math.floor(Number(attempt) / 2 ** 32)], ['412', 3])
    assert.ok(!JSON.stringify(result).includes(root))

    const context = {
      taskId: 1,
      kind: 'item',
      attempt: 1,
      signal: new AbortController().signal,
      emit: async () => undefined,
      progress: () => undefined,
      yieldTurn: () => undefined,
    }
    const unused = (): never => assert.fail('exiftool is not needed for a JPEG')
    const tools = { tool: { read: unused, write: unused, close: async () => undefined }, now: Date.now }
    const local = await placeItem(item(join(takeout, 'a.jpg'), tempFolder), context, tools)
    const localTemp = local.parts[0]?.placed?.temp ?? ''
    assert.deepEqual(readFileSync(join(tempFolder, placed.temp)), readFileSync(join(tempFolder, localTemp)))
    assert.deepEqual({ ...placed, temp: '' }, { ...local.parts[0]?.placed, temp: '' })
    assert.deepEqual(await worker.stop().then(({ completed, failed }) => ({ completed, failed })), {
      completed: 1,
      failed: 0,
    })
  })

  test('makes thumbnails, asking the coordinator under the name that it knows the file by', async (t) => {
    const worker = start(t)
    const id = await worker.redis.add('thumbnail', thumbnail(`${THERE.data}/library/a.jpg`))
    const { result } = await worker.redis.completed(id)
    const { sha1, thumbnails } = result as ThumbnailResult
    const [{ envelope, chunk } = assert.fail()] = worker.emitted
    assert.deepEqual(envelope, { version: 1, origin: 'library/run', taskId: 412, attempt: 3, payload: null })
    assert.equal(chunk.file.path, `${THERE.data}/library/a.jpg`)
    assert.equal(chunk.sha1, sha1)
    for (const { objectName, size } of thumbnails) {
      assert.equal(objectName, thumbnailObjectName(sha1, DEFAULT_THUMBNAIL_OPTIONS, size))
      assert.ok(existsSync(join(data, 'library/.heirloom/thumbs', objectName)))
    }
    assert.equal(readdirSync(tempFolder).length, 0)
  })

  test('needs no mapped folder for what lies in a bucket', async (t) => {
    useCredentials(FAKE_CREDENTIALS)
    const server = await startFakeS3()
    const store = await openOn(server)
    t.after(async () => {
      await store.close()
      await server.close()
    })
    await store.put('x/a.jpg', photo, { contentType: 'image/jpeg' })
    const { endpoint } = server
    const { redis, stop } = start(t, { maps: [], buckets: [{ bucket: 'photos', endpoint }] })
    const config = { kind: 's3', bucket: 'photos', prefix: 'anna', endpoint } as const
    const sha1 = createHash('sha1').update(photo).digest('hex')
    const id = await redis.add('thumbnail', {
      ...thumbnail(''),
      sha1,
      source: { kind: 'object', store: config, name: 'x/a.jpg' },
      store: config,
    })
    const { result } = await redis.completed(id)
    for (const { objectName, sizeBytes } of (result as ThumbnailResult).thumbnails)
      assert.equal((await store.stat(objectName))?.sizeBytes, sizeBytes)
    await stop()
    assert.deepEqual(readdirSync(root).toSorted(), ['data', 'takeout'])
  })

  test('an input that is not there is told by the coordinator’s path', async (t) => {
    const { redis } = start(t)
    const [inItem, inThumbnail] = [
      await redis.add('item', item(`${THERE.takeout}/gone.jpg`)),
      await redis.add('thumbnail', thumbnail(`${THERE.data}/library/gone.jpg`)),
    ]
    const { result } = await redis.completed(inItem)
    const [copy] = (result as ItemResult).parts[0]?.copies ?? []
    assert.ok(copy?.outcome === 'failed')
    assert.match(copy.error.message, /open '\/nonexistent\/takeout\/gone\.jpg'/u)
    const { status, error } = await redis.ended(inThumbnail)
    assert.equal(status, 'failed')
    assert.equal(error?.code, 'system/ENOENT')
    assert.match(error.message, /open '\/nonexistent\/data\/library\/gone\.jpg'/u)
  })

  test('refuses what leads out by a link: a file, a folder on the way, one that is not there yet', async (t) => {
    const outside = mkdtempSync(join(tmpdir(), 'heirloom-outside-'))
    t.after(() => rmSync(outside, { recursive: true }))
    writeFileSync(join(outside, 'a.jpg'), photo)
    mkdirSync(join(outside, '.heirloom/tmp'), { recursive: true })
    symlinkSync(join(outside, 'a.jpg'), join(takeout, 'link.jpg'))
    symlinkSync(outside, join(takeout, 'folder'))
    symlinkSync(join(outside, 'new'), join(takeout, 'dangling'))
    symlinkSync(join(takeout, 'a.jpg'), join(takeout, 'inside.jpg'))
    const { redis } = start(t)
    const bad = [
      await redis.add('item', item(`${THERE.takeout}/link.jpg`)),
      await redis.add('item', item(`${THERE.takeout}/folder/a.jpg`)),
      await redis.add('item', item(`${THERE.takeout}/a.jpg`, `${THERE.takeout}/folder/.heirloom/tmp`)),
      await redis.add('thumbnail', thumbnail(`${THERE.takeout}/link.jpg`)),
      await redis.add('thumbnail', thumbnail(`${THERE.takeout}/dangling`)),
      await redis.add('thumbnail', thumbnail(`${THERE.takeout}/dangling/x.jpg`)),
    ]
    const good = await redis.add('thumbnail', thumbnail(`${THERE.takeout}/inside.jpg`))
    for (const id of bad) {
      const { error } = await redis.ended(id)
      assert.equal(error?.code, 'remote/link-outside', error?.message)
      assert.match(error?.message ?? '', /a link leads \/nonexistent\/takeout\//u)
    }
    await redis.completed(good)
    assert.deepEqual(readdirSync(join(outside, '.heirloom/tmp')), [])
  })

  test('what it cannot run is left to others uncharged, what nobody could run is refused', async (t) => {
    const { redis, lines, statuses } = start(t)
    const left = [
      await redis.add('item', item('/elsewhere/a.jpg')),
      await redis.add('item', item('/elsewhere/b.jpg')),
      await redis.add('item', { news: true }, { version: 2 }),
    ]
    const refused = [
      await redis.add('item', { ...item(`${THERE.takeout}/a.jpg`), more: 1 }),
      await redis.add('delete', {}),
      await redis.add('item', item(`${THERE.takeout}/../a.jpg`)),
    ]
    const codes = await Promise.all(refused.map(async (id) => (await redis.ended(id)).error?.code))
    assert.deepEqual(codes, ['remote/invalid-payload', 'remote/unknown-kind', 'remote/path-not-mapped'])
    for (const id of left) {
      const task = await until('put off task', async () => {
        const found = await redis.stored.get(id)
        return found?.status === 'pending' && found.runAt > Date.now() ? found : undefined
      })
      assert.equal(task.failures, 0)
    }
    const told = lines.filter(({ message }) => message === 'task cannot be run here, it is left to others')
    assert.deepEqual(told.map(({ code }) => code).toSorted(), ['remote/path-not-mapped', 'remote/version'])
    assert.match(
      String(told.find(({ code }) => code === 'remote/path-not-mapped')?.['hint']),
      /--map \/elsewhere=HERE/u,
    )
    await until('status', () => statuses.find(({ lanes }) => lanes[0]?.failed === 3))
  })

  test('while a folder is away nothing is charged, and it goes on when the folder is back', async (t) => {
    const { redis, lines, stop } = start(t)
    await redis.completed(await redis.add('item', item(`${THERE.takeout}/a.jpg`)))
    renameSync(data, `${data}-away`)
    const ids = [
      await redis.add('item', item(`${THERE.takeout}/a.jpg`)),
      await redis.add('thumbnail', thumbnail(`${THERE.data}/library/a.jpg`)),
    ]
    await until('line', () => lines.find(({ message }) => message.startsWith('folder is away')))
    // The share's own folder is there, and holds nothing.
    mkdirSync(data)
    for (const id of ids) {
      const task = await redis.stored.get(id)
      assert.equal(task?.finishedAt, undefined)
      assert.equal(task?.failures, 0)
    }
    rmSync(data, { recursive: true })
    renameSync(`${data}-away`, data)
    for (const id of ids) assert.equal((await redis.completed(id)).failures, 0)
    const { completed, failed } = await stop()
    assert.deepEqual({ completed, failed }, { completed: 3, failed: 0 })
  })

  test('a folder that the coordinator has and this host does not see is taken for a share that is away', async (t) => {
    const { redis, lines } = start(t)
    const thumbs = join(data, 'library/.heirloom/thumbs')
    rmSync(thumbs, { recursive: true })
    const id = await redis.add('thumbnail', thumbnail(`${THERE.data}/library/a.jpg`))
    const line = await until('line', () => lines.find(({ message }) => message.startsWith('folder is away')))
    assert.equal(line['error'], `folder ${THERE.data}/library/.heirloom/thumbs is not there`)
    assert.equal((await redis.stored.get(id))?.failures, 0)
    mkdirSync(thumbs)
    assert.equal((await redis.completed(id)).failures, 0)
  })

  test('does not start without a folder that it shall use', async (t) => {
    const { ended } = start(t, { maps: [{ there: '/data', here: join(root, 'nowhere') }] })
    await assert.rejects(
      ended,
      (error) => error instanceof HeirloomError && error.code === 'remote/root-unreachable',
    )
  })

  test('starts its engine again when the backend has failed, and says so once', async (t) => {
    const { redis, lines } = start(t)
    let failures = 0
    redis.trouble = async () => {
      if (failures < 3) {
        failures += 1
        throw new Error('connection is closed')
      }
    }
    await redis.completed(await redis.add('item', item(`${THERE.takeout}/a.jpg`)))
    assert.equal(failures, 3)
    const told = lines.filter(({ message }) => message === 'queue has failed, it is started again')
    assert.equal(told.length, 1)
  })

  test('gives up at once what waiting cannot cure', async (t) => {
    class RefusedError extends HeirloomError {
      readonly code = 'redis/wrong-password'
      readonly recovery = 'discard'
    }
    const { redis, ended } = start(t)
    redis.trouble = async () => {
      throw new RefusedError('user is not known')
    }
    await assert.rejects(ended, RefusedError)
  })

  test('says that Redis does not answer, and waits no longer for it than a person who is in a hurry', async (t) => {
    const { redis, statuses, kill } = start(t)
    await redis.completed(await redis.add('item', item(`${THERE.takeout}/a.jpg`)))
    redis.trouble = () => redis.closed
    await until('status', () => statuses.find(({ isConnected }) => !isConnected))
    const { completed } = await kill()
    assert.equal(completed, 1)
  })

  test('leaves no temporary files', async (t) => {
    const { redis, stop } = start(t)
    await redis.completed(await redis.add('thumbnail', thumbnail(`${THERE.data}/library/a.jpg`)))
    await stop()
    assert.deepEqual(readdirSync(root).toSorted(), ['data', 'takeout'])
    assert.deepEqual(readdirSync(tempFolder), [])
  })
})
