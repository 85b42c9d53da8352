import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ThroughputHistory } from '../../tasks/dashboard-throughput.ts'
import { CHART_HEIGHT, chartOf, pointAt, roundUp } from './chart.ts'

const history = (lanes: Record<string, readonly number[]>): ThroughputHistory => ({
  bucketMs: 5_000,
  from: 0,
  lanes,
})

describe('the chart', () => {
  test('is one line of all lanes, averaged over its neighbours', () => {
    const { totals, width } = chartOf(history({ a: [0, 3, 3, 3], b: [0, 0, 3, 0] }))
    assert.deepEqual(totals, [0, 1.5, 3, 4])
    assert.equal(width, 3)
  })

  test('closes the area at the bottom', () => {
    const { area } = chartOf(history({ a: [2, 2] }))
    assert.match(area, /^M0,100L.*L1,100Z$/u)
  })

  test('has no line where nothing has ended', () => {
    assert.equal(chartOf(history({})).isEmpty, true)
    assert.equal(chartOf(history({ a: [0, 0] })).isEmpty, true)
  })

  test('stays inside of its box', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 2 }), (rates) => {
        const ys = [...chartOf(history({ a: rates })).line.matchAll(/,(?<y>[\d.]+)/gu)].map(({ groups }) =>
          Number(groups?.['y']),
        )
        assert.equal(ys.length, rates.length)
        assert.ok(ys.every((y) => y >= 0 && y <= CHART_HEIGHT))
      }),
    )
  })

  test('tells of a moment which lanes it was, the busiest first', () => {
    const given = history({ idle: [0, 0, 0], slow: [1, 1, 1], fast: [9, 9, 9] })
    assert.deepEqual(pointAt(given, chartOf(given), 1), {
      agoMs: 5_000,
      total: 10,
      lanes: [
        { lane: 'fast', rate: 9 },
        { lane: 'slow', rate: 1 },
      ],
    })
  })
})

test('the scale ends at a round number above the highest rate, and not far above it', () => {
  assert.deepEqual([0, 0.07, 0.9, 1, 4.7, 5, 96, 140].map(roundUp), [1, 0.08, 1, 1.6, 6, 6, 150, 160])
})
