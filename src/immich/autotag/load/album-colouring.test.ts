import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type DatedAlbum, groupAlbums, spanOf } from './album-colouring.ts'

const DAY_MS = 86_400_000

function album(id: string, startDay: number, endDay = startDay): DatedAlbum {
  return { id, startMs: startDay * DAY_MS, endMs: endDay * DAY_MS }
}

const albums: fc.Arbitrary<DatedAlbum[]> = fc
  .array(fc.tuple(fc.nat(400), fc.nat(40)), { maxLength: 60 })
  .map((spans) => spans.map(([start, days], at) => album(String(at), start, start + days)))

function haveCommonTime(one: DatedAlbum, other: DatedAlbum): boolean {
  const [a, b] = [spanOf(one), spanOf(other)]
  return a.fromMs <= b.toMs && b.fromMs <= a.toMs
}

describe('groupAlbums', () => {
  test('albums far apart are one group', () => {
    assert.deepEqual(
      groupAlbums([album('c', 20), album('a', 0), album('b', 10, 12)]).map((group) =>
        group.map(({ id }) => id),
      ),
      [['a', 'b', 'c']],
    )
  })
  test('albums with a day in common are not in one', () => {
    assert.equal(groupAlbums([album('a', 0, 5), album('b', 5, 9)]).length, 2)
  })
  test('neighbours are not in one either: a server may tell another midnight', () => {
    assert.equal(groupAlbums([album('a', 0), album('b', 1)]).length, 2)
    assert.equal(groupAlbums([album('a', 0), album('b', 3)]).length, 2)
    assert.equal(groupAlbums([album('a', 0), album('b', 4)]).length, 1)
  })
  test('a full group begins another', () => {
    const many = Array.from({ length: 5 }, (_, at) => album(String(at), at * 10))
    assert.deepEqual(
      groupAlbums(many, 2).map((group) => group.length),
      [2, 2, 1],
    )
  })
  test('whatever albums there are: each is in one group, and no group holds two with a time in common', () => {
    fc.assert(
      fc.property(albums, (some) => {
        const groups = groupAlbums(some)
        assert.deepEqual(
          groups
            .flat()
            .map(({ id }) => id)
            .toSorted(),
          some.map(({ id }) => id).toSorted(),
        )
        for (const group of groups) {
          for (const [at, one] of group.entries())
            assert.ok(group.slice(at + 1).every((other) => !haveCommonTime(one, other)))
        }
      }),
    )
  })
  test('there are as many groups as albums at the busiest moment, and no more', () => {
    fc.assert(
      fc.property(albums, (some) => {
        const busiest = some.map(({ startMs, endMs }) => {
          const { fromMs } = spanOf({ id: '', startMs, endMs })
          return some.filter((other) => spanOf(other).fromMs <= fromMs && spanOf(other).toMs >= fromMs).length
        })
        assert.equal(groupAlbums(some).length, Math.max(0, ...busiest))
      }),
    )
  })
})
