import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EntrySource } from '../storage/entry.ts'
import type { PlannedCopy, PlannedItem } from './plan-chunk.ts'
import { planSpool, spooledBytes } from './spool-plan.ts'

let ordinal = 0

function streamed(): EntrySource {
  ordinal += 1
  return { kind: 'stream', file: '/in/a.tgz', ordinal }
}

function copyOf(path: string, more: Partial<PlannedCopy> = {}): PlannedCopy {
  return { path, sizeBytes: 10, source: streamed(), facts: 0, fingerprint: '10:m', knowledge: 'k', ...more }
}

function itemOf(...parts: readonly (readonly PlannedCopy[])[]): PlannedItem {
  return {
    albumTitles: {},
    platform: { name: 'Folder', folder: 'photos', stem: 'photo' },
    facts: [],
    parts: parts.map((copies, index) => ({ role: index === 0 ? 'primary' : 'live-video', copies })),
  }
}

/** Path and the file that it is to be read from, of each copy. */
function filesOf(items: readonly PlannedItem[]): (readonly [string, string])[] {
  return items.flatMap(({ parts }) =>
    parts.flatMap(({ copies }) => copies.map(({ path, source }) => [path, source.file] as const)),
  )
}

describe('planSpool', () => {
  test('one copy of each content is unpacked, and all copies are read from there', () => {
    const plan = planSpool([itemOf([copyOf('a.jpg'), copyOf('album/a.jpg')])])
    assert.deepEqual([plan.wants('a.jpg'), plan.wants('album/a.jpg')], [true, false])
    const ready = plan.arrived('a.jpg', '/temp/0')
    assert.deepEqual(filesOf(ready), [
      ['a.jpg', '/temp/0'],
      ['album/a.jpg', '/temp/0'],
    ])
    assert.ok(ready[0]?.parts[0]?.copies.every(({ spooled, source }) => spooled && source.kind === 'file'))
    assert.deepEqual(plan.rest(), [])
  })

  test('an item is complete with the last of its parts', () => {
    const plan = planSpool([itemOf([copyOf('a.heic')], [copyOf('a.mov')]), itemOf([copyOf('b.jpg')])])
    assert.deepEqual(plan.arrived('a.mov', '/temp/1'), [])
    assert.deepEqual(filesOf(plan.arrived('b.jpg', '/temp/2')), [['b.jpg', '/temp/2']])
    assert.deepEqual(filesOf(plan.arrived('a.heic', '/temp/0')), [
      ['a.heic', '/temp/0'],
      ['a.mov', '/temp/1'],
    ])
  })

  test('sidecars of all copies are unpacked too', () => {
    const xmp = { path: 'album/a.xmp', sizeBytes: 3, source: streamed() }
    const plan = planSpool([itemOf([copyOf('a.jpg'), copyOf('album/a.jpg', { xmp })])])
    assert.equal(plan.wants('album/a.xmp'), true)
    assert.deepEqual(plan.arrived('a.jpg', '/temp/0'), [])
    const ready = plan.arrived('album/a.xmp', '/temp/1')
    const kept = ready[0]?.parts[0]?.copies[1]?.xmp
    assert.deepEqual(kept, { ...xmp, source: { kind: 'file', file: '/temp/1' }, spooled: true })
    assert.equal(spooledBytes(ready), 13)
  })

  test('every wanted entry has a number of its own', () => {
    const plan = planSpool([itemOf([copyOf('a')], [copyOf('b')]), itemOf([copyOf('c')])])
    assert.equal(new Set(['a', 'b', 'c'].map((path) => plan.numberOf(path))).size, 3)
    assert.equal(plan.numberOf('d'), -1)
  })

  test('what lies in a zip beside is ready at once and untouched', () => {
    const file = { kind: 'file', file: '/in/a.jpg' } as const
    const item = itemOf([copyOf('a.jpg', { source: file }), copyOf('b.jpg')])
    const plan = planSpool([item])
    assert.deepEqual(plan.ready, [item])
    assert.equal(plan.wants('b.jpg'), false)
    assert.equal(spooledBytes(plan.ready), 0)
  })

  test('of an archive that breaks off, the rest is told with what there is', () => {
    const plan = planSpool([itemOf([copyOf('a.heic')], [copyOf('a.mov')])])
    plan.arrived('a.heic', '/temp/0')
    const [rest] = plan.rest()
    assert.equal(rest?.parts[0]?.copies[0]?.source.kind, 'file')
    assert.equal(rest.parts[1]?.copies[0]?.source.kind, 'stream')
    assert.equal(spooledBytes([rest]), 10)
  })

  test('an entry that nobody wants completes nothing', () => {
    assert.deepEqual(planSpool([itemOf([copyOf('a.jpg')])]).arrived('readme.txt', '/temp/9'), [])
  })
})
