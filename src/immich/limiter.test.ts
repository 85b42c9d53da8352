import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  comparableLatencyMs,
  createLimiter,
  decide,
  initialLimit,
  type LimiterOptions,
  type LimitState,
  type Sample,
} from './limiter.ts'

const isOverload = (error: unknown): boolean => error instanceof RangeError
const feed = (state: LimitState, latencyMs: number, count: number, ceiling: number): LimitState => {
  let after = state
  for (let at = 0; at < count; at += 1) after = decide(after, { kind: 'ok', latencyMs }, ceiling)
  return after
}

describe('decide', () => {
  test('one more goes when nothing waits at the server', () => {
    assert.equal(feed(initialLimit({ start: 2, ceiling: 8 }), 10, 20, 8).limit, 3)
  })
  test('one less goes when calls take four times the best', () => {
    const state = { ...initialLimit({ start: 8, ceiling: 8 }), baseMs: 10 }
    assert.equal(feed(state, 40, 20, 8).limit, 7)
  })
  test('the limit stays when a little waits', () => {
    const state = { ...initialLimit({ start: 4, ceiling: 8 }), baseMs: 10 }
    assert.equal(feed(state, 20, 20, 8).limit, 4)
  })
  test('nothing is decided before the window is full', () => {
    assert.equal(feed(initialLimit({ start: 2, ceiling: 8 }), 10, 19, 8).limit, 2)
  })
  test('a few milliseconds are not taken for a queue', () => {
    const state = { ...initialLimit({ start: 4, ceiling: 8 }), baseMs: 0 }
    assert.equal(feed(state, 5, 20, 8).limit, 5)
  })
  test('one outlier does not move the median', () => {
    const state = feed({ ...initialLimit({ start: 4, ceiling: 8 }), baseMs: 10 }, 10, 19, 8)
    assert.equal(feed(state, 60_000, 1, 8).limit, 5)
  })
  test('an error halves', () => {
    const state = initialLimit({ start: 8, ceiling: 8 })
    assert.equal(decide(state, { kind: 'overload', startedAtMs: 0, nowMs: 5 }, 8).limit, 4)
  })
  test('errors of calls that began before the halving count once', () => {
    const once = decide(
      initialLimit({ start: 8, ceiling: 8 }),
      { kind: 'overload', startedAtMs: 0, nowMs: 5 },
      8,
    )
    assert.equal(decide(once, { kind: 'overload', startedAtMs: 4, nowMs: 6 }, 8).limit, 4)
    assert.equal(decide(once, { kind: 'overload', startedAtMs: 5, nowMs: 6 }, 8).limit, 2)
  })
  test('a server that became slower for good is accepted after a while', () => {
    const state = { ...initialLimit({ start: 8, ceiling: 8 }), baseMs: 10 }
    assert.ok((feed(state, 1_000, 20 * 60 * 60, 8).baseMs ?? 0) > 1_000 * 0.9)
  })

  const sample: fc.Arbitrary<Sample> = fc.oneof(
    fc.record({ kind: fc.constant('ok' as const), latencyMs: fc.double({ min: 0, max: 1e6, noNaN: true }) }),
    fc.nat(1_000).map((nowMs) => ({ kind: 'overload' as const, startedAtMs: nowMs, nowMs })),
  )
  test('the limit is whole, at least 1 and at most the ceiling', () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.integer({ min: 1, max: 20 }),
        fc.array(sample, { maxLength: 400 }),
        (start, ceiling, samples) => {
          let state = initialLimit({ start, ceiling })
          for (const one of samples) {
            state = decide(state, one, ceiling)
            assert.ok(Number.isInteger(state.limit) && state.limit >= 1 && state.limit <= ceiling)
            assert.ok(state.windowMs.length < Math.max(20, 2 * state.limit))
          }
        },
      ),
    )
  })
  test('after any trouble a quiet server gets its ceiling back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(sample, { maxLength: 200 }),
        (ceiling, samples) => {
          let state = initialLimit({ start: ceiling, ceiling })
          for (const one of samples) state = decide(state, one, ceiling)
          assert.equal(feed(state, 0, 25 * (ceiling + 2), ceiling).limit, ceiling)
        },
      ),
    )
  })
})

/** Calls that end when told. */
function heldCalls(): {
  begun: string[]
  call: (name: string) => () => Promise<void>
  end: (name: string) => void
} {
  const ends = new Map<string, () => void>()
  const begun: string[] = []
  return {
    begun,
    call: (name) => async () => {
      begun.push(name)
      await new Promise<void>((resolve) => {
        ends.set(name, resolve)
      })
    },
    end: (name) => ends.get(name)?.(),
  }
}
const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

