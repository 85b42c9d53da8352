import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Plan, Step } from '../../immich/autotag/plan.ts'
import { createPaint } from '../paint.ts'
import { planOf, TAG_STEP } from '../testing/autotag-jobs.ts'
import { widthOf } from '../text-width.ts'
import { planLines } from './plan-view.ts'

const ESTIMATE = { calls: { tag: 3, album: 0 }, total: 3, ms: 1500, serverJobs: 0 }
const PIPE = { paint: createPaint(false), verbose: false, columns: Number.POSITIVE_INFINITY }

function lines(
  steps: readonly Step[],
  style: Partial<typeof PIPE> = {},
  changes: Partial<Plan> = {},
): string[] {
  return planLines(planOf(steps, changes), ESTIMATE, { ...PIPE, ...style })
}

function tagged(count: number, tag = 'auto/unsorted'): Step[] {
  return Array.from({ length: count }, (_, index) => ({ ...TAG_STEP, tag: `${tag}-${index}` }))
}

describe('planLines', () => {
  test('says each step with its sign, its rule and what was there before', () => {
    const [first, second] = lines([
      TAG_STEP,
      {
        op: 'asset.set',
        rule: 'duplicates',
        to: { rating: 5 },
        assetIds: ['a-1', 'a-2', 'a-3'],
        before: [null, 2, 3],
      },
    ])
    assert.equal(first, ' + tag auto/unsorted  ×2  categories.unsorted')
    assert.equal(second, ' ~ 3 assets  rating → 5   duplicates           was 2 and 2 others')
  })

  test('shows twelve steps of a kind, and counts the rest by what they change', () => {
    const shown = lines(tagged(15))
    assert.equal(shown.filter((line) => line.startsWith(' + ')).length, 12)
    assert.ok(shown.includes('   … 3 more: 6 tags given'))
    assert.ok(shown.includes('   (--verbose shows all)'))
    assert.ok(shown.includes('Changes: 30 tags given'))
  })

  test('shows all with --verbose', () => {
    const shown = lines(tagged(15), { verbose: true })
    assert.equal(shown.filter((line) => line.startsWith(' + ')).length, 15)
    assert.ok(!shown.join('\n').includes('--verbose'))
  })

  test('fits a narrow terminal, and shows of each step its rule', () => {
    const long = { ...TAG_STEP, tag: `auto/${'long-'.repeat(2000)}` }
    const shown = lines([long, ...tagged(2)], { columns: 60 }).filter((line) => line.startsWith(' + '))
    assert.equal(shown.length, 3)
    for (const line of shown) {
      assert.ok(widthOf(line) <= 60, line)
      assert.match(line, /categories\.un/u)
    }
  })

  test('counts overrides that say the same, and shows five kinds of them', () => {
    const overrides = Array.from({ length: 21 }, (_, index) => ({
      rule: 'categories.clash',
      fact: { kind: 'tag', value: 'auto/clash', is: true } as const,
      subjectId: `a-${index}`,
      says: `user removed tag auto/clash-${index % 7}`,
    }))
    const shown = lines([], {}, { overrides })
    assert.equal(shown[0], ' ! 21 changes that somebody took back, left as it is now:')
    assert.equal(shown[1], '   3 × user removed tag auto/clash-0  (categories.clash)')
    assert.equal(shown.at(-1), '   … 2 more')
    assert.equal(lines([], { verbose: true }, { overrides }).length, 8)
  })

  test('counts each asset of remarks that say the same once', () => {
    const remarks = [['a-1', 'a-2'], ['a-2']].map((assetIds) => ({
      rule: 'dates.unsure',
      kind: 'date-unsure' as const,
      says: 'nothing tells a date',
      assetIds,
    }))
    assert.deepEqual(lines([], {}, { remarks }), [' ! 2 ×  nothing tells a date  (dates.unsure)'])
  })

  test('lets no name from the server steer the terminal', () => {
    const hostile = '\u001B[2J\u202Eevil\nforged'
    const shown = lines(
      [{ op: 'album.add', rule: hostile, album: { id: 'l-1', name: hostile }, assetIds: ['a-1'] }],
      {},
      {
        overrides: [
          {
            rule: hostile,
            fact: { kind: 'tag', value: hostile, is: true },
            subjectId: 'a-1',
            says: hostile,
          },
        ],
        remarks: [{ rule: hostile, kind: 'album-missing', says: hostile, assetIds: [] }],
      },
    ).join('|')
    assert.doesNotMatch(shown, /[\p{Control}\u202E]/u)
    assert.match(shown, /␛\[2Jevil␊forged/u)
  })
})
