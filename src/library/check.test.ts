import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { LocalStorage } from '../storage/local-storage.ts'
import { type AssetToCheck, checkExport, checkLibrary, type ExportFileToCheck } from './check.ts'
import { sha1Of } from './testing/sample-assets.ts'

describe('checkLibrary', () => {
  let root: string
  let assets: AssetToCheck[]

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'heirloom-check-'))
    assets = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(place))
  })

  afterEach(() => rm(root, { recursive: true, force: true }))

  async function place(source: string): Promise<AssetToCheck> {
    const path = `anna/photos/${source}.jpg`
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), `${source}+`)
    return { path, sourceSha1: sha1Of(source), writtenSha1: sha1Of(`${source}+`), sizeBytes: 2 }
  }

  const check = (options = {}): ReturnType<typeof checkLibrary> =>
    checkLibrary(new LocalStorage({ root }), assets, options)

  test('an untouched library is whole', async () => {
    const { safe, ...found } = await check()
    assert.deepEqual(found, { ok: 6, bytes: 12, missing: [], changed: [], unreadable: [], extra: [] })
    assert.equal(safe.size, 6)
  })

  test('missing, changed and unknown files are told apart, and only whole ones are safe', async () => {
    await unlink(join(root, 'anna/photos/a.jpg'))
    await writeFile(join(root, 'anna/photos/b.jpg'), 'x+')
    await writeFile(join(root, 'anna/photos/mine.txt'), 'mine')
    await writeFile(join(root, 'report-latest.html'), 'a report is no stranger')
    await mkdir(join(root, '.heirloom'))
    await writeFile(join(root, '.heirloom/library.db'), 'nor is the state')
    const found = await check({ concurrency: 1 })
    assert.deepEqual(found.missing, ['anna/photos/a.jpg'])
    assert.deepEqual(found.changed, ['anna/photos/b.jpg'])
    assert.deepEqual(found.extra, ['anna/photos/mine.txt'])
    assert.equal(found.ok, 4)
    assert.deepEqual([...found.safe].sort(), ['c', 'd', 'e', 'f'].map(sha1Of).sort())
  })

  test('an xmp beside a file is checked too, and does not make its photo unsafe', async () => {
    assets = assets.slice(0, 1).map((asset) => ({
      ...asset,
      sidecarPath: `${asset.path}.xmp`,
      sidecarSha1: sha1Of('xmp'),
    }))
    const found = await check()
    assert.deepEqual(found.missing, ['anna/photos/a.jpg.xmp'])
    assert.ok(found.safe.has(sha1Of('a')))
  })

  test('progress counts up to all, and an abort ends it', async () => {
    const seen: number[] = []
    await check({ onProgress: ({ files }: { files: number }) => seen.push(files) })
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6])
    await assert.rejects(check({ signal: AbortSignal.abort(new RangeError('planted')) }), RangeError)
  })
})

describe('checkExport', () => {
  const safe = new Set([sha1Of('safe')])
  const known = new Set([sha1Of('safe'), sha1Of('damaged')])
  const check = (...files: ExportFileToCheck[]): ReturnType<typeof checkExport> =>
    checkExport(files, safe, (sha1) => known.has(sha1))
  const file = (content: string, ledger?: Partial<ExportFileToCheck['ledger']>): ExportFileToCheck => ({
    path: content,
    sizeBytes: content.length,
    sha1: sha1Of(content),
    fingerprint: content,
    isMedia: false,
    ...(ledger === undefined
      ? {}
      : {
          ledger: {
            outcome: undefined,
            reasonCode: undefined,
            reason: undefined,
            fingerprint: content,
            ...ledger,
          },
        }),
  })

  const photo = (content: string, reasonCode: string | undefined): ExportFileToCheck => ({
    ...file(content, { outcome: 'ignored', reasonCode, reason: 'why' }),
    isMedia: true,
  })

  test('a thumbnail that a program made is no photo, and why another one was left out is said', async () => {
    const { notKept, unsafe } = await check(
      photo('thumb', 'service-file'),
      photo('left out', 'other-processor'),
    )
    assert.deepEqual(notKept, [{ path: 'thumb', reason: 'why' }])
    assert.deepEqual(unsafe, [{ path: 'left out', reason: 'set-aside', detail: 'why' }])
  })

  test('content that is whole in the library is safe, whatever the ledger says', async () => {
    const found = await check(file('safe'), file('safe', { outcome: 'failed' }))
    assert.deepEqual(found, {
      verdict: 'yes',
      mayDelete: true,
      safe: 2,
      sidecars: 0,
      notKept: [],
      unsafe: [],
    })
  })

  test('what the library does not keep is listed, and is a but', async () => {
    const found = await check(
      file('safe'),
      file('{}', { outcome: 'sidecar' }),
      file('index', { outcome: 'ignored', reason: 'an index page' }),
    )
    assert.equal(found.verdict, 'yes-but')
    assert.equal(found.sidecars, 1)
    assert.deepEqual(found.notKept, [{ path: 'index', reason: 'an index page' }])
  })

  const cases: { reason: string; file: ExportFileToCheck }[] = [
    { reason: 'never-ingested', file: file('new') },
    { reason: 'damaged-in-library', file: file('damaged', { outcome: 'imported' }) },
    { reason: 'not-finished', file: file('waiting', {}) },
    { reason: 'failed', file: file('broken', { outcome: 'failed', reason: 'truncated' }) },
    { reason: 'changed-since', file: file('other', { outcome: 'imported' }) },
    { reason: 'changed-since', file: file('edited', { outcome: 'sidecar', fingerprint: 'other' }) },
    { reason: 'unreadable', file: { path: 'x', sizeBytes: 1, fingerprint: 'x', isMedia: false } },
    { reason: 'set-aside', file: photo('other platform', 'other-processor') },
    { reason: 'set-aside', file: photo('photo named .txt', undefined) },
    { reason: 'set-aside', file: file('came back', { outcome: 'ignored', reasonCode: 'vanished' }) },
  ]
  for (const { reason, file: one } of cases) {
    test(`${one.path} is ${reason}: the export may not be deleted`, async () => {
      const found = await check(file('safe'), one)
      assert.deepEqual([found.verdict, found.mayDelete, found.safe], ['no', false, 1])
      assert.deepEqual(
        found.unsafe.map((entry) => [entry.path, entry.reason]),
        [[one.path, reason]],
      )
    })
  }
})
