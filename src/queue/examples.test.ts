/**
 * Holds the examples to their word: each runs as it is, and prints what it is there to show.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const FOLDER = fileURLToPath(new URL('../../examples/queue/', import.meta.url))

/** Modules that examples load. */
const PARTS = ['store.ts', 'work.ts']

const EXAMPLES: Readonly<Record<string, readonly RegExp[]>> = {
  'basic.ts': [
    /^100 % of 10$/mu,
    /^completed [0-9a-f]{64}$/mu,
    /^failed ENOENT.*missing\.txt/mu,
    /^9 completed, 1 failed/mu,
  ],
  'priorities-and-retries.ts': [
    // The boss first, then the friend.
    /task 2 completed.*task 1 completed/su,
    /^task 3 retry 1\/3 \(connection reset\)$/mu,
    /^task 3 completed$/mu,
    /^task 4 failed \(password of locked is wrong\)$/mu,
    /^dead letters: 1$/mu,
    /^again: true$/mu,
  ],
  'schedule.ts': [/^remind completed$/mu, /tidy completed.*tidy completed/su, /^removed: true$/mu],
  'album.ts': [
    /^task 1: 50 %$/mu,
    /^completed beach\.jpg\.thumb$/mu,
    /^failed blurred\.broken is no picture$/mu,
    /^completed Holiday: 3 pictures$/mu,
    /^cancelled .*which it depends on/mu,
  ],
  'polite-crawler.ts': [/^30 pages in .* s, 1 at a time from one host$/mu],
  'transactional-effects.ts': [/rows: 9 \} of 9$/mu],
  'control-from-outside.ts': [/^running: 1$/mu, /^cancelled: true$/mu, /^task 1 cancelled$/mu],
}

describe('examples', { concurrency: 2 }, () => {
  test('every example is run', () => {
    assert.deepEqual(readdirSync(FOLDER).sort(), [...Object.keys(EXAMPLES), ...PARTS].sort())
  })

  for (const [name, patterns] of Object.entries(EXAMPLES)) {
    test(`${name} prints what it is there to show`, async () => {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [FOLDER + name], {
        timeout: 30_000,
      })
      for (const pattern of patterns) assert.match(stdout, pattern)
      assert.doesNotMatch(stderr, /error/iu)
    })
  }
})
