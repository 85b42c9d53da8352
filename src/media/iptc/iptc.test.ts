import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PHOTOSHOP_HEADER, patchIptc, readIptc } from './iptc.ts'

function resource(id: number, data: Buffer, name = ''): Buffer {
  const head = Buffer.from('8BIM\0\0', 'latin1')
  head.writeUInt16BE(id, 4)
  const pascal = Buffer.concat([Buffer.from([name.length]), Buffer.from(name)])
  const size = Buffer.alloc(4)
  size.writeUInt32BE(data.length)
  const pad = (part: Buffer): Buffer => Buffer.concat([part, Buffer.alloc(part.length % 2)])
  return Buffer.concat([head, pad(pascal), size, pad(data)])
}

function dataset(record: number, number: number, data: Buffer | string): Buffer {
  const bytes = Buffer.from(data as string)
  return Buffer.concat([Buffer.from([0x1c, record, number, bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function md5(data: Buffer): Buffer {
  return createHash('md5').update(data).digest()
}

function segment(...resources: readonly Buffer[]): Buffer {
  return Buffer.concat([PHOTOSHOP_HEADER, ...resources])
}

function patched(existing: Buffer | undefined, patch: Parameters<typeof patchIptc>[1]): Buffer {
  const result = patchIptc(existing, patch)
  assert.equal(result.kind, 'patched')
  return result.kind === 'patched' ? result.bytes : Buffer.alloc(0)
}

/** Data of the resource with this id. */
function dataOf(bytes: Buffer, id: number): Buffer {
  const mark = Buffer.from('8BIM\0\0\0\0', 'latin1')
  mark.writeUInt16BE(id, 4)
  const at = bytes.indexOf(mark)
  assert.ok(at > 0)
  return bytes.subarray(at + 12, at + 12 + bytes.readUInt32BE(at + 8))
}

const PATHS = resource(0x07d0, Buffer.from([1, 2, 3]), 'clipping')
const OLD = Buffer.concat([dataset(2, 0, Buffer.from([0, 4])), dataset(2, 80, 'Ann'), dataset(2, 25, 'sea')])

describe('patchIptc', () => {
  test('what is written is read again, declared as UTF-8', () => {
    const bytes = patched(undefined, {
      caption: 'Grüße aus 東京',
      keywords: ['Sommer 東京'],
      taken: { local: '2014-05-01T12:30:00', at: 0, offsetMinutes: -210 },
    })
    assert.ok(bytes.includes(dataset(1, 90, '\u001B%G')))
    const { taken, ...read } = readIptc(bytes)
    assert.deepEqual(read, { people: [], keywords: ['Sommer 東京'], caption: 'Grüße aus 東京' })
    assert.equal(taken[0]?.local, '2014-05-01T12:30:00')
    assert.equal(taken[0]?.offsetMinutes, -210)
  })

  test('other resources and other fields stay', () => {
    const bytes = patched(segment(PATHS, resource(0x0404, OLD), PATHS), {
      caption: 'a caption',
      keywords: ['sun', 'sea'],
    })
    assert.deepEqual(bytes.subarray(14, 14 + PATHS.length), PATHS)
    assert.deepEqual(bytes.subarray(-PATHS.length), PATHS)
    assert.ok(bytes.includes(dataset(2, 80, 'Ann')))
    assert.deepEqual(readIptc(bytes).keywords, ['sea', 'sun'])
  })

  test('a digest that was true is true again, one that was false stays', () => {
    const stale = Buffer.alloc(16, 7)
    const change = { caption: 'a caption' }
    const fresh = patched(segment(resource(0x0404, OLD), resource(0x0425, md5(OLD))), change)
    assert.deepEqual(dataOf(fresh, 0x0425), md5(dataOf(fresh, 0x0404)))
    const other = patched(segment(resource(0x0404, OLD), resource(0x0425, stale)), change)
    assert.deepEqual(dataOf(other, 0x0425), stale)
  })

  test('text in an unknown character set is read but left alone', () => {
    const latin1 = segment(resource(0x0404, dataset(2, 120, Buffer.from('Grüße', 'latin1'))))
    assert.equal(readIptc(latin1).caption, 'Grüße')
    assert.deepEqual(patchIptc(latin1, { keywords: ['sun'] }), {
      kind: 'left-alone',
      reason: 'the IPTC text is not in UTF-8',
    })
  })

  test('undeclared UTF-8 is recognised and declared', () => {
    const bytes = patched(segment(resource(0x0404, dataset(2, 120, 'Grüße'))), { keywords: ['sun'] })
    assert.ok(bytes.includes(dataset(1, 90, '\u001B%G')))
    assert.equal(readIptc(bytes).caption, 'Grüße')
  })

  test('what IPTC has no room for is not cut but left out', () => {
    assert.equal(patchIptc(undefined, { caption: 'ü'.repeat(1001) }).kind, 'unchanged')
    assert.equal(patchIptc(undefined, { keywords: ['ü'.repeat(33)] }).kind, 'unchanged')
  })

  test('a date alone makes no block', () => {
    const taken = { local: '2014-05-01T12:30:00', at: 0 }
    assert.equal(patchIptc(undefined, { taken }).kind, 'unchanged')
    assert.equal(patchIptc(segment(resource(0x0404, OLD)), { taken }).kind, 'patched')
  })

  test('a caption is not replaced by another', () => {
    const own = segment(resource(0x0404, dataset(2, 120, 'Mum')))
    assert.equal(patchIptc(own, { caption: 'Dad' }).kind, 'unchanged')
  })

  test('any bytes get an answer, and a second writing changes nothing', () => {
    const blocks = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((rest) => Buffer.concat([PHOTOSHOP_HEADER, rest])),
      fc
        .uint8Array({ maxLength: 60 })
        .map((rest) => segment(resource(0x0404, Buffer.concat([OLD, rest])), PATHS)),
    )
    fc.assert(
      fc.property(blocks, fc.string({ unit: 'grapheme' }), (block, caption) => {
        readIptc(block)
        const patch = { caption, keywords: [caption.trim()] }
        const result = patchIptc(block, patch)
        if (result.kind === 'patched') assert.equal(patchIptc(result.bytes, patch).kind, 'unchanged')
      }),
      { numRuns: 1000 },
    )
  })
})
