import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { UploadUnit } from '../immich/upload-plan.ts'
import { UploadLine } from './upload-line.ts'

const unit = (assetId: number): UploadUnit => ({ assetId, files: [], sizeBytes: 0 })

describe('the line', () => {
  test('lets an export go on when the one ahead has ended, also when that failed', async () => {
    const line = new UploadLine()
    const order: string[] = []
    const first = async (): Promise<void> => {
      using _place = line.join()
      await Promise.resolve()
      order.push('first')
      throw new Error('refused')
    }
    const second = async (): Promise<void> => {
      using place = line.join()
      await place.ahead
      order.push('second')
    }
    const [one] = await Promise.allSettled([first(), second()])
    assert.equal(one.status, 'rejected')
    assert.deepEqual(order, ['first', 'second'])
  })

  test('tells an export whether another one is behind it', () => {
    const line = new UploadLine()
    using first = line.join()
    assert.equal(first.isFollowed(), false)
    using second = line.join()
    assert.deepEqual([first.isFollowed(), second.isFollowed()], [true, false])
  })

  test('gives a content to the first export that has it, until it is settled', () => {
    const line = new UploadLine()
    assert.equal(line.take(unit(7), 'anna'), true)
    assert.equal(line.take(unit(7), 'ben'), false)
    // A second attempt of the same export.
    assert.equal(line.take(unit(7), 'anna'), true)
    line.settle(unit(7))
    assert.equal(line.take(unit(7), 'ben'), true)
  })

  test('looks at once when it is woken', async () => {
    const line = new UploadLine()
    let looks = 0
    const done = line.waitUntil(async () => {
      looks += 1
      return looks === 2
    }, new AbortController().signal)
    await new Promise((resolve) => setImmediate(resolve))
    line.wake()
    await done
    assert.equal(looks, 2)
  })

  test('waits no longer when it is aborted', async () => {
    const line = new UploadLine()
    const ending = new AbortController()
    const done = line.waitUntil(async () => false, ending.signal)
    ending.abort()
    await done
  })
})
