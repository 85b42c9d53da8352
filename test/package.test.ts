/**
 * Holds the package to what a fresh machine needs: `npm ci` refuses a lock file that lacks the optional packages of
 * another platform, which npm leaves out when the registry at hand does not serve them.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

test('the lock file names every optional package, also those of other platforms', () => {
  const wanted = Object.values(packages).flatMap((one) => Object.keys(one.optionalDependencies ?? {}))
  const missing = wanted.filter((name) => !(`node_modules/${name}` in packages))
  assert.deepEqual(missing, [])
})

test('the lock file names no host to download from', () => {
  assert.doesNotMatch(readFileSync('package-lock.json', 'utf8'), /"resolved":/u)
})
