import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { box, tinyMovie } from '../../test/support/tiny-mp4.ts'
import { correctExtension, FORMATS, formatById, formatByName } from './formats.ts'
import { IDENTIFY_BYTES, identify, isMisnamed } from './identify.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const ftyp = (...brands: string[]): Buffer =>
  box('ftyp', latin1(`${brands[0]}\0\0\0\0${brands.slice(1).join('')}`))

/** A TIFF with one directory of short or ASCII entries. */
function tiff(entries: readonly (readonly [tag: number, value: number | string])[]): Buffer {
  const directory = Buffer.alloc(2 + entries.length * 12 + 4)
  const texts: Buffer[] = []
  let textAt = 8 + directory.length
  directory.writeUInt16LE(entries.length)
  for (const [index, [tag, value]] of entries.entries()) {
    const at = 2 + index * 12
    directory.writeUInt16LE(tag, at)
    directory.writeUInt16LE(typeof value === 'string' ? 2 : 3, at + 2)
    directory.writeUInt32LE(typeof value === 'string' ? value.length + 1 : 1, at + 4)
    directory.writeUInt32LE(typeof value === 'string' ? textAt : value, at + 8)
    if (typeof value !== 'string') continue
    texts.push(latin1(`${value}\0`))
    textAt += value.length + 1
  }
  return Buffer.concat([latin1('II*\0\x08\0\0\0'), directory, ...texts])
}

const [SUBFILE, COMPRESSION, MAKE, SUB_IFDS, DNG_VERSION] = [0xfe, 0x103, 0x10f, 0x14a, 0xc612]
const raw = (make: string): Buffer =>
  tiff([
    [SUBFILE, 1],
    [MAKE, make],
    [SUB_IFDS, 400],
  ])

function frames(header: number[], sizeBytes: number): Buffer {
  const frame = Buffer.alloc(sizeBytes)
  Buffer.from(header).copy(frame)
  return Buffer.concat([frame, frame, frame])
}

function packets(size: number, first: number): Buffer {
  const stream = Buffer.alloc(size * 10)
  for (let at = first; at < stream.length; at += size) stream[at] = 0x47
  return stream
}

const ASF = '\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c'

