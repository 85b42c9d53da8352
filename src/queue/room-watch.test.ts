import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FakeClock } from '../clock.ts'
import { RoomWatch } from './room-watch.ts'

function setup(enough: number) {
  const clock = new FakeClock()
  const room = new RoomWatch(clock, enough)
  let looks = 0
  const wait = (): void => {
    void room.next().then(() => {
      looks += 1
    })
  }
  const looksAfter = async (ms: number): Promise<number> => {
    clock.advance(ms)
    await turn()
    return looks
  }
  return { room, wait, looksAfter }
}

describe('RoomWatch', () => {
  test('a good part of the queue that has ended is worth a look at once', async () => {
    const { room, wait, looksAfter } = setup(3)
    wait()
    wait()
    room.ended()
    room.ended()
    assert.equal(await looksAfter(0), 0)
    room.ended()
    assert.equal(await looksAfter(0), 2)
  })

  test('fewer are worth one a moment after the first', async () => {
    const { room, wait, looksAfter } = setup(100)
    wait()
    room.ended()
    assert.equal(await looksAfter(19), 0)
    assert.equal(await looksAfter(1), 1)
  })

  test('without any, another process may have made room a second later', async () => {
    const { wait, looksAfter } = setup(100)
    wait()
    assert.equal(await looksAfter(999), 0)
    assert.equal(await looksAfter(1), 1)
  })

  test('what ended while nobody waited is not remembered', async () => {
    const { room, wait, looksAfter } = setup(2)
    room.ended()
    wait()
    room.ended()
    assert.equal(await looksAfter(0), 0)
  })
})
