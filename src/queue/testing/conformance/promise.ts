/**
 * The tests of the suite by name, so that a backend can say which promise it does not keep, and why.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { test as nodeTest } from 'node:test'

/** Names of tests, and why this backend skips them. */
export type Skips = Readonly<Record<string, string>>

let skips: ReadonlyMap<string, string> = new Map()
let unused: Set<string> = new Set()

/** Declares the suite's tests; those that are named in `given` are skipped, and say why. A name of none is an error. */
export function withSkips(given: Skips, declare: () => void): void {
  skips = new Map(Object.entries(given))
  unused = new Set(skips.keys())
  declare()
  const unknown = [...unused]
  skips = new Map()
  nodeTest('every skip names a test of the suite', () => assert.deepEqual(unknown, []))
}

/** A promise of every backend, as a test. */
export function test(name: string, body: () => Promise<void>): void {
  const reason = skips.get(name)
  unused.delete(name)
  // Whoever awaits a test in a suite waits for ever: the runner does.
  if (reason === undefined) void nodeTest(name, body)
  else void nodeTest(name, { skip: reason }, body)
}
