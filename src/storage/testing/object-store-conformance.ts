/**
 * What every object store promises, as tests that each implementation runs.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ObjectMissingError, type ObjectStore, ObjectStoreError, type PutOptions } from '../object-store.ts'
import { UnsafeNameError } from '../storage.ts'

/** A fresh, empty store, and how to throw it away. */
export interface ObjectStoreUnderTest {
  readonly store: ObjectStore
  dispose(): Promise<void>
}

/** Larger than one part of a multipart upload, so that a stream of it takes the long way where there is one. */
const TWO_PARTS_BYTES = 8 * 1024 * 1024 + 12_345

/** So many that there are parts which could change places. */
const THREE_PARTS_BYTES = 2 * TWO_PARTS_BYTES

const CHUNK_BYTES = 256 * 1024

const PLAIN: PutOptions = { contentType: 'application/octet-stream' }

export interface ConformanceOptions {
  /** A server that writes over the object that is there, byte by byte: two puts of one name at once may mix. */
  readonly writesInPlace?: boolean
}

/** Registers the suite under `name`. */
export function testObjectStoreConformance(
  name: string,
  create: () => Promise<ObjectStoreUnderTest>,
  { writesInPlace = false }: ConformanceOptions = {},
): void {
  const promise = (fact: string, check: (store: ObjectStore) => Promise<void>): void => {
    test(fact, async () => {
      const { store, dispose } = await create()
      try {
        await check(store)
      } finally {
        await store.close()
        await dispose()
      }
    })
  }

  describe(`${name} keeps the promises of an object store`, () => {
    promise('an object is read as it was put, from bytes and from a stream', readsBack)
    promise('an empty object is an object', keepsEmpty)
    promise('a stream of several parts arrives whole', keepsLarge)
    promise('a put replaces the object of its name', replaces)
    promise('ranges are read, also over the end', readsRanges)
    promise('a reader may stop early', stopsEarly)
    promise('a missing object is undefined to stat and an error to read', missesObjects)
    promise('content of another size than announced is refused, and nothing is left', refusesSizes)
    promise('what the content throws is thrown, and the former object stays', passesErrors)
    promise('an aborted put ends, though its content hangs, and nothing is left', endsAborted)
    promise('an aborted signal begins nothing', beginsNothing)
    promise('nothing is seen of an object before its put is done', showsNoParts)
    promise('puts under way at once do not mix', keepsApart)
    if (!writesInPlace) promise('of two puts of one name at once, one wins whole', letsOneWin)
    promise('removing does not mind what is not there', removes)
    promise('many objects are removed at once', removesMany)
    promise('listing gives the names that begin so, and no others', lists)
    promise('names with spaces, umlauts, percent and plus signs stay themselves', keepsNames)
    promise('names that lead out are refused', refusesNames)
    promise('the address tells no secret and is always the same', tellsAddress)
  })
}

/** Bytes that differ from place to place, so that parts in the wrong order are seen. */
export function patternBytes(sizeBytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  for (let index = 0; index < words.length; index += 1) words[index] = Math.imul(index, 2_654_435_761)
  return Buffer.from(words.buffer, 0, sizeBytes)
}

export async function* chunksOf(bytes: Buffer, chunkBytes: number = CHUNK_BYTES): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    yield bytes.subarray(start, start + chunkBytes)
  }
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) {
    assert.ok(chunk.length <= 1024 * 1024, `a chunk has ${chunk.length} bytes`)
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return (await bytesOf(chunks)).toString()
}

async function namesIn(store: ObjectStore, prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.list(prefix)) names.push(name)
  return names.sort()
}

