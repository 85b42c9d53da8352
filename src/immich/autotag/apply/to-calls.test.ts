import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Step } from '../plan.ts'
import { DEFAULT_SIZES, MAX_PAIRS } from './call-sizes.ts'
import { assetsOf } from './perform-call.ts'
import { subjectsOf } from './step-parts.ts'
import { assetsInCall, costOf, groupTags } from './tag-groups.ts'
import { type ApplyCall, toCalls } from './to-calls.ts'

const SIZES = { tag: 500, untag: 500, album: 500, asset: 500 }

function ids(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `asset-${from + at}`)
}

function tagAdd(tag: string, assetIds: readonly string[], rule = 'r'): Step {
  return { op: 'tag.add', rule, tag, assetIds }
}

function opsOf(calls: readonly ApplyCall[]): string[] {
  return calls.map(({ steps }) => steps[0].op)
}

const anyWanted = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 60 })), { maxLength: 200 })
  .map((pairs) => {
    const wanted = new Map<string, Set<string>>()
    for (const [tag, asset] of pairs) {
      wanted.set(`t${tag}`, (wanted.get(`t${tag}`) ?? new Set()).add(`a${asset}`))
    }
    return wanted
  })

describe('tags of many assets', () => {
  test('are given each pair once, and never dearer than one call a tag or one a set', () => {
    fc.assert(
      fc.property(anyWanted, fc.integer({ min: 1, max: 40 }), (wanted, size) => {
        const groups = groupTags(wanted, size)
        const given = groups.flatMap(({ tags, assetIds }) =>
          tags.flatMap((tag) => assetIds.map((id) => `${tag} ${id}`)),
        )
        const asked = [...wanted].flatMap(([tag, assets]) => [...assets].map((id) => `${tag} ${id}`))
        assert.deepEqual(given.toSorted(), asked.toSorted())
        const perTag = [...wanted].map(([tag, assets]) => ({ tags: [tag], assetIds: [...assets] }))
        assert.ok(costOf(groups, size) <= costOf(perTag, size))
        assert.ok(costOf(groups, size) <= costOf(perSet(wanted), size))
      }),
    )
  })

  test('share calls where many have the same ones, and not where few do', () => {
    const both = ids(0, 300)
    const calls = toCalls([tagAdd('a', both), tagAdd('b', both)], SIZES)
    assert.deepEqual(
      calls.map(({ steps }) => steps.length),
      [2],
    )

    const few = [tagAdd('a', ids(0, 200)), tagAdd('b', ids(197, 200))]
    assert.deepEqual(
      toCalls(few, SIZES).map(({ steps }) => [steps.length, assetsOf(steps).length]),
      [
        [1, 200],
        [1, 200],
      ],
    )
  })

  test('some sets share calls while others do not', () => {
    const steps = [tagAdd('a', ids(0, 404)), tagAdd('b', [...ids(0, 400), ...ids(500, 50), 'asset-402'])]
    const calls = toCalls(steps, SIZES).map(({ steps: own }) => own.map((step) => 'tag' in step && step.tag))
    assert.deepEqual(calls.toSorted(), [['a'], ['a', 'b'], ['b']])
  })

  test('stay below the pairs that a call may have', () => {
    const assets = ids(0, 2_000)
    const steps = Array.from({ length: 40 }, (_, at) => tagAdd(`t${at}`, assets))
    const calls = toCalls(steps, { ...SIZES, tag: 32_767 })
    for (const { steps: own } of calls) {
      assert.ok(own.length * assetsOf(own).length <= MAX_PAIRS)
    }
    assert.equal(calls.length, Math.ceil(2_000 / assetsInCall(40, 32_767)))
  })
})

