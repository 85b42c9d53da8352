import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FakeClock } from '../clock.ts'
import { Duties } from './duties.ts'

function setup() {
  const clock = new FakeClock()
  const errors: unknown[] = []
  return { clock, errors, duties: new Duties(clock, (error) => errors.push(error)) }
}

describe('a duty that is done on demand', () => {
  test('is done at once, and then once after the gap however often it was asked for', async () => {
    const { clock, duties } = setup()
    let done = 0
    const ask = duties.onDemand(500, async () => {
      done += 1
    })
    ask()
    assert.equal(done, 1)
    await turn()
    for (let times = 0; times < 10; times += 1) ask()
    clock.advance(499)
    assert.equal(done, 1)
    clock.advance(1)
    assert.equal(done, 2)
    await turn()
    clock.advance(5_000)
    assert.equal(done, 2)
  })

  test('that is asked for while it runs is done again', async () => {
    const { clock, duties } = setup()
    let done = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    const ask = duties.onDemand(500, async () => {
      done += 1
      await promise
    })
    ask()
    ask()
    resolve()
    await turn()
    clock.advance(500)
    assert.equal(done, 2)
  })

  test('is not done any more after the stop, which waits for the one under way', async () => {
    const { clock, duties } = setup()
    let done = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    const ask = duties.onDemand(500, async () => {
      await promise
      done += 1
    })
    ask()
    ask()
    const stopped = duties.stop()
    resolve()
    await stopped
    assert.equal(done, 1)
    ask()
    clock.advance(10_000)
    assert.equal(done, 1)
  })
})

test('a repeated duty that fails tells so and is not repeated', async () => {
  const { clock, duties, errors } = setup()
  let done = 0
  duties.every(100, async () => {
    done += 1
    if (done === 2) throw new Error('no')
  })
  for (let times = 0; times < 5; times += 1) {
    clock.advance(100)
    await turn()
  }
  assert.equal(done, 2)
  assert.deepEqual(
    errors.map((error) => (error as Error).message),
    ['no'],
  )
})
