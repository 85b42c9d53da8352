import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ALBUM_CHUNKS, createChunkSizer, nextChunkSize, TAG_CHUNKS } from './chunk-size.ts'

const OPTIONS = { start: 500, min: 10, max: 32_767 }

describe('nextChunkSize', () => {
  test('a call that took the target keeps the size', () => {
    assert.equal(nextChunkSize(500, { units: 500, latencyMs: 2_000 }, OPTIONS), 500)
  })
  test('a slow server gets what it does in the target', () => {
    assert.equal(nextChunkSize(200, { units: 200, latencyMs: 4_000 }, OPTIONS), 100)
  })
  test('one very slow call divides by four at most', () => {
    assert.equal(nextChunkSize(400, { units: 400, latencyMs: 600_000 }, OPTIONS), 100)
  })
  test('one very fast call doubles at most', () => {
    assert.equal(nextChunkSize(500, { units: 500, latencyMs: 0 }, OPTIONS), 1_000)
  })
  test('a few ids that went fast tell nothing', () => {
    assert.equal(nextChunkSize(500, { units: 3, latencyMs: 80 }, OPTIONS), 500)
  })
  test('a few ids that took longer than the target do', () => {
    assert.equal(nextChunkSize(500, { units: 50, latencyMs: 4_000 }, OPTIONS), 125)
  })
  test('nothing goes beyond the limits', () => {
    assert.equal(nextChunkSize(32_767, { units: 32_767, latencyMs: 1 }, OPTIONS), 32_767)
    assert.equal(nextChunkSize(10, { units: 10, latencyMs: 60_000 }, OPTIONS), 10)
  })
})

describe('createChunkSizer', () => {
  test('a server of 20 ms an asset gets chunks of about 2 s after three calls', () => {
    const sizer = createChunkSizer(TAG_CHUNKS)
    for (let count = 0; count < 3; count += 1) sizer.tell(sizer.size, 80 + sizer.size * 20)
    assert.ok(Math.abs(80 + sizer.size * 20 - 2_000) < 200, String(sizer.size))
  })
  test('an overload halves', () => {
    const sizer = createChunkSizer(ALBUM_CHUNKS)
    sizer.tellOverload()
    assert.equal(sizer.size, 500)
  })
  test('whatever is told, the size is whole and within its limits', () => {
    const told = fc.record({ units: fc.nat(40_000), latencyMs: fc.double({ min: 0, max: 1e9, noNaN: true }) })
    fc.assert(
      fc.property(
        fc.array(fc.option(told)),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 100, max: 5_000 }),
        (calls, min, max) => {
          const sizer = createChunkSizer({ start: 500, min, max })
          for (const call of calls) {
            if (call === null) sizer.tellOverload()
            else sizer.tell(call.units, call.latencyMs)
            assert.ok(Number.isInteger(sizer.size) && sizer.size >= min && sizer.size <= max)
          }
        },
      ),
    )
  })
  test('any server that does the same each time gets calls of about the target, or a limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 500 }), (perIdMs, callMs) => {
        const sizer = createChunkSizer(OPTIONS)
        const takesMs = (): number => callMs + sizer.size * perIdMs
        for (let count = 0; count < 30; count += 1) sizer.tell(sizer.size, takesMs())
        assert.ok(Math.abs(takesMs() - 2_000) <= 2_000 * 0.05 + perIdMs * 2, `${takesMs()} ms`)
      }),
    )
  })
})
