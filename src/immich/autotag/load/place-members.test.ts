import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { groupAlbums } from './album-colouring.ts'
import { type CountedAlbum, type FoundMember, placeMembers } from './place-members.ts'

const DAY_MS = 86_400_000

function album(id: string, startDay: number, endDay: number, assetCount: number): CountedAlbum {
  return { id, startMs: startDay * DAY_MS, endMs: endDay * DAY_MS, assetCount }
}

function on(id: string, day: number, hour = 12): FoundMember {
  return { id, wallClockMs: day * DAY_MS + hour * 3_600_000 }
}

describe('placeMembers', () => {
  const group = [album('a', 0, 2, 2), album('b', 10, 10, 1)]

  test('the day of an asset is the album it is in', () => {
    const { members, unproved } = placeMembers(group, [on('y', 2, 23.99), on('z', 10, 0), on('x', 0)])
    assert.deepEqual(
      [...members],
      [
        ['a', ['y', 'x']],
        ['b', ['z']],
      ],
    )
    assert.deepEqual(unproved, [])
  })
  test('an album with fewer assets than the server counts is not proved', () => {
    const { members, unproved } = placeMembers(group, [on('x', 0), on('z', 10)])
    assert.deepEqual([...members.keys()], ['b'])
    assert.deepEqual(unproved, ['a'])
  })
  test('neither is one with more', () => {
    assert.deepEqual(placeMembers(group, [on('x', 0), on('y', 2), on('z', 10), on('w', 1)]).unproved, ['a'])
  })
  test('nor one whose assets do not go from its first day to its last', () => {
    const long = [album('a', 0, 9, 2)]
    assert.deepEqual(placeMembers(long, [on('x', 0), on('y', 4)]).unproved, ['a'])
    assert.deepEqual(placeMembers(long, [on('x', 5), on('y', 9)]).unproved, ['a'])
    assert.deepEqual(placeMembers(long, [on('x', 0), on('y', 9)]).unproved, [])
  })
  test('an asset of no album of the group leaves nothing proved', () => {
    const found = [on('x', 0), on('y', 2), on('z', 10), on('stray', 100)]
    assert.deepEqual(placeMembers(group, found).unproved, ['a', 'b'])
  })
  test('a server that tells the midnights of its own zone is understood', () => {
    const shifted = group.map((one) => ({
      ...one,
      startMs: one.startMs - 12 * 3_600_000,
      endMs: one.endMs - 12 * 3_600_000,
    }))
    assert.deepEqual(placeMembers(shifted, [on('x', 0, 0), on('y', 2, 23), on('z', 10, 23.5)]).unproved, [])
  })

  test('whatever a library holds, what is said to be proved is so', () => {
    const library = fc.array(fc.uniqueArray(fc.nat(1_500), { minLength: 1, maxLength: 6 }), { maxLength: 30 })
    fc.assert(
      fc.property(library, (albumsOfDays) => {
        const truth = new Map(
          albumsOfDays.map((days, at) => [String(at), days.map((day) => on(`${at}-${day}`, day, day % 24))]),
        )
        const albums = albumsOfDays.map((days, at) =>
          album(String(at), Math.min(...days), Math.max(...days), days.length),
        )
        for (const some of groupAlbums(albums)) {
          const found = some.flatMap(({ id }) => truth.get(id) ?? [])
          const { members, unproved } = placeMembers(some, found)
          assert.deepEqual(unproved, [])
          for (const { id } of some) {
            assert.deepEqual(
              members.get(id)?.toSorted(),
              truth
                .get(id)
                ?.map((asset) => asset.id)
                .toSorted(),
            )
          }
        }
      }),
    )
  })
})
