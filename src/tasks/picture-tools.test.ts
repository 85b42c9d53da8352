import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { ExiftoolProcess } from '../media/exiftool/exiftool-process.ts'
import { PictureTools } from './picture-tools.ts'

let folder: string
const tools = new PictureTools()

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-tools-'))
})
after(async () => {
  await tools.close()
  rmSync(folder, { recursive: true })
})

test('the largest preview of a raw file is found', async () => {
  const create = (width: number) =>
    ({ create: { width, height: 90, channels: 3, background: '#456' } }) as const
  const preview = await sharp(create(640)).jpeg().toBuffer()
  const small = await sharp(create(160)).jpeg().toBuffer()
  const raw = join(folder, 'a.tif')
  const files = [join(folder, 'preview'), join(folder, 'small')] as const
  await sharp(create(120)).tiff().toFile(raw)
  writeFileSync(files[0], preview)
  writeFileSync(files[1], small)
  const exiftool = new ExiftoolProcess()
  const args = [`-PreviewImage<=${files[0]}`, `-ThumbnailImage<=${files[1]}`, '-overwrite_original', raw]
  assert.match((await exiftool.run(args, 30_000)).stdout, /1 image files updated/u)
  await exiftool.close()
  assert.deepEqual(await tools.preview(raw), preview)
})

test('a small file that names many huge previews is not unpacked', async () => {
  const path = join(folder, 'bomb.dng')
  // Each small enough for itself.
  writeFileSync(path, manyPreviews(40, 20_000_000))
  truncateSync(path, 20_010_000)
  assert.equal(await tools.preview(path), undefined)
  writeFileSync(path, manyPreviews(40, 100_000_000))
  truncateSync(path, 100_010_000)
  assert.equal(await tools.preview(path), undefined)
})

/** A TIFF with so many directories, each of which names the same bytes as its preview. */
function manyPreviews(count: number, sizeBytes: number): Buffer {
  const directoryBytes = 2 + 5 * 12 + 4
  const previewAt = 8 + count * directoryBytes
  const tiff = Buffer.alloc(previewAt + 2)
  tiff.write('II*\0\b', 'latin1')
  for (let index = 0; index < count; index += 1) {
    const at = 8 + index * directoryBytes
    tiff.writeUInt16LE(5, at)
    const entries = [
      [0x00fe, 1],
      [0x0103, 7],
      [0x0106, 6],
      [0x0111, previewAt],
      [0x0117, sizeBytes],
    ] as const
    for (const [place, [tag, value]] of entries.entries()) {
      tiff.writeUInt16LE(tag, at + 2 + place * 12)
      tiff.writeUInt16LE(4, at + 4 + place * 12)
      tiff.writeUInt32LE(1, at + 6 + place * 12)
      tiff.writeUInt32LE(value, at + 10 + place * 12)
    }
    if (index + 1 < count) tiff.writeUInt32LE(at + directoryBytes, at + 2 + 5 * 12)
  }
  tiff.writeUInt16BE(0xffd8, previewAt)
  return tiff
}

test('a file without preview has none', async () => {
  const path = join(folder, 'plain.jpg')
  await sharp({ create: { width: 8, height: 8, channels: 3, background: '#000' } })
    .jpeg()
    .toFile(path)
  assert.equal(await tools.preview(path), undefined)
})
