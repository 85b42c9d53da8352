import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ByteCache } from './byte-cache.ts'

describe('ByteCache', () => {
  test('gives back what was put last under a name', () => {
    const cache = new ByteCache(1_600)
    cache.put('a', Buffer.from('1'))
    cache.put('a', Buffer.from('2'))
    assert.equal(String(cache.get('a')), '2')
    assert.equal(cache.get('b'), undefined)
  })

  test('lets go what was not asked for the longest', () => {
    const cache = new ByteCache(1_600)
    for (let n = 0; n < 16; n++) cache.put(String(n), Buffer.alloc(100))
    cache.get('0')
    cache.put('new', Buffer.alloc(100))
    assert.equal(cache.get('1'), undefined)
    assert.notEqual(cache.get('0'), undefined)
    assert.notEqual(cache.get('new'), undefined)
  })

  test('does not keep what would take much of the room, nor what it had under that name', () => {
    const cache = new ByteCache(1_600)
    cache.put('a', Buffer.alloc(100))
    cache.put('a', Buffer.alloc(101))
    assert.equal(cache.get('a'), undefined)
    for (let n = 0; n < 16; n++) cache.put(String(n), Buffer.alloc(100))
    assert.notEqual(cache.get('0'), undefined)
  })
})
