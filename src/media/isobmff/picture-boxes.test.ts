import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { box } from '../../../test/support/tiny-mp4.ts'
import { isMovablePicture } from './picture-boxes.ts'

const FTYP = box('ftyp', Buffer.from('heic\0\0\0\0mif1heic', 'latin1'))
const META = box('meta', Buffer.alloc(40))
const MDAT = box('mdat', Buffer.alloc(100, 1))

function isMovable(...parts: readonly Buffer[]): Promise<boolean> {
  const file = Buffer.concat(parts)
  return isMovablePicture(async (offset, length) => file.subarray(offset, offset + length), file.length)
}

describe('isMovablePicture', () => {
  test('a picture of plain boxes may be rewritten, in any order', async () => {
    assert.equal(await isMovable(FTYP, META, MDAT), true)
    assert.equal(await isMovable(FTYP, MDAT, META, box('free', Buffer.alloc(9))), true)
    assert.equal(await isMovable(FTYP, META, box('uuid', Buffer.alloc(20)), MDAT), true)
  })

  test('a picture with any other box keeps its bytes', async () => {
    for (const type of ['mpvd', 'sefd', 'moov', 'moof', 'abcd']) {
      assert.equal(await isMovable(FTYP, META, MDAT, box(type, Buffer.alloc(8))), false, type)
    }
  })

  test('a picture with a second file behind it keeps its bytes', async () => {
    assert.equal(await isMovable(FTYP, META, MDAT, FTYP, MDAT), false)
  })

  test('a picture with bytes behind the last box keeps them, however few', async () => {
    for (const tail of ['x', 'SEFT', '\0\0\0\x07free', '\0\0\0\x08\0\0\0\0']) {
      assert.equal(await isMovable(FTYP, META, MDAT, Buffer.from(tail, 'latin1')), false, tail)
    }
  })

  test('a picture that breaks off keeps its bytes', async () => {
    assert.equal(await isMovable(FTYP, META, MDAT.subarray(0, 50)), false)
    assert.equal(await isMovable(), false)
  })
})
