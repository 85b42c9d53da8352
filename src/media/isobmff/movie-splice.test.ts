import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import {
  chunkOffsetOf,
  type MovieSpec,
  movieOf,
  SAMPLES,
  splitBoxes,
  typeOf,
} from '../../../test/support/movie-of.ts'
import { box } from '../../../test/support/tiny-mp4.ts'
import type { MetadataPatch } from '../metadata.ts'
import { movedRanges, type SplicePlan, sliceParts } from '../splice-parts.ts'
import type { ReadAt } from './boxes.ts'
import { spliceMovieFile } from './movie-file.ts'
import { readMovieHeader } from './movie-header.ts'
import { planMovieSplice } from './movie-splice.ts'

const AT = Date.UTC(2014, 4, 1, 10, 30)
const DATE: MetadataPatch = { taken: { local: '2014-05-01T12:30:00', at: AT, offsetMinutes: 120 } }
const TIMES: MetadataPatch = { taken: { local: '2014-05-01T12:30:00', at: AT } }
const ALL: MetadataPatch = {
  ...DATE,
  position: { latitude: 48.8577, longitude: 2.295 },
  caption: 'Paris, été',
  people: ['Zoë'],
  keywords: ['Sommer'],
}

const LAST: NonNullable<MovieSpec['boxes']> = (moov, mdat) => [mdat, moov]
const free = (sizeBytes: number): Buffer => box('free', Buffer.alloc(sizeBytes - 8))

const readerOf =
  (file: Buffer): ReadAt =>
  async (offset, lengthBytes) => {
    assert.ok(offset >= 0 && offset <= file.length && lengthBytes >= 0 && lengthBytes <= 64 * 1024 * 1024)
    return file.subarray(offset, offset + lengthBytes)
  }

function planOf(file: Buffer, patch: MetadataPatch, mayMoveMedia = true): Promise<SplicePlan> {
  return planMovieSplice(readerOf(file), file.length, patch, { mayMoveMedia })
}

async function spliced(file: Buffer, patch: MetadataPatch, mayMoveMedia = true): Promise<Buffer> {
  const plan = await planOf(file, patch, mayMoveMedia)
  assert.equal(plan.kind, 'splice', plan.kind === 'handover' ? plan.reason : '')
  return plan.kind === 'splice' ? Buffer.concat(sliceParts(file, plan.parts)) : file
}

const typesOf = (file: Buffer): string[] => splitBoxes(file).map(typeOf)

/** The one chunk of a tiny movie, found as a player would. */
function checkSamples(file: Buffer): void {
  const at = chunkOffsetOf(file)
  assert.deepEqual(file.subarray(at, at + SAMPLES.length), SAMPLES)
}

async function reasonOf(file: Buffer, patch: MetadataPatch = ALL, mayMoveMedia = true): Promise<string> {
  const plan = await planOf(file, patch, mayMoveMedia)
  assert.equal(plan.kind, 'handover')
  return plan.kind === 'handover' ? plan.reason : ''
}

