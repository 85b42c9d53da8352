import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { lastFireAt, nextFireAt } from './cron.ts'

const at = (instant: string): number => Date.parse(instant)

describe('nextFireAt', () => {
  const cases: { rule: string; cron: string; zone?: string; after: string; next: string }[] = [
    {
      rule: 'five fields fire at full minutes',
      cron: '* * * * *',
      after: '2026-01-01T00:00:30.5Z',
      next: '2026-01-01T00:01:00Z',
    },
    {
      rule: 'a fire time is after the given instant, never at it',
      cron: '* * * * *',
      after: '2026-01-01T00:01:00Z',
      next: '2026-01-01T00:02:00Z',
    },
    {
      rule: 'six fields begin with seconds',
      cron: '*/20 * * * * *',
      after: '2026-01-01T00:00:00Z',
      next: '2026-01-01T00:00:20Z',
    },
    {
      rule: 'names of days are read',
      cron: '0 9 * * mon-fri',
      after: '2026-01-02T10:00:00Z',
      next: '2026-01-05T09:00:00Z',
    },
    {
      rule: 'nicknames are read',
      cron: '@daily',
      after: '2026-01-01T10:00:00Z',
      next: '2026-01-02T00:00:00Z',
    },
    {
      rule: 'fields are those of the time zone',
      cron: '0 9 * * *',
      zone: 'Asia/Tokyo',
      after: '2026-01-01T01:00:00Z',
      next: '2026-01-02T00:00:00Z',
    },
    {
      rule: 'a leap day is found years ahead',
      cron: '0 0 29 2 *',
      after: '2026-03-01T00:00:00Z',
      next: '2028-02-29T00:00:00Z',
    },
  ]
  for (const { rule, cron, zone = 'UTC', after, next } of cases) {
    test(rule, () => assert.equal(nextFireAt(cron, zone, at(after)), at(next)))
  }

  test('a day that never comes has no fire time', () => {
    assert.equal(nextFireAt('0 0 30 2 *', 'UTC', 0), undefined)
  })

  test('an expression or zone that cannot be read is named, the first time and every time', () => {
    for (const _time of [1, 2]) {
      assert.throws(() => nextFireAt('0 25 * * *', 'UTC', 0), {
        code: 'queue/invalid-schedule',
        message: '"0 25 * * *" is not a cron expression: Invalid value for hour: 25',
      })
      assert.throws(() => nextFireAt('0 * * * *', 'Mars/Olympus', 0), {
        code: 'queue/invalid-schedule',
        message: /"0 \* \* \* \*" cannot be read in time zone "Mars\/Olympus"/u,
      })
    }
  })
})

describe('lastFireAt', () => {
  const crons = ['* * * * *', '*/7 9-11 * * *', '0 0 1 * *', '30 2 * * *', '*/13 * * * * *', '0 0 30 2 *']
  test('is what counting every fire time would find', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...crons),
        fc.constantFrom('UTC', 'Europe/Berlin'),
        fc.integer({ min: at('2026-03-27T00:00:00Z'), max: at('2026-03-30T00:00:00Z') }),
        fc.integer({ min: 0, max: 5_000_000 }),
        (cron, zone, from, length) => {
          let counted: number | undefined
          for (let next = nextFireAt(cron, zone, from); next !== undefined && next <= from + length; ) {
            counted = next
            next = nextFireAt(cron, zone, next)
          }
          assert.equal(lastFireAt(cron, zone, from, from + length), counted)
        },
      ),
      { numRuns: 40 },
    )
  })
})
