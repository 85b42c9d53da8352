import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { insertAsset } from './catalog.ts'
import { collectReport } from './report.ts'
import { renderReport } from './report-html.ts'
import { collectUploads } from './report-uploads.ts'
import { memoryLibrary, sampleAsset } from './testing/sample-assets.ts'
import { openServer, recordUploads, type Upload } from './uploads.ts'

const EVIL = '<script>alert(1)</script>"\'&\u202egpj.exe'

/** One content of each kind; answers their ids by name. */
function fill(db: DatabaseSync): ReadonlyMap<string, number> {
  const put = (name: string, changes: Parameters<typeof sampleAsset>[1] = {}): [string, number] => [
    name,
    insertAsset(db, sampleAsset(name, changes)).assetId,
  ]
  const primary = put('new')
  return new Map([
    primary,
    put('there'),
    put('thrown'),
    put('strange'),
    put('bad'),
    put('overlay', { role: 'overlay', primaryAssetId: primary[1] }),
    put('bin', { trashed: true }),
    put('later'),
  ])
}

function record(db: DatabaseSync, address: string, now: number): void {
  const ids = fill(db)
  const idOf = (name: string): number => ids.get(name) ?? 0
  const uploads: Upload[] = [
    { assetId: idOf('new'), state: 'uploaded', remoteId: 'a' },
    { assetId: idOf('there'), state: 'present', remoteId: 'b' },
    { assetId: idOf('thrown'), state: 'trashed', remoteId: 'c' },
    { assetId: idOf('strange'), state: 'unsupported' },
    {
      assetId: idOf('bad'),
      state: 'failed',
      error: { code: EVIL, message: EVIL, hint: `try ${EVIL}`, recovery: 'discard' },
    },
  ]
  recordUploads(db, openServer(db, { address, userId: 'u', now }), uploads, now)
}

describe('the report of uploads', () => {
  test('counts every content once, and names what is not there, with a way out', () => {
    const db = memoryLibrary(EVIL)
    record(db, 'http://nas:2283', 7)
    const [server, ...others] = collectReport(db, 9).uploads
    assert.deepEqual(others, [])
    const counts = { uploaded: 1, present: 1, trashed: 1, unsupported: 1, failed: 1, kept: 2, open: 1 }
    assert.deepEqual([server?.address, server?.usedAt, server?.counts], ['http://nas:2283', 7, counts])
    assert.deepEqual(server?.exports, [{ name: EVIL, counts }])
    assert.deepEqual(
      server?.failures.map(({ export: name, code, reason, hint }) => [name, code, reason, hint]),
      [[EVIL, EVIL, EVIL, `try ${EVIL}`]],
    )
    assert.deepEqual([server?.trashed.length, server?.unsupported.length], [1, 1])
    assert.deepEqual(JSON.parse(JSON.stringify(server)), server)
  })

  test('says nothing of servers that were never asked', () => {
    const db = memoryLibrary()
    openServer(db, { address: 'http://nas:2283', now: 1 })
    assert.deepEqual(collectUploads(db), [])
    assert.doesNotMatch(renderReport(collectReport(db, 9)), /On the server/u)
  })

  test('the page shows it without running anything of it', () => {
    const db = memoryLibrary(EVIL)
    record(db, `http://nas/${EVIL}`, 7)
    const page = renderReport(collectReport(db, 9))
    assert.match(page, /1 file could not be sent, 1 file was not sent/u)
    assert.match(page, /1 sent, 1 were there, 1 failed, 1 not sent \(yet\), 1 thrown away there/u)
    assert.match(page, /try &lt;script&gt;/u)
    assert.match(page, /<summary>1 file thrown away on the server<\/summary>/u)
    assert.doesNotMatch(page, /<script|\u202e/u)
  })

  test('a failure without a reason is still one', () => {
    const db = memoryLibrary()
    const { assetId } = insertAsset(db, sampleAsset('a'))
    recordUploads(db, openServer(db, { address: 'http://nas', now: 1 }), [{ assetId, state: 'failed' }], 1)
    assert.deepEqual(
      collectUploads(db)[0]?.failures.map(({ code, reason }) => [code, reason]),
      [['unknown', 'no reason given']],
    )
  })
})
