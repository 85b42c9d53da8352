import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { planWorkers, warnOfOverSubscription } from './workers.ts'

describe('warnOfOverSubscription', () => {
  test('is the text of the seed for the example of the seed', () => {
    assert.equal(
      warnOfOverSubscription(16, 4, 15).join('\n'),
      [
        'WARNING: Running 4 exports with 15 workers each',
        '         will create ~64 processes on 16 CPU cores',
        '         This may cause performance degradation due to over-subscription.',
        '',
        'SUGGESTION: Try --parallel-exports 4 --workers 3',
        '            or reduce --parallel-exports to 1',
      ].join('\n'),
    )
  })

  const quiet: { cores: number; parallelExports: number; workers: number }[] = [
    { cores: 16, parallelExports: 2, workers: 7 },
    { cores: 16, parallelExports: 4, workers: 3 },
    { cores: 16, parallelExports: 4, workers: 4 },
    { cores: 16, parallelExports: 4, workers: 5 },
  ]
  for (const { cores, parallelExports, workers } of quiet) {
    test(`${parallelExports} × (${workers} + 1) on ${cores} cores is no cause for a warning`, () => {
      assert.deepEqual(warnOfOverSubscription(cores, parallelExports, workers), [])
    })
  }

  test('warns just above one and a half processes a core', () => {
    assert.notDeepEqual(warnOfOverSubscription(16, 5, 4), [])
  })

  test('speaks of one export without "each" and without "reduce to 1"', () => {
    assert.deepEqual(warnOfOverSubscription(4, 1, 15), [
      'WARNING: Running 1 export with 15 workers',
      '         will create ~16 processes on 4 CPU cores',
      '         This may cause performance degradation due to over-subscription.',
      '',
      'SUGGESTION: Try --workers 3',
      '            or leave --workers out',
    ])
  })

  test('a suggestion that can be followed does not warn again', () => {
    const number = fc.integer({ min: 1, max: 64 })
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 64 }), number, number, (cores, parallelExports, workers) => {
        const text = warnOfOverSubscription(cores, parallelExports, workers).join('\n')
        const { exports = String(parallelExports), workers: each } =
          /Try (?:--parallel-exports (?<exports>\d+) )?--workers (?<workers>\d+)/u.exec(text)?.groups ?? {}
        if (each !== undefined)
          assert.deepEqual(warnOfOverSubscription(cores, Number(exports), Number(each)), [])
      }),
    )
  })
})

describe('planWorkers', () => {
  const base = { cores: 16, parallelExports: 1, exportCount: 4, workers: 'auto' as const }
  const cases: { fact: string; request: Parameters<typeof planWorkers>[0]; pool: number; side: number }[] = [
    { fact: 'the default leaves a core to the coordinator', request: base, pool: 15, side: 1 },
    {
      fact: 'the default is shared by all exports',
      request: { ...base, parallelExports: 4 },
      pool: 15,
      side: 4,
    },
    { fact: 'the default is two at least', request: { ...base, cores: 1 }, pool: 2, side: 1 },
    {
      fact: 'a number is per export',
      request: { ...base, parallelExports: 4, workers: 3 },
      pool: 12,
      side: 4,
    },
    {
      fact: 'exports that are not there get no workers',
      request: { ...base, parallelExports: 9, exportCount: 2, workers: 3 },
      pool: 6,
      side: 2,
    },
  ]
  for (const { fact, request, pool, side } of cases) {
    test(fact, () => {
      const plan = planWorkers(request)
      assert.deepEqual([plan.pool, plan.parallelExports], [pool, side])
    })
  }

  test('says that --parallel-exports is ignored for one export', () => {
    assert.match(
      planWorkers({ ...base, parallelExports: 2, exportCount: 1 }).warnings.join('\n'),
      /is ignored/u,
    )
  })

  test('the default never warns, however many cores', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.integer({ min: 1, max: 64 }),
        (cores, parallelExports) => {
          assert.deepEqual(
            planWorkers({ cores, parallelExports, exportCount: 99, workers: 'auto' }).warnings,
            [],
          )
        },
      ),
    )
  })
})
