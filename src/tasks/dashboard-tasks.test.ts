import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { FakeClock } from '../clock.ts'
import type { Backend } from '../queue/backend.ts'
import { openSqliteBackendInProcess } from '../queue/sqlite/index.ts'
import type { NewTask, TaskStatus } from '../queue/task.ts'
import { findTasks, readLiveTasks, type TaskPage, type TaskQuery, titleOf } from './dashboard-tasks.ts'

const clock = new FakeClock()
const folder = mkdtempSync(join(tmpdir(), 'heirloom-dashboard-'))
const file = join(folder, 'queue.db')
let backend: Backend
let db: DatabaseSync
before(() => {
  backend = openSqliteBackendInProcess({ file, clock })
  db = new DatabaseSync(file, { readOnly: true })
})
after(async () => {
  db.close()
  await backend.close()
  rmSync(folder, { recursive: true, force: true })
})

const photo = (fileName: string, changes: Partial<NewTask> = {}): NewTask => ({
  kind: 'thumbnail',
  lane: 'thumbnail',
  payload: { source: { kind: 'file', path: `/photos/${fileName}` }, fileName },
  maxRetries: 0,
  ...changes,
})

async function add(...tasks: readonly NewTask[]): Promise<number[]> {
  return (await backend.add(tasks)).map(({ id }) => id)
}

/** Claims `lane`’s tasks and ends each as `outcomeOf` says; those without an outcome go on running. */
async function run(
  lane: string,
  outcomeOf: (id: number) => 'completed' | 'failed' | undefined,
  error = { code: 'thumbnail/damaged', message: 'no JPEG at all', recovery: 'discard' as const },
): Promise<void> {
  const { claimed } = await backend.exchange({
    settle: [],
    claim: [{ lane, limit: 1_000, workerId: 'w', leaseMs: 60_000 }],
  })
  for (const { task, lease } of claimed.flat()) {
    const outcome = outcomeOf(task.id)
    if (outcome === undefined) continue
    clock.advance(1)
    const settlement =
      outcome === 'completed'
        ? ({ lease, outcome, result: null } as const)
        : ({ lease, outcome: 'error', error, retryAt: 0 } as const)
    await backend.exchange({ settle: [settlement], claim: [] })
  }
}

const find = (query: Partial<TaskQuery>): Promise<TaskPage> => findTasks(() => db, { limit: 100, ...query })
const titles = ({ tasks }: TaskPage): string[] => tasks.map(({ title }) => title)

describe('a search for tasks', () => {
  let ids: readonly number[]
  before(async () => {
    ids = await add(
      photo('Käse am Strand.jpg'),
      photo('IMG_0001.jpg', { group: 'export:anna' }),
      photo('100%_"quoted"\\.jpg'),
      {
        kind: 'item',
        lane: 'item',
        payload: { parts: [{ copies: [{ path: 'Photos/2019/IMG_0002.heic' }] }] },
        maxRetries: 0,
      },
      photo('broken.jpg'),
    )
    await run('thumbnail', (id) => (id === ids[4] ? 'failed' : 'completed'))
  })

  test('finds all, newest first', async () => {
    const page = await find({})
    assert.deepEqual(titles(page), [
      'broken.jpg',
      'Photos/2019/IMG_0002.heic',
      '100%_"quoted"\\.jpg',
      'IMG_0001.jpg',
      'Käse am Strand.jpg',
    ])
    assert.deepEqual([page.walked, page.nextBefore], [5, undefined])
  })

  const queries: { fact: string; query: Partial<TaskQuery>; found: readonly string[] }[] = [
    {
      fact: 'names in any case',
      query: { text: 'img_' },
      found: ['Photos/2019/IMG_0002.heic', 'IMG_0001.jpg'],
    },
    { fact: 'umlauts in capitals', query: { text: 'KÄSE' }, found: ['Käse am Strand.jpg'] },
    { fact: 'umlauts in two parts', query: { text: 'KÄSE'.normalize('NFD') }, found: ['Käse am Strand.jpg'] },
    {
      fact: 'signs that the database and JSON read in their own way',
      query: { text: '100%_"q' },
      found: ['100%_"quoted"\\.jpg'],
    },
    { fact: 'a backslash', query: { text: '"\\.' }, found: ['100%_"quoted"\\.jpg'] },
    { fact: 'a percent sign as itself', query: { text: '0%' }, found: ['100%_"quoted"\\.jpg'] },
    { fact: 'the code of an error', query: { text: 'thumbnail/damaged' }, found: ['broken.jpg'] },
    { fact: 'the words of an error', query: { text: 'No JPEG' }, found: ['broken.jpg'] },
    { fact: 'a group', query: { text: 'export:a' }, found: ['IMG_0001.jpg'] },
    { fact: 'nothing by the names of fields', query: { text: 'fileName' }, found: [] },
    {
      fact: 'a lane',
      query: { lane: 'item' },
      found: ['Photos/2019/IMG_0002.heic'],
    },
    {
      fact: 'a status and a text',
      query: { status: 'completed', text: 'käse' },
      found: ['Käse am Strand.jpg'],
    },
    { fact: 'a status that few tasks have', query: { status: 'failed' }, found: ['broken.jpg'] },
    {
      fact: 'a status and a lane that do not go together',
      query: { status: 'failed', lane: 'item' },
      found: [],
    },
  ]
  for (const { fact, query, found } of queries) {
    test(`finds ${fact}`, async () => assert.deepEqual(titles(await find(query)), found))
  }

  test('finds a task by its id', async () => {
    const [first = 0] = ids
    const { tasks } = await find({ text: String(first) })
    assert.ok(tasks.some(({ id }) => id === first))
  })

  test('goes page by page, each task once', async () => {
    const seen: string[] = []
    let before: number | undefined
    do {
      const page = await find({ limit: 2, ...(before === undefined ? {} : { before }) })
      seen.push(...titles(page))
      before = page.nextBefore
    } while (before !== undefined)
    assert.deepEqual(seen, titles(await find({})))
  })

  test('leaves payload and result out', async () => {
    const { tasks } = await find({})
    for (const task of tasks) assert.deepEqual(['payload' in task, 'result' in task], [false, false])
  })
})

