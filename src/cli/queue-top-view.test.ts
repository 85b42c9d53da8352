import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { createPaint } from './paint.ts'
import { renderTop, type TopChoice, type TopData } from './queue-top-view.ts'
import { busySnapshot, coordinator, laneStatistics, NOW, sampleTask } from './testing/sample-queue.ts'
import { widthOf } from './text-width.ts'

const plain = createPaint(false)
const keys: TopChoice = { lane: 'item', keys: true }
const busy: TopData = {
  snapshot: busySnapshot(),
  running: [
    sampleTask(12, { status: 'processing', startedAt: NOW - 3_200, attempt: 1, progress: 0.4 }),
    sampleTask(13, { status: 'processing', startedAt: NOW - 1_200, attempt: 2, cancelRequested: true }),
  ],
  failures: [
    sampleTask(9, {
      status: 'failed',
      finishedAt: NOW - 125_000,
      error: { code: 'media/unreadable', message: 'IMG_9.jpg is cut off', recovery: 'discard' },
    }),
  ],
}

describe('renderTop', () => {
  const cases: { fact: string; data: TopData; choice: TopChoice; size: [number, number]; lines: string[] }[] =
    [
      {
        fact: 'a common terminal has room for all',
        data: busy,
        choice: keys,
        size: [80, 16],
        lines: [
          'library /photos',
          '841 open  45/s  ETA 18.6 s  2 failed  4 workers  1 coordinator',
          '',
          '  export         ██████████████████ 100%  1/1',
          '  export-finish  ░░░░░░░░░░░░░░░░░░   0%  0/1  1 waiting',
          '> item           ██████████░░░░░░░░  58%  1,160/2,000  2 failed  45/s',
          '',
          'processing (3)',
          '  #12  item  3.2 s  40%',
          '  #13  item  1.2 s  cancelling  attempt 2',
          '',
          'last failures (2)',
          '  #9  item  2 min 05 s ago  media/unreadable: IMG_9.jpg is cut off',
          '',
          '',
          'q quit  ↑↓ lane  p pause or resume item',
        ],
      },
      {
        fact: 'forty columns show what matters most',
        data: busy,
        choice: keys,
        size: [40, 12],
        lines: [
          'library /photos',
          '841 open  45/s  ETA 18.6 s  2 failed',
          '',
          '  export        █████ 100%  1/1',
          '  export-fini…  ░░░░░   0%  0/1',
          '> item          ███░░  58%  1,160/2,000',
          '',
          'processing (3)',
          '  #12  item  3.2 s  40%',
          '  #13  item  1.2 s  cancelling  attempt…',
          '',
          'q quit  ↑↓ lane  p pause or resume item',
        ],
      },
      {
        fact: 'with few rows the chosen lane stays in sight',
        data: busy,
        choice: keys,
        size: [40, 5],
        lines: [
          'library /photos',
          '841 open  45/s  ETA 18.6 s  2 failed',
          '',
          '> item  █████░░░  58%  1,160/2,000',
          'q quit  ↑↓ lane  p pause or resume item',
        ],
      },
      {
        fact: 'a paused lane, nobody there, and a notice in place of the keys',
        data: {
          snapshot: busySnapshot({
            statistics: [laneStatistics('item', { pending: 3, completed: 1 }, { paused: true })],
            coordinators: [],
          }),
          running: [],
          failures: [],
        },
        choice: { lane: 'item', keys: true, notice: 'lane item paused' },
        size: [60, 6],
        lines: [
          'library /photos',
          '3 open  no coordinator',
          '',
          '> item  ████░░░░░░░░░░░  25%  paused  1/4',
          '',
          'lane item paused',
        ],
      },
      {
        fact: 'an empty queue without a keyboard',
        data: { snapshot: busySnapshot({ statistics: [] }), running: [], failures: [] },
        choice: { lane: undefined, keys: false },
        size: [60, 4],
        lines: ['library /photos', '0 open  0.0/s  4 workers  1 coordinator', '', 'Ctrl-C quits'],
      },
      {
        fact: 'a coordinator that is silent is counted',
        data: {
          ...busy,
          snapshot: busySnapshot({ coordinators: [coordinator(), coordinator({ seenAt: NOW - 60_000 })] }),
        },
        choice: keys,
        size: [60, 3],
        lines: [
          'library /photos',
          '841 open  45/s  ETA 18.6 s  2 failed  1 silent  8 workers',
          'q quit  ↑↓ lane  p pause or resume item',
        ],
      },
    ]
  for (const { fact, data, choice, size, lines } of cases) {
    test(fact, () =>
      assert.deepEqual(renderTop(data, choice, { columns: size[0], rows: size[1] }, plain), lines),
    )
  }

  test('fits any terminal, whatever is in the database', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 })
    const data = fc.record({
      name: text,
      message: text,
      code: text,
      count: fc.nat({ max: 2e9 }),
      tasks: fc.nat({ max: 9 }),
    })
    const size = fc.record({
      columns: fc.integer({ min: 10, max: 200 }),
      rows: fc.integer({ min: 3, max: 60 }),
    })
    fc.assert(
      fc.property(data, size, ({ name, message, code, count, tasks }, { columns, rows }) => {
        const hostile: TopData = {
          snapshot: busySnapshot({
            statistics: [
              laneStatistics(
                name,
                { pending: count, failed: count, processing: tasks },
                { paused: count % 2 === 0 },
              ),
              laneStatistics(`${name}2`, { completed: count }),
            ],
          }),
          running: Array.from({ length: tasks }, (_, index) =>
            sampleTask(index, {
              status: 'processing',
              kind: name,
              progress: message,
              startedAt: NOW - count,
            }),
          ),
          failures: [sampleTask(count, { status: 'failed', error: { code, message, recovery: 'retry' } })],
        }
        const lines = renderTop(
          hostile,
          { lane: name, keys: true, notice: message },
          { columns, rows },
          plain,
        )
        assert.equal(lines.length, rows)
        for (const line of lines) {
          assert.ok(widthOf(line) <= columns, line)
          assert.equal(/\p{Control}|[\u202A-\u202E\u2066-\u2069]/u.test(line), false, JSON.stringify(line))
        }
      }),
      { numRuns: 50 },
    )
  })

  test('colours change no text', () => {
    const size = { columns: 60, rows: 14 }
    const painted = renderTop(busy, keys, size, createPaint(true))
    assert.ok(painted.some((line) => line.includes('\u001B[33m')))
    assert.deepEqual(
      painted.map((line) => stripVTControlCharacters(line)),
      renderTop(busy, keys, size, plain),
    )
  })
})
