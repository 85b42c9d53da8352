import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { AssetView } from '../asset-view.ts'
import { snapshotOf, type TestAsset } from '../decide/testing/library.ts'
import type { Predicate } from '../rules.ts'
import { explainPredicate, judge } from './predicate.ts'
import { readRules } from './read-rules.ts'
import { anyPredicate } from './testing/any-rules.ts'

const CATEGORIES =
  'categories: {list: [{id: scans, is: {tag: s}}, {id: trips, is: {tag: t}}, {id: memes, is: {tag: m}}]}'

/** Reads `{tag: a}` as the `where` of the scope of a check. */
function predicateOf(text: string): Predicate {
  const file = `version: 1\ntime: {zone: Europe/Oslo}\n${CATEGORIES}\nchecks: [{when: ${text}, ensure: {tag: x}}]`
  const { rules, problems } = readRules(file, { fileName: 'rules.yaml', env: {} })
  assert.ok(rules?.checks[0], JSON.stringify(problems))
  return rules.checks[0].when
}

function viewOf(asset: Partial<TestAsset>, view: Partial<AssetView> = {}): AssetView {
  const [found] = snapshotOf({ assets: [{ id: 'a', ...asset }] }).assets.values()
  assert.ok(found)
  return {
    asset: found,
    tags: [],
    albums: [],
    categories: [],
    wallClockMs: undefined,
    takenMs: found.taken?.atMs,
    albumDateDiffersMs: undefined,
    hasDuplicates: false,
    ...view,
  }
}

const UUID = '6b1f0000-1111-4222-8333-444455556666'