describe('calls of a plan', () => {
  test('an album is made with its assets, additions of other rules and members in one call', () => {
    const album = { key: 'Trip', name: 'Trip' }
    const calls = toCalls(
      [
        { op: 'album.create', rule: 'albums/trips', album, description: '', assetIds: ids(0, 12) },
        { op: 'album.add', rule: 'moves/x', album, assetIds: ids(20, 3) },
        { op: 'share.add', rule: 'sharing/s', album, userId: 'bo', email: 'bo@x.org', role: 'viewer' },
      ],
      SIZES,
    )
    assert.equal(calls.length, 1)
    assert.equal(assetsOf(calls[0]?.steps ?? []).length, 15)
  })

  test('an album with more assets than fit in a call is made first, and filled by the next stage', () => {
    const album = { key: 'All', name: 'All' }
    const calls = toCalls(
      [{ op: 'album.create', rule: 'r', album, description: '', assetIds: ids(0, 1_200) }],
      SIZES,
    )
    assert.deepEqual(opsOf(calls), ['album.create', 'album.add', 'album.add'])
    assert.deepEqual(
      calls.map(({ steps }) => assetsOf(steps).length),
      [500, 500, 200],
    )
  })

  test('come in the order of the stages, whatever the order of the steps', () => {
    const album = { id: 'x', name: 'X' }
    const steps: Step[] = [
      { op: 'album.delete', rule: 'r', album, before: { description: '', members: [] } },
      { op: 'share.remove', rule: 'r', album, userId: 'bo', email: 'b', before: 'viewer' },
      { op: 'album.remove', rule: 'r', album, assetIds: ids(0, 1) },
      { op: 'asset.set', rule: 'r', to: { rating: 3 }, assetIds: ids(0, 1), before: [null] },
      { op: 'tag.remove', rule: 'r', tag: 'b', assetIds: ids(0, 1) },
      tagAdd('a', ids(0, 1)),
      { op: 'album.add', rule: 'r', album, assetIds: ids(5, 1) },
      { op: 'album.create', rule: 'r', album: { key: 'N', name: 'N' }, description: '', assetIds: [] },
    ]
    assert.deepEqual(opsOf(toCalls(steps, SIZES)), steps.map(({ op }) => op).toReversed())
  })

  test('dates go out once for each value, members once for each album', () => {
    const date = (dateTimeOriginal: string, assetIds: readonly string[], rule = 'dates'): Step => ({
      op: 'date.set',
      rule,
      to: { dateTimeOriginal, timeZone: null },
      precision: 'day',
      assetIds,
      before: assetIds.map(() => null),
    })
    const share = (userId: string): Step => ({
      op: 'share.add',
      rule: 's',
      album: { id: 'x', name: 'X' },
      userId,
      email: userId,
      role: 'viewer',
    })
    const calls = toCalls(
      [
        date('2024-05-01T00:00:00+02:00', ids(0, 3)),
        date('2024-05-02T00:00:00+02:00', ids(3, 1)),
        date('2024-05-01T00:00:00+02:00', ids(9, 2), 'other'),
        share('bo'),
        share('cy'),
      ],
      SIZES,
    )
    assert.deepEqual(
      calls.map(({ steps }) => steps.flatMap(subjectsOf).length),
      [5, 1, 2],
    )
  })

  test('fault 19: the changes of the profiled library take a few dozen calls, not one each', () => {
    // The seed's profile: 2,479 tag additions, 1,418 removals; here over 14 and 9 tags, a fifth with two tags.
    const steps: Step[] = []
    for (let tag = 0; tag < 14; tag += 1) steps.push(tagAdd(`in/${tag}`, ids(tag * 170, 177)))
    for (let tag = 0; tag < 9; tag += 1) {
      steps.push({ op: 'tag.remove', rule: 'r', tag: `out/${tag}`, assetIds: ids(tag * 150, 157) })
    }
    const pairs = steps.reduce((sum, step) => sum + subjectsOf(step).length, 0)
    assert.ok(pairs > 3_800)
    assert.ok(toCalls(steps, SIZES).length <= 33, String(toCalls(steps, SIZES).length))
    assert.ok(toCalls(steps, DEFAULT_SIZES).length <= 60, String(toCalls(steps, DEFAULT_SIZES).length))
  })
})

function perSet(wanted: ReadonlyMap<string, ReadonlySet<string>>): { tags: string[]; assetIds: string[] }[] {
  const all = new Set([...wanted.values()].flatMap((assets) => [...assets]))
  const sets = Map.groupBy(all, (id) =>
    JSON.stringify([...wanted.keys()].filter((tag) => wanted.get(tag)?.has(id)).toSorted()),
  )
  return [...sets].map(([tags, assetIds]) => ({ tags: JSON.parse(tags) as string[], assetIds }))
}
