import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { BUCKET_MS, type MinuteCount, ThroughputRecord } from './dashboard-throughput.ts'

const MINUTE_MS = 60_000
/** A whole minute. */
const START = Date.UTC(2026, 0, 1)

const ends = (minute: number, ended: number, lane = 'item'): MinuteCount => ({
  lane,
  minute: START / MINUTE_MS + minute,
  ended,
})

/** Tasks in the last `count` buckets. */
function lastBuckets(record: ThroughputRecord, now: number, count: number, lane = 'item'): number[] {
  const { lanes } = record.history(now)
  return (lanes[lane] ?? []).slice(-count).map((rate) => Math.round((rate * BUCKET_MS) / 100) / 10)
}

describe('the throughput', () => {
  test('is where it was seen', () => {
    const record = new ThroughputRecord()
    record.see([], START)
    assert.equal(record.see([ends(0, 7)], START + 5_000), 7)
    assert.equal(record.see([ends(0, 9)], START + 10_000), 2)
    assert.deepEqual(lastBuckets(record, START + 15_000, 3), [7, 2, 0])
  })

  test('of the time before anybody looked is spread over each minute', () => {
    const record = new ThroughputRecord()
    record.see([ends(-2, 24), ends(-1, 12)], START)
    const buckets = lastBuckets(record, START, 24)
    assert.deepEqual(new Set(buckets.slice(0, 12)), new Set([2]))
    assert.deepEqual(new Set(buckets.slice(12)), new Set([1]))
  })

  test('of the time in which nobody looked is spread over that', () => {
    const record = new ThroughputRecord()
    record.see([ends(0, 5)], START + 5_000)
    record.see([ends(0, 15)], START + 55_000)
    assert.deepEqual(lastBuckets(record, START + 60_000, 12), [5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0])
  })

  test('does not fall when minutes leave the store', () => {
    const record = new ThroughputRecord()
    record.see([ends(0, 60)], START + 60_000)
    assert.equal(record.see([], START + 120_000), 0)
    assert.deepEqual(lastBuckets(record, START + 120_000, 24).slice(0, 12), Array(12).fill(5))
  })

  test('survives a clock that is put back', () => {
    const record = new ThroughputRecord()
    record.see([ends(0, 3)], START + 30_000)
    record.see([ends(0, 4)], START + 10_000)
    const sum = lastBuckets(record, START + 60_000, 180).reduce((total, one) => total + one, 0)
    assert.ok(Math.abs(sum - 4) < 0.1, `${sum}`)
  })

  test('forgets lanes that did nothing for a quarter of an hour', () => {
    const record = new ThroughputRecord()
    record.see([ends(0, 1)], START + 1_000)
    record.see([], START + 17 * MINUTE_MS)
    assert.deepEqual(record.history(START + 17 * MINUTE_MS).lanes, {})
  })

  test('adds up to what has ended, however often somebody looks', () => {
    const steps = fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: 90_000 }), ended: fc.nat(500) }), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(steps, (looks) => {
        const record = new ThroughputRecord()
        const minutes = new Map<number, number>()
        let [now, total] = [START, 0]
        for (const { afterMs, ended } of looks) {
          now += afterMs
          const minute = Math.floor(now / MINUTE_MS) - START / MINUTE_MS
          minutes.set(minute, (minutes.get(minute) ?? 0) + ended)
          total += ended
          record.see(
            [...minutes].map(([at, count]) => ends(at, count)),
            now,
          )
        }
        const { lanes } = record.history(now + BUCKET_MS)
        const sum = (lanes['item'] ?? []).reduce((all, rate) => all + (rate * BUCKET_MS) / 1_000, 0)
        assert.ok(Math.abs(sum - total) < 0.5, `${sum} of ${total}`)
      }),
    )
  })
})
