import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { silentLogger } from '../logger.ts'
import { dryRun } from './dry-run.ts'
import type { IngestOptions, IngestSummary } from './ingest-api.ts'

const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex')

describe('dryRun', () => {
  let root: string
  let library: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'heirloom-dry-run-'))
    library = join(root, 'library')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function run(
    files: Readonly<Record<string, string | Buffer>>,
    more: Partial<IngestOptions> = {},
  ): Promise<IngestSummary> {
    const input = join(root, 'in')
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(input, path, '..'), { recursive: true })
      writeFileSync(join(input, path), content)
    }
    return dryRun({
      exports: [{ name: 'in', inputs: [input] }],
      library,
      state: undefined,
      parallelExports: 1,
      workers: 1,
      processor: undefined,
      dryRun: true,
      metadata: 'embed',
      zone: undefined,
      signal: new AbortController().signal,
      kill: new AbortController().signal,
      logger: silentLogger,
      onProgress: () => undefined,
      ...more,
    })
  }

  test('says that an empty file will fail, as it will', async () => {
    const { exports, plan } = await run({ 'empty.jpg': '', 'full.jpg': JPEG })
    assert.deepEqual([exports[0]?.imported, exports[0]?.failed], [1, 1])
    const empty = plan?.entries.find(({ path }) => path === 'empty.jpg')
    assert.deepEqual([empty?.outcome, empty?.reason], ['failed', 'it is empty'])
  })

  test('tells what would become of every file, and writes nothing', async () => {
    const year = 'Takeout/Google Photos/Photos from 2021'
    const json = { title: 'a.jpg', photoTakenTime: { timestamp: '1625437805' } }
    const summary = await run({
      [`${year}/a.jpg`]: JPEG,
      [`${year}/a.jpg.json`]: JSON.stringify(json),
      [`${year}/notes.json`]: '{ broken',
      'Takeout/Google Photos/Trip/metadata.json': JSON.stringify({ title: 'Our trip', access: 'protected' }),
      'Takeout/Google Photos/Trip/a.jpg': JPEG,
      'Takeout/archive_browser.html': '<html>',
    })
    assert.equal(summary.status, 'complete')
    const [counts] = summary.exports
    assert.deepEqual(
      [
        counts?.filesFound,
        counts?.imported,
        counts?.duplicates,
        counts?.sidecars,
        counts?.ignored,
        counts?.failed,
      ],
      [6, 1, 1, 2, 1, 1],
    )
    assert.equal(counts?.balanced, true)
    assert.equal(counts.problemCount, 1)
    const entries = new Map(summary.plan?.entries.map((entry) => [entry.path, entry]))
    assert.equal(entries.get(`${year}/a.jpg`)?.taken, '2021-07-04T22:30:05')
    assert.deepEqual(entries.get('Takeout/Google Photos/Trip/a.jpg')?.albums, ['Our trip'])
    assert.deepEqual(readdirSync(root), ['in'])
  })

  test('foresees a date as exactly as the names tell it, and never from the time of the file', async () => {
    const { plan } = await run({
      'IMG-20150125-WA0003.jpg': JPEG,
      'IMG_20190704_223005.jpg': Buffer.concat([JPEG, Buffer.from('1')]),
      'Summer 2012/x.jpg': Buffer.concat([JPEG, Buffer.from('22')]),
      'y.jpg': Buffer.concat([JPEG, Buffer.from('333')]),
    })
    assert.deepEqual(
      plan?.entries.map(({ path, taken }) => [path, taken]),
      [
        ['IMG-20150125-WA0003.jpg', '2015-01-25'],
        ['IMG_20190704_223005.jpg', '2019-07-04T22:30:05'],
        ['Summer 2012/x.jpg', '2012'],
        ['y.jpg', undefined],
      ],
    )
  })

  test('an instant is foreseen in the zone of the user', async () => {
    const { plan } = await run({ 'PXL_20211013_220651983.jpg': JPEG }, { zone: 'Asia/Tokyo' })
    assert.equal(plan?.entries[0]?.taken, '2021-10-14T07:06:51')
  })

  test('counts the pairings that a person should look at', async () => {
    const xmp =
      '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    const other = Buffer.concat([JPEG, Buffer.from('1')])
    const { exports } = await run({ 'a.jpg': JPEG, 'a.png': other, 'a.xmp': xmp })
    assert.equal(exports[0]?.ambiguousCount, 1)
  })

  test('stops between exports when it is interrupted', async () => {
    const summary = await run({ 'a.jpg': JPEG }, { signal: AbortSignal.abort() })
    assert.deepEqual([summary.status, summary.exports], ['interrupted', []])
  })
})
