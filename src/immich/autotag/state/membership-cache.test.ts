import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import { packIds, unpackIds } from './packed-ids.ts'
import { statePath } from './state-file.ts'

const OWNER = { address: 'http://nas.local:2283', userId: randomUUID() }

describe('packed ids', () => {
  test('are as they were, whatever they are', () => {
    const anyId = fc.oneof(
      fc.uuid(),
      fc.string(),
      fc.uuid().map((id) => id.toUpperCase()),
    )
    fc.assert(fc.property(fc.array(anyId), (ids) => assert.deepEqual(unpackIds(packIds(ids)), ids)))
    fc.assert(
      fc.property(fc.array(fc.uuid()), (ids) => assert.equal(packIds(ids).length, 1 + 16 * ids.length)),
    )
  })

  test('with damage are an error', () => {
    assert.throws(() => unpackIds(packIds([randomUUID()]).subarray(0, 9)), RangeError)
    assert.throws(() => unpackIds(new Uint8Array()), RangeError)
  })
})

describe('members of albums', () => {
  test('are known at their fingerprint only', () => {
    using scratch = scratchState(OWNER)
    const ids = [randomUUID(), randomUUID()]
    scratch.state.members.write('a', 'yesterday', ids)
    for (const look of [() => scratch.state, () => scratch.reopen()]) {
      const { members } = look()
      assert.deepEqual(members.read('a', 'yesterday'), ids)
      assert.equal(members.read('a', 'today'), undefined)
      assert.equal(members.read('b', 'yesterday'), undefined)
    }
    scratch.state.members.write('a', 'today', [])
    assert.equal(scratch.state.members.read('a', 'yesterday'), undefined)
    assert.deepEqual(scratch.reopen().members.read('a', 'today'), [])
  })

  test('of albums that are gone are forgotten', () => {
    using scratch = scratchState(OWNER)
    for (const id of ['a', 'b', 'c']) scratch.state.members.write(id, '1', [])
    scratch.state.members.keepOnly(new Set(['b', 'z']))
    assert.deepEqual(
      ['a', 'b', 'c'].map((id) => scratch.state.members.read(id, '1')),
      [undefined, [], undefined],
    )
  })

  test('of 3,400 albums with 40,000 members take less than 3 MB', () => {
    using scratch = scratchState(OWNER)
    const assets = Array.from({ length: 26_562 }, () => randomUUID())
    const albums = Array.from({ length: 3_400 }, () => randomUUID())
    for (const [index, album] of albums.entries()) {
      const count = index % 5 === 0 ? 24 : 9
      const ids = Array.from({ length: count }, (_, at) => assets[(index * 31 + at) % assets.length] ?? '')
      scratch.state.members.write(album, `2026-11-22T09:00:00.000Z|${count}|2026-11-22T09:00:00.000Z`, ids)
    }
    const state = scratch.reopen()
    const members = albums.reduce((sum, album, index) => {
      const count = index % 5 === 0 ? 24 : 9
      const fingerprint = `2026-11-22T09:00:00.000Z|${count}|2026-11-22T09:00:00.000Z`
      return sum + (state.members.read(album, fingerprint)?.length ?? 0)
    }, 0)
    assert.equal(members, 680 * 24 + 2_720 * 9)
    const { size } = statSync(statePath({ folder: scratch.folder, ...OWNER }))
    assert.ok(size < 3_000_000, `${size} bytes`)
  })
})
