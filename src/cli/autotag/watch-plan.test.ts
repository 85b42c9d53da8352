import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LONGEST_QUIET_MS, nextRoundAt, QUIET_MS, readSchedule } from './watch-plan.ts'

const NOW = Date.parse('2026-11-22T09:30:00Z')
const every = readSchedule({ every: '15m' }, 'UTC')
const hooked = readSchedule({ webhook: '5050' }, 'UTC')

describe('the schedule of a watch', () => {
  test('is every 15 minutes when nothing is said', () => {
    assert.equal(readSchedule({}, 'UTC').everyMs, 900_000)
  })

  test('is only the webhook when only that is said, on this machine', () => {
    assert.deepEqual(hooked, {
      everyMs: undefined,
      cron: undefined,
      webhook: { port: 5050, host: '127.0.0.1' },
    })
  })

  test('names each flag that cannot be read', () => {
    const own = { every: '1s', cron: 'at noon', webhook: '70000' }
    assert.throws(
      () => readSchedule(own, 'UTC'),
      (error: { problems?: readonly string[] }) =>
        error.problems?.length === 3 && /--every 1s: a time of 10s or more/u.test(error.problems[0] ?? ''),
    )
  })
})

describe('the next round', () => {
  test('is so long after the end of the last one', () => {
    assert.equal(nextRoundAt(every, { endedAtMs: NOW, called: undefined }), NOW + 900_000)
  })

  test('follows the cron expression in its zone', () => {
    const schedule = readSchedule({ cron: '0 2 * * *' }, 'Europe/Oslo')
    assert.equal(
      nextRoundAt(schedule, { endedAtMs: NOW, called: undefined }),
      Date.parse('2026-11-23T01:00:00Z'),
    )
  })

  test('comes when calls have been quiet for a minute', () => {
    const called = { firstAtMs: NOW, lastAtMs: NOW + 5_000 }
    assert.equal(nextRoundAt(hooked, { endedAtMs: NOW, called }), NOW + 5_000 + QUIET_MS)
  })

  test('is not put off for ever by calls that go on', () => {
    const called = { firstAtMs: NOW, lastAtMs: NOW + LONGEST_QUIET_MS }
    assert.equal(nextRoundAt(hooked, { endedAtMs: NOW, called }), NOW + LONGEST_QUIET_MS)
  })

  test('is never, without a call, when only the webhook brings one', () => {
    assert.equal(nextRoundAt(hooked, { endedAtMs: NOW, called: undefined }), undefined)
  })
})
