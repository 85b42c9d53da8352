/**
 * Holds `heirloom/queue` to what it says of itself: it can be used alone, and loads no more than it needs.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('..', import.meta.url))
const ENTRY = resolve(SRC, 'queue/index.ts')

const STATIC = /^(?:import|export)\s(?!type\s)(?:[^;'"]*?\sfrom\s+)?'(?<target>[^']+)'/gmu
const DYNAMIC = /\bimport\(\s*'(?<target>[^']+)'/gu

interface Reach {
  /** Of this package, relative to `src`. */
  readonly files: ReadonlySet<string>
  readonly packages: ReadonlySet<string>
}

/** Everything that the entry loads, over any number of modules; imports of types alone are none. */
function reachOf(patterns: readonly RegExp[]): Reach {
  const files = new Set([ENTRY])
  const packages = new Set<string>()
  // A Set may grow while it is walked.
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    for (const target of patterns.flatMap((pattern) => targetsOf(text, pattern))) {
      if (target.startsWith('.')) files.add(resolve(dirname(file), target))
      else packages.add(target)
    }
  }
  return { files: new Set([...files].map((file) => relative(SRC, file))), packages }
}

function targetsOf(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(({ groups }) => groups?.['target'] ?? '')
}

test('the queue loads nothing of the media side, and of the packages only the cron parser', () => {
  const { files, packages } = reachOf([STATIC, DYNAMIC])
  assert.ok(files.size > 20, `${files.size} files were found`)
  const foreign = [...files].filter((file) => file.includes('/') && !file.startsWith('queue/'))
  assert.deepEqual(foreign, [])
  const builtin = (name: string) => name.startsWith('node:') && builtinModules.includes(name.slice(5))
  assert.deepEqual(
    [...packages].filter((name) => !builtin(name) && name !== 'node:sqlite'),
    ['croner'],
  )
})

test('a queue on another backend does without SQLite', () => {
  const { files, packages } = reachOf([STATIC])
  assert.deepEqual(
    [...files].filter((file) => file.startsWith('queue/sqlite/')),
    [],
  )
  assert.ok(!packages.has('node:sqlite'))
})
