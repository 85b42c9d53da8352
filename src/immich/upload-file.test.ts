import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Taken } from '../media/metadata.ts'
import type { UploadAsset } from './upload-asset.ts'
import { createdAtOf, uploadName, wantedOf } from './upload-file.ts'

const ASSET: UploadAsset = {
  id: 1,
  role: 'primary',
  path: 'anna/photos/gphotos-anna-20210704T223005-3fa9c1.jpg',
  sourceSha1: '5'.repeat(40),
  writtenSha1: '7'.repeat(40),
  sizeBytes: 1,
  format: 'jpeg',
  platform: 'Google Photos',
  exportName: 'google-anna-20240101',
  keywords: [],
  people: [],
  favourite: false,
  archived: false,
  trashed: false,
  knowsMore: false,
  albums: [],
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
}

const TAKEN: Taken = {
  local: '2021-07-04T22:30:05',
  at: Date.UTC(2021, 6, 4, 20, 30, 5),
  offsetMinutes: 120,
  precision: 'second',
  source: 'export',
  detail: 'photoTakenTime',
  zone: 'position',
}

describe('uploadName', () => {
  const cases: [fact: string, originalName: string | undefined, name: string][] = [
    ['the original name', 'IMG_0001.JPG', 'IMG_0001.JPG'],
    ['the library name where there is none', undefined, 'gphotos-anna-20210704T223005-3fa9c1.jpg'],
    ['the library name where nothing of it is left', ' .. ', 'gphotos-anna-20210704T223005-3fa9c1.jpg'],
    ['another extension of the same format', 'IMG_0001.jpeg', 'IMG_0001.jpeg'],
    ['the extension of the content', 'IMG_0001.HEIC', 'IMG_0001.jpg'],
    ['an extension where there is none', 'Trip v1.2', 'Trip v1.2.jpg'],
    ['no path', '../../etc/a:b\\c.jpg', '_.._etc_a_b_c.jpg'],
    ['no line breaks and direction marks', 'a\r\nb\u202egpj.jpg', 'a__b_gpj.jpg'],
  ]
  for (const [fact, originalName, name] of cases) {
    test(`has ${fact}`, () => {
      const { originalName: _none, ...bare } = ASSET
      assert.equal(uploadName(originalName === undefined ? bare : { ...bare, originalName }), name)
    })
  }

  test('is at most 255 bytes, cut between characters', () => {
    const name = uploadName({ ...ASSET, originalName: `${'é'.repeat(200)}.jpg` })
    assert.equal(Buffer.byteLength(name), 254)
    assert.match(name, /^é+\.jpg$/u)
  })
})

describe('createdAtOf', () => {
  const cases: [fact: string, taken: Partial<Taken>, text: string][] = [
    ['the offset of the place', {}, '2021-07-04T22:30:05+02:00'],
    ['a western offset of half an hour', { at: Date.UTC(2021, 6, 5, 2, 0, 5) }, '2021-07-04T22:30:05-03:30'],
    ['UTC as an offset', { at: Date.UTC(2021, 6, 4, 22, 30, 5) }, '2021-07-04T22:30:05+00:00'],
    [
      'milliseconds',
      { local: '2021-07-04T22:30:05.250', at: Date.UTC(2021, 6, 4, 20, 30, 5, 250) },
      '2021-07-04T22:30:05.250+02:00',
    ],
  ]
  for (const [fact, changes, text] of cases) {
    test(`has ${fact}`, () => assert.equal(createdAtOf({ ...ASSET, taken: { ...TAKEN, ...changes } }), text))
  }

  test('is the offset that the library took where none is known', () => {
    const { offsetMinutes: _none, ...unknown } = TAKEN
    assert.equal(createdAtOf({ ...ASSET, taken: { ...unknown, zone: 'user' } }), '2021-07-04T22:30:05+02:00')
  })

  test('is when it came into the library where nothing tells the time', () => {
    assert.equal(createdAtOf(ASSET), '2026-01-02T03:04:05.000Z')
  })
})

describe('wantedOf', () => {
  test('tells a stated date', () => assert.equal(wantedOf({ ...ASSET, taken: TAKEN }).taken, TAKEN))

  const silent: [fact: string, changes: Partial<UploadAsset>][] = [
    ['a guess', { taken: { ...TAKEN, source: 'folder-name' } }],
    ['the time of an upload', { taken: { ...TAKEN, detail: 'creationTime' } }],
    ['what the file says itself', { taken: { ...TAKEN, source: 'embedded' } }],
    ['what the camera disagrees with', { taken: TAKEN, cameraLocal: '2019-07-04' }],
  ]
  for (const [fact, changes] of silent) {
    test(`does not tell ${fact} as the date`, () => {
      assert.equal(wantedOf({ ...ASSET, ...changes }).taken, undefined)
    })
  }
})
