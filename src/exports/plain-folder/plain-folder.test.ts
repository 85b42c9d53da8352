import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ArchiveEntry } from '../archive/archive.ts'
import type { MediaItem } from '../media-item.ts'
import type { Listing, Reading } from '../platform.ts'
import { plainFolder } from './plain-folder.ts'

const XMP = `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 exif:DateTimeOriginal="2019-07-04T22:30:05+02:00" exif:GPSLatitude="52,31.2N" exif:GPSLongitude="13,24.3E">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">At the lake</rdf:li></rdf:Alt></dc:description>
<Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>Anna</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>
</rdf:Description></rdf:RDF></x:xmpmeta>`

interface File {
  readonly path: string
  readonly sizeBytes?: number
  readonly text?: string
}

/** Reads a folder of these files; a string is a file without interesting content. */
/** With all items at once. */
type WholeReading = Reading & { readonly items: readonly MediaItem[] }

async function read(files: readonly (string | File)[]): Promise<WholeReading> {
  const all = files.map((file): File => (typeof file === 'string' ? { path: file } : file))
  const texts = new Map(all.map(({ path, text = '' }) => [path, text]))
  const entries = all.map(
    ({ path, sizeBytes = 10 }): ArchiveEntry => ({
      path,
      sizeBytes,
      source: { kind: 'file', file: `/in/${path}` },
    }),
  )
  const listing: Listing = {
    exportName: 'x',
    entries,
    read: ({ path }) => Promise.resolve(Buffer.from(texts.get(path) ?? '')),
  }
  assert.equal(plainFolder.claim(listing).length, entries.length)
  const reading = await plainFolder.read(listing)
  return { ...reading, items: [...reading.items] }
}

/** One line an item: `a.jpg | raw a.dng`. */
function show({ items }: WholeReading): string[] {
  return items.map(({ primary, companions }: MediaItem) =>
    [primary.entry.path, ...companions.map(({ role, entry }) => `${role} ${entry.path}`)].join(' | '),
  )
}

async function outcomes(files: readonly (string | File)[]): Promise<string[]> {
  const { nonMedia } = await read(files)
  return nonMedia.map((file) =>
    [file.entry.path, file.outcome, file.outcome === 'sidecar' ? file.of : file.reason].join(': '),
  )
}

describe('which files belong together', () => {
  const cases: { rule: string; files: readonly (string | File)[]; items: readonly string[] }[] = [
    {
      rule: 'files of different names stay apart',
      files: ['a.jpg', 'b.mov', 'c.cr2'],
      items: ['a.jpg', 'b.mov', 'c.cr2'],
    },
    { rule: 'RAW beside JPEG', files: ['IMG_1.CR2', 'IMG_1.JPG'], items: ['IMG_1.JPG | raw IMG_1.CR2'] },
    { rule: 'RAW alone is an item', files: ['IMG_1.CR2'], items: ['IMG_1.CR2'] },
    {
      rule: 'the same name in another folder is another photo',
      files: ['1/a.jpg', '2/a.cr2'],
      items: ['1/a.jpg', '2/a.cr2'],
    },
    { rule: 'live photo', files: ['IMG_1.HEIC', 'IMG_1.MOV'], items: ['IMG_1.HEIC | live-video IMG_1.MOV'] },
    {
      rule: 'case does not matter',
      files: ['IMG_1.HEIC', 'img_1.mov'],
      items: ['IMG_1.HEIC | live-video img_1.mov'],
    },
    {
      rule: 'a HEIC comes before the JPEG beside it',
      files: ['a.jpg', 'a.mov', 'a.heic'],
      items: ['a.jpg', 'a.heic | live-video a.mov'],
    },
    {
      rule: 'a long clip of the same number is a clip of its own',
      files: ['IMG_1.HEIC', { path: 'IMG_1.MOV', sizeBytes: 400_000_000 }],
      items: ['IMG_1.HEIC', 'IMG_1.MOV'],
    },
    {
      rule: 'a screenshot and a clip of one name stay apart',
      files: ['a.png', 'a.mp4'],
      items: ['a.png', 'a.mp4'],
    },
    {
      rule: 'Google motion photo',
      files: ['PXL_1.MP', 'PXL_1.MP.jpg'],
      items: ['PXL_1.MP.jpg | motion-video PXL_1.MP'],
    },
    {
      rule: 'numbered motion photo',
      files: ['PXL_1.MP~2', 'PXL_1.MP~2.jpg'],
      items: ['PXL_1.MP~2.jpg | motion-video PXL_1.MP~2'],
    },
    { rule: 'a motion part alone is an item', files: ['PXL_1.MP'], items: ['PXL_1.MP'] },
    {
      rule: 'Apple edited copy',
      files: ['IMG_1234.HEIC', 'IMG_E1234.HEIC'],
      items: ['IMG_1234.HEIC | edited IMG_E1234.HEIC'],
    },
    {
      rule: 'Apple edited live photo',
      files: ['IMG_E1234.MOV', 'IMG_E1234.JPG', 'IMG_1234.MOV', 'IMG_1234.HEIC'],
      items: ['IMG_1234.HEIC | edited IMG_E1234.MOV | edited IMG_E1234.JPG | live-video IMG_1234.MOV'],
    },
    {
      rule: 'Apple edited clip',
      files: ['IMG_1234.MOV', 'IMG_E1234.MOV'],
      items: ['IMG_1234.MOV | edited IMG_E1234.MOV'],
    },
    {
      rule: 'an edited copy without its original is an item',
      files: ['IMG_E1234.JPG'],
      items: ['IMG_E1234.JPG'],
    },
    { rule: 'Google edited copy', files: ['a-edited.jpg', 'a.jpg'], items: ['a.jpg | edited a-edited.jpg'] },
    {
      rule: 'German edited copy',
      files: ['a-bearbeitet.jpg', 'a.jpg'],
      items: ['a.jpg | edited a-bearbeitet.jpg'],
    },
    {
      rule: 'the edited copy of a RAW and JPEG pair',
      files: ['a.dng', 'a-edited.jpg', 'a.jpg'],
      items: ['a.jpg | raw a.dng | edited a-edited.jpg'],
    },
    {
      rule: 'a word behind a dash proves nothing',
      files: ['a-beach.jpg', 'a.jpg'],
      items: ['a-beach.jpg', 'a.jpg'],
    },
  ]
  for (const { rule, files, items } of cases) {
    test(rule, async () => assert.deepEqual(show(await read(files)), items))
  }
})