describe('planMovieSplice', () => {
  test('lets a header behind the samples grow, and moves nothing before it', async () => {
    const source = movieOf({ boxes: LAST })
    const result = await spliced(source, ALL, false)
    assert.deepEqual(typesOf(result), ['ftyp', 'mdat', 'moov', 'uuid'])
    const moovAt = source.indexOf('moov') - 4
    assert.deepEqual(result.subarray(0, moovAt), source.subarray(0, moovAt))
    checkSamples(result)
  })

  test('changes times where they stand', async () => {
    const source = movieOf()
    const result = await spliced(source, TIMES, false)
    assert.equal(result.length, source.length)
    const { embedded } = await readMovieHeader(readerOf(result), result.length)
    assert.equal(embedded.taken[0]?.at, AT)
  })

  test('grows into the padding behind the header, to its last byte', async () => {
    const growth = (await spliced(movieOf({ boxes: LAST }), DATE)).length - movieOf().length
    for (const [paddingBytes, types] of [
      [growth, ['ftyp', 'moov', 'mdat']],
      [growth + 8, ['ftyp', 'moov', 'free', 'mdat']],
      [growth + 100, ['ftyp', 'moov', 'free', 'mdat']],
    ] as const) {
      const source = movieOf({ boxes: (moov, mdat) => [moov, free(paddingBytes), mdat] })
      const result = await spliced(source, DATE, false)
      assert.deepEqual(typesOf(result), types)
      assert.equal(result.length, source.length)
      assert.equal(chunkOffsetOf(result), chunkOffsetOf(source))
      checkSamples(result)
    }
    for (const paddingBytes of [8, growth - 1, growth + 1, growth + 7]) {
      const source = movieOf({ boxes: (moov, mdat) => [moov, free(paddingBytes), mdat] })
      assert.match(await reasonOf(source, DATE, false), /does not fit/u)
    }
  })

  test('does not take a box that only calls itself free', async () => {
    const track = box('free', Buffer.from('GPS '), Buffer.alloc(4000, 1))
    const source = movieOf({ boxes: (moov, mdat) => [moov, track, mdat] })
    assert.match(await reasonOf(source, DATE, false), /does not fit/u)
    assert.ok((await spliced(source, DATE)).includes(track))
  })

  test('moves the samples only where it may, and the tables with them', async () => {
    for (const co64 of [false, true]) {
      const source = movieOf({ co64, boxes: (moov, mdat) => [moov, mdat, free(32)] })
      assert.match(await reasonOf(source, ALL, false), /does not fit/u)
      const result = await spliced(source, ALL)
      assert.deepEqual(typesOf(result), ['ftyp', 'moov', 'mdat', 'uuid', 'free'])
      checkSamples(result)
    }
  })

  test('leaves a place for XMP before the samples, and puts it behind them', async () => {
    const first = await spliced(movieOf({ boxes: LAST }), { keywords: ['one'] })
    const [ftyp, mdat, moov, uuid] = splitBoxes(first)
    assert.equal(typeOf(uuid!), 'uuid')
    const source = movieOf({ boxes: () => [uuid!, mdat!, moov!] })
    const result = await spliced(source, { keywords: ['two'] }, false)
    assert.deepEqual(typesOf(result), ['ftyp', 'free', 'mdat', 'moov', 'uuid'])
    assert.equal(result.indexOf('<rdf:li>one</rdf:li>') > result.indexOf('moov'), true)
    assert.ok(result.includes('<rdf:li>two</rdf:li>'))
    assert.ok(ftyp)
    checkSamples(result)
  })

  test('keeps what stands at the end of the file there', async () => {
    const tail = free(64)
    const result = await spliced(movieOf({ boxes: (moov, mdat) => [moov, mdat, tail] }), ALL)
    assert.deepEqual(result.subarray(-64), tail)
  })

  test('patches keys in the box of MPEG-4, which begins with a version', async () => {
    const keys = { description: 'mine', make: 'Acme' }
    const quickTime = movieOf({ keys, boxes: LAST })
    const meta = quickTime.subarray(quickTime.indexOf('meta') - 4)
    const source = movieOf({ inMoov: [box('meta', Buffer.alloc(4), meta.subarray(8))], boxes: LAST })
    const result = await spliced(source, { ...DATE, caption: 'mine, and yours' })
    const { embedded } = await readMovieHeader(readerOf(result), result.length)
    assert.equal(embedded.caption, 'mine, and yours')
    assert.equal(embedded.make, 'Acme')
    assert.equal(embedded.taken[0]?.local, '2014-05-01T12:30:00')
  })

  test('does not replace another caption', async () => {
    const source = movieOf({ keys: { description: 'my own words' } })
    const { embedded } = await readMovieHeader(readerOf(source), source.length)
    assert.equal(embedded.caption, 'my own words')
    const result = await spliced(source, { caption: 'yours' })
    assert.ok(result.includes('my own words'))
    const after = await readMovieHeader(readerOf(result), result.length)
    assert.equal(after.embedded.caption, 'my own words')
  })

  test('has nothing to do the second time', async () => {
    for (const spec of [
      {},
      { boxes: LAST },
      { brand: 'qt  ' },
      { keys: { make: 'Acme' }, place: '+1.0+1.0/' },
    ]) {
      const result = await spliced(movieOf(spec), ALL)
      assert.equal((await planOf(result, ALL)).kind, 'unchanged')
    }
  })

  const moof = box('moof', Buffer.alloc(16))
  const endless = Buffer.concat([Buffer.alloc(4), Buffer.from('mdat'), SAMPLES])
  const inStbl = (type: string): Buffer =>
    box('trak', box('mdia', box('minf', box('stbl', box(type, Buffer.alloc(8))))))
  const encrypted = box('stsd', Buffer.alloc(8), box('encv', Buffer.alloc(78)))
  const secondMeta = movieOf({ keys: { make: 'Acme' } })
  const unusual: [name: string, source: Buffer, reason: RegExp][] = [
    ['fragments', movieOf({ boxes: (moov, mdat) => [moov, moof, mdat] }), /"moof"/u],
    ['a fragmented header', movieOf({ inMoov: [box('mvex')] }), /mvex/u],
    ['a compressed header', movieOf({ inMoov: [box('cmov')] }), /cmov/u],
    ['two headers', movieOf({ boxes: (moov, mdat) => [moov, mdat, moov] }), /several movies/u],
    ['samples up to the end', movieOf({ boxes: (moov) => [moov, endless] }), /no size/u],
    ['bytes behind the last box', Buffer.concat([movieOf(), Buffer.alloc(5)]), /bytes behind/u],
    ['a cut in the samples', movieOf().subarray(0, -10), /behind the end/u],
    ['no samples', movieOf({ boxes: (moov) => [moov] }), /no samples/u],
    ['encrypted tables', movieOf({ inMoov: [inStbl('saio')] }), /encrypted/u],
    [
      'encrypted samples',
      movieOf({ inMoov: [box('trak', box('mdia', box('minf', box('stbl', encrypted))))] }),
      /encrypted/u,
    ],
    ['GPS data by its offset', movieOf({ inMoov: [box('gps ', Buffer.alloc(16))] }), /gps/u],
    ['a meta box without handler', movieOf({ inMoov: [box('meta', box('xml '))] }), /handler|kind|keys/u],
    [
      'a meta box of another handler',
      movieOf({ inMoov: [box('meta', box('hdlr', Buffer.alloc(8), Buffer.from('nrtm'), Buffer.alloc(13)))] }),
      /not of keys/u,
    ],
    [
      'two meta boxes',
      movieOf({
        keys: { make: 'A' },
        inMoov: [secondMeta.subarray(secondMeta.indexOf('meta') - 4, secondMeta.indexOf('mdat') - 4)],
      }),
      /2 meta/u,
    ],
    [
      'places in two languages',
      movieOf({
        inMoov: [box('udta', box('\xa9xyz', Buffer.from('\0\x05\0\0+0+0/\0\x05\x15\xc7+0+0/', 'latin1')))],
      }),
      /several languages/u,
    ],
  ]
  for (const [name, source, reason] of unusual) {
    test(`hands over a movie with ${name}`, async () => assert.match(await reasonOf(source), reason))
  }

  test('hands over when a chunk lies where something would move', async () => {
    const source = movieOf({ boxes: (moov, mdat) => [mdat, moov, box('udta', SAMPLES)] })
    source.writeUInt32BE(source.lastIndexOf(SAMPLES), source.indexOf('stco') + 12)
    assert.match(await reasonOf(source), /chunk lies behind/u)
  })

  test('hands over data of a maker that would have to move, and only then', async () => {
    const canon = box('uuid', Buffer.from('85c0b687820f11e08111f4ce462b6a48', 'hex'), Buffer.alloc(40))
    assert.match(await reasonOf(movieOf({ inMoov: [canon] })), /of its own kind/u)
    const result = await spliced(movieOf({ inMoov: [canon], boxes: LAST }), ALL)
    assert.ok(result.includes(canon))
  })

  test('minds no sample description that does not add up', async () => {
    const odd = box(
      'trak',
      box('mdia', box('minf', box('stbl', box('stsd', Buffer.alloc(8), Buffer.alloc(20, 1))))),
    )
    const result = await spliced(movieOf({ inMoov: [odd], boxes: LAST }), ALL)
    assert.ok(result.includes(odd))
  })

  test('hands over samples in another file when they would have to move', async () => {
    const source = movieOf()
    source.writeUInt32BE(0, source.indexOf('url ') + 4)
    assert.match(await reasonOf(source), /another file/u)
  })
})