describe('judge', () => {
  const cases: { says: string; yes?: readonly AssetView[]; no?: readonly AssetView[] }[] = [
    {
      says: '{tag: kind}',
      yes: [viewOf({}, { tags: ['Kind'] }), viewOf({}, { tags: ['kind/scan/old'] })],
      no: [viewOf({}, { tags: ['kinder', 'x/kind'] })],
    },
    {
      says: '{tag: "trip/*"}',
      yes: [viewOf({}, { tags: ['trip/a'] })],
      no: [viewOf({}, { tags: ['trip'] })],
    },
    {
      says: '{tag: [a, b]}',
      yes: [viewOf({}, { tags: ['b'] })],
      no: [viewOf({}, { tags: ['c'] }), viewOf({})],
    },
    {
      says: '{album: "/^\\\\d{4}/"}',
      yes: [viewOf({}, { albums: ['x', '2019 Lake'] })],
      no: [viewOf({}, { albums: ['Lake 2019'] })],
    },
    {
      says: '{path: "*/whatsapp/*"}',
      yes: [viewOf({ path: '/m/WhatsApp/a.jpg' })],
      no: [viewOf({ path: '/m/a.jpg' })],
    },
    {
      says: '{file: "img_*"}',
      yes: [viewOf({ fileName: 'IMG_1.jpg' })],
      no: [viewOf({ fileName: 'x.jpg', path: '/img_1/x.jpg' })],
    },
    {
      says: '{camera: "*"}',
      yes: [viewOf({ camera: { make: 'Canon', model: undefined } })],
      no: [viewOf({})],
    },
    {
      says: '{camera: Canon EOS R}',
      yes: [viewOf({ camera: { make: 'Canon', model: 'EOS R' } })],
      no: [viewOf({ camera: { make: 'Canon', model: 'EOS' } })],
    },
    {
      says: '{place: {city: bergen, country: "N*"}}',
      yes: [viewOf({ place: { city: 'Bergen', state: undefined, country: 'Norway' } })],
      no: [viewOf({ place: { city: 'Bergen', state: undefined, country: undefined } })],
    },
    { says: '{description: "*"}', yes: [viewOf({ description: 'x' })], no: [viewOf({})] },
    {
      says: '{people: [Ida, Bo]}',
      yes: [viewOf({ people: ['ida', 'Ada'] })],
      no: [viewOf({ people: ['Ada'] }), viewOf({})],
    },
    {
      says: '{people: {only: [Ida, Bo]}}',
      yes: [viewOf({ people: ['Ida'] }), viewOf({ people: ['Bo', 'Ida'] })],
      no: [viewOf({ people: ['Ida', 'Ada'] }), viewOf({ people: [] }), viewOf({})],
    },
    {
      says: `{link: "https://x.org/albums/${UUID}/photos/${UUID.toUpperCase()}"}`,
      yes: [viewOf({ id: UUID })],
      no: [viewOf({})],
    },
    { says: '{type: [video, audio]}', yes: [viewOf({ type: 'video' })], no: [viewOf({})] },
    { says: '{visibility: archive}', yes: [viewOf({ visibility: 'archive' })], no: [viewOf({})] },
    { says: '{favorite: false}', yes: [viewOf({})], no: [viewOf({ isFavourite: true })] },
    {
      says: '{rating: ">=3"}',
      yes: [viewOf({ rating: 3 }), viewOf({ rating: 5 })],
      no: [viewOf({ rating: 2 }), viewOf({})],
    },
    { says: '{rating: "<3"}', yes: [viewOf({ rating: -1 })], no: [viewOf({ rating: 3 }), viewOf({})] },
    {
      says: '{taken: 2019}',
      yes: [viewOf({ date: '2018-12-31T23:00:00Z' }), viewOf({ date: '2019-12-31T22:59:59Z' })],
      no: [viewOf({ date: '2018-12-31T22:59:59Z' }), viewOf({ date: '2019-12-31T23:00:00Z' }), viewOf({})],
    },
    {
      says: '{taken: "2019-06-02.."}',
      yes: [viewOf({ date: '2030-01-01T00:00:00Z' }), viewOf({ date: '2019-06-01T22:00:00Z' })],
      no: [viewOf({ date: '2019-06-01T21:59:59Z' })],
    },
    { says: '{uploaded: 2025-01}', yes: [viewOf({})], no: [viewOf({ uploadedAtMs: Date.UTC(2025, 1, 1) })] },
    { says: '{category: none}', yes: [viewOf({})], no: [viewOf({}, { categories: ['scans'] })] },
    {
      says: '{category: several}',
      yes: [viewOf({}, { categories: ['scans', 'trips'] })],
      no: [viewOf({}, { categories: ['scans'] })],
    },
    {
      says: '{category: [trips, none]}',
      yes: [viewOf({}), viewOf({}, { categories: ['trips'] })],
      no: [viewOf({}, { categories: ['scans'] })],
    },
    {
      says: '{album-date-differs: 2d}',
      yes: [viewOf({}, { albumDateDiffersMs: 2 * 86_400_000 + 1 })],
      no: [viewOf({}, { albumDateDiffersMs: 2 * 86_400_000 }), viewOf({})],
    },
    { says: '{duplicate: true}', yes: [viewOf({}, { hasDuplicates: true })], no: [viewOf({})] },
    { says: '{not: {rating: 5}}', yes: [viewOf({}), viewOf({ rating: 4 })], no: [viewOf({ rating: 5 })] },
    {
      says: '{tag: a, album: b}',
      yes: [viewOf({}, { tags: ['a'], albums: ['b'] })],
      no: [viewOf({}, { tags: ['a'] }), viewOf({}, { albums: ['b'] })],
    },
    {
      says: '[{tag: a}, {album: b}]',
      yes: [viewOf({}, { tags: ['a'] }), viewOf({}, { albums: ['b'] })],
      no: [viewOf({})],
    },
    { says: '{not: {any: [{tag: a}, {tag: b}]}}', yes: [viewOf({})], no: [viewOf({}, { tags: ['b'] })] },
  ]
  for (const { says, yes = [], no = [] } of cases) {
    test(says, () => {
      const predicate = predicateOf(says)
      for (const view of yes) assert.ok(judge(predicate, view).holds)
      for (const view of no) assert.deepEqual(judge(predicate, view), { holds: false, groups: {} })
    })
  }

  test('gathers the groups of all patterns that matched, the last of several', () => {
    const predicate = predicateOf(
      '{all: [{file: "/(?<d>\\\\d+)/"}, {path: "/(?<n>[a-z]+)/"}, {tag: "/t(?<d>\\\\d)/"}]}',
    )
    const view = viewOf({ fileName: '12.jpg', path: '/abc/12.jpg' }, { tags: ['t3'] })
    assert.deepEqual(judge(predicate, view), { holds: true, groups: { d: '3', n: 'abc' } })
  })

  test('groups under not are nothing', () => {
    assert.deepEqual(judge(predicateOf('{not: {file: "/(?<d>z)/"}}'), viewOf({})), {
      holds: true,
      groups: {},
    })
  })
})