describe('a search in many tasks', () => {
  before(async () => {
    for (let from = 0; from < 60_000; from += 5_000) {
      await add(
        ...Array.from({ length: 5_000 }, (_, index) => photo(`many-${from + index}.jpg`, { lane: 'many' })),
      )
    }
  })

  test('ends after 50,000 and can be continued', async () => {
    const first = await find({ text: 'Käse' })
    assert.deepEqual([first.tasks, first.walked], [[], 50_000])
    const second = await find({ text: 'Käse', before: first.nextBefore! })
    assert.deepEqual([titles(second), second.nextBefore], [['Käse am Strand.jpg'], undefined])
  })

  test('lets others have their turn', async () => {
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 0)
    await find({ text: 'nothing like that' })
    clearInterval(timer)
    assert.ok(turns >= 20, `${turns} turns`)
  })

  test('ends when nobody waits for it', async () => {
    const { walked } = await findTasks(() => db, { text: 'x', limit: 1 }, AbortSignal.abort())
    assert.equal(walked, 0)
  })

  for (const status of ['failed', 'cancelled', 'processing'] satisfies TaskStatus[]) {
    test(`walks only through those that are ${status}`, async () => {
      const { walked } = await find({ status })
      assert.ok(walked < 1_000, `${walked} walked`)
      // Warm, and the fastest of several: among 60,000 others a walk would take over 10 ms.
      const times: number[] = []
      for (let round = 0; round < 5; round += 1) {
        const { user } = process.cpuUsage()
        await find({ status })
        times.push((process.cpuUsage().user - user) / 1_000)
      }
      assert.ok(Math.min(...times) < 8, `${times} ms`)
    })
  }
})

test('live tasks are what runs, the last failures, and what has just ended', async () => {
  const [slow = 0, good = 0, bad = 0] = await add(
    photo('slow.jpg', { lane: 'live' }),
    photo('good.jpg', { lane: 'live' }),
    photo('bad.jpg', { lane: 'live' }),
  )
  const began = clock.now()
  await run('live', (id) => (({ [good]: 'completed', [bad]: 'failed' }) as const)[id])
  const { running, failures, settled } = readLiveTasks(db, { processing: 1, failed: 2 }, began)
  assert.deepEqual(
    running.map(({ id }) => id),
    [slow],
  )
  assert.deepEqual(
    failures.map(({ title, error }) => [title, error?.code]),
    [
      ['bad.jpg', 'thumbnail/damaged'],
      ['broken.jpg', 'thumbnail/damaged'],
    ],
  )
  assert.deepEqual(
    settled.map(({ title, status }) => [title, status]),
    [
      ['bad.jpg', 'failed'],
      ['good.jpg', 'completed'],
    ],
  )
})

describe('the title of a task', () => {
  const payloads: [unknown, string][] = [
    [{ fileName: 'a.jpg', path: '/x' }, 'a.jpg'],
    [{ name: 'takeout-1', inputs: ['/x.zip'] }, 'takeout-1'],
    [{ unit: { files: [{ path: 'a/b.jpg' }] } }, 'a/b.jpg'],
    [{ parts: [] }, ''],
    ['text', 'text'],
    [7, ''],
    [null, ''],
    [{ fileName: 'x'.repeat(1_000) }, 'x'.repeat(300)],
  ]
  for (const [payload, title] of payloads) {
    test(`of ${JSON.stringify(payload).slice(0, 40)}`, () => assert.equal(titleOf(payload), title))
  }
})
