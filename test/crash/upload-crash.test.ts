/**
 * SIGKILL during an upload, of the client and of the server: at the end every file is on the server once, albums and
 * stacks are exact, and at no time does the catalog say more than is true.
 *
 * `npm run bench -- upload-crash` does the same with 1,000 files and ten deaths of the client.
 * `HEIRLOOM_TEST_SEED` repeats a run's moments, as far as a machine repeats anything.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeTakeout } from '../support/make-takeout.ts'
import { runHere } from '../support/run-here.ts'
import { expectedContent } from '../support/server-content.ts'
import { planDeaths, uploadAmongDeaths } from '../support/upload-kills.ts'
import { type ServerProcess, startServerProcess } from '../support/upload-server.ts'

const KILLS = { client: 4, server: 2 }
const SEED = Number(process.env['HEIRLOOM_TEST_SEED'] ?? Date.now() % 1_000_000)

let folder: string
let library: string
let server: ServerProcess

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-upload-crash-'))
  library = join(folder, 'library')
  const { inputs } = await makeTakeout(join(folder, 'takeout'), { photos: 24 })
  const { exitCode, stderr } = await runHere(['ingest', ...inputs, '-o', library, '--workers', '1'])
  assert.equal(exitCode, 0, stderr)
  await mkdir(join(folder, 'server'))
  server = await startServerProcess({
    folder: join(folder, 'server'),
    faults: [
      { route: 'POST /assets', kind: 'latency', ms: 10, jitterMs: 20 },
      { route: 'PUT /albums/*', kind: 'latency', ms: 60 },
      { route: 'POST /stacks', kind: 'latency', ms: 60 },
    ],
  })
})
after(async () => {
  await server.kill()
  await rm(folder, { recursive: true, force: true })
})

/** Same numbers for the same seed: the linear congruence of Numerical Recipes. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test(`after ${KILLS.client} deaths of the client and ${KILLS.server} of the server every file is there once`, async (t) => {
  const { files } = expectedContent(library)
  const deaths = planDeaths(files.length, KILLS, randomOf(SEED))
  const figures = await uploadAmongDeaths({ library, server, deaths, where: `seed ${SEED}` })
  const { sentAfter, uploadCalls, sentInVain } = figures
  t.diagnostic(
    `seed ${SEED}: ${sentAfter.join(', ')} of ${files.length} files after each death; ${uploadCalls} uploads begun, ${sentInVain} of them in vain`,
  )
  assert.ok((sentAfter[0] ?? 0) < files.length, `seed ${SEED}: the first death came too late`)
})
