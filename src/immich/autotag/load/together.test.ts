import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mapBeside, together } from './together.ts'

test('the first that fails calls off the rest, and is what is told when all have ended', async () => {
  let hasEnded = false
  const outcome = together<[unknown, unknown]>(undefined, (signal) => [
    Promise.reject(new RangeError('first')),
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        hasEnded = true
        reject(signal.reason)
      })
    }),
  ])
  await assert.rejects(outcome, RangeError)
  assert.ok(hasEnded)
})

test('whoever is called off calls off all', async () => {
  const controller = new AbortController()
  const outcome = together<[unknown]>(controller.signal, (signal) => [
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    }),
  ])
  controller.abort(new RangeError('off'))
  await assert.rejects(outcome, /off/u)
})

test('at most so many are worked on at a time, and results keep their order', async () => {
  let running = 0
  let most = 0
  const results = await mapBeside([5, 1, 4, 2, 3], 2, async (turns) => {
    running += 1
    most = Math.max(most, running)
    for (let left = turns; left > 0; left -= 1) await Promise.resolve()
    running -= 1
    return turns * 10
  })
  assert.deepEqual(results, [50, 10, 40, 20, 30])
  assert.equal(most, 2)
})
