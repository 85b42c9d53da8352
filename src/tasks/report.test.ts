import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insertAsset } from '../library/catalog.ts'
import { addOutbox, blockOutbox } from '../library/outbox.ts'
import { collectReport } from '../library/report.ts'
import { memoryLibrary, planOne, sampleAsset, sha1Of } from '../library/testing/sample-assets.ts'
import { summarizeExports } from './report.ts'

const NAME = 'google-anna-20240101'

test('open files are problems with names, unless the run was interrupted', () => {
  const db = memoryLibrary()
  for (let index = 0; index < 60; index += 1) planOne(db, `${index}.jpg`)
  const report = collectReport(db, 5)
  const [done] = summarizeExports(report, [NAME], { unchanged: new Set(), interrupted: false })
  assert.equal(done?.balanced, false)
  assert.deepEqual([done?.problemCount, done?.problems.length], [60, 20])
  assert.deepEqual([done?.problems[0]?.path, done?.problems[0]?.code], ['0.jpg', 'not-finished'])
  const [stopped] = summarizeExports(report, [NAME], { unchanged: new Set(), interrupted: true })
  assert.deepEqual([stopped?.problemCount, stopped?.problems], [0, []])
})

test('a file without its name is a problem, and its export is not as it was', () => {
  const db = memoryLibrary()
  const { assetId, path } = insertAsset(db, sampleAsset('a', { originalName: 'IMG_1.JPG' }))
  const id = addOutbox(db, {
    assetId,
    part: 'media',
    temp: '1-1-0.part',
    final: path,
    sizeBytes: 2,
    sha1: sha1Of('a+'),
  })
  const summary = (): ReturnType<typeof summarizeExports>[number] | undefined =>
    summarizeExports(collectReport(db, 5), [NAME], { unchanged: new Set([NAME]), interrupted: false })[0]
  assert.deepEqual([summary()?.problemCount, summary()?.unchanged], [0, true])
  blockOutbox(db, id, { code: 'system/EACCES', message: 'EACCES: permission denied' })
  assert.deepEqual([summary()?.problemCount, summary()?.unchanged], [1, false])
  assert.deepEqual(
    [summary()?.problems[0]?.path, summary()?.problems[0]?.code],
    ['IMG_1.JPG', 'system/EACCES'],
  )
})
