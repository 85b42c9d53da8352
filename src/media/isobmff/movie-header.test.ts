import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { box, tinyMovie } from '../../../test/support/tiny-mp4.ts'
import type { ReadAt } from './boxes.ts'
import { type MovieHeader, parseIso6709, readMovieHeader } from './movie-header.ts'

const readerOf =
  (file: Buffer): ReadAt =>
  async (offset, lengthBytes) =>
    file.subarray(offset, offset + lengthBytes)

const headerOf = (file: Buffer): Promise<MovieHeader> => readMovieHeader(readerOf(file), file.length)

const CREATED = Date.UTC(2019, 5, 1, 10)

describe('readMovieHeader', () => {
  test('reads time, length and size of a plain movie', async () => {
    assert.deepEqual(await headerOf(tinyMovie({ createdAt: CREATED })), {
      embedded: {
        taken: [{ source: 'embedded', detail: 'QuickTime:CreateDate', at: CREATED, precision: 'second' }],
        people: [],
        keywords: [],
        widthPx: 64,
        heightPx: 48,
      },
      durationMs: 2500,
      truncated: false,
      complete: true,
    })
  })

  test('a header time of zero is no time', async () => {
    assert.deepEqual((await headerOf(tinyMovie())).embedded.taken, [])
  })

  test('finds the header behind the samples', async () => {
    const { embedded } = await headerOf(tinyMovie({ createdAt: CREATED, samplesFirst: true }))
    assert.equal(embedded.taken[0]?.at, CREATED)
  })

  test('reads what an iPhone writes, its local time first', async () => {
    const keys = {
      creationdate: '2019-06-01T12:00:00+0200',
      'location.ISO6709': '+48.8577+002.2950-012.500/',
      'content.identifier': '0F2A-1',
      description: 'Paris, été',
      make: 'Apple',
      model: 'iPhone 12',
    }
    const { embedded, complete } = await headerOf(tinyMovie({ brand: 'qt  ', createdAt: CREATED, keys }))
    assert.equal(complete, true)
    assert.deepEqual(embedded.taken[0], {
      source: 'embedded',
      detail: 'Keys:CreationDate',
      local: '2019-06-01T12:00:00',
      at: CREATED,
      offsetMinutes: 120,
      precision: 'second',
    })
    assert.deepEqual(embedded.position, { latitude: 48.8577, longitude: 2.295, altitudeM: -12.5 })
    assert.equal(embedded.contentIdentifier, '0F2A-1')
    assert.equal(embedded.caption, 'Paris, été')
    assert.deepEqual([embedded.make, embedded.model], ['Apple', 'iPhone 12'])
  })

  test('reads the place that Android writes', async () => {
    const { embedded, complete } = await headerOf(tinyMovie({ place: '-33.8568+151.2153/' }))
    assert.deepEqual(embedded.position, { latitude: -33.8568, longitude: 151.2153 })
    assert.equal(complete, true)
  })

  test('is not complete where somebody wrote what is not read here', async () => {
    assert.equal((await headerOf(tinyMovie({ keys: { keywords: 'a,b' } }))).complete, false)
    const xmp = box(
      'uuid',
      Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex'),
      Buffer.from('<x:xmpmeta/>'),
    )
    assert.equal((await headerOf(Buffer.concat([tinyMovie(), xmp]))).complete, false)
  })

  test('is truncated wherever it is cut inside a box', async () => {
    for (const samplesFirst of [true, false]) {
      const whole = tinyMovie({ samplesFirst })
      for (let length = 9; length < whole.length; length += 5) {
        const { truncated } = await headerOf(whole.subarray(0, length))
        assert.equal(truncated, true, `cut to ${length} of ${whole.length}`)
      }
    }
  })

  test('bytes that are no box at the end are no damage', async () => {
    for (const tail of [Buffer.alloc(3), Buffer.alloc(500), Buffer.from('\0\0\0\x04free')]) {
      assert.equal((await headerOf(Buffer.concat([tinyMovie(), tail]))).truncated, false)
    }
  })

  test('believes no size and always ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { maxLength: 12 }),
        fc.boolean(),
        async (changes, samplesFirst) => {
          const keys = { creationdate: '2019-06-01T12:00:00+0200' }
          const file = tinyMovie({ createdAt: CREATED, keys, place: '+1.0+1.0/', samplesFirst })
          for (const [at, value] of changes) file[at % file.length] = value
          const read: ReadAt = async (offset, lengthBytes) => {
            assert.ok(offset >= 0 && offset <= file.length && lengthBytes <= 1024 * 1024)
            return file.subarray(offset, offset + lengthBytes)
          }
          await readMovieHeader(read, file.length)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('parseIso6709', () => {
  const cases: [text: string, expected: unknown][] = [
    ['+48.8577+002.2950/', { latitude: 48.8577, longitude: 2.295 }],
    ['-33.8-070.1+520.5/', { latitude: -33.8, longitude: -70.1, altitudeM: 520.5 }],
    ['+27.5916+086.5640+8850CRSWGS_84/', { latitude: 27.5916, longitude: 86.564, altitudeM: 8850 }],
    ['+00.0000+000.0000/', undefined],
    ['+91.0000+000.0000/', undefined],
    ['somewhere', undefined],
  ]
  for (const [text, expected] of cases) {
    test(text, () => assert.deepEqual(parseIso6709(text), expected))
  }
})
