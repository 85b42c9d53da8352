/**
 * Several test files in one process, each as a suite: its hooks are its own, and its path is before its tests' names.
 *
 * A test belongs to the suite from whose doing it comes, which a module that awaits at its top hides: whoever waits
 * for it meanwhile goes on as the one who imported it first. So files are loaded one after the other, modules that await
 * are loaded before, and a test that is in no suite of this module's fails.
 *
 * Where tests are chosen by their names, Node leaves out a suite that has none of them as soon as its function has
 * returned. Then the files are loaded without waiting, and those that cannot be, in no suite: their hooks are for all.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { beforeEach, describe } from 'node:test'
import { fileURLToPath } from 'node:url'
import '../../src/immich/undici-parts.ts'

/** @param files URL of each by the name of its suite. */
export async function together(files: Readonly<Record<string, string>>): Promise<void> {
  if (process.execArgv.some((argument) => argument.startsWith('--test-name-pattern'))) {
    await loadAtOnce(files)
    return
  }
  const names = Object.keys(files)
  beforeEach((t) => {
    assert.ok('fullName' in t && names.some((name) => t.fullName.startsWith(`${name} > `)), 'is in its suite')
  })
  for (const [name, url] of Object.entries(files)) {
    await new Promise<void>((resolve) => {
      void describe(name, async () => {
        try {
          await import(url)
        } finally {
          resolve()
        }
      })
    })
  }
}

async function loadAtOnce(files: Readonly<Record<string, string>>): Promise<void> {
  const require = createRequire(import.meta.url)
  const awaiting: string[] = []
  for (const [name, url] of Object.entries(files)) {
    void describe(name, () => {
      try {
        require(fileURLToPath(url))
      } catch (error) {
        if (!isAwaiting(error)) throw error
        awaiting.push(url)
      }
    })
  }
  for (const url of awaiting) await import(url)
}

/** Of a module that awaits at its top, or imports one that does. */
function isAwaiting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_REQUIRE_ASYNC_MODULE'
}
