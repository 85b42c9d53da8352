import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { FAKE_CREDENTIALS } from '../../test/support/fake-s3/credentials.ts'
import { startFakeS3 } from '../../test/support/fake-s3/fake-s3.ts'

const MIB = 1024 * 1024

const PROGRAM = new URL('../../test/support/fake-s3/put-program.ts', import.meta.url).pathname

/** Three parts of 8 MiB under way and one being filled, and as much again that the collector has not seen yet. */
const MAX_GROWTH_BYTES = 64 * MIB

test('a stream of 160 MiB takes the memory of some parts', async () => {
  const server = await startFakeS3({ forgetBytes: true })
  try {
    const env = {
      AWS_ACCESS_KEY_ID: FAKE_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: FAKE_CREDENTIALS.secretAccessKey,
    }
    const run = promisify(execFile)(process.execPath, [PROGRAM, server.endpoint, '160'], {
      env,
      timeout: 60_000,
    })
    const { sizeBytes, grownBytes } = JSON.parse((await run).stdout)
    assert.equal(sizeBytes, 160 * MIB)
    assert.equal(server.state.objects.get('large')?.sizeBytes, 160 * MIB)
    assert.ok(grownBytes < MAX_GROWTH_BYTES, `grew by ${Math.round(grownBytes / MIB)} MiB`)
  } finally {
    await server.close()
  }
})