describe('explainPredicate', () => {
  test('says what was asked and what was seen, part by part', () => {
    const predicate = predicateOf(
      '{all: [{tag: [scan, "x*"]}, {not: {rating: 5}}, {taken: 2019}, {album-date-differs: 180d}]}',
    )
    const view = viewOf(
      { rating: 4, date: '2019-06-02T10:00:00Z' },
      { tags: ['trip/2019', 'b'], albumDateDiffersMs: 200 * 86_400_000 },
    )
    assert.deepEqual(explainPredicate(predicate, view), {
      holds: false,
      says: 'all of',
      saw: '',
      of: [
        { holds: false, says: 'tag is scan or x*', saw: 'has trip/2019, b', of: [] },
        {
          holds: true,
          says: 'not',
          saw: '',
          of: [{ holds: false, says: 'rating is 5..5', saw: 'is 4', of: [] }],
        },
        {
          holds: true,
          says: 'taken 2018-12-31T23:00Z..2019-12-31T23:00Z',
          saw: 'was 2019-06-02T10:00Z',
          of: [],
        },
        { holds: true, says: 'album date differs by more than 180 days', saw: 'differs by 200 days', of: [] },
      ],
    })
  })

  test('says what is missing', () => {
    const saw = (text: string): string => explainPredicate(predicateOf(text), viewOf({})).saw
    assert.deepEqual(
      [
        '{camera: x}',
        '{people: x}',
        '{category: none}',
        '{taken: 2019}',
        '{rating: 1}',
        '{album-date-differs: 1d}',
        '{tag: x}',
        '{album: x}',
      ].map(saw),
      [
        'has no camera',
        'has nobody that has a name',
        'has no category',
        'has no date',
        'has no rating',
        'is in no dated album, or has no date',
        'has no tag',
        'has no album',
      ],
    )
  })

  test('agrees with judge in every part', () => {
    const texts = fc.array(fc.constantFrom('a', 'true', '2019', 'x/y', 'Lake', '12'), { maxLength: 3 })
    const views = fc.record({
      tags: texts,
      albums: texts,
      categories: fc.subarray(['scans', 'trips']),
      hasDuplicates: fc.boolean(),
    })
    fc.assert(
      fc.property(anyPredicate, views, (text, view) => {
        const predicate = predicateOf(JSON.stringify(text))
        const check = (reason: ReturnType<typeof explainPredicate>): boolean => {
          const parts = reason.of.map(check)
          if (reason.says === 'all of') assert.equal(reason.holds, !parts.includes(false))
          if (reason.says === 'any of') assert.equal(reason.holds, parts.includes(true))
          if (reason.says === 'not') assert.equal(reason.holds, parts[0] === false)
          return reason.holds
        }
        const seen = viewOf({ people: ['Ida'] }, view)
        assert.equal(check(explainPredicate(predicate, seen)), judge(predicate, seen).holds)
      }),
      { numRuns: 80 },
    )
  })
})
