import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { boundaryOf, MultipartError, MultipartParser } from './multipart.ts'

type Seen = { name: string; file: string | undefined; data: Buffer }

/** Feeds `body` in pieces that are cut at `cuts`. */
function parse(body: Buffer, cuts: readonly number[] = []): Seen[] {
  const seen: Seen[] = []
  const chunks: Buffer[] = []
  const parser = new MultipartParser('XX', {
    field: (name, value) => seen.push({ name, file: undefined, data: Buffer.from(value) }),
    fileStart: (name, file) => seen.push({ name, file, data: Buffer.alloc(0) }),
    fileData: (chunk) => chunks.push(Buffer.from(chunk)),
    fileEnd: () => {
      seen.at(-1)!.data = Buffer.concat(chunks.splice(0))
    },
  })
  let from = 0
  for (const cut of [...cuts, body.length]) {
    parser.write(body.subarray(from, cut))
    from = cut
  }
  parser.end()
  return seen
}

function bodyOf(data: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\nä\r\n'),
    Buffer.from(
      '--XX\r\nContent-Disposition: form-data; name="f"; filename="b%22.jpg"\r\nContent-Type: x/y\r\n\r\n',
    ),
    data,
    Buffer.from('\r\n--XX--\r\n'),
  ])
}

describe('MultipartParser', () => {
  test('reads fields and files however the network cuts them', () => {
    const bytes = fc.constantFrom('\r', '\n', '-', 'X', 'a', '\r\n--X', '\r\n--')
    fc.assert(
      fc.property(fc.array(bytes), fc.array(fc.nat({ max: 260 })), (parts, cuts) => {
        const data = Buffer.from(parts.join(''))
        fc.pre(!data.includes('\r\n--XX'))
        const body = bodyOf(data)
        const sorted = cuts.filter((cut) => cut <= body.length).toSorted((a, b) => a - b)
        assert.deepEqual(parse(body, sorted), [
          { name: 'a', file: undefined, data: Buffer.from('ä') },
          { name: 'f', file: 'b".jpg', data },
        ])
      }),
      { numRuns: 500 },
    )
  })

  test('reads an empty file', () => {
    assert.deepEqual(parse(bodyOf(Buffer.alloc(0)))[1]?.data, Buffer.alloc(0))
  })

  test('passes a large file on without collecting it', () => {
    let passed = 0
    let largest = 0
    const parser = new MultipartParser('XX', {
      field: () => undefined,
      fileStart: () => undefined,
      fileData: (chunk) => {
        passed += chunk.length
        largest = Math.max(largest, chunk.length)
      },
      fileEnd: () => undefined,
    })
    const [start] = bodyOf(Buffer.alloc(0)).toString('latin1').split('\r\n--XX--')
    parser.write(Buffer.from(start!, 'latin1'))
    for (let i = 0; i < 1000; i += 1) parser.write(Buffer.alloc(1000, 13))
    parser.write(Buffer.from('\r\n--XX--'))
    parser.end()
    assert.equal(passed, 1_000_000)
    assert.ok(largest < 2000)
  })

  test('refuses a body that ends too early or has no name', () => {
    assert.throws(() => parse(bodyOf(Buffer.from('abc')).subarray(0, -8)), MultipartError)
    assert.throws(() => parse(Buffer.from('--XX\r\nContent-Type: a/b\r\n\r\n')), MultipartError)
  })

  test('finds the boundary in the header', () => {
    assert.equal(boundaryOf('multipart/form-data; boundary=abc'), 'abc')
    assert.equal(boundaryOf('multipart/form-data; boundary="a b"'), 'a b')
    assert.equal(boundaryOf('application/json'), undefined)
  })
})
