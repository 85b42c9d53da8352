import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, before, beforeEach, describe, test } from 'node:test'
import sharp from 'sharp'
import type { ItemFacts } from '../exports/group-items.ts'
import { readJpegMetadata } from '../media/jpeg/jpeg-reader.ts'
import { planJpegSplice } from '../media/jpeg/jpeg-splice.ts'
import type { MetadataPatch } from '../media/metadata.ts'
import type { MetadataTool } from '../media/metadata-file.ts'
import { sliceParts } from '../media/splice-parts.ts'
import { readXmp } from '../media/xmp/xmp-reader.ts'
import type { ItemCopy, ItemPart, ItemPayload, ItemResult, KeptSidecar, PlacedFile } from './item.ts'
import { placeItem } from './place-item.ts'

const DEVELOPED = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure2012="+0.35"/>
</rdf:RDF></x:xmpmeta>`

const FACTS: ItemFacts = {
  taken: [
    { source: 'export', detail: 'photoTakenTime', at: Date.UTC(2021, 6, 4, 22, 30, 5), precision: 'second' },
  ],
  people: ['Ann'],
  albums: ['trip'],
  keywords: ['Sea', 'Places|Italy'],
  rating: 3,
}

const unused = (): never => assert.fail('exiftool is not needed for a JPEG')
const tool: MetadataTool = { read: unused, write: unused, close: () => Promise.resolve() }

describe('placeItem', () => {
  let root: string
  let temps: string
  let photo: Buffer

  before(async () => {
    photo = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#147' } })
      .jpeg()
      .toBuffer()
  })
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'heirloom-place-item-'))
    temps = mkdtempSync(join(root, 'temps-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function copyOf(path: string, bytes: Buffer | string, more: Partial<ItemCopy> = {}): ItemCopy {
    return { fileId: 1, facts: 0, ...keptOf(path, bytes), ...more }
  }

  function keptOf(path: string, bytes: Buffer | string): KeptSidecar {
    const file = join(root, path)
    writeFileSync(file, bytes)
    return { path, sizeBytes: Buffer.byteLength(bytes), source: { kind: 'file', file } }
  }

  function run(
    parts: readonly ItemPart[],
    metadata: 'embed' | 'sidecar' = 'embed',
    facts = FACTS,
  ): Promise<ItemResult> {
    const payload: ItemPayload = {
      placement: {
        exportId: 1,
        exportName: 'x',
        exportFolder: 'x',
        platform: { name: 'Folder', folder: 'photos', stem: 'photo' },
      },
      options: { tempFolder: temps, metadata },
      facts: [facts],
      albumTitles: { trip: 'Trip' },
      parts,
    }
    const context = {
      taskId: 7,
      kind: 'item',
      attempt: 1,
      signal: new AbortController().signal,
      emit: () => Promise.resolve(undefined),
      progress: () => undefined,
      yieldTurn: () => undefined,
    }
    return placeItem(payload, context, { tool, now: () => Date.UTC(2026, 0, 1) })
  }

  async function placeOne(copies: readonly ItemCopy[], metadata?: 'embed' | 'sidecar'): Promise<PlacedFile> {
    const { parts } = await run([{ role: 'primary', copies }], metadata)
    const placed = parts[0]?.placed
    assert.ok(placed)
    return placed
  }

  const sidecarText = ({ sidecar }: PlacedFile): string => {
    assert.ok(sidecar)
    return readFileSync(join(temps, sidecar.temp), 'utf8')
  }

  test('writes keywords and stars into the file', async () => {
    const placed = await placeOne([copyOf('a.jpg', photo)])
    const told = readJpegMetadata(readFileSync(join(temps, placed.temp)))
    assert.equal(told.rating, 3)
    assert.deepEqual(told.keywords.toSorted(), ['Album|Trip', 'People|Ann', 'Places|Italy', 'Sea', 'Trip'])
    assert.equal(placed.sidecar, undefined)
  })

  /** A photo that says something of itself already, as the platform has got it. */
  async function told(patch: MetadataPatch): Promise<Buffer> {
    const plan = planJpegSplice(photo, photo.length, patch)
    assert.ok(plan.kind === 'splice')
    return Buffer.concat(sliceParts(photo, plan.parts))
  }

  const captions = [
    { own: 'on the film', stated: 'new words', both: 'on the film\n\nnew words' },
    { own: 'on the film, in May', stated: 'in May', both: 'on the film, in May' },
    { own: 'on the film', stated: undefined, both: 'on the film' },
    { own: undefined, stated: 'new words', both: 'new words' },
  ]
  for (const { own, stated, both } of captions) {
    for (const metadata of ['embed', 'sidecar'] as const) {
      test(`the catalog has the caption that is written: ${own} and ${stated}, --metadata ${metadata}`, async () => {
        const bytes = own === undefined ? photo : await told({ caption: own })
        const { caption: _, ...others } = { ...FACTS, caption: stated }
        const facts: ItemFacts = stated === undefined ? others : { ...others, caption: stated }
        const part: ItemPart = { role: 'primary', copies: [copyOf('a.jpg', bytes)] }
        const placed = (await run([part], metadata, facts)).parts[0]?.placed
        assert.ok(placed)
        assert.equal(placed.caption, both)
        const written =
          metadata === 'embed'
            ? readJpegMetadata(readFileSync(join(temps, placed.temp)))
            : readXmp(sidecarText(placed))
        assert.equal(written.caption, both)
      })
    }
  }

  const cameraDates: { fact: string; local: string; cameraLocal: string | undefined }[] = [
    {
      fact: 'overruled by the export is named',
      local: '2019-01-02T03:04:05',
      cameraLocal: '2019-01-02T03:04:05',
    },
    { fact: 'a zone away is no disagreement', local: '2021-07-05T00:30:05', cameraLocal: undefined },
    { fact: 'of a clock that was never set is none', local: '2000-01-01T00:00:00', cameraLocal: undefined },
  ]
  for (const { fact, local, cameraLocal } of cameraDates) {
    test(`a camera's date ${fact}, and the file keeps it`, async () => {
      const bytes = await told({ taken: { local, at: 0 } })
      const placed = await placeOne([copyOf('a.jpg', bytes)])
      assert.equal(placed.cameraLocal, cameraLocal)
      if (cameraLocal === undefined) return
      assert.equal(placed.taken?.source, 'export')
      const [first] = readJpegMetadata(readFileSync(join(temps, placed.temp))).taken
      assert.equal(first?.local, cameraLocal)
    })
  }

  test('does not write the time of an upload into the file', async () => {
    const at = Date.UTC(2021, 6, 4)
    const taken = [{ source: 'export', detail: 'creationTime', at, precision: 'second' }] as const
    const part: ItemPart = { role: 'primary', copies: [copyOf('a.jpg', photo)] }
    const { parts } = await run([part], 'embed', { ...FACTS, taken })
    const placed = parts[0]?.placed
    assert.equal(placed?.taken?.at, at)
    assert.deepEqual(readJpegMetadata(readFileSync(join(temps, placed.temp))).taken, [])
  })

  for (const metadata of ['embed', 'sidecar'] as const) {
    test(`keeps what the input's own sidecar holds, with --metadata ${metadata}`, async () => {
      const xmp = keptOf('a.jpg.xmp', DEVELOPED)
      const placed = await placeOne([copyOf('a.jpg', photo, { xmp })], metadata)
      const text = sidecarText(placed)
      assert.match(text, /crs:Exposure2012="\+0\.35"/u)
      assert.deepEqual(readXmp(text).people, ['Ann'])
      assert.deepEqual(placed.problems, [])
      const inFile = readJpegMetadata(readFileSync(join(temps, placed.temp)))
      assert.deepEqual(inFile.people, metadata === 'embed' ? ['Ann'] : [])
    })

    test(`keeps a broken sidecar byte for byte and says so, with --metadata ${metadata}`, async () => {
      const xmp = keptOf('a.jpg.xmp', '<x:xmpmeta')
      const placed = await placeOne([copyOf('a.jpg', photo, { xmp })], metadata)
      assert.equal(sidecarText(placed), '<x:xmpmeta')
      assert.deepEqual(
        placed.problems.map(({ code }) => code),
        ['sidecar-kept'],
      )
    })
  }

  test('the first of equal copies that has a sidecar supplies it', async () => {
    const placed = await placeOne([
      copyOf('a.jpg', photo),
      copyOf('other.jpg', Buffer.concat([photo, Buffer.from('x')]), { xmp: keptOf('o.xmp', '<other') }),
      copyOf('b.jpg', photo, { xmp: keptOf('b.xmp', DEVELOPED) }),
      copyOf('c.jpg', photo, { xmp: keptOf('c.xmp', '<third') }),
      copyOf('d.jpg', photo, { xmp: keptOf('d.xmp', DEVELOPED) }),
    ])
    assert.match(sidecarText(placed), /crs:Exposure2012/u)
    assert.deepEqual(
      placed.problems.map(({ code, message }) => [code, message.slice(0, 5)]),
      [['sidecar-not-kept', 'c.xmp']],
    )
  })

  test('a sidecar that has gone is named, and the photo is placed with what is known', async () => {
    const xmp: KeptSidecar = {
      ...keptOf('a.xmp', DEVELOPED),
      source: { kind: 'file', file: join(root, 'gone') },
    }
    const placed = await placeOne([copyOf('a.jpg', photo, { xmp })], 'sidecar')
    assert.deepEqual(
      placed.problems.map(({ code }) => code),
      ['sidecar-unreadable'],
    )
    assert.deepEqual(readXmp(sidecarText(placed)).people, ['Ann'])
  })

  test('edit instructions are placed as they are, and belong to no person or album', async () => {
    const { parts } = await run([
      { role: 'primary', copies: [copyOf('IMG_1.jpg', photo)] },
      { role: 'edit-instructions', copies: [copyOf('IMG_1.AAE', '<plist/>')] },
    ])
    const placed = parts[1]?.placed
    assert.ok(placed)
    assert.equal(readFileSync(join(temps, placed.temp), 'utf8'), '<plist/>')
    assert.deepEqual(
      [placed.extension, placed.format, placed.people, placed.albums, placed.originalName, placed.problems],
      ['aae', 'aae', [], [], 'IMG_1.AAE', []],
    )
    assert.equal(placed.writtenSha1, placed.sourceSha1)
  })

  test('an attempt that fails leaves no temporary file of any part', async () => {
    const xmp = keptOf('a.jpg.xmp', DEVELOPED)
    const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#147' } })
      .png()
      .toBuffer()
    writeFileSync(join(temps, '71-1-0.part'), 'of another task')
    const parts: ItemPart[] = [
      { role: 'primary', copies: [copyOf('a.jpg', photo, { xmp })] },
      { role: 'edited', copies: [copyOf('a-edited.png', png)] },
    ]
    // The tool is needed for a PNG, and fails.
    await assert.rejects(run(parts), /exiftool is not needed/u)
    assert.deepEqual(readdirSync(temps), ['71-1-0.part'])
  })

  test('what is no media is ignored and leaves no temporary file', async () => {
    const { parts } = await run([{ role: 'primary', copies: [copyOf('a.dat', 'hello')] }])
    assert.equal(parts[0]?.copies[0]?.outcome, 'ignored')
    assert.equal(existsSync(join(temps, '7-1-0.part')), false)
  })
})
