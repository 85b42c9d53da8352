import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openLibrarySession } from '../tasks/library-session.ts'
import type { DashboardEvents } from './dashboard-events.ts'
import { MAX_LISTENERS } from './event-hub.ts'
import { addLibraryFile } from './testing/library-file.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

/** Far above what an event takes. */
const LIMIT_MS = 10_000

/** A connection that gathers the events by name. */
class EventReader implements Disposable {
  readonly response: Response
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  #text = ''

  private constructor(response: Response) {
    this.response = response
    this.#reader = response.body!.getReader()
  }

  static async open(server: TestServer, headers: Record<string, string> = {}): Promise<EventReader> {
    return new EventReader(await server.fetch('/api/events', { headers }))
  }

  /** The newest event of that name; waits until there is one that `isWanted`. */
  async next<Name extends keyof DashboardEvents>(
    name: Name,
    isWanted: (data: DashboardEvents[Name]) => boolean = () => true,
  ): Promise<DashboardEvents[Name]> {
    const end = performance.now() + LIMIT_MS
    for (;;) {
      for (const [block] of this.#text.matchAll(/(?:.+\n)+\n/gu)) {
        if (!block.includes(`event: ${name}\n`)) continue
        const data = JSON.parse(
          /^data: (?<data>.*)$/mu.exec(block)?.groups?.['data'] ?? '',
        ) as DashboardEvents[Name]
        if (isWanted(data)) return data
      }
      assert.ok(performance.now() < end, `no such ${name} within ten seconds`)
      const { value, done } = await this.#reader.read()
      assert.ok(!done, `the stream ended before ${name}`)
      this.#text += this.#decoder.decode(value, { stream: true })
    }
  }

  async isOver(): Promise<boolean> {
    for (;;) {
      const { done } = await this.#reader.read()
      if (done) return true
    }
  }

  [Symbol.dispose](): void {
    void this.#reader.cancel().catch(() => undefined)
  }
}

describe('the stream of events', () => {
  test('begins with the whole state, and tells what changes', async () => {
    await using server = await startTestServer()
    using events = await EventReader.open(server)
    assert.match(events.response.headers.get('content-type') ?? '', /^text\/event-stream/u)
    assert.equal(events.response.headers.get('cache-control'), 'no-store')
    assert.ok(events.response.headers.get('content-security-policy'))
    const { role, library, memory } = await events.next('snapshot')
    assert.deepEqual([role, library], [{ kind: 'working' }, server.folder])
    assert.ok(memory.serverBytes > 1e6 && memory.limitBytes >= memory.freeBytes)
    assert.deepEqual(await events.next('thumbnails'), { photos: [] })
    assert.equal((await events.next('throughput')).bucketMs, 5_000)
    await addLibraryFile(server, 'takeout/photos/a.jpg', Buffer.from('a photo'))
    const { exports } = await events.next('exports', (data) => data.exports.length > 0)
    assert.equal(exports[0]?.name, 'takeout')
    await server.context.backend().add([{ kind: 'probe', lane: 'probe', payload: null }])
    const { counts } = await events.next('snapshot', (data) => data.counts.pending > 0)
    assert.equal(counts.pending, 1)
  })

  test('takes any id that a browser has seen last', async () => {
    await using server = await startTestServer()
    using events = await EventReader.open(server, { 'last-event-id': 'nonsense 99999999999999' })
    assert.equal((await events.next('snapshot')).role.kind, 'working')
  })

  test('ends when the server ends, and says so', async () => {
    const server = await startTestServer()
    using events = await EventReader.open(server)
    await events.next('snapshot')
    const closed = server.running.close()
    await events.next('ending')
    assert.equal(await events.isOver(), true)
    await closed
    await server[Symbol.asyncDispose]()
  })

  test('has room for a bounded number of listeners, and again when one has left', async () => {
    await using server = await startTestServer()
    const listeners = await Promise.all(
      Array.from({ length: MAX_LISTENERS }, async () => {
        const ended = new AbortController()
        const { status } = await server.fetch('/api/events', { signal: ended.signal })
        assert.equal(status, 200)
        return ended
      }),
    )
    const refused = await server.fetch('/api/events')
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5'])
    const { error } = (await refused.json()) as { error: { code: string } }
    assert.equal(error.code, 'events/no-room')
    for (const one of listeners) one.abort()
    const end = performance.now() + LIMIT_MS
    for (let isIn = false; !isIn; ) {
      const ended = new AbortController()
      isIn = (await server.fetch('/api/events', { signal: ended.signal })).status === 200
      ended.abort()
      assert.ok(performance.now() < end, 'no room within ten seconds')
    }
  })

  test('says who has the library while it is another process', async () => {
    const base = await mkdtemp(join(tmpdir(), 'heirloom-watched-'))
    const folder = join(base, 'library')
    const other = await openLibrarySession({
      library: folder,
      state: undefined,
      command: 'ingest',
      now: 7_000,
    })
    try {
      await using server = await startTestServer({ folder })
      using events = await EventReader.open(server)
      const { role } = await events.next('snapshot')
      assert.equal(role.kind, 'watching')
      const { command, startedAt, pid } = (role.kind === 'watching' && role.holder) || {}
      assert.deepEqual([command, startedAt, pid], ['ingest', 7_000, process.pid])
    } finally {
      await other.close()
      await rm(base, { recursive: true, force: true })
    }
  })

  test('answers HEAD with no stream', async () => {
    await using server = await startTestServer()
    assert.equal((await server.fetch('/api/events', { method: 'HEAD' })).status, 404)
  })
})