const CASES: readonly [what: string, expected: string | undefined, head: Buffer, name?: string][] = [
  ['JPEG', 'jpeg', latin1('\xff\xd8\xff\xe1')],
  ['JPEG named HEIC', 'jpeg', latin1('\xff\xd8\xff\xe0'), 'IMG_1.HEIC'],
  ['JXL codestream', 'jxl', latin1('\xff\x0a\xfa\x1f')],
  ['JXL container', 'jxl', latin1('\0\0\0\x0cJXL \r\n\x87\n')],
  ['HEIC', 'heic', ftyp('heic', 'mif1', 'heic')],
  ['HEIC of brand mif1', 'heic', ftyp('mif1', 'mif1', 'heic')],
  ['HEIC sequence', 'heic', ftyp('hevc', 'msf1')],
  ['HEIF of another codec', 'heif', ftyp('mif1', 'mif1')],
  ['AVIF', 'avif', ftyp('avif', 'mif1')],
  ['AVIF of brand mif1', 'avif', ftyp('mif1', 'avif')],
  ['CR3', 'cr3', ftyp('crx ', 'isom')],
  ['MP4', 'mp4', tinyMovie()],
  ['MP4 named jpg', 'mp4', tinyMovie(), 'video.jpg'],
  ['MOV', 'mov', tinyMovie({ brand: 'qt  ' })],
  ['MOV without ftyp', 'mov', box('mdat', Buffer.alloc(20))],
  ['3GP', '3gp', ftyp('3gp5', 'isom')],
  ['3G2', '3g2', ftyp('3g2a')],
  ['M4V', 'm4v', ftyp('M4V ', 'isom')],
  ['M4A', 'm4a', ftyp('M4A ', 'isom')],
  ['AVI', 'avi', latin1('RIFF\x10\0\0\0AVI LIST')],
  ['WAV', 'wav', latin1('RIFF\x10\0\0\0WAVEfmt ')],
  ['WebP', 'webp', latin1('RIFF\x10\0\0\0WEBPVP8 ')],
  ['other RIFF', undefined, latin1('RIFF\x10\0\0\0RMIDdata')],
  ['AIFF', 'aiff', latin1('FORM\0\0\0\x10AIFFCOMM')],
  ['MKV', 'mkv', latin1('\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska')],
  ['WebM', 'webm', latin1('\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm')],
  ['MTS of 192-byte packets', 'mts', packets(192, 4)],
  ['TS of 188-byte packets', 'mts', packets(188, 0)],
  ['MPEG program stream', 'mpg', latin1('\0\0\x01\xba\x44')],
  ['WMV', 'wmv', latin1(`${ASF}....\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\0\x80\x5f\x5c\x44\x2b`)],
  ['WMA', 'wma', latin1(`${ASF}....\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\0\x80\x5f\x5c\x44\x2b`)],
  ['FLV', 'flv', latin1('FLV\x01\x05')],
  ['BMP', 'bmp', Buffer.concat([latin1('BM'), Buffer.alloc(12), latin1('\x28\0\0\0')])],
  ['text that starts with BM', undefined, latin1('BMW is a maker of cars and motorcycles')],
  ['PSD', 'psd', latin1('8BPS\0\x01')],
  ['TIFF', 'tiff', tiff([[COMPRESSION, 5]])],
  [
    'TIFF developed from a NEF',
    'tiff',
    tiff([
      [COMPRESSION, 1],
      [MAKE, 'NIKON CORPORATION'],
    ]),
    'a.tif',
  ],
  [
    'DNG, whatever its name',
    'dng',
    tiff([
      [MAKE, 'Google'],
      [DNG_VERSION, 1],
    ]),
    'a.jpg',
  ],
  ['NEF', 'nef', raw('NIKON CORPORATION')],
  ['ARW', 'arw', raw('SONY')],
  ['ARW named jpg', 'arw', raw('SONY'), 'a.jpg'],
  ['SRW', 'srw', raw('SAMSUNG')],
  [
    'PEF by its compression',
    'pef',
    tiff([
      [COMPRESSION, 65_535],
      [MAKE, 'PENTAX'],
    ]),
  ],
  ['raw of an unknown maker by its name', '3fr', raw('Nobody'), 'a.3fr'],
  ['raw whose directory was not read, by its name', 'nef', latin1('II*\0\0\0\x10\0'), 'a.nef'],
  ['TIFF whose directory was not read', 'tiff', latin1('II*\0\0\0\x10\0'), 'a.jpg'],
  ['BigTIFF', 'tiff', latin1('II+\0\x08\0\0\0')],
  ['CR2', 'cr2', latin1('II*\0\x10\0\0\0CR\x02\0')],
  ['ORF', 'orf', latin1('IIRO\x08\0\0\0')],
  ['RW2', 'rw2', latin1('IIU\0\x18\0\0\0')],
  ['RAF', 'raf', latin1('FUJIFILMCCD-RAW 0201')],
  ['MP3 with ID3', 'mp3', latin1('ID3\x03\0\0\0\0\0\0')],
  ['MP3 frames', 'mp3', frames([0xff, 0xfb, 0x90, 0], 417)],
  ['one MP3 frame header alone', undefined, latin1('\xff\xfb\x90\0nothing else')],
  ['AAC frames', 'aac', frames([0xff, 0xf1, 0x50, 0x80, 0x0c, 0x9f, 0xfc], 100)],
  ['FLAC', 'flac', latin1('fLaC\0\0\0\x22')],
  ['Opus', 'opus', latin1(`OggS${'\0'.repeat(24)}OpusHead`)],
  ['Vorbis', 'ogg', latin1(`OggS${'\0'.repeat(24)}\x01vorbis`)],
  ['Theora', 'ogv', latin1(`OggS${'\0'.repeat(24)}\x80theora`)],
  ['AMR', 'amr', latin1('#!AMR\n')],
  ['nothing', undefined, Buffer.alloc(0)],
  ['zeros', undefined, Buffer.alloc(IDENTIFY_BYTES)],
  ['HTML named jpg', undefined, latin1('<!DOCTYPE html><html><body>404</body></html>'), 'a.jpg'],
  ['ZIP', undefined, latin1('PK\x03\x04')],
]