describe('sidecars', () => {
  test('an XMP sidecar tells time, place, caption and people', async () => {
    const { items } = await read(['a.jpg', { path: 'a.jpg.xmp', text: XMP }])
    const [item] = items
    assert.deepEqual(item?.taken[0]?.source, 'xmp-sidecar')
    assert.equal(item.taken[0].at, Date.parse('2019-07-04T20:30:05Z'))
    assert.equal(item.taken[0].offsetMinutes, 120)
    assert.equal(item.caption, 'At the lake')
    assert.deepEqual(item.people, ['Anna'])
    assert.ok(Math.abs((item.position?.latitude ?? 0) - 52.52) < 0.001)
    assert.deepEqual(item.primary.pairing, { sidecar: 'a.jpg.xmp', rule: 'full-name', ambiguous: false })
  })

  const matches: { story: string; files: readonly string[]; of: readonly string[] }[] = [
    { story: 'full name', files: ['a.jpg', 'a.jpg.xmp'], of: ['a.jpg'] },
    { story: 'full name in another case', files: ['A.JPG', 'a.jpg.XMP'], of: ['A.JPG'] },
    {
      story: 'the exact case first',
      files: ['A.JPG', 'a.jpg', 'A.JPG.xmp', 'a.jpg.xmp'],
      of: ['A.JPG', 'a.jpg'],
    },
    { story: 'stem', files: ['a.jpg', 'a.xmp'], of: ['a.jpg'] },
    { story: 'stem goes to the RAW file', files: ['a.jpg', 'a.cr2', 'a.xmp'], of: ['a.cr2'] },
  ]
  for (const { story, files, of } of matches) {
    test(story, async () => {
      const { nonMedia } = await read(files.map((path) => ({ path, text: path.endsWith('E') ? '' : XMP })))
      assert.deepEqual(
        nonMedia.map((file) => (file.outcome === 'sidecar' ? file.of : file.outcome)),
        of,
      )
    })
  }

  const instructions: { story: string; files: readonly string[]; item: string }[] = [
    {
      story: 'darktable’s further versions',
      files: ['a.cr2', 'a.cr2.xmp', 'a_01.cr2.xmp'],
      item: 'a.cr2 | edit-instructions a_01.cr2.xmp',
    },
    {
      story: 'Apple’s edits',
      files: ['IMG_1234.HEIC', 'IMG_1234.AAE', 'IMG_O1234.AAE'],
      item: 'IMG_1234.HEIC | edit-instructions IMG_1234.AAE | edit-instructions IMG_O1234.AAE',
    },
    {
      story: 'a second XMP sidecar',
      files: ['a.jpg', 'a.xmp', 'a.jpg.xmp'],
      item: 'a.jpg | edit-instructions a.xmp',
    },
  ]
  for (const { story, files, item } of instructions) {
    test(`become parts of the item: ${story}`, async () => {
      assert.deepEqual(show(await read(files.map((path) => ({ path, text: XMP })))), [item])
    })
  }

  test('an empty AAE is no part of anything', async () => {
    const files = ['a.jpg', { path: 'a.AAE', sizeBytes: 0 }]
    assert.deepEqual(show(await read(files)), ['a.jpg'])
    assert.deepEqual(await outcomes(files), ['a.AAE: sidecar: a.jpg'])
  })

  test('the sidecar that is read comes with its file, unless it is empty or too large', async () => {
    const { items } = await read([
      ...['a.jpg', 'a.cr2', 'b.jpg', 'c.jpg'],
      { path: 'a.xmp', text: XMP },
      { path: 'a.jpg.xmp', text: '<x:xmpmeta' },
      { path: 'b.xmp', sizeBytes: 0 },
      { path: 'c.xmp', sizeBytes: 16 * 1024 * 1024 + 1 },
    ])
    assert.deepEqual(
      items.flatMap(({ primary, companions }) => [primary, ...companions].map(({ xmp }) => xmp?.path)),
      ['a.jpg.xmp', 'a.xmp', undefined, undefined],
    )
  })

  test('an XMP sidecar tells keywords and stars', async () => {
    const text = XMP.replace(
      '<Iptc4xmpExt:',
      `<dc:subject><rdf:Bag><rdf:li>Sea</rdf:li></rdf:Bag></dc:subject>
<lr:hierarchicalSubject xmlns:lr="http://ns.adobe.com/lightroom/1.0/"><rdf:Bag><rdf:li>Places|Italy</rdf:li></rdf:Bag></lr:hierarchicalSubject>
<xmp:Rating xmlns:xmp="http://ns.adobe.com/xap/1.0/">4</xmp:Rating><Iptc4xmpExt:`,
    )
    const { items } = await read(['a.jpg', { path: 'a.jpg.xmp', text }])
    assert.deepEqual([items[0]?.keywords, items[0]?.rating], [['Sea', 'Places|Italy'], 4])
  })

  test('the RAW file’s sidecar tells of the JPEG too', async () => {
    const { items } = await read(['a.jpg', 'a.cr2', { path: 'a.xmp', text: XMP }])
    assert.deepEqual(
      [items.length, items[0]?.caption, items[0]?.primary.entry.path],
      [1, 'At the lake', 'a.jpg'],
    )
    assert.equal(items[0]?.companions[0]?.pairing?.rule, 'stem')
  })

  test('of two sidecars the one with the full name decides, the other is named', async () => {
    const other = XMP.replace('At the lake', 'Elsewhere')
    const { items } = await read(['a.jpg', { path: 'a.xmp', text: other }, { path: 'a.jpg.xmp', text: XMP }])
    assert.equal(items[0]?.caption, 'At the lake')
    assert.deepEqual(items[0]?.primary.pairing, {
      sidecar: 'a.jpg.xmp',
      rule: 'full-name',
      ambiguous: false,
      runnerUp: { sidecar: 'a.xmp', rule: 'stem' },
    })
  })

  test('a stem that fits two files of one kind is ambiguous', async () => {
    const { items } = await read(['a.jpg', 'a.png', { path: 'a.xmp', text: XMP }])
    assert.deepEqual(
      items.map(({ primary }) => primary.pairing?.ambiguous),
      [true, undefined],
    )
  })

  test('a broken, hostile or oversized sidecar has failed, and the photo goes on', async () => {
    const bomb = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>${XMP.replace('At the lake', '&b;')}`
    const reading = await read([
      ...['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'],
      { path: 'a.jpg.xmp', text: '<x:xmpmeta' },
      { path: 'b.jpg.xmp', text: bomb },
      { path: 'c.jpg.xmp', sizeBytes: 100_000_000 },
      { path: 'd.jpg.xmp', text: XMP },
    ])
    assert.deepEqual(
      reading.nonMedia.map(({ outcome }) => outcome),
      ['failed', 'failed', 'failed', 'sidecar'],
    )
    assert.deepEqual(
      reading.items.map(({ caption }) => caption),
      [undefined, undefined, undefined, 'At the lake'],
    )
  })

  test('a sidecar without its photo is ignored and says so', async () => {
    assert.deepEqual(await outcomes(['a.xmp', 'b.AAE']), [
      'a.xmp: ignored: XMP sidecar without a media file of that name',
      "b.AAE: ignored: Apple's edit instructions without a media file of that name",
    ])
  })
})

describe('what is no media', () => {
  test('junk and documents are ignored, each with its reason', async () => {
    const files = [
      '.DS_Store',
      'x/Thumbs.db',
      'desktop.ini',
      '._IMG_1.jpg',
      'x/@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_XL.jpg',
      '.thumbnails/1.jpg',
      '__MACOSX/._a.jpg',
      'letter.pdf',
      'notes.TXT',
      'cv.docx',
    ]
    assert.deepEqual(await outcomes(files), [
      '.DS_Store: ignored: made by the system (.ds_store)',
      'x/Thumbs.db: ignored: made by the system (thumbs.db)',
      'desktop.ini: ignored: made by the system (desktop.ini)',
      '._IMG_1.jpg: ignored: attributes that macOS keeps beside a file',
      'x/@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_XL.jpg: ignored: made by a program (@eadir)',
      '.thumbnails/1.jpg: ignored: made by a program (.thumbnails)',
      '__MACOSX/._a.jpg: ignored: made by a program (__macosx)',
      'letter.pdf: ignored: not a media file (pdf)',
      'notes.TXT: ignored: not a media file (txt)',
      'cv.docx: ignored: not a media file (docx)',
    ])
  })

  test('what no list knows becomes an item, to be told by its content', async () => {
    const files = [
      '_DSC0016.jpg',
      'MVIMG_20180722_120942',
      'photo',
      'a.weird',
      'a.3gp',
      'b.mts',
      'song.mp3',
      '.hidden',
      'a.jpg~',
      'trailing.',
      'thumbnails of 2020/a.jpg',
    ]
    const reading = await read(files)
    assert.deepEqual([show(reading), reading.nonMedia], [files, []])
  })

  test('an archive inside the export is ignored with a remark', async () => {
    const reading = await read(['old photos.zip'])
    assert.deepEqual(
      reading.nonMedia.map(({ outcome }) => outcome),
      ['ignored'],
    )
    assert.deepEqual(
      reading.remarks.map(({ code, path }) => [code, path]),
      [['nested-archive', 'old photos.zip']],
    )
  })

  test('folders do not become albums', async () => {
    const { items, albums } = await read(['Holidays/a.jpg'])
    assert.deepEqual([albums, items[0]?.albums], [[], []])
  })
})

test('every file has exactly one answer, whatever its name', async () => {
  const name = fc.oneof(
    fc
      .tuple(
        fc.constantFrom(
          'IMG_1234',
          'IMG_E1234',
          'IMG_O1234',
          'a',
          'a-edited',
          'a-edited-edited',
          'PXL_1.MP',
          'a_01.cr2',
        ),
        fc.constantFrom(
          '.jpg',
          '.JPG',
          '.heic',
          '.mov',
          '.MP',
          '.cr2',
          '.xmp',
          '.jpg.xmp',
          '.AAE',
          '.pdf',
          '.zip',
          '',
        ),
      )
      .map((parts) => parts.join('')),
    fc.string({ minLength: 1, maxLength: 8 }).map((text) => text.replaceAll('/', '_')),
  )
  const path = fc.tuple(fc.constantFrom('', 'x/', '2019/'), name).map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(path, { maxLength: 25 }), async (paths) => {
      const { items, nonMedia } = await read(paths.map((one) => ({ path: one, text: XMP })))
      const seen = [
        ...items.flatMap(({ primary, companions }) =>
          [primary, ...companions].map(({ entry }) => entry.path),
        ),
        ...nonMedia.map(({ entry }) => entry.path),
      ]
      assert.deepEqual(seen.toSorted(), paths.toSorted())
    }),
  )
})

test('a folder of 100,000 files is read in seconds', async () => {
  const files = Array.from({ length: 50_000 }, (_, n) => [`f/IMG_${n}.HEIC`, `f/IMG_${n}.MOV`]).flat()
  const start = process.cpuUsage()
  assert.equal((await read(files)).items.length, 50_000)
  assert.ok(process.cpuUsage(start).user / 1000 < 8000)
})
