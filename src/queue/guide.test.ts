/**
 * Holds the guide to its word: its example runs.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const GUIDE = new URL('../../docs/guides/queue.md', import.meta.url)

test('the example of the queue guide runs and prints what the guide says', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'queue-guide-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const guide = await readFile(GUIDE, 'utf8')
  const sources = [...guide.matchAll(/```js\n(?<code>.*?)```/gsu)].map(({ groups }) => groups?.['code'] ?? '')
  const names = ['work.mjs', 'store.mjs', 'main.mjs']
  assert.equal(sources.length, names.length)
  for (const [index, name] of names.entries())
    await writeFile(join(folder, name), onSources(sources[index] ?? ''))
  const { stdout } = await promisify(execFile)(process.execPath, ['main.mjs'], { cwd: folder })
  assert.match(stdout, /^1 completed/mu)
  assert.match(stdout, /^2 completed/mu)
  assert.match(stdout, /^3 failed ENOENT/mu)
  assert.match(stdout, /path: 'main.mjs', size_bytes: \d+/u)
})

/** The package's own name resolves to the build, which a test does not have. */
function onSources(code: string): string {
  return code.replaceAll(/'heirloom\/(?<folder>[\w/]+)'/gu, (_match, folder: string) => {
    return `'${new URL(`../${folder}/index.ts`, import.meta.url).href}'`
  })
}