describe('the gate', () => {
  test('runs as many of a class as its limit, in order', async () => {
    const limiter = createLimiter({ isOverload, limits: { upload: { start: 2, ceiling: 2 } } })
    const { begun, call, end } = heldCalls()
    const runs = ['a', 'b', 'c'].map((name) => limiter.run('upload', 0, call(name)))
    await turn()
    assert.deepEqual(begun, ['a', 'b'])
    assert.deepEqual(limiter.look('upload'), { limit: 2, running: 2, waiting: 1 })
    end('a')
    await turn()
    assert.deepEqual(begun, ['a', 'b', 'c'])
    end('b')
    end('c')
    await Promise.all(runs)
  })

  test('a full class does not hold up another', async () => {
    const limiter = createLimiter({ isOverload, limits: { album: { start: 1, ceiling: 1 } } })
    const { begun, call, end } = heldCalls()
    const runs = [limiter.run('album', 0, call('a')), limiter.run('album', 0, call('b'))]
    runs.push(limiter.run('read', 0, call('r')))
    await turn()
    assert.deepEqual(begun, ['a', 'r'])
    for (const name of ['a', 'r']) end(name)
    await turn()
    end('b')
    await Promise.all(runs)
  })

  test('all classes together keep the total', async () => {
    const limiter = createLimiter({ isOverload, total: 2 })
    const { begun, call, end } = heldCalls()
    const runs = (['read', 'search', 'asset'] as const).map((name) => limiter.run(name, 0, call(name)))
    await turn()
    assert.equal(begun.length, 2)
    end('read')
    end('search')
    await turn()
    end('asset')
    await Promise.all(runs)
  })

  test('bodies share the budget, and a large one is not starved by small ones', async () => {
    const limiter = createLimiter({
      isOverload,
      budgetBytes: 100,
      limits: { upload: { start: 8, ceiling: 8 } },
    })
    const { begun, call, end } = heldCalls()
    const runs = [
      limiter.run('upload', 60, call('first')),
      limiter.run('upload', 1_000, call('huge')),
      limiter.run('upload', 10, call('small')),
      limiter.run('upload', 0, call('free')),
    ]
    await turn()
    assert.deepEqual(begun, ['first', 'free'])
    end('first')
    await turn()
    assert.deepEqual(begun, ['first', 'free', 'huge'])
    end('huge')
    await turn()
    assert.deepEqual(begun, ['first', 'free', 'huge', 'small'])
    end('small')
    end('free')
    await Promise.all(runs)
  })

  test('who is called off while waiting leaves the queue', async () => {
    const limiter = createLimiter({ isOverload, limits: { upload: { start: 1, ceiling: 1 } } })
    const { call, end } = heldCalls()
    const first = limiter.run('upload', 0, call('a'))
    const controller = new AbortController()
    const second = limiter.run('upload', 0, call('b'), controller.signal)
    controller.abort(new Error('called off'))
    await assert.rejects(second, /called off/u)
    assert.equal(limiter.look('upload').waiting, 0)
    end('a')
    await first
    assert.equal(limiter.look('upload').running, 0)
  })

  test('an overload halves, another failure does not', async () => {
    const limiter = createLimiter({ isOverload, limits: { upload: { start: 4, ceiling: 4 } } })
    await assert.rejects(limiter.run('upload', 0, () => Promise.reject(new Error('no'))))
    assert.equal(limiter.look('upload').limit, 4)
    await assert.rejects(limiter.run('upload', 0, () => Promise.reject(new RangeError('429'))))
    assert.equal(limiter.look('upload').limit, 2)
  })

  test('whatever comes, no limit and no budget is exceeded, and all get their turn', async () => {
    const job = fc.record({
      callClass: fc.constantFrom('read' as const, 'album' as const, 'upload' as const),
      bytes: fc.nat(150),
      turns: fc.nat(5),
      isOverload: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(job, { maxLength: 40 }), async (jobs) => {
        const ceilings = { read: 3, album: 1, upload: 4 }
        const limits = {
          read: { start: 3, ceiling: 3 },
          album: { start: 1, ceiling: 1 },
          upload: { start: 4, ceiling: 4 },
        }
        const limiter = createLimiter({ isOverload, limits, total: 5, budgetBytes: 100 })
        const running: (typeof jobs)[number][] = []
        const check = (): void => {
          assert.ok(running.length <= 5)
          assert.ok(running.reduce((sum, { bytes }) => sum + Math.min(bytes, 100), 0) <= 100)
          for (const [callClass, ceiling] of Object.entries(ceilings)) {
            assert.ok(running.filter((other) => other.callClass === callClass).length <= ceiling)
          }
        }
        const done = await Promise.allSettled(
          jobs.map((one) =>
            limiter.run(one.callClass, one.bytes, async () => {
              running.push(one)
              check()
              for (let left = one.turns; left > 0; left -= 1) await turn()
              running.splice(running.indexOf(one), 1)
              if (one.isOverload) throw new RangeError('503')
            }),
          ),
        )
        assert.deepEqual(
          done.map(({ status }) => status === 'rejected'),
          jobs.map((one) => one.isOverload),
        )
        for (const callClass of ['read', 'album', 'upload'] as const) {
          const { limit, running: left, waiting } = limiter.look(callClass)
          assert.ok(limit >= 1 && left === 0 && waiting === 0)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('a told latency counts instead of the whole time', async () => {
    let nowMs = 0
    const limiter = createLimiter({
      isOverload,
      now: () => nowMs,
      limits: { upload: { start: 4, ceiling: 8 } },
    })
    const upload = async (wholeMs: number): Promise<void> =>
      await limiter.run('upload', 0, (tellLatency) => {
        nowMs += wholeMs
        tellLatency(5)
        return Promise.resolve()
      })
    for (let at = 0; at < 20; at += 1) await upload(10)
    for (let at = 0; at < 20; at += 1) await upload(100_000)
    assert.equal(limiter.look('upload').limit, 6)
  })
})

describe('a quick start', () => {
  const state = initialLimit({ start: 2, ceiling: 8 }, true)

  test('decides after four calls, or as many as may go', () => {
    assert.equal(feed(state, 80, 3, 8).limit, 2)
    assert.equal(feed(state, 80, 4, 8).limit, 3)
    assert.equal(feed(state, 80, 4 + 4 + 4 + 5 + 6 + 7, 8).limit, 8)
  })
  test('ends at the first sign of a queue', () => {
    const fast = feed(state, 20, 4 + 4 + 4 + 5, 8)
    assert.deepEqual([fast.limit, fast.isStarting], [6, true])
    const slow = feed(fast, 60, 6, 8)
    assert.deepEqual([slow.limit, slow.isStarting], [5, false])
    assert.equal(feed(slow, 20, 19, 8).limit, 5)
    assert.equal(feed(slow, 20, 20, 8).limit, 6)
  })
  test('ends at the first error', () => {
    const halved = decide(state, { kind: 'overload', startedAtMs: 0, nowMs: 1 }, 8)
    assert.deepEqual([halved.limit, halved.isStarting], [1, false])
  })
})

describe('comparableLatencyMs', () => {
  test('a bulk change that takes its time for each id does not look like a queue', () => {
    const one = comparableLatencyMs('tag', 80 + 20, 1)
    for (const units of [10, 100, 500]) {
      const many = comparableLatencyMs('tag', 80 + 20 * units, units)
      assert.ok(Math.abs(many - one) < one * 0.05, `${units}: ${many} and ${one}`)
    }
  })
  test('a call of one thing is as long as it is', () => {
    assert.equal(comparableLatencyMs('search', 140, 1_000), 140)
    assert.equal(comparableLatencyMs('tag', 140), 140)
  })
})

describe('how many at a time', () => {
  async function mostOf(callClass: 'search' | 'sync', options: Partial<LimiterOptions>): Promise<number> {
    const limiter = createLimiter({ isOverload, ...options })
    const { begun, call, end } = heldCalls()
    const names = Array.from({ length: 40 }, (_, at) => String(at))
    const runs = names.map((name) => limiter.run(callClass, 0, call(name)))
    await turn()
    const most = begun.length
    for (let done = 0; done < names.length; done += 1) {
      end(begun[done] ?? '')
      await turn()
    }
    await Promise.all(runs)
    return most
  }

  test('a fixed number is kept from the first call on, also above the usual', async () => {
    for (const concurrency of [1, 2, 4, 8, 16])
      assert.equal(await mostOf('search', { concurrency }), concurrency)
  })
  test('streams go one at a time whatever is wished', async () => {
    assert.equal(await mostOf('sync', { concurrency: 16 }), 1)
    assert.equal(await mostOf('sync', {}), 1)
  })
  test('nice is three at most', async () => {
    assert.equal(await mostOf('search', { isNice: true, limits: { search: { start: 8, ceiling: 8 } } }), 3)
    assert.equal(await mostOf('search', { isNice: true, concurrency: 16 }), 3)
    assert.equal(await mostOf('search', { isNice: true, concurrency: 2 }), 2)
  })
  test('a fixed number is halved by an error, and comes back however slow calls are', async () => {
    let nowMs = 0
    const limiter = createLimiter({ isOverload, concurrency: 4, now: () => nowMs })
    await assert.rejects(limiter.run('search', 0, () => Promise.reject(new RangeError('503'))))
    assert.equal(limiter.look('search').limit, 2)
    for (let count = 1; count <= 40; count += 1) {
      await limiter.run('search', 0, () => {
        nowMs += count * 100
        return Promise.resolve()
      })
    }
    assert.equal(limiter.look('search').limit, 4)
  })
})
