/**
 * SIGKILL at random moments of an upload: at the end every file is on the server once, and the albums are exact.
 *
 * `HEIRLOOM_TEST_SEED` repeats a run's moments, as far as a machine repeats anything.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type FakeImmich, startFakeImmich } from '../support/fake-immich/fake-immich.ts'
import { makeTakeout } from '../support/make-takeout.ts'
import { runHeirloom, startHeirloom, until } from '../support/run-heirloom.ts'
import { assertUploaded, expectedContent } from '../support/server-content.ts'

const KILLS = 6
const SEED = Number(process.env['HEIRLOOM_TEST_SEED'] ?? Date.now() % 1_000_000)

let folder: string
let library: string
let fake: FakeImmich

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-upload-crash-'))
  library = join(folder, 'library')
  const { inputs } = await makeTakeout(join(folder, 'takeout'), { photos: 40 })
  const { exitCode, stderr } = await runHeirloom(['ingest', ...inputs, '-o', library])
  assert.equal(exitCode, 0, stderr)
  fake = await startFakeImmich({
    seed: SEED,
    faults: [
      { route: 'POST /assets', kind: 'latency', ms: 10, jitterMs: 20 },
      { route: 'PUT /albums/*', kind: 'latency', ms: 60 },
      { route: 'POST /stacks', kind: 'latency', ms: 60 },
    ],
  })
})
after(async () => {
  await fake.close()
  await rm(folder, { recursive: true, force: true })
})

const never = (): undefined => undefined

/** The first ones among the files, the last two among albums and stacks. */
function momentsOf(total: number): readonly (() => true | undefined)[] {
  const reached = (route: string, calls: number) => (): true | undefined =>
    fake.callsOf(route) >= calls ? true : undefined
  const among = Array.from({ length: KILLS - 2 }, (_, index) => {
    const share = (index + 1 + (((SEED + index * 7) % 10) - 5) / 10) / (KILLS - 1)
    return reached('POST /assets', Math.ceil(share * total))
  })
  return [...among, reached('PUT /albums/*', 1), reached('POST /stacks', 1)]
}

test(`after ${KILLS} kills of the client every file is on the server once, albums are exact`, async (t) => {
  const env = { IMMICH_INSTANCE_URL: fake.address, IMMICH_API_KEY: fake.key }
  const args = ['upload', library, '--json']
  const total = expectedContent(library).files.length
  const sent: string[] = []
  const moments = momentsOf(total)
  for (let kill = 0; kill < KILLS; kill += 1) {
    const run = startHeirloom(args, { env })
    await Promise.race([until('the moment has come', moments[kill] ?? never), run.ended])
    run.child.kill('SIGKILL')
    await run.ended
    const { assets, albums, stacks } = fake.state
    sent.push(`${assets.size}/${albums.size}/${stacks.size}`)
  }
  t.diagnostic(`seed ${SEED}: ${sent.join(', ')} files/albums/stacks after each kill, of ${total} files`)
  const last = await runHeirloom(args, { env })
  assert.equal(last.exitCode, 0, `seed ${SEED}\n${last.stdout}\n${last.stderr}`)
  assertUploaded(library, fake.state, `seed ${SEED}`)
  assert.ok(Number.parseInt(sent[0] ?? '', 10) < total, `seed ${SEED}: the first kill came too late`)
})
