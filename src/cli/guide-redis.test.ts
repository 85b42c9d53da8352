/**
 * Holds the guide of the queue to its word about Redis: its program runs, with what it has to be told.
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
import { NO_REDIS, startRedis } from '../../test/support/redis-server.ts'

const GUIDE = new URL('../../docs/guides/queue.md', import.meta.url)

/** The package's own name resolves to the build, which a test does not have. */
function onSources(code: string): string {
  return code.replaceAll(
    /'heirloom\/(?<folder>[\w/]+)'/gu,
    (_match, folder: string) => `'${new URL(`../${folder}/index.ts`, import.meta.url).href}'`,
  )
}

test('the program on Redis in docs/guides/queue.md runs and prints what it says', async (t) => {
  const redis = await startRedis()
  if (redis === undefined) return t.skip(NO_REDIS)
  t.after(() => redis.stop())
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-guide-redis-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const blocks = (await readFile(GUIDE, 'utf8')).split('```')
  const worker = blocks.find((block) => block.startsWith('js\n') && block.includes('export const handlers'))
  const program = blocks.find((block) => block.startsWith('ts\n') && block.includes('openBullmqBackend('))
  await writeFile(join(folder, 'work.mjs'), (worker ?? '').slice(3))
  await writeFile(join(folder, 'main.mts'), onSources((program ?? '').slice(3)))
  const { stdout } = await promisify(execFile)(process.execPath, ['main.mts'], {
    cwd: folder,
    env: { ...process.env, REDIS_URL: redis.url },
  })
  assert.match(stdout, /^completed \{ sizeBytes: 142 \}\nfailed ENOENT: .*'missing\.txt'\n$/u)
})
