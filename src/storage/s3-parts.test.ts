import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PART_BYTES, PartBuffers, partBytes, partsOf } from './s3-parts.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB

describe('the size of parts', () => {
  test('what is announced fits into 10,000 parts of one size', () => {
    for (const announced of [0, 1, 80 * GIB, 81 * GIB, 500 * GIB, 5 * 1024 * GIB]) {
      const size = partBytes(1, announced)
      assert.equal(partBytes(10_000, announced), size)
      assert.ok(size * 10_000 >= announced, `${announced}`)
      assert.ok(size >= 5 * MIB && size <= 5 * GIB)
    }
    assert.equal(partBytes(1, 70 * GIB), PART_BYTES)
  })

  test('parts grow when nobody knows how much will come', () => {
    let total = 0
    for (let number = 1; number <= 10_000; number += 1) {
      assert.ok(partBytes(number, undefined) >= partBytes(Math.max(1, number - 1), undefined))
      total += partBytes(number, undefined)
    }
    assert.equal(partBytes(2000, undefined), PART_BYTES)
    assert.ok(total > 480 * GIB)
  })
})

describe('cutting into parts', () => {
  async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
    let start = 0
    for (const size of sizes) {
      yield bytes.subarray(start, start + size)
      start += size
    }
    yield bytes.subarray(start)
  }

  /** Gives buffers back before the next part is asked for, as a fast line does. */
  async function cut(chunks: AsyncIterable<Uint8Array>, announced: number | undefined): Promise<Buffer[]> {
    const buffers = new PartBuffers()
    const found: Buffer[] = []
    let lasts = 0
    for await (const { number, bytes, last } of partsOf(chunks, announced, buffers)) {
      found.push(Buffer.from(bytes))
      assert.equal(number, found.length)
      if (last) lasts += 1
      buffers.giveBack(bytes)
    }
    assert.equal(lasts, 1)
    return found
  }

  const pattern = Buffer.alloc(2 * PART_BYTES + 1000, 'photo and video')

  const cases: { sizeBytes: number; parts: number[] }[] = [
    { sizeBytes: 0, parts: [0] },
    { sizeBytes: 1, parts: [1] },
    { sizeBytes: 256 * 1024, parts: [256 * 1024] },
    { sizeBytes: 256 * 1024 + 1, parts: [256 * 1024 + 1] },
    { sizeBytes: PART_BYTES, parts: [PART_BYTES] },
    { sizeBytes: PART_BYTES + 1, parts: [PART_BYTES, 1] },
    { sizeBytes: 2 * PART_BYTES, parts: [PART_BYTES, PART_BYTES] },
  ]
  for (const { sizeBytes, parts } of cases) {
    for (const announced of [sizeBytes, undefined]) {
      test(`${sizeBytes} bytes, announced as ${announced}, come in full parts and a rest`, async () => {
        const bytes = pattern.subarray(0, sizeBytes)
        const found = await cut(chunksOf(bytes, []), announced)
        assert.deepEqual(
          found.map(({ length }) => length),
          parts,
        )
        assert.equal(Buffer.concat(found).compare(bytes), 0)
      })
    }
  }

  test('however the chunks come, all bytes come in order', async () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 * MIB })), {
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (chunkSizes, known) => {
        const parts = await cut(chunksOf(pattern, chunkSizes), known ? pattern.length : undefined)
        assert.equal(parts.length, 3)
        assert.equal(Buffer.concat(parts).compare(pattern), 0)
      }),
      { numRuns: 10 },
    )
  })
})
