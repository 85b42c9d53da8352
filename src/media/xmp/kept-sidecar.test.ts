import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { planPatch } from '../plan-patch.ts'
import { decodeXmp, mergeSidecar } from './kept-sidecar.ts'
import { readXmp } from './xmp-reader.ts'

const LIGHTROOM = `<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 crs:Exposure2012="+0.35" xmp:Rating="-1" xmp:CreateDate="2019-07-04T22:30:05">
<crs:ToneCurve><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>255, 255</rdf:li></rdf:Seq></crs:ToneCurve>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Müller’s lake</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>`

describe('mergeSidecar', () => {
  test('adds what is missing and keeps what nobody here knows', () => {
    const { bytes, merged } = mergeSidecar(Buffer.from(LIGHTROOM), (own) =>
      planPatch(own, {
        people: ['Ann'],
        albums: ['Summer'],
        rating: 5,
        caption: 'At the lake',
        taken: {
          local: '2001-01-01T00:00:00',
          at: 0,
          precision: 'second',
          source: 'file-name',
          detail: 'x',
          zone: 'unknown',
        },
      }),
    )
    assert.equal(merged, true)
    const text = decodeXmp(bytes)
    assert.match(text, /crs:Exposure2012="\+0\.35"/u)
    assert.match(text, /<crs:ToneCurve><rdf:Seq><rdf:li>0, 0<\/rdf:li><rdf:li>255, 255<\/rdf:li>/u)
    const told = readXmp(text)
    assert.equal(told.caption, 'Müller’s lake\n\nAt the lake')
    assert.equal(told.rating, -1, 'rejected stays rejected')
    assert.equal(told.taken[0]?.local, '2019-07-04T22:30:05')
    assert.deepEqual(told.people, ['Ann'])
    assert.deepEqual(told.keywords, ['Summer', 'People|Ann', 'Album|Summer'])
  })

  test('leaves every byte alone when there is nothing to add', () => {
    const original = Buffer.from(LIGHTROOM)
    assert.deepEqual(
      mergeSidecar(original, () => undefined),
      { bytes: original, merged: true },
    )
    assert.deepEqual(
      mergeSidecar(original, () => ({ caption: 'lake' })),
      { bytes: original, merged: true },
    )
  })

  test('reads UTF-16 by its byte order mark and writes UTF-8', () => {
    const original = Buffer.from(`\uFEFF${LIGHTROOM.replace('UTF-8', 'UTF-16')}`, 'utf16le')
    const { bytes, merged } = mergeSidecar(original, () => ({ people: ['Zoë'] }))
    assert.equal(merged, true)
    const told = readXmp(bytes.toString('utf8'))
    assert.deepEqual([told.caption, told.people], ['Müller’s lake', ['Zoë']])
  })

  const broken: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['nothing', Buffer.alloc(0)],
    ['XML that breaks off', Buffer.from(LIGHTROOM.slice(0, 300))],
    [
      'a document type',
      Buffer.from(LIGHTROOM.replace('<x:xmpmeta', '<!DOCTYPE x [<!ENTITY a "b">]><x:xmpmeta')),
    ],
    ['text that is no UTF-8', Buffer.from(LIGHTROOM, 'latin1')],
    ['too deep a tree', Buffer.from(LIGHTROOM.replace('<crs:ToneCurve>', '<crs:ToneCurve>'.repeat(100_000)))],
  ]
  for (const [what, original] of broken) {
    test(`keeps ${what} byte for byte`, () => {
      const { bytes, merged } = mergeSidecar(original, () => ({ caption: 'x' }))
      assert.equal(merged, false)
      assert.ok(bytes.equals(original))
    })
  }

  test('lets a bug of the planner through', () => {
    const fail = (): never => {
      throw new TypeError('bug')
    }
    assert.throws(() => mergeSidecar(Buffer.from(LIGHTROOM), fail), /bug/u)
  })
})