describe('identify', () => {
  for (const [what, expected, head, name] of CASES) {
    test(what, () => assert.equal(identify(head, name)?.id, expected))
  }

  for (const format of ['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'] as const) {
    test(`knows what the encoder made as ${format}`, async () => {
      const create = { width: 8, height: 8, channels: 3, background: 'teal' } as const
      const bytes = await sharp({ create }).toFormat(format).toBuffer()
      assert.equal(identify(bytes.subarray(0, IDENTIFY_BYTES))?.id, format)
    })
  }

  const samples = resolve('../shared/samples')
  const skip = existsSync(samples) ? false : 'no ../shared/samples here: real files are not tried'
  test('agrees with the names of real photos', { skip }, () => {
    for (const folder of ['photos', 'heic', 'orientation', 'metadata']) {
      for (const name of readdirSync(join(samples, folder))) {
        const format = identify(readFileSync(join(samples, folder, name)).subarray(0, IDENTIFY_BYTES))
        assert.equal(format?.id, formatByName(name)?.id, name)
      }
    }
  })

  test('never throws, whatever the bytes and the name', () => {
    const heads = CASES.map(([, , head]) => head)
    const hostile = fc
      .tuple(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 64 }), fc.nat(80))
      .map(([head, noise, at]) => {
        const bytes = Buffer.concat([head.subarray(0, at), noise, head.subarray(at)])
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(hostile, fc.uint8Array({ maxLength: 600 })), fc.string(), (bytes, name) => {
        identify(Buffer.from(bytes), name)
      }),
      { numRuns: 500 },
    )
  })

  test('a cut head gives the same format or none or the family, never another', () => {
    for (const [what, expected, head, name] of CASES.filter(([, id]) => id !== undefined)) {
      for (let length = 0; length < Math.min(head.length, 200); length += 1) {
        const id = identify(head.subarray(0, length), name)?.id
        const family = new Set([undefined, expected, 'tiff', 'mkv', 'wmv', 'ogg', 'mp4', 'heif', 'mp3'])
        assert.ok(family.has(id), `${what} cut to ${length} bytes is ${id}`)
      }
    }
  })
})

describe('correctExtension', () => {
  const cases: [name: string, format: string, extension: string][] = [
    ['IMG_1.HEIC', 'jpeg', 'jpg'],
    ['IMG_1.jpg', 'heic', 'heic'],
    ['IMG_1.JPEG', 'jpeg', 'jpeg'],
    ['PXL_1.MP', 'mp4', 'mp4'],
    ['PXL_1.MP~2', 'mp4', 'mp4'],
    ['MVIMG_1', 'jpeg', 'jpg'],
    ['a.b/c', 'png', 'png'],
    ['.png', 'png', 'png'],
  ]
  for (const [name, format, extension] of cases) {
    test(`${name} of content ${format} gets ${extension}`, () =>
      assert.equal(correctExtension(name, formatById(format)!), extension))
  }

  test('an extension it gave is one it keeps', () => {
    for (const format of FORMATS) {
      const extension = correctExtension('x.unknown', format)
      assert.equal(correctExtension(`x.${extension}`, format), extension)
      assert.equal(isMisnamed(`x.${extension}`, format), false)
    }
  })

  test('every format has its own id', () => {
    assert.equal(new Set(FORMATS.map(({ id }) => id)).size, FORMATS.length)
  })
})
