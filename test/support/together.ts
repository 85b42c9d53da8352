/**
 * Several test files in one process, each as a suite: its hooks are its own, and its path is before its tests' names.
 *
 * A test belongs to the suite from whose doing it comes, which a module that awaits at its top hides: whoever waits
 * for it meanwhile goes on as the one who imported it first. So files are loaded one after the other, modules that await
 * are loaded before, and a test that is in no suite of this module's fails.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { beforeEach, describe } from 'node:test'
import '../../src/immich/undici-parts.ts'

/** @param files URL of each by the name of its suite. */
export async function together(files: Readonly<Record<string, string>>): Promise<void> {
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
