import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { CallFailure } from './immich-errors.ts'
import { DEFAULT_RETRY, parseRetryAfter, type Repeat, retryDelayMs } from './retry-policy.ts'

const NOW = Date.UTC(2026, 0, 1)
const status = (code: number): CallFailure => ({ kind: 'status', status: code })
const delayOf = (failure: CallFailure, repeat: Repeat, attempt = 1): number | undefined =>
  retryDelayMs(failure, { attempt, repeat, options: DEFAULT_RETRY, random: () => 0.5 })

describe('what is repeated', () => {
  const cases: readonly { what: string; failure: CallFailure; safe: boolean; never: boolean }[] = [
    {
      what: 'a refused connection',
      failure: { kind: 'connection', wasSent: false },
      safe: true,
      never: true,
    },
    { what: 'a broken connection', failure: { kind: 'connection', wasSent: true }, safe: true, never: false },
    { what: 'a stall', failure: { kind: 'stalled' }, safe: true, never: false },
    { what: 'a bad certificate', failure: { kind: 'final' }, safe: false, never: false },
    ...[408, 425, 500, 502, 503, 504].map((code) => ({
      what: `status ${code}`,
      failure: status(code),
      safe: true,
      never: false,
    })),
    { what: 'status 429', failure: status(429), safe: true, never: true },
    ...[400, 401, 403, 404, 413, 501, 507].map((code) => ({
      what: `status ${code}`,
      failure: status(code),
      safe: false,
      never: false,
    })),
  ]
  for (const { what, failure, safe, never } of cases) {
    test(`${what}: ${safe ? 'repeats' : 'does not repeat'} what is safe, ${never ? 'repeats' : 'does not repeat'} what is not`, () => {
      assert.equal(delayOf(failure, 'safe') !== undefined, safe)
      assert.equal(delayOf(failure, 'never') !== undefined, never)
    })
  }
})

test('the delay doubles up to its limit', () => {
  const delays = [1, 2, 3, 4].map((attempt) => delayOf(status(503), 'safe', attempt))
  assert.deepEqual(delays, [250, 500, 1000, 2000])
  const options = { ...DEFAULT_RETRY, attempts: 1000 }
  const late = retryDelayMs(status(503), { attempt: 900, repeat: 'safe', options, random: () => 0.999 })
  assert.equal(late, Math.round(0.999 * DEFAULT_RETRY.maxMs))
})

test('the last attempt is not followed by another', () => {
  assert.equal(delayOf(status(503), 'safe', DEFAULT_RETRY.attempts), undefined)
})

test('no delay is shorter than the server wishes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: DEFAULT_RETRY.maxRetryAfterMs }),
      fc.integer({ min: 1, max: DEFAULT_RETRY.attempts - 1 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (retryAfterMs, attempt, share) => {
        const failure: CallFailure = { kind: 'status', status: 429, retryAfterMs }
        const delay = retryDelayMs(failure, {
          attempt,
          repeat: 'safe',
          options: DEFAULT_RETRY,
          random: () => share,
        })
        assert.ok(delay !== undefined && delay >= retryAfterMs)
        assert.ok(delay <= retryAfterMs + DEFAULT_RETRY.maxMs)
      },
    ),
  )
})

test('a server that wishes for an hour ends the call', () => {
  assert.equal(delayOf({ kind: 'status', status: 503, retryAfterMs: 3_600_000 }, 'safe'), undefined)
})

describe('parseRetryAfter', () => {
  const cases: readonly { header: string | undefined; ms: number | undefined }[] = [
    { header: undefined, ms: undefined },
    { header: '0', ms: 0 },
    { header: ' 120 ', ms: 120_000 },
    { header: 'Thu, 01 Jan 2026 00:00:30 GMT', ms: 30_000 },
    { header: 'Wed, 31 Dec 2025 00:00:00 GMT', ms: 0 },
    { header: '-5', ms: undefined },
    { header: '1.5', ms: undefined },
    { header: '1e9', ms: undefined },
    { header: 'soon', ms: undefined },
    { header: '', ms: undefined },
  ]
  for (const { header, ms } of cases) {
    test(`${JSON.stringify(header)} is ${ms}`, () => assert.equal(parseRetryAfter(header, NOW), ms))
  }
})
