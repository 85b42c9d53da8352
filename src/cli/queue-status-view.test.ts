import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StoredSchedule } from '../queue/backend.ts'
import { createPaint } from './paint.ts'
import { statusLines, type TextStyle } from './queue-status-view.ts'
import { busySnapshot, coordinator, laneStatistics, NOW } from './testing/sample-queue.ts'
import { widthOf } from './text-width.ts'

const plain: TextStyle = { paint: createPaint(false), columns: Number.POSITIVE_INFINITY }
const schedule: StoredSchedule = {
  name: 'nightly',
  cron: '0 3 * * *',
  timeZone: 'Europe/Berlin',
  task: { kind: 'k', lane: 'l', payload: null },
  nextAt: NOW + 7_200_000,
}

describe('statusLines', () => {
  const cases: { fact: string; snapshot: ReturnType<typeof busySnapshot>; lines: string[] }[] = [
    {
      fact: 'a library at work',
      snapshot: busySnapshot(),
      lines: [
        'library /photos',
        '1 coordinator, 4 workers',
        '  process 4711 on anna, for 3 min 05 s: export 1 of 1, item 3 of 4',
        '',
        'LANE           WAITING  PENDING  PROCESSING  COMPLETED  FAILED',
        'export               0        0           0          1       0',
        'export-finish        1        0           0          0       0',
        'item                 0      837           3      1,158       2',
        'all                  1      837           3      1,159       2',
        '',
        'LANE  /S 1 MIN  5 MIN  15 MIN    P50     P95     P99    MAX  RETRIES     ETA',
        'item        45     40      30  55 ms  140 ms  900 ms  4.2 s        4  18.6 s',
      ],
    },
    {
      fact: 'a paused lane, and nobody there',
      snapshot: busySnapshot({
        statistics: [laneStatistics('a'), laneStatistics('item', { pending: 3 }, { paused: true })],
        coordinators: [],
      }),
      lines: [
        'library /photos',
        'no coordinator: open tasks wait until one starts',
        '',
        'LANE          PENDING  COMPLETED',
        'a                   0          0',
        'item  paused        3          0',
        'all                 3          0',
      ],
    },
    {
      fact: 'an empty queue',
      snapshot: busySnapshot({ statistics: [], coordinators: [] }),
      lines: ['library /photos', 'no coordinator', '', 'no task was ever added'],
    },
    {
      fact: 'a coordinator that is silent, and schedules',
      snapshot: busySnapshot({
        statistics: [laneStatistics('a', { cancelled: 1 })],
        coordinators: [coordinator({ seenAt: NOW - 20_000, lanes: {} })],
        schedules: [
          schedule,
          { ...schedule, name: 'late', nextAt: NOW - 1 },
          { name: 'over', cron: '0 0 1 1 * 2020', task: schedule.task },
        ],
      }),
      lines: [
        'library /photos',
        '1 coordinator, 0 workers',
        '  process 4711 on anna, for 3 min 05 s, silent for 20.0 s',
        '',
        'LANE  PENDING  COMPLETED  CANCELLED',
        'a           0          0          1',
        '',
        'next schedules:',
        '  late     0 3 * * * (Europe/Berlin)  due now',
        '  nightly  0 3 * * * (Europe/Berlin)  in 2 h 00 min, 2026-01-01T02:00:00.000Z',
        '  over     0 0 1 1 * 2020             never again',
      ],
    },
  ]
  for (const { fact, snapshot, lines } of cases) {
    test(fact, () => assert.deepEqual(statusLines(snapshot, plain), lines))
  }

  test('a lane whose tasks run on worker hosts has a limit and no workers of this machine', () => {
    const snapshot = busySnapshot()
    const coordinators = snapshot.coordinators.map((one) => ({
      ...one,
      lanes: { ...one.lanes, item: { concurrency: 2_000, workers: 0 } },
    }))
    const [, , line] = statusLines({ ...snapshot, coordinators }, plain)
    assert.equal(line, '  process 4711 on anna, for 3 min 05 s: export 1 of 1, item up to 2,000')
  })

  test('a lane that may run nothing any more is not told', () => {
    const snapshot = busySnapshot()
    const coordinators = snapshot.coordinators.map((one) => ({
      ...one,
      lanes: { ...one.lanes, export: { concurrency: 0, workers: 0 } },
    }))
    const [, , line] = statusLines({ ...snapshot, coordinators }, plain)
    assert.doesNotMatch(line ?? '', /export/u)
  })

  test('a queue of its own is called by its file', () => {
    const { library: _library, ...snapshot } = busySnapshot()
    assert.equal(statusLines(snapshot, plain)[0], 'queue /photos/.heirloom/library.db')
  })

  test('more schedules than can be read are counted', () => {
    const schedules = Array.from({ length: 12 }, (_, index) => ({ ...schedule, name: `s${index}` }))
    assert.equal(statusLines(busySnapshot({ schedules }), plain).at(-1), '  and 2 more')
  })

  test('no line is wider than the terminal', () => {
    for (const columns of [40, 60]) {
      const lines = statusLines(busySnapshot({ schedules: [schedule] }), { ...plain, columns })
      assert.ok(lines.every((line) => widthOf(line) <= columns))
      assert.ok(lines.some((line) => line.endsWith('…')))
    }
  })

  test('a table that is too wide becomes paragraphs, and no number of it is lost', () => {
    const lines = statusLines(busySnapshot(), { ...plain, columns: 40 })
    assert.deepEqual(lines.slice(4, 7), [
      'export',
      '  waiting 0, pending 0, processing 0,',
      '  completed 1, failed 0',
    ])
    assert.deepEqual(lines.slice(-4), [
      'item',
      '  /s 1 min 45, 5 min 40, 15 min 30,',
      '  p50 55 ms, p95 140 ms, p99 900 ms,',
      '  max 4.2 s, retries 4, eta 18.6 s',
    ])
  })

  test('names that would act on a terminal are shown instead', () => {
    const name = 'a\u001B[2J\u009B\u202E'
    const snapshot = busySnapshot({
      statistics: [laneStatistics(name, { pending: 1 }, { retries: 1 })],
      coordinators: [coordinator({ host: name, lanes: { [name]: { concurrency: 1, workers: 1 } } })],
      schedules: [{ ...schedule, name, cron: name, timeZone: name }],
    })
    const text = statusLines(snapshot, plain).join('\n')
    assert.equal(/[^\n\P{Control}]|\u202E/u.test(text), false)
    assert.equal(text.split('a␛[2J').length, 8)
  })
})