async function readsBack(store: ObjectStore): Promise<void> {
  const before = Date.now()
  const put = await store.put('anna/a.jpg', Buffer.from('photo'), PLAIN)
  assert.equal(put.name, 'anna/a.jpg')
  assert.equal(put.sizeBytes, 5)
  // Stores tell whole seconds, by a clock of their own.
  assert.ok(Math.abs(put.modifiedAt - before) < 60_000, String(put.modifiedAt))
  await store.put('b.jpg', chunksOf(Buffer.from('another photo'), 4), { ...PLAIN, sizeBytes: 13 })
  assert.equal(await textOf(store.read('anna/a.jpg')), 'photo')
  assert.equal(await textOf(store.read('b.jpg')), 'another photo')
  const found = await store.stat('anna/a.jpg')
  assert.equal(found?.name, 'anna/a.jpg')
  assert.equal(found.sizeBytes, 5)
  assert.ok(Math.abs(found.modifiedAt - put.modifiedAt) < 60_000, String(found.modifiedAt))
}

async function keepsEmpty(store: ObjectStore): Promise<void> {
  await store.put('empty', new Uint8Array(), PLAIN)
  await store.put('empty stream', chunksOf(Buffer.alloc(0)), { ...PLAIN, sizeBytes: 0 })
  for (const name of ['empty', 'empty stream']) {
    assert.equal((await store.stat(name))?.sizeBytes, 0)
    assert.equal(await textOf(store.read(name)), '')
    assert.equal(await textOf(store.read(name, { offset: 5, length: 2 })), '')
  }
}

async function keepsLarge(store: ObjectStore): Promise<void> {
  const bytes = patternBytes(THREE_PARTS_BYTES)
  const known = await store.put('known', chunksOf(bytes), { ...PLAIN, sizeBytes: bytes.length })
  assert.equal(known.sizeBytes, bytes.length)
  assert.equal((await bytesOf(store.read('known'))).compare(bytes), 0)
  const fewer = bytes.subarray(0, TWO_PARTS_BYTES)
  const unknown = await store.put('unknown', chunksOf(fewer), PLAIN)
  assert.equal(unknown.sizeBytes, fewer.length)
  assert.equal((await bytesOf(store.read('unknown'))).compare(fewer), 0)
}

async function replaces(store: ObjectStore): Promise<void> {
  await store.put('a', Buffer.from('a first one that is longer'), PLAIN)
  await store.put('a', Buffer.from('second'), PLAIN)
  assert.equal(await textOf(store.read('a')), 'second')
  assert.equal((await store.stat('a'))?.sizeBytes, 6)
  assert.deepEqual(await namesIn(store, ''), ['a'])
}

async function readsRanges(store: ObjectStore): Promise<void> {
  await store.put('a.bin', Buffer.from('0123456789'), PLAIN)
  assert.equal(await textOf(store.read('a.bin', { offset: 2, length: 3 })), '234')
  assert.equal(await textOf(store.read('a.bin', { length: 1 })), '0')
  assert.equal(await textOf(store.read('a.bin', { offset: 8 })), '89')
  assert.equal(await textOf(store.read('a.bin', { offset: 8, length: 100 })), '89')
  assert.equal(await textOf(store.read('a.bin', { offset: 100, length: 5 })), '')
  assert.equal(await textOf(store.read('a.bin', { offset: 10 })), '')
  assert.equal(await textOf(store.read('a.bin', { length: 0 })), '')
}

async function stopsEarly(store: ObjectStore): Promise<void> {
  const bytes = patternBytes(4 * 1024 * 1024)
  await store.put('a', bytes, PLAIN)
  for await (const chunk of store.read('a')) {
    assert.equal(Buffer.from(chunk).compare(bytes.subarray(0, chunk.length)), 0)
    break
  }
  const controller = new AbortController()
  const reading = async (): Promise<void> => {
    for await (const _ of store.read('a', {}, { signal: controller.signal })) controller.abort()
  }
  await assert.rejects(reading, { name: 'AbortError' })
  assert.equal((await bytesOf(store.read('a'))).length, bytes.length)
}

async function missesObjects(store: ObjectStore): Promise<void> {
  await store.put('anna/photos/a.jpg', Buffer.from('x'), PLAIN)
  for (const name of ['none/a.jpg', 'a.jpg', 'anna', 'anna/photos']) {
    assert.equal(await store.stat(name), undefined, name)
    await assert.rejects(bytesOf(store.read(name)), ObjectMissingError, name)
    await assert.rejects(bytesOf(store.read(name, { offset: 3, length: 4 })), ObjectMissingError, name)
    assert.equal(store.localPath(name), undefined, name)
  }
}

