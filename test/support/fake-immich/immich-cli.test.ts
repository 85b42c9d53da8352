import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startFakeImmich } from './fake-immich.ts'

const CLI = fileURLToPath(new URL('../../../node_modules/@immich/cli/dist/index.js', import.meta.url))

test("Immich's own command line uploads to the fake, and sends nothing twice", async (t) => {
  const fake = await startFakeImmich({ formerPaths: true })
  t.after(() => fake.close())
  const folder = await mkdtemp(join(tmpdir(), 'fake-immich-'))
  t.after(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'Trip'))
  for (const name of ['a.jpg', 'b.jpg', 'c.mp4'])
    await writeFile(join(folder, 'Trip', name), randomBytes(50_000))
  const env = {
    ...process.env,
    HOME: folder,
    IMMICH_CONFIG_DIR: join(folder, 'config'),
    IMMICH_INSTANCE_URL: `${fake.address}/api`,
    IMMICH_API_KEY: fake.key,
  }
  for (let run = 0; run < 2; run += 1) {
    await promisify(execFile)(process.execPath, [CLI, 'upload', '--recursive', '--album', folder], { env })
    assert.deepEqual(fake.state.fileNamesIn('Trip'), ['a.jpg', 'b.jpg', 'c.mp4'])
    assert.deepEqual([fake.state.assets.size, fake.state.albums.size], [3, 1])
    assert.equal(fake.callsOf('POST /assets'), 3)
  }
  assert.deepEqual(fake.state.violations, [])
})
