import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPaint } from './paint.ts'
import { formatProgress, listLines, taskLines } from './queue-task-view.ts'
import { NOW, sampleTask } from './testing/sample-queue.ts'
import { widthOf } from './text-width.ts'

const plain = { paint: createPaint(false), columns: Number.POSITIVE_INFINITY }
const error = {
  code: 'media/unreadable',
  message: 'IMG_9.jpg \u001B[2Jis cut off',
  recovery: 'discard',
  hint: 'Look at it.',
} as const

describe('listLines', () => {
  const tasks = [
    sampleTask(7),
    sampleTask(12, { status: 'processing', startedAt: NOW - 3_200, attempt: 1, progress: 0.4, error }),
    sampleTask(13, { status: 'processing', startedAt: NOW - 1_200, attempt: 2, cancelRequested: true }),
    sampleTask(99, { status: 'failed', finishedAt: NOW - 125_000, attempt: 1, error }),
    sampleTask(100, { status: 'completed', finishedAt: NOW - 5_000, attempt: 2, error, kind: 'k' }),
  ]

  test('one line a task', () => {
    assert.deepEqual(listLines(tasks, NOW, plain), [
      ' ID  STATUS      LANE  KIND  ATTEMPT         AGE',
      '  7  pending     item  item        0  1 min 00 s',
      ' 12  processing  item  item        1       3.2 s  40%',
      ' 13  cancelling  item  item        2       1.2 s',
      ' 99  failed      item  item        1  2 min 05 s  media/unreadable: IMG_9.jpg ␛[2Jis cut off',
      '100  completed   item  k           2       5.0 s',
    ])
  })

  test('none', () => assert.deepEqual(listLines([], NOW, plain), ['no such task']))

  test('lines are cut before they are painted', () => {
    const lines = listLines(tasks, NOW, { paint: createPaint(true), columns: 40 })
    assert.ok(lines.every((line) => widthOf(line) <= 40))
    assert.equal(lines[4], '\u001B[31m 99  failed      item  item        1  2…\u001B[39m')
  })
})

describe('taskLines', () => {
  test('everything that is known', () => {
    const task = sampleTask(9, {
      status: 'failed',
      startedAt: NOW - 130_000,
      finishedAt: NOW - 125_000,
      attempt: 1,
      failures: 1,
      timeoutMs: 3_600_000,
      memoryBytes: 50_000_000,
      group: 'export:a',
      dedupeKey: 'd',
      concurrencyKey: 'c',
      workerId: 'anna-1',
      progress: { done: 3, total: 10 },
      result: null,
      error,
    })
    assert.deepEqual(taskLines(task, NOW, plain), [
      'task 9: item, failed',
      '  lane               item',
      '  priority           0',
      '  added              2025-12-31T23:59:00.000Z, 1 min 00 s ago',
      '  started            2025-12-31T23:57:50.000Z, 2 min 10 s ago',
      '  ended              2025-12-31T23:57:55.000Z, 2 min 05 s ago',
      '  last attempt took  5.0 s',
      '  attempts           1, 1 of them failed; given up after 4',
      '  timeout            1 h 00 min',
      '  memory             50.0 MB',
      '  group              export:a',
      '  dedupe key         d',
      '  concurrency key    c',
      '  worker             anna-1',
      '  progress           3/10',
      '  error              media/unreadable: IMG_9.jpg ␛[2Jis cut off',
      '                     no other attempt can help',
      '  hint               Look at it.',
      '  payload            {"path":"IMG_9.jpg"}',
      '  result             null',
    ])
  })

  test('a task that is put off says until when', () => {
    const lines = taskLines(
      sampleTask(1, { status: 'retry', runAt: NOW + 4_000, attempt: 1, failures: 1 }),
      NOW,
      plain,
    )
    assert.equal(lines[4], '  due       2026-01-01T00:00:04.000Z, in 4.0 s')
  })

  test('a long payload is cut, and says how long it is', () => {
    const lines = taskLines(sampleTask(1, { payload: 'x'.repeat(5_000) }), NOW, plain)
    assert.match(lines.at(-1) ?? '', /^ {2}payload {3}"x{599}… \(5002 characters\)$/u)
  })

  test('an instant that no calendar knows is shown as its number', () => {
    assert.match(
      taskLines(sampleTask(1, { createdAt: 9e15 }), NOW, plain)[3] ?? '',
      /^ {2}added {5}9000000000000000, in/u,
    )
  })
})

describe('formatProgress', () => {
  const cases: [value: unknown, text: string][] = [
    [0, '0'],
    [0.405, '40%'],
    [1, '1'],
    [40, '40'],
    ['half \u001Bway', 'half ␛way'],
    [{ done: 3, total: 10 }, '3/10'],
    [{ percent: 12.7 }, '12%'],
    [{ step: 'a' }, '{"step":"a"}'],
    [null, 'null'],
    [[1], '[1]'],
  ]
  for (const [value, text] of cases)
    test(JSON.stringify(value), () => assert.equal(formatProgress(value), text))
})
