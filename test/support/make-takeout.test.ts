import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ExifTool } from 'exiftool-vendored'
import sharp from 'sharp'
import { opened } from './archive-contents.ts'
import { EXPORTED_AT, type MadeTakeout, makeTakeout } from './make-takeout.ts'
import { FolderNames } from './takeout-names.ts'
import { FAMILY_ALBUM, SUMMER_ALBUM } from './takeout-sample.ts'

let folder: string
let made: MadeTakeout

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-takeout-'))
  made = await makeTakeout(join(folder, 'plain'))
})
after(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('the folder form', () => {
  test('every file that was counted is there, with the time of the export', async () => {
    const entries = await readdir(join(folder, 'plain'), { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile())
    assert.equal(files.length, made.fileCount)
    for (const { parentPath, name } of files) {
      assert.equal((await stat(join(parentPath, name))).mtimeMs, EXPORTED_AT)
    }
  })

  test('every picture can be decoded', async () => {
    const pictures = made.media.filter(({ path }) => /\.(jpe?g|png|webp|heic)$/i.test(path))
    assert.ok(pictures.length > 30)
    for (const { path } of pictures) {
      const image = sharp(join(folder, 'plain', path), { failOn: 'warning' })
      const { data } = await image.raw().toBuffer({ resolveWithObject: true })
      assert.ok(data.length > 0, path)
    }
  })

  test('only copies share their bytes', () => {
    const originals = made.media.filter(({ role }) => role !== 'copy')
    assert.equal(new Set(originals.map(({ sha1 }) => sha1)).size, originals.length)
    for (const copy of made.media.filter(({ role }) => role === 'copy')) {
      assert.equal(copy.sha1, originals.find(({ path }) => path === copy.original)?.sha1)
    }
  })

  test('exiftool reads the times that the truth tells', async () => {
    const exiftool = new ExifTool()
    try {
      const dated = made.media.filter(({ role, takenLocal }) => takenLocal !== undefined && role !== 'live')
      assert.ok(dated.length > 25)
      for (const { path, takenLocal } of dated) {
        const tags = await exiftool.readRaw(join(folder, 'plain', path), { readArgs: ['-DateTimeOriginal'] })
        assert.equal(
          String(tags['DateTimeOriginal']).slice(0, 19),
          takenLocal?.replaceAll('-', ':').replace('T', ' '),
          path,
        )
      }
    } finally {
      await exiftool.end()
    }
  })

  test('every JSON that the truth names is there and has the title and the time', async () => {
    const told = made.media.filter(({ json, damage }) => json !== undefined && damage === undefined)
    for (const { json, title, takenAt } of told) {
      const text = JSON.parse(await readFile(join(folder, 'plain', json ?? ''), 'utf8')) as {
        title: string
        photoTakenTime: { timestamp: string }
      }
      assert.equal(text.title, title)
      assert.equal(Number(text.photoTakenTime.timestamp) * 1000, takenAt ?? 0)
    }
  })

  test('an edited picture lies in the albums of its original, without a JSON of its own', () => {
    const edited = made.media.find(({ role }) => role === 'edited')
    const copies = made.media.filter(({ original }) => original === edited?.path)
    assert.deepEqual(edited?.albums, [SUMMER_ALBUM])
    assert.deepEqual(
      copies.map(({ role, sha1 }) => [role, sha1]),
      [['copy', edited?.sha1]],
    )
    assert.equal(edited?.json, made.media.find(({ path }) => path === edited?.original)?.json)
  })

  test('albums are told for all copies together, also those of a JSON alone', () => {
    const albumsOf = (title: string): readonly string[] =>
      made.media.find((truth) => truth.title === title)?.albums ?? []
    assert.deepEqual(albumsOf('IMG_20190721_080000.jpg'), [FAMILY_ALBUM, SUMMER_ALBUM])
    assert.deepEqual(albumsOf('IMG_20190724_110000.jpg'), [FAMILY_ALBUM])
  })
})

describe('the archive forms', () => {
  for (const form of ['zip', 'tgz'] as const) {
    test(`a ${form} holds the files of the folder`, async () => {
      const { inputs, media, fileCount } = await makeTakeout(join(folder, form), { form })
      assert.deepEqual(media, made.media)
      await opened(inputs, async (archive) => {
        assert.deepEqual(archive.problems, [])
        assert.equal(archive.entries.length, fileCount)
        const paths = new Set(archive.entries.map(({ path }) => path))
        for (const { path } of media) assert.ok(paths.has(path), path)
      })
    })
  }

  test('every JSON lies in another part than its photo', async () => {
    const { inputs, media } = await makeTakeout(join(folder, 'parts'), { form: 'zip', parts: 3 })
    const parts = await Promise.all(
      inputs.map((input) => opened(input, async ({ entries }) => entries.map(({ path }) => path))),
    )
    const partOf = (path: string): number => parts.findIndex((paths) => paths.includes(path))
    const pairs = media.filter(({ json, role }) => json !== undefined && role === 'original')
    assert.ok(pairs.every(({ path, json }) => partOf(path) >= 0 && partOf(path) !== partOf(json ?? '')))
  })
})

describe('damage', () => {
  test('each kind is there and told in the truth', async () => {
    const { media } = await makeTakeout(join(folder, 'damaged'), {
      damage: ['corrupt-json', 'truncated-jpeg', 'empty-file'],
      specials: false,
      photos: 1,
    })
    const [corrupt, truncated, empty] = media.slice(-3)
    const json = await readFile(join(folder, 'damaged', corrupt?.json ?? ''), 'utf8')
    assert.throws(() => JSON.parse(json) as unknown, SyntaxError)
    assert.equal(truncated?.damage, 'truncated')
    const image = sharp(join(folder, 'damaged', truncated?.path ?? ''), { failOn: 'truncated' })
    await assert.rejects(image.raw().toBuffer())
    assert.equal(empty?.sizeBytes, 0)
  })
})

describe('names', () => {
  test('follow the examples that users reported', () => {
    const folderNames = new FolderNames()
    assert.deepEqual(folderNames.pair('PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGINAL.jpg', 'old'), {
      media: 'PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGINA.jpg',
      json: 'PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGIN.json',
    })
    assert.equal(
      folderNames.pair('MVIMG_20191230_232926.jpg', 'new').json,
      'MVIMG_20191230_232926.jpg.supplemental-metadat.json',
    )
    folderNames.pair('IMG_3479.JPG', 'old')
    assert.deepEqual(folderNames.pair('IMG_3479.JPG', 'old'), {
      media: 'IMG_3479(1).JPG',
      json: 'IMG_3479.JPG(1).json',
    })
    assert.equal(folderNames.alone('IMG_3479.JPG', '-edited'), 'IMG_3479-edited.JPG')
  })
})
