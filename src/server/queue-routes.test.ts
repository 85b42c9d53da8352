import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ErrorRecord } from '../errors.ts'
import type { Backend } from '../queue/backend.ts'
import type { Task } from '../queue/task.ts'
import { openLibrarySession } from '../tasks/library-session.ts'
import type { SnapshotView } from './dashboard-events.ts'
import type { ErrorBody } from './http-errors.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

const ERROR: ErrorRecord = {
  code: 'probe/broken',
  message: 'it is broken',
  hint: 'Mend it.',
  recovery: 'discard',
}

async function add(backend: Backend, count: number, changes: object = {}): Promise<number[]> {
  const tasks = Array.from({ length: count }, (_, index) => ({
    kind: 'probe',
    lane: 'probe',
    payload: { fileName: `${index}.jpg`, secret: [1, 2] },
    maxRetries: 0,
    ...changes,
  }))
  return (await backend.add(tasks)).map(({ id }) => id)
}

let priority = 0

/** Adds tasks of a lane that nobody else works on, and has them fail, before all that wait there. */
async function addFailed(backend: Backend, count: number, code: string = ERROR.code): Promise<number[]> {
  priority += 1
  const ids = await add(backend, count, { priority })
  const claim = { lane: 'probe', limit: count, workerId: 'test', leaseMs: 60_000 }
  const { claimed } = await backend.exchange({ settle: [], claim: [claim] })
  const settle = claimed
    .flat()
    .map(({ lease }) => ({ lease, outcome: 'error', error: { ...ERROR, code }, retryAt: 0 }) as const)
  await backend.exchange({ settle, claim: [] })
  return ids
}

async function get<Body>(server: TestServer, path: string): Promise<Body> {
  const response = await server.fetch(path)
  assert.equal(response.status, 200, path)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  return (await response.json()) as Body
}