async function refusesSizes(store: ObjectStore): Promise<void> {
  const refused = { name: 'ObjectStoreError', code: 'storage/size-mismatch' }
  for (const sizeBytes of [0, 4, 6]) {
    const options = { ...PLAIN, sizeBytes }
    await assert.rejects(store.put('a', Buffer.from('photo'), options), refused, `bytes, ${sizeBytes}`)
    await assert.rejects(store.put('a', chunksOf(Buffer.from('photo')), options), refused, `${sizeBytes}`)
  }
  const large = patternBytes(TWO_PARTS_BYTES)
  await assert.rejects(store.put('a', chunksOf(large), { ...PLAIN, sizeBytes: large.length + 1 }), refused)
  await assert.rejects(store.put('a', endless(), { ...PLAIN, sizeBytes: large.length }), refused)
  assert.deepEqual(await namesIn(store, ''), [])
}

async function* endless(): AsyncGenerator<Uint8Array> {
  while (true) yield Buffer.alloc(CHUNK_BYTES)
}

async function passesErrors(store: ObjectStore): Promise<void> {
  await store.put('a', Buffer.from('former'), PLAIN)
  const mistake = new Error('the phone went away')
  let closed = false
  const broken = async function* (sizeBytes: number): AsyncGenerator<Uint8Array> {
    try {
      yield* chunksOf(patternBytes(sizeBytes))
      throw mistake
    } finally {
      closed = true
    }
  }
  for (const sizeBytes of [0, 100, TWO_PARTS_BYTES]) {
    closed = false
    await assert.rejects(store.put('a', broken(sizeBytes), PLAIN), (error) => error === mistake)
    assert.ok(closed)
  }
  assert.equal(await textOf(store.read('a')), 'former')
  assert.deepEqual(await namesIn(store, ''), ['a'])
}

async function endsAborted(store: ObjectStore): Promise<void> {
  for (const sizeBytes of [100, TWO_PARTS_BYTES]) {
    const controller = new AbortController()
    const hanging = async function* (): AsyncGenerator<Uint8Array> {
      yield* chunksOf(patternBytes(sizeBytes))
      controller.abort()
      await new Promise(() => undefined)
    }
    await assert.rejects(store.put('a', hanging(), { ...PLAIN, signal: controller.signal }), {
      name: 'AbortError',
    })
  }
  assert.deepEqual(await namesIn(store, ''), [])
}

async function beginsNothing(store: ObjectStore): Promise<void> {
  const signal = AbortSignal.abort()
  await assert.rejects(store.put('a', Buffer.from('x'), { ...PLAIN, signal }), { name: 'AbortError' })
  const unread = chunksOf(Buffer.from('x'))
  await assert.rejects(store.put('a', unread, { ...PLAIN, signal }), { name: 'AbortError' })
  assert.deepEqual(await namesIn(store, ''), [])
}

async function showsNoParts(store: ObjectStore): Promise<void> {
  const bytes = patternBytes(TWO_PARTS_BYTES)
  const watched = async function* (): AsyncGenerator<Uint8Array> {
    for await (const [index, chunk] of enumerated(chunksOf(bytes))) {
      if (index % 16 === 0) assert.equal(await store.stat('a'), undefined)
      yield chunk
    }
    assert.deepEqual(await namesIn(store, ''), [])
  }
  await store.put('a', watched(), PLAIN)
  assert.equal((await store.stat('a'))?.sizeBytes, bytes.length)
}

async function* enumerated<T>(items: AsyncIterable<T>): AsyncGenerator<[number, T]> {
  let index = 0
  for await (const item of items) {
    yield [index, item]
    index += 1
  }
}

async function keepsApart(store: ObjectStore): Promise<void> {
  const names = Array.from({ length: 24 }, (_, index) => `many/${index % 5}/${index}`)
  await Promise.all(names.map((name) => store.put(name, chunksOf(Buffer.from(name.repeat(50)), 7), PLAIN)))
  for (const name of names) assert.equal(await textOf(store.read(name)), name.repeat(50))
}

