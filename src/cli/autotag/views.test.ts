import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApplySummary, AutotagProgress, RunSummary } from '../../immich/autotag/autotag-jobs.ts'
import { createPaint } from '../paint.ts'
import { applySummary, RUN, TAG_STEP } from '../testing/autotag-jobs.ts'
import { widthOf } from '../text-width.ts'
import { applyLines } from './apply-view.ts'
import { plainAutotag, renderAutotag } from './progress-view.ts'
import { reportLines } from './report-view.ts'

const PAINT = createPaint(false)
const PIPE = { paint: PAINT, verbose: false, columns: Number.POSITIVE_INFINITY }

describe('applyLines', () => {
  const undone: ApplySummary['undone'] = Array.from({ length: 12 }, (_, index) => ({
    step: { ...TAG_STEP, tag: `auto/\u001B[31m${index}` },
    outcome: 'refused',
    ids: ['a-1'],
    message: 'no\nforged',
  }))

  test('says what was made and how to take it back', () => {
    assert.deepEqual(applyLines(applySummary({ wasSo: 1 }), PIPE), [
      'done: 2 changes made, 1 were so already, in 2 calls',
      `To take it back: heirloom autotag undo ${RUN.id}`,
    ])
  })

  test('says nothing of taking back where nothing was made', () => {
    assert.deepEqual(applyLines(applySummary({ done: 0 }), PIPE), ['done: 0 changes made, in 2 calls'])
  })

  test('says ten of what was not done, all with --verbose, and lets no name steer the terminal', () => {
    const few = applyLines(applySummary({ undone }), PIPE)
    assert.equal(few.filter((line) => line.startsWith(' ! refused by the server')).length, 10)
    assert.ok(few.includes('   … 2 more'))
    const all = applyLines(applySummary({ undone }), { ...PIPE, verbose: true })
    assert.equal(all.filter((line) => line.startsWith(' ! ')).length, 12)
    assert.doesNotMatch(all.join('|'), /\p{Control}/u)
  })

  test('fits a narrow terminal', () => {
    const differences = ['the asset a-1 has another date than was written, by some hours and more']
    const shown = applyLines(applySummary({ undone, differences }), { ...PIPE, columns: 60 })
    for (const line of shown.filter((one) => one.startsWith(' ! '))) assert.ok(widthOf(line) <= 60, line)
  })

  for (const status of ['interrupted', 'failed'] as const) {
    test(`says how to go on after a run that is ${status}`, () => {
      const shown = applyLines(applySummary({ run: { ...RUN, status } }), PIPE)
      assert.equal(shown.at(-1), 'What is left is done by: heirloom autotag apply')
    })

    test(`says how to go on after an undo that is ${status}`, () => {
      const undo = { ...RUN, kind: 'undo', undoes: 'the-first', status } as const
      const shown = applyLines(applySummary({ run: undo }), PIPE)
      assert.equal(shown.at(-1), 'What is left is done by: heirloom autotag undo the-first')
    })
  }
})

describe('reportLines', () => {
  const runs = Array.from(
    { length: 25 },
    (_, index): RunSummary => ({
      ...RUN,
      id: `run-${index}`,
      changes: { 'tag.add': 1, 'album.create': 2 },
      failed: index === 0 ? 4 : 0,
    }),
  )

  test('says so when there is no run', () => {
    assert.deepEqual(reportLines({ runs: [], links: [] }, PIPE), [
      'No rules were applied yet: heirloom autotag apply',
    ])
  })

  test('shows twenty runs, all with --verbose', () => {
    const few = reportLines({ runs, links: [] }, PIPE)
    assert.match(few[1] ?? '', /^run-0 +apply +completed +1 tag given, 2 new albums +4 failed$/u)
    assert.equal(few.filter((line) => line.startsWith('run-')).length, 20)
    assert.equal(few.at(-1), ' … 5 more runs (--verbose shows all)')
    assert.equal(reportLines({ runs, links: [] }, { ...PIPE, verbose: true }).length, 26)
  })

  test('shows all tags and the twenty albums that were made last, with whole addresses', () => {
    const links = [
      { name: 'auto/a', kind: 'tag' as const, address: 'http://nas.local:2283/tags?path=auto%2Fa' },
      ...Array.from({ length: 30 }, (_, index) => ({
        name: `Album ${index} ${'long '.repeat(100)}`,
        kind: 'album' as const,
        address: `http://nas.local:2283/albums/l-${index}`,
      })),
    ]
    const shown = reportLines({ runs: runs.slice(0, 1), links }, { ...PIPE, columns: 60 })
    assert.equal(shown.filter((line) => /^ album .*\/albums\/l-\d+$/u.test(line)).length, 20)
    assert.ok(shown.some((line) => /^ tag +auto\/a .*path=auto%2Fa$/u.test(line)))
    assert.ok(shown.some((line) => line.endsWith('/albums/l-29')))
    assert.equal(shown.at(-1), ' … 10 more albums (--verbose shows all)')
  })
})

describe('the progress of autotag', () => {
  const progress: AutotagProgress = { stage: 'applying', what: 'dates', done: 5, total: 10, calls: 7 }

  test('is a bar where it is known how far it is', () => {
    const [first, second] = renderAutotag(progress, { columns: 80, rows: 24 }, PAINT)
    assert.match(first ?? '', /^\S+ +50% {2}applying dates$/u)
    assert.equal(second, '5 of 10  7 calls')
  })

  test('is the numbers of all that goes on at a time', () => {
    const beside = [{ what: 'tags', done: 3, total: 36 }]
    const reading: AutotagProgress = {
      stage: 'loading',
      what: 'assets',
      done: 1000,
      total: undefined,
      calls: 7,
      beside,
    }
    assert.deepEqual(renderAutotag(reading, { columns: 80, rows: 24 }, PAINT), [
      'reading',
      'assets 1,000  tags 3 of 36  7 calls',
    ])
  })

  for (const columns of [12, 40, 60]) {
    test(`fits ${columns} columns`, () => {
      for (const line of renderAutotag(progress, { columns, rows: 24 }, PAINT))
        assert.ok(widthOf(line) < columns)
    })
  }

  test('is one line in a pipe, without a number where nothing is counted', () => {
    assert.deepEqual(plainAutotag(progress), ['applying dates: 5 of 10, 7 calls'])
    const deciding: AutotagProgress = { stage: 'deciding', what: '', done: 0, total: undefined, calls: 7 }
    assert.deepEqual(plainAutotag(deciding), ['deciding: 7 calls'])
  })
})
