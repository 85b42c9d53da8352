import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { storeOf } from '../../test/support/upload-run.ts'
import {
  db,
  fake,
  fillLibrary,
  fillServer,
  root,
  run,
  setUp,
  tearDown,
} from '../../test/support/upload-scenario.ts'
import { silentLogger } from '../logger.ts'
import type { LibrarySession } from './library-session.ts'
import type { UploadForecast, UploadOptions } from './upload-api.ts'
import { forecastUploads } from './upload-forecast.ts'

beforeEach(setUp)
afterEach(tearDown)

async function forecast(): Promise<UploadForecast> {
  const session = { backend: storeOf(db), paths: { root } } as unknown as LibrarySession
  const options: UploadOptions = {
    library: root,
    state: undefined,
    only: [],
    dryRun: true,
    settings: {
      connection: { address: fake.address, key: fake.key, insecure: false },
      concurrency: 1,
      waitMs: 1_000,
      albumNames: ['{album}'],
      includeTrashed: false,
      ignorePatterns: [],
    },
    signal: new AbortController().signal,
    kill: new AbortController().signal,
    logger: silentLogger,
    onProgress: () => undefined,
  }
  const names = [String(db.prepare('SELECT name FROM exports').get()?.['name'])]
  const summary = await forecastUploads(session, options, { names, startedAt: 0 })
  assert.ok(summary.forecast)
  return summary.forecast
}

const FORETOLD = ['POST /assets', 'POST /albums', 'PUT /albums/*/assets', 'POST /stacks']

function countCalls(): readonly number[] {
  return FORETOLD.map((route) => fake.callsOf(route))
}

describe('the forecast of an upload', () => {
  test('foretells the calls, and makes none that changes the server', async () => {
    fillLibrary()
    await fillServer()
    const before = countCalls()
    const { files, albums, calls } = await forecast()
    assert.deepEqual(countCalls(), before)
    await run()
    const made = countCalls().map((count, at) => count - (before[at] ?? 0))
    assert.deepEqual([files, albums], [made[0], 2])
    // The album that its owner has already need not be made, which is not known before the albums are listed.
    assert.deepEqual(
      ['POST /assets', 'POST /albums', 'PUT /albums/{id}/assets', 'POST /stacks'].map((name) => calls[name]),
      [made[0], Number(made[1]) + 1, made[2], made[3]],
    )
  })

  test('of a library that is uploaded says that there is nothing to send and no album to fill', async () => {
    fillLibrary()
    await fillServer()
    await run()
    const { files, bytes, albums, calls } = await forecast()
    assert.deepEqual([files, bytes, albums], [0, 0, 0])
    assert.deepEqual(
      ['GET /albums', 'POST /albums', 'PUT /albums/{id}/assets', 'POST /search/metadata'].map(
        (name) => calls[name],
      ),
      [0, 0, 0, 0],
    )
  })
})