describe('properties', () => {
  const xmp = box(
    'uuid',
    Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex'),
    Buffer.from(
      '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>',
    ),
  )
  const specs: MovieSpec[] = [
    {},
    { boxes: LAST, place: '+1.0+1.0/' },
    { brand: 'qt  ', keys: { creationdate: '2019-06-01T12:00:00+0200', description: 'x' } },
    { boxes: (moov, mdat) => [moov, free(400), mdat, free(16)], co64: true },
    { boxes: (moov, mdat) => [xmp, mdat, moov] },
    { brand: 'qt  ', inMoov: [box('udta', box('XMP_', xmp.subarray(24)))], longMdat: true },
  ]

  /** What every plan must keep, whatever the file. */
  async function checkPlan(file: Buffer, mayMoveMedia: boolean): Promise<void> {
    const plan = await planOf(file, ALL, mayMoveMedia)
    if (plan.kind !== 'splice') return
    const result = Buffer.concat(sliceParts(file, plan.parts))
    assert.equal(result.length, plan.sizeBytes)
    const media = (bytes: Buffer): Buffer[] => splitBoxes(bytes).filter((part) => typeOf(part) === 'mdat')
    assert.deepEqual(media(result), media(file))
    if (mayMoveMedia) return
    const lastMdat = file.lastIndexOf(media(file).at(-1) ?? Buffer.alloc(0))
    for (const { from } of movedRanges(plan.parts)) assert.ok(from > lastMdat)
  }

  test('any changed movie gets an answer, and keeps its samples', async () => {
    const change = fc.tuple(fc.nat(2000), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...specs),
        fc.array(change, { maxLength: 4 }),
        fc.boolean(),
        async (spec, changes, mayMoveMedia) => {
          const file = movieOf(spec)
          for (const [at, value] of changes) file[at % file.length] = value
          await checkPlan(file, mayMoveMedia)
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('any cut movie gets an answer, and keeps its samples', async () => {
    for (const spec of specs) {
      const file = movieOf(spec)
      for (let length = 0; length <= file.length; length += 7) await checkPlan(file.subarray(0, length), true)
    }
  })

  test('any bytes get an answer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, mayMoveMedia) =>
        checkPlan(Buffer.from(bytes), mayMoveMedia),
      ),
      { numRuns: 500 },
    )
  })
})

describe('spliceMovieFile', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heirloom-movie-'))
  })
  after(() => rm(folder, { recursive: true }))

  test('writes in place what a plan in memory says', async () => {
    const file = join(folder, 'movie.part')
    for (const spec of [
      { boxes: LAST },
      { boxes: (moov: Buffer, mdat: Buffer) => [moov, free(4000), mdat, free(16)] },
    ]) {
      const source = movieOf(spec)
      await writeFile(file, source)
      assert.equal((await spliceMovieFile(file, ALL)).kind, 'splice')
      assert.deepEqual(await readFile(file), await spliced(source, ALL, false))
      assert.equal((await spliceMovieFile(file, ALL)).kind, 'unchanged')
    }
  })

  test('leaves a file as it is when the samples would have to move', async () => {
    const file = join(folder, 'first.part')
    const source = movieOf()
    await writeFile(file, source)
    assert.equal((await spliceMovieFile(file, ALL)).kind, 'handover')
    assert.deepEqual(await readFile(file), source)
  })
})
