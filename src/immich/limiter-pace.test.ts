/** How the limiter paces calls on servers with more or fewer free database connections, in a time of its own. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLimiter, type LimiterOptions } from './limiter.ts'

const isOverload = (error: unknown): boolean => error instanceof RangeError
const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

/** Calls of 80 ms on a server with so many database connections, in a time of its own. */
async function simulate(
  options: Partial<LimiterOptions>,
  server: { readonly connections: number; readonly calls: number },
): Promise<{ readonly ms: number; readonly averageInFlight: number }> {
  let nowMs = 0
  let free = server.connections
  let inFlight = 0
  let busyMs = 0
  const waiting: (() => void)[] = []
  const ends: { readonly atMs: number; readonly end: () => void }[] = []
  const admit = (): void => {
    while (free > 0 && waiting.length > 0) {
      free -= 1
      const end = waiting.shift()
      ends.push({ atMs: nowMs + 80, end: end ?? (() => undefined) })
    }
  }
  const serve = async (): Promise<void> => {
    inFlight += 1
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
      admit()
    })
    inFlight -= 1
  }
  const limiter = createLimiter({ isOverload, startsQuickly: true, now: () => nowMs, ...options })
  const runs = Array.from({ length: server.calls }, () => limiter.run('search', 0, serve))
  await turn()
  for (let next = ends.shift(); next !== undefined; next = ends.shift()) {
    busyMs += inFlight * (next.atMs - nowMs)
    nowMs = next.atMs
    free += 1
    next.end()
    await turn()
    admit()
  }
  await Promise.all(runs)
  return { ms: nowMs, averageInFlight: busyMs / nowMs }
}

describe('beside one call at a time', () => {
  test('an idle server is read at least three times as fast', async () => {
    const calls = 180
    const server = { connections: 10, calls }
    const [one, adapting] = [await simulate({ concurrency: 1 }, server), await simulate({}, server)]
    assert.equal(one.ms, calls * 80)
    assert.ok(one.ms / adapting.ms >= 3, `${one.ms / adapting.ms} times`)
  })
  test('a busy server keeps fewer than five, and is read no slower', async () => {
    for (const connections of [1, 2]) {
      const server = { connections, calls: 400 }
      const [one, adapting] = [await simulate({ concurrency: 1 }, server), await simulate({}, server)]
      assert.ok(adapting.averageInFlight < 5, `${adapting.averageInFlight} in flight`)
      assert.ok(adapting.ms <= one.ms)
    }
  })
})
