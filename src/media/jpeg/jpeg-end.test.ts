import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { isTruncatedJpeg, watchJpegEnd } from './jpeg-end.ts'
import { toSegment } from './segments.ts'

async function picture(progressive: boolean): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const
  const create = { width: 200, height: 120, channels: 3, background: '#888', noise } as const
  return sharp({ create }).jpeg({ progressive }).toBuffer()
}

const baseline = await picture(false)
const progressive = await picture(true)
const video: Buffer = Buffer.concat([Buffer.from('\0\0\0\u0018ftypmp42', 'latin1'), Buffer.alloc(5000, 0xff)])

describe('isTruncatedJpeg', () => {
  for (const [name, file] of [
    ['baseline', baseline],
    ['progressive', progressive],
  ] as const) {
    test(`says no of a whole ${name} picture, also with a video behind it`, () => {
      assert.equal(isTruncatedJpeg(file), false)
      assert.equal(isTruncatedJpeg(Buffer.concat([file, video])), false)
      assert.equal(isTruncatedJpeg(Buffer.concat([file, Buffer.alloc(64)])), false)
    })

    test(`says yes of a ${name} picture cut off anywhere behind its first markers`, () => {
      for (let at = 4; at < file.length - 1; at += 7) {
        assert.equal(isTruncatedJpeg(file.subarray(0, at)), true, `cut at ${at}`)
      }
    })
  }

  test('does not take the end of an embedded thumbnail for the end of the picture', () => {
    const withThumbnail = Buffer.concat([
      baseline.subarray(0, 2),
      toSegment(0xe1, Buffer.from('Exif\0\0'), baseline),
      baseline.subarray(2),
    ])
    assert.equal(isTruncatedJpeg(withThumbnail), false)
    assert.equal(isTruncatedJpeg(withThumbnail.subarray(0, -500)), true)
  })

  test('says nothing against what is no JPEG', () => {
    assert.equal(isTruncatedJpeg(Buffer.from('GIF89a')), false)
    assert.equal(isTruncatedJpeg(Buffer.alloc(0)), false)
  })
})

describe('watchJpegEnd', () => {
  test('comes to the same end in pieces of any size', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1 }),
        fc.boolean(),
        (sizes, isWhole) => {
          const file = isWhole ? Buffer.concat([progressive, video]) : progressive.subarray(0, -2)
          const watch = watchJpegEnd()
          for (let at = 0, turn = 0; at < file.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1
            watch.write(file.subarray(at, at + size))
            at += size
          }
          assert.equal(watch.isComplete, isWhole)
        },
      ),
      { numRuns: 50 },
    )
  })
})