/** Posts JSON; answers the status, and the body or the error's code. */
async function post(server: TestServer, path: string, body?: unknown): Promise<[number, unknown]> {
  const response = await server.fetch(path, {
    method: 'POST',
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  const answer: unknown = await response.json()
  return [response.status, response.ok ? answer : (answer as ErrorBody).error.code]
}

describe('the queue', () => {
  let server: TestServer
  let backend: Backend
  before(async () => {
    server = await startTestServer()
    backend = server.context.backend()
  })
  after(() => server[Symbol.asyncDispose]())

  const statusOf = async (id: number): Promise<string | undefined> => (await backend.get(id))?.status

  test('is shown with its lanes and who works on it', async () => {
    await add(backend, 2)
    const { role, counts, lanes, coordinators, library } = await get<SnapshotView>(server, '/api/queue')
    assert.deepEqual([role.kind, counts.pending, library], ['working', 2, server.folder])
    assert.deepEqual(
      lanes.map(({ lane, counts: { pending } }) => [lane, pending]),
      [['probe', 2]],
    )
    assert.equal(coordinators[0]?.pid, process.pid)
  })

  test('lists tasks with what they are about, and shows one with its payload', async () => {
    const [id = 0] = await add(backend, 1, { payload: { fileName: 'Käse.jpg' } })
    const { tasks } = await get<{ tasks: object[] }>(server, '/api/queue/tasks?q=K%C3%84SE&limit=5')
    assert.equal(tasks.length, 1)
    assert.deepEqual(
      [Reflect.get(tasks[0]!, 'id'), Reflect.get(tasks[0]!, 'title'), 'payload' in tasks[0]!],
      [id, 'Käse.jpg', false],
    )
    const task = await get<Task & { title: string }>(server, `/api/queue/tasks/${id}`)
    assert.deepEqual([task.payload, task.title], [{ fileName: 'Käse.jpg' }, 'Käse.jpg'])
  })

  test('filters by status, lane and kind, and goes page by page', async () => {
    const ids = await addFailed(backend, 3)
    const page = await get<{ tasks: Task[]; nextBefore: number }>(
      server,
      '/api/queue/tasks?status=failed&lane=probe&kind=probe&limit=2',
    )
    assert.deepEqual(
      page.tasks.map(({ id, error }) => [id, error?.hint]),
      [
        [ids[2], ERROR.hint],
        [ids[1], ERROR.hint],
      ],
    )
    const next = await get<{ tasks: Task[] }>(
      server,
      `/api/queue/tasks?status=failed&limit=1&before=${page.nextBefore}`,
    )
    assert.equal(next.tasks[0]?.id, ids[0])
  })

  test('tries a failed task again', async () => {
    const [id = 0] = await addFailed(backend, 1)
    assert.deepEqual(await post(server, `/api/queue/tasks/${id}/retry`), [200, { retried: [id] }])
    assert.equal(await statusOf(id), 'pending')
    assert.deepEqual(await post(server, `/api/queue/tasks/${id}/retry`), [409, 'queue/not-failed'])
  })

  test('tries all failed tasks again, or those of a lane or an error', async () => {
    await post(server, '/api/queue/retry-failed', {})
    const [broken = 0] = await addFailed(backend, 1)
    const [other = 0] = await addFailed(backend, 1, 'probe/other')
    assert.deepEqual(await post(server, '/api/queue/retry-failed', { lane: 'nothing' }), [200, { count: 0 }])
    assert.deepEqual(await post(server, '/api/queue/retry-failed', { errorCode: 'probe/other' }), [
      200,
      { count: 1 },
    ])
    assert.deepEqual([await statusOf(broken), await statusOf(other)], ['failed', 'pending'])
    // Without a body, as `curl -X POST` sends it.
    assert.deepEqual(await post(server, '/api/queue/retry-failed'), [200, { count: 1 }])
    assert.equal(await statusOf(broken), 'pending')
  })

  test('cancels a task once', async () => {
    const [id = 0] = await add(backend, 1)
    assert.deepEqual(await post(server, `/api/queue/tasks/${id}/cancel`), [
      200,
      { cancelled: [id], requested: [] },
    ])
    assert.deepEqual(await post(server, `/api/queue/tasks/${id}/cancel`), [409, 'queue/not-open'])
  })

  test('pauses and resumes lanes: its own, and those of others', async () => {
    for (const lane of ['thumbnail', 'probe']) {
      assert.deepEqual(await post(server, `/api/queue/lanes/${lane}/pause`), [200, { lane, paused: true }])
      assert.ok((await backend.pausedLanes()).includes(lane))
      assert.deepEqual(await post(server, `/api/queue/lanes/${lane}/resume`), [200, { lane, paused: false }])
      assert.ok(!(await backend.pausedLanes()).includes(lane))
    }
  })

  const wrong: { fact: string; path: string; body?: unknown; answer: [number, string] }[] = [
    { fact: 'an unknown lane', path: '/api/queue/lanes/nope/pause', answer: [404, 'queue/no-such-lane'] },
    { fact: 'an unknown task', path: '/api/queue/tasks/999999/retry', answer: [404, 'queue/no-such-task'] },
    { fact: 'an id that is none', path: '/api/queue/tasks/0/cancel', answer: [400, 'request/invalid'] },
    { fact: 'an id that is text', path: '/api/queue/tasks/1e9x/retry', answer: [400, 'request/invalid'] },
    {
      fact: 'a misspelt condition, which would retry everything',
      path: '/api/queue/retry-failed',
      body: { error: 'x' },
      answer: [400, 'request/invalid'],
    },
  ]
  for (const { fact, path, body, answer } of wrong) {
    test(`refuses ${fact}`, async () => assert.deepEqual(await post(server, path, body), answer))
  }

  for (const query of [
    'status=lost',
    'limit=0',
    'limit=201',
    'before=0',
    'where=1',
    `q=${'x'.repeat(201)}`,
  ]) {
    test(`refuses to list by ${query.slice(0, 20)}`, async () => {
      assert.equal((await server.fetch(`/api/queue/tasks?${query}`)).status, 400)
    })
  }

  test('is not changed by a page of another site', async () => {
    const [id = 0] = await addFailed(backend, 1)
    const response = await server.fetch(`/api/queue/tasks/${id}/retry`, {
      method: 'POST',
      headers: { origin: 'http://evil.example' },
    })
    assert.equal(response.status, 403)
    assert.equal(await statusOf(id), 'failed')
  })

  test('is described', async () => {
    const { paths } = (await (await server.fetch('/api/docs/openapi.json')).json()) as { paths: object }
    for (const path of [
      '/api/queue',
      '/api/queue/tasks',
      '/api/queue/tasks/{id}',
      '/api/queue/tasks/{id}/retry',
      '/api/queue/tasks/{id}/cancel',
      '/api/queue/retry-failed',
      '/api/queue/lanes/{lane}/pause',
      '/api/queue/lanes/{lane}/resume',
      '/api/events',
      '/metrics',
    ]) {
      assert.ok(path in paths, path)
    }
  })
})

test('the queue of another process is shown and steered from outside', async () => {
  const base = await mkdtemp(join(tmpdir(), 'heirloom-steered-'))
  const folder = join(base, 'library')
  const other = await openLibrarySession({ library: folder, state: undefined, command: 'ingest', now: 1_000 })
  try {
    await using server = await startTestServer({ folder })
    const [failed = 0] = await addFailed(other.backend, 1)
    const [open = 0] = await add(other.backend, 1)
    const { role, counts } = await get<SnapshotView>(server, '/api/queue')
    assert.deepEqual([role.kind, counts.failed, counts.pending], ['watching', 1, 1])
    assert.equal(role.kind === 'watching' && role.holder?.command, 'ingest')
    assert.equal((await post(server, `/api/queue/tasks/${failed}/retry`))[0], 200)
    assert.equal((await post(server, `/api/queue/tasks/${open}/cancel`))[0], 200)
    assert.equal((await post(server, '/api/queue/lanes/probe/pause'))[0], 200)
    assert.deepEqual(
      [
        (await other.backend.get(failed))?.status,
        (await other.backend.get(open))?.status,
        await other.backend.pausedLanes(),
      ],
      ['pending', 'cancelled', ['probe']],
    )
  } finally {
    await other.close()
    await rm(base, { recursive: true, force: true })
  }
})
