/**
 * The faults of the program that this replaces (section 1.10 of its description), as far as deciding goes: each has a
 * number there, and a test here that it is gone. Those of filters, moves, duplicates and holding albums.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decide, NO_FACTS } from './decide.ts'
import { makePlan } from './make-plan.ts'
import { applyInMemory, factsAfter } from './testing/apply-in-memory.ts'
import { rulesOf, snapshotOf, type TestLibrary } from './testing/library.ts'
import { planOf, shown } from './testing/plan-of.ts'

describe('fault 1: filters do nothing', () => {
  test('assets out of scope are left alone, by tag, album, path and visibility', () => {
    const plan = planOf(
      {
        assets: [
          { id: 'in' },
          { id: 'by-tag', tags: ['skip'] },
          { id: 'by-album', albums: ['Private'] },
          { id: 'by-path', path: '/x/raw/a.jpg' },
          { id: 'by-visibility', visibility: 'hidden' },
        ],
      },
      `
scope: { visibility: [timeline], where: { not: { any: [ { tag: skip }, { album: Private }, { path: "*/raw/*" } ] } } }
checks: [ { id: all, when: { type: image }, ensure: { tag: seen } } ]`,
    )
    assert.deepEqual(shown(plan), ['tag.add seen: in'])
  })

  test('what a rule ensures stays on assets out of scope', () => {
    const plan = planOf(
      {
        assets: [
          { id: 'out', tags: ['skip', 'look'] },
          { id: 'in', tags: ['look'] },
        ],
      },
      `
scope: { where: { not: { tag: skip } } }
checks: [ { id: never, when: { type: video }, ensure: { tag: look } } ]`,
    )
    assert.deepEqual(shown(plan), ['tag.remove look: in'])
  })
})

describe('fault 2: a move keeps its source albums', () => {
  const rule = `moves: [ { id: m, from: { any: [ { tag: scan }, { album: Old scans } ] }, to: { album: Paper }, mode: MODE, create: true } ]`
  const library: TestLibrary = { assets: [{ id: 'a', tags: ['scan'], albums: ['Old scans', 'Other'] }] }

  test('out of an album of somebody else nothing is taken, though we may edit it', () => {
    const members = [{ userId: 'me', role: 'editor' }] as const
    const plan = planOf(
      { ...library, albums: [{ name: 'Old scans', isOwned: false, members }] },
      rule.replace('MODE', 'move'),
    )
    assert.deepEqual(
      shown(plan).filter((line) => line.startsWith('album.remove')),
      [],
    )
    assert.deepEqual(
      plan.remarks.map(({ kind }) => kind),
      ['not-owned'],
    )
  })

  test('tags and albums that matched are taken away, others stay', () => {
    assert.deepEqual(shown(planOf(library, rule.replace('MODE', 'move'))), [
      'album.create Paper: a',
      'tag.remove scan: a',
      'album.remove Old scans: a',
    ])
  })

  test('a copy only adds', () => {
    assert.deepEqual(shown(planOf(library, rule.replace('MODE', 'copy'))), ['album.create Paper: a'])
  })

  test('albums of others are not left by us', () => {
    const albums = [
      { name: 'Old scans', isOwned: false, members: [{ userId: 'me', role: 'viewer' as const }] },
    ]
    const plan = planOf({ ...library, albums }, rule.replace('MODE', 'move'))
    assert.deepEqual(shown(plan), ['album.create Paper: a', 'tag.remove scan: a'])
    assert.deepEqual(
      plan.remarks.map(({ kind }) => kind),
      ['not-owned'],
    )
  })
})

describe('fault 3: a destination album that is missing is not made', () => {
  const library: TestLibrary = { assets: [{ id: 'a', tags: ['scan'] }] }

  test('create makes the album and the tag', () => {
    const rule = `moves: [ { id: m, from: { tag: scan }, to: { tag: kind/scan, album: Paper }, create: true } ]`
    assert.deepEqual(shown(planOf(library, rule)), [
      'album.create Paper: a',
      'tag.add kind/scan: a',
      'tag.remove scan: a',
    ])
  })

  test('without create nothing is taken away either, and it is said', () => {
    const rule = `moves: [ { id: m, from: { tag: scan }, to: { album: Paper }, create: false } ]`
    const plan = planOf(library, rule)
    assert.deepEqual(plan.steps, [])
    assert.deepEqual(
      plan.remarks.map(({ kind, assetIds }) => [kind, assetIds]),
      [['album-missing', ['a']]],
    )
  })
})

const DUPLICATES = `
categories:
  exactly: one
  list: [ { id: scans, is: { tag: "kind/*" } }, { id: memes, is: { tag: meme } }, { id: trips, is: { album: '/^\\d{4}/' } } ]
duplicates:
  carry: { tags: union-of-category, albums: category-albums }
  to: each
  conflict: { ensure: { tag: clash } }
`

describe('fault 4: two duplicates in two albums are no conflict', () => {
  test('a pair in different albums is marked, both alike', () => {
    const plan = planOf(
      {
        assets: [
          { id: 'a', albums: ['2019 Lake'] },
          { id: 'b', albums: ['2020 Sea'] },
        ],
        duplicates: [['a', 'b']],
      },
      DUPLICATES,
    )
    assert.deepEqual(shown(plan), ['tag.add clash: a b'])
    assert.deepEqual(
      plan.remarks.map(({ kind, assetIds }) => [kind, assetIds]),
      [['duplicate-conflict', ['a', 'b']]],
    )
  })

  test('the one album or tag that a pair has is carried over instead', () => {
    const plan = planOf(
      {
        assets: [
          { id: 'a', albums: ['2019 Lake'] },
          { id: 'b' },
          { id: 'c' },
          { id: 'd', tags: ['kind/scan'] },
        ],
        duplicates: [
          ['a', 'b'],
          ['c', 'd'],
        ],
      },
      DUPLICATES,
    )
    assert.deepEqual(shown(plan), ['album.add 2019 Lake: b', 'tag.add kind/scan: c'])
  })
})

describe('fault 5: a conflict that is solved stays marked', () => {
  test('the mark goes when they agree, and when there are no duplicates any more', () => {
    const plan = planOf(
      {
        assets: [
          { id: 'a', tags: ['meme', 'clash'] },
          { id: 'b', tags: ['meme', 'clash'] },
          { id: 'gone', tags: ['clash'] },
          { id: 'c', tags: ['meme', 'clash'] },
          { id: 'd', tags: ['kind/scan', 'clash'] },
        ],
        duplicates: [
          ['a', 'b'],
          ['c', 'd'],
        ],
      },
      DUPLICATES,
    )
    assert.deepEqual(shown(plan), ['tag.remove clash: a b gone'])
  })
})

describe('fault 6: a holding album counts as sorted', () => {
  const rules = `
categories:
  exactly: one
  unsorted: { ensure: { tag: auto/unsorted } }
  list: [ { id: dated, is: { album: '/^\\d{4}-\\d\\d-\\d\\d/' } } ]
albums:
  - { id: days, where: { category: none }, into: "{taken:yyyy-MM-dd}-inbox", holding: true, delete-empty: true }
`

  test('what lies in one stays unsorted, the next time too', () => {
    const snapshot = snapshotOf({ assets: [{ id: 'a', date: '2024-05-17T10:00:00+00:00' }] })
    const compiled = rulesOf(rules)
    const first = decide(snapshot, compiled)
    const plan = makePlan({ snapshot, rules: compiled, decision: first, facts: NO_FACTS, madeAt: 'now' })
    assert.deepEqual(shown(plan), ['album.create 2024-05-17-inbox: a', 'tag.add auto/unsorted: a'])
    const after = applyInMemory(snapshot, plan)
    assert.deepEqual(decide(after, compiled, factsAfter(NO_FACTS, plan)).changes, [])
    assert.deepEqual(decide(after, compiled).changes, [], 'also when the memory of runs is lost')
  })

  test('what is sorted leaves it, and the empty album that was made goes', () => {
    const snapshot = snapshotOf({
      assets: [
        { id: 'a', date: '2024-05-17T10:00:00+00:00', albums: ['2024-05-17-inbox', '2024-05-17 Party'] },
      ],
    })
    const compiled = rulesOf(rules)
    const madeAlbums = new Map([['album 2024-05-17-inbox', 'albums/days']])
    const facts = { ...NO_FACTS, madeAlbums }
    const decision = decide(snapshot, compiled, facts)
    const plan = makePlan({ snapshot, rules: compiled, decision, facts, madeAt: 'now' })
    assert.deepEqual(shown(plan), ['album.remove 2024-05-17-inbox: a', 'album.delete 2024-05-17-inbox: '])
  })

  test('an empty album that somebody else made, or with pictures that were not read, stays', () => {
    const library: TestLibrary = {
      assets: [{ id: 'a', albums: ['2024-05-17-inbox', '2024-05-17 Party'] }],
      albums: [{ name: '2024-05-17-inbox', extraAssets: 1 }],
    }
    const snapshot = snapshotOf(library)
    const madeAlbums = new Map([['album 2024-05-17-inbox', 'albums/days']])
    const kinds = decide(snapshot, rulesOf(rules), { ...NO_FACTS, madeAlbums }).changes.map(
      ({ kind }) => kind,
    )
    assert.deepEqual(kinds, ['album'])
    assert.deepEqual(shown(planOf({ ...library, albums: [] }, rules)), ['album.remove 2024-05-17-inbox: a'])
  })
})
