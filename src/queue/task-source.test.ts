import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TaskSource } from './task-source.ts'

/** Counts what was asked of it, and whether it was told to end. */
function watched(count: number) {
  const seen = { pulled: 0, isClosed: false }
  async function* items(): AsyncGenerator<number> {
    try {
      for (let item = 0; item < count; item += 1) {
        seen.pulled += 1
        yield item
      }
    } finally {
      seen.isClosed = true
    }
  }
  return { seen, source: new TaskSource(items()) }
}

async function readAll<Item>(source: TaskSource<Item>, limit: number): Promise<Item[][]> {
  const chunks: Item[][] = []
  for (;;) {
    const chunk = await source.read(limit)
    if (chunk.length === 0) return chunks
    chunks.push(chunk)
  }
}

describe('TaskSource', () => {
  const five = [0, 1, 2, 3, 4]
  const sources = [
    { rule: 'an array', source: five },
    { rule: 'a set', source: new Set(five) },
    { rule: 'a generator', source: five.values() },
    { rule: 'an asynchronous generator', source: ReadableStream.from(five) as AsyncIterable<number> },
  ]
  for (const { rule, source } of sources) {
    test(`reads ${rule} in chunks, in order`, async () => {
      assert.deepEqual(await readAll(new TaskSource(source), 2), [[0, 1], [2, 3], [4]])
    })
  }

  test('reads no more than it was asked for', async () => {
    const { seen, source } = watched(1_000)
    assert.deepEqual(await source.read(3), [0, 1, 2])
    assert.equal(seen.pulled, 3)
  })

  test('tells the source when no more is wanted', async () => {
    const { seen, source } = watched(1_000)
    await source.read(1)
    await source.close()
    assert.equal(seen.isClosed, true)
    assert.deepEqual(await source.read(1), [])
  })

  test('hands over what it has when the source is slow, and loses nothing', async () => {
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    async function* slow(): AsyncGenerator<number> {
      yield 1
      await released
      yield 2
    }
    const source = new TaskSource(slow())
    assert.deepEqual(await source.read(10), [1])
    release()
    assert.deepEqual(await source.read(10), [2])
    assert.deepEqual(await source.read(10), [])
  })

  test('gives what came before an error first, then the error', async () => {
    async function* broken(): AsyncGenerator<number> {
      yield 1
      throw new Error('disk is gone')
    }
    const source = new TaskSource(broken())
    assert.deepEqual(await source.read(10), [1])
    await assert.rejects(source.read(10), /disk is gone/u)
  })

  test('does not wait for a source that never answers', async () => {
    const never: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => {
        let pulls = 0
        return {
          next: () => {
            pulls += 1
            return pulls === 1
              ? Promise.resolve({ done: false, value: 1 })
              : new Promise<never>(() => undefined)
          },
          return: () => new Promise<never>(() => undefined),
        }
      },
    }
    const source = new TaskSource(never)
    assert.deepEqual(await source.read(10), [1])
    await source.close()
  })
})