async function letsOneWin(store: ObjectStore): Promise<void> {
  const rivals = ['first'.repeat(1000), 'second'.repeat(1000)]
  await Promise.all(rivals.map((text) => store.put('rivals', chunksOf(Buffer.from(text), 100), PLAIN)))
  assert.ok(rivals.includes(await textOf(store.read('rivals'))))
}

async function removes(store: ObjectStore): Promise<void> {
  for (const name of ['a', 'b/c', 'b/d']) await store.put(name, Buffer.from(name), PLAIN)
  await store.remove([])
  await store.remove(['a', 'b/c', 'none', 'none/at/all'])
  await store.remove(['a'])
  assert.deepEqual(await namesIn(store, ''), ['b/d'])
}

async function removesMany(store: ObjectStore): Promise<void> {
  const names = Array.from({ length: 30 }, (_, index) => `many/${index} & <co>.jpg`)
  await Promise.all(names.map((name) => store.put(name, Buffer.from(name), PLAIN)))
  assert.equal((await namesIn(store, 'many/')).length, names.length)
  await store.remove(names.slice(1))
  assert.deepEqual(await namesIn(store, ''), [names[0]])
}

async function lists(store: ObjectStore): Promise<void> {
  const names = ['a.jpg', 'anna/photos/b.jpg', 'anna/photos/c.jpg', 'anna/videos/d.mp4', 'anna-2/e.jpg']
  for (const name of names) await store.put(name, Buffer.from(name), PLAIN)
  const expected: [prefix: string, found: string[]][] = [
    ['', names],
    ['a', names],
    ['anna', names.filter((name) => name.startsWith('anna'))],
    ['anna/', names.filter((name) => name.startsWith('anna/'))],
    ['anna/photos/b', ['anna/photos/b.jpg']],
    ['anna/p', ['anna/photos/b.jpg', 'anna/photos/c.jpg']],
    ['anna/none/', []],
    ['b', []],
  ]
  for (const [prefix, found] of expected) {
    assert.deepEqual(await namesIn(store, prefix), found.toSorted(), prefix)
  }
  for await (const { name, sizeBytes } of store.list('')) assert.equal(sizeBytes, name.length)
}

async function keepsNames(store: ObjectStore): Promise<void> {
  const names = [
    'with space.jpg',
    'Ümläut & Söhne/größe+1 (2).jpg',
    '100%25/#?=;@:,$!*~.jpg',
    "it's \u{1f4f7}.jpg",
  ]
  for (const name of names) await store.put(name, Buffer.from(name), PLAIN)
  assert.deepEqual(await namesIn(store, ''), names.toSorted())
  for (const name of names) assert.equal(await textOf(store.read(name)), name)
  await store.remove(names)
  assert.deepEqual(await namesIn(store, ''), [])
}

async function refusesNames(store: ObjectStore): Promise<void> {
  for (const name of ['../a', '/a', 'a//b', 'a/../../b', '', '.', 'a/.', 'a\\..\\b', 'a\0b', 'C:/a']) {
    await assert.rejects(store.put(name, Buffer.from('x'), PLAIN), UnsafeNameError, name)
    await assert.rejects(store.stat(name), UnsafeNameError, name)
    await assert.rejects(bytesOf(store.read(name)), UnsafeNameError, name)
    await assert.rejects(store.remove([name]), UnsafeNameError, name)
    await assert.rejects(store.temporaryUrl(name, { expiresInSeconds: 60 }), UnsafeNameError, name)
    assert.throws(() => store.localPath(name), UnsafeNameError, name)
  }
}

async function tellsAddress(store: ObjectStore): Promise<void> {
  assert.equal(store.address, store.address)
  assert.match(store.address, /^(?:local|s3:\/\/[a-z0-9.-]+(?:\/.*)?)$/u)
  // Errors of a store are told apart from bugs.
  await assert.rejects(
    store.put('a', Buffer.from('photo'), { ...PLAIN, sizeBytes: 4 }),
    (error) => error instanceof ObjectStoreError,
  )
}
