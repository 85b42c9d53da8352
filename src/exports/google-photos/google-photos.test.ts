import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  AT,
  byName,
  type Files,
  listingOf,
  ROOT,
  read,
  readListing,
  TAKEN,
  TRIP,
  YEAR,
} from '../../../test/support/google-photos-reading.ts'
import { googlePhotos } from './google-photos.ts'

describe('claim', () => {
  const FOUND: readonly (readonly [layout: string, exportName: string, paths: readonly string[]])[] = [
    ['as delivered', 'takeout', ['Takeout/Google Photos/Trip/a.jpg']],
    ['without its first level', 'x', ['Google Photos/Trip/a.jpg']],
    ['in another language', 'x', ['Takeout/Google Fotos/Fotos von 2021/a.jpg']],
    ['in decomposed Unicode', 'x', [`Takeout/${'Google Fotoğraflar'.normalize('NFD')}/x/a.jpg`]],
    ['the container itself, by name', 'Google Photos', ['Trip/a.jpg']],
    [
      'the container itself, by a year folder',
      'x',
      ['Photos from 2021/a.jpg', 'Photos from 2021/a.jpg.json', 'Trip/b.jpg'],
    ],
    [
      'an unknown container, by a year folder',
      'x',
      ['T/Гугл/Fotos aus 2021/a.jpg', 'T/Гугл/Fotos aus 2021/a.jpg.json', 'T/Гугл/x/b.jpg'],
    ],
    ['a single album', 'Trip', ['a.jpg', 'a.jpg.supplemental-metadata.json']],
    [
      'unpacked part by part',
      'x',
      ['takeout-001/Takeout/Google Photos/T/a.jpg', 'takeout-002/Takeout/Google Photos/T/b.jpg'],
    ],
    ['a single album of old', 'Trip', ['a.jpg', 'a.jpg.json', 'metadata.json']],
    ['nested folders', 'x', ['Google Photos/A/B/C/a.jpg']],
  ]
  for (const [layout, exportName, paths] of FOUND) {
    test(`finds ${layout}`, () => {
      const claimed = googlePhotos.claim(
        listingOf(Object.fromEntries(paths.map((path) => [path, 1])), exportName),
      )
      assert.deepEqual(claimed.map(({ path }) => path).toSorted(), paths.toSorted())
    })
  }

  test('leaves what is not of Google Photos', () => {
    const files = { 'Takeout/Drive/a.jpg': 1, 'Takeout/archive_browser.html': 1, [`${TRIP}/a.jpg`]: 1 }
    const claimed = googlePhotos.claim(listingOf(files)).map(({ path }) => path)
    assert.deepEqual(claimed, ['Takeout/archive_browser.html', `${TRIP}/a.jpg`])
  })

  test('claims nothing of a plain folder', () => {
    const files = {
      'Photos from 2021/a.jpg': 1,
      'x/b.jpg': 1,
      'x/b.jpg.json': '{}',
      'archive_browser.html': 1,
    }
    assert.deepEqual(googlePhotos.claim(listingOf(files)), [])
  })
})

describe('read', () => {
  test('gives a picture all that its JSON says', async () => {
    const { items } = await read({
      [`${YEAR}/a.jpg`]: 1,
      [`${YEAR}/a.jpg.json`]: {
        ...TAKEN,
        title: 'a.jpg',
        description: 'Lake',
        people: [{ name: 'Ann' }],
        favorited: true,
      },
    })
    assert.deepEqual(
      items.map(({ primary, ...item }) => ({ ...item, pairing: primary.pairing })),
      [
        {
          companions: [],
          taken: [
            { source: 'export', detail: 'photoTakenTime', at: AT, precision: 'second' },
            { source: 'folder-name', detail: 'year-folder', local: '2021-01-01T00:00:00', precision: 'year' },
          ],
          caption: 'Lake',
          people: ['Ann'],
          albums: [],
          title: 'a.jpg',
          favourite: true,
          pairing: { sidecar: `${YEAR}/a.jpg.json`, rule: 'plain', ambiguous: false },
        },
      ],
    )
  })

  test('keeps a picture whose JSON is broken, and names the JSON', async () => {
    const reading = await read({ [`${YEAR}/a.jpg`]: 1, [`${YEAR}/a.jpg.json`]: '{"title": "a.j' })
    assert.equal(reading.items.length, 1)
    assert.equal(reading.items[0]?.primary.pairing, undefined)
    const [failed] = reading.nonMedia
    assert.equal(failed?.outcome, 'failed')
  })

  test('keeps a picture whose JSON cannot be read', async () => {
    const listing = listingOf({ [`${YEAR}/a.jpg`]: 1, [`${YEAR}/a.jpg.json`]: '{}' })
    const reading = await readListing({
      ...listing,
      read: () => Promise.reject(new Error('disk on fire')),
    })
    assert.equal(reading.items.length, 1)
    assert.deepEqual(
      reading.nonMedia.map(({ outcome, ...rest }) => [outcome, 'reason' in rest && rest.reason]),
      [['failed', 'disk on fire']],
    )
  })

  test('does not read a JSON of absurd size', async () => {
    const listing = listingOf({ [`${YEAR}/a.jpg`]: 1, [`${YEAR}/a.jpg.json`]: '{}' })
    const entries = listing.entries.map((entry) => ({ ...entry, sizeBytes: 2 ** 40 }))
    const reading = await googlePhotos.read({ ...listing, entries, read: () => assert.fail('read') })
    assert.equal(reading.nonMedia[0]?.outcome, 'failed')
  })

  test('a JSON of another part describes the picture', async () => {
    const { items } = await read({
      'takeout-001/Takeout/Google Photos/Fotos de /a.jpg': 1,
      'takeout-002/Takeout/Google Photos/Fotos de/a.jpg.json': { ...TAKEN, title: 'a.jpg' },
    })
    assert.equal(items[0]?.taken[0]?.at, AT)
  })

  test('equal names of two parts are two pictures, each with the JSON beside it', async () => {
    const { items } = await read({
      '1/Google Photos/T/a.jpg': 1,
      '1/Google Photos/T/a.jpg.json': { ...TAKEN, title: 'a.jpg' },
      '2/Google Photos/T/a.jpg': 2,
      '2/Google Photos/T/a.jpg.json': { photoTakenTime: { timestamp: '5' }, title: 'a.jpg' },
    })
    assert.deepEqual(
      items.map(({ taken }) => taken[0]?.at),
      [AT, 5000],
    )
  })

  test('a copy without JSON borrows that of the same file elsewhere', async () => {
    const { items } = await read({
      [`${TRIP}/a.jpg`]: 77,
      [`${YEAR}/a.jpg`]: 77,
      [`${YEAR}/a.jpg.json`]: { ...TAKEN, title: 'a.jpg' },
    })
    assert.deepEqual(
      items.map(({ primary }) => primary.pairing?.rule),
      ['plain', 'copy-elsewhere'],
    )
    assert.equal(items[1]?.taken[0]?.at, AT)
  })

  test('a JSON that lies in another folder is found by its title when nothing else has that name', async () => {
    const { items } = await read({
      [`${YEAR}/a.jpg`]: 1,
      [`${ROOT}/2021 parts/a.jpg.json`]: { ...TAKEN, title: 'a.jpg' },
      [`${ROOT}/Photos from 1999/b.jpg`]: 1,
      [`${ROOT}/2021 parts/b.jpg.json`]: { ...TAKEN, title: 'b.jpg' },
    })
    assert.equal(byName(items, 'a.jpg').primary.pairing?.rule, 'title-elsewhere')
    assert.equal(byName(items, 'b.jpg').primary.pairing, undefined)
  })

  const COMPANIONS: readonly (readonly [
    what: string,
    files: Files,
    primary: string,
    companions: readonly string[],
  ])[] = [
    [
      'an edited copy',
      { 'a.jpg': 1, 'a-edited.jpg': 1, 'a.jpg.json': TAKEN },
      'a.jpg',
      ['edited a-edited.jpg'],
    ],
    [
      'an edited copy without any JSON',
      { 'a.jpg': 1, 'a-bearbeitet.jpg': 1 },
      'a.jpg',
      ['edited a-bearbeitet.jpg'],
    ],
    ['a live photo', { 'a.HEIC': 1, 'a.MOV': 1, 'a.HEIC.json': TAKEN }, 'a.HEIC', ['live-video a.MOV']],
    [
      'a live photo with two JSON',
      { 'a.HEIC': 1, 'a.MOV': 1, 'a.HEIC.json': TAKEN, 'a.MOV.json': TAKEN },
      'a.HEIC',
      ['live-video a.MOV'],
    ],
    [
      'a motion photo',
      { 'P.MP.jpg': 1, 'P.MP': 1, 'P.MP.jpg.json': TAKEN },
      'P.MP.jpg',
      ['motion-video P.MP'],
    ],
    [
      'a motion photo of old',
      { 'MVIMG_1.jpg': 1, MVIMG_1: 1, 'MVIMG_1.jpg.json': TAKEN },
      'MVIMG_1.jpg',
      ['motion-video MVIMG_1'],
    ],
    ['a raw file', { 'a.DNG': 1, 'a.JPG': 1, 'a.JPG.json': TAKEN }, 'a.JPG', ['raw a.DNG']],
    ['a raw file that has the JSON', { 'a.DNG': 1, 'a.JPG': 1, 'a.DNG.json': TAKEN }, 'a.JPG', ['raw a.DNG']],
    [
      'all at once',
      { 'a.HEIC': 1, 'a.MP4': 1, 'a-edited.jpg': 1, 'a.HEIC.json': TAKEN },
      'a.HEIC',
      ['edited a-edited.jpg', 'live-video a.MP4'],
    ],
  ]
  for (const [what, files, primary, companions] of COMPANIONS) {
    test(`${what} is one item`, async () => {
      const { items } = await read(
        Object.fromEntries(Object.entries(files).map(([name, file]) => [`${TRIP}/${name}`, file])),
      )
      assert.equal(items.length, 1)
      assert.equal(items[0]?.primary.entry.path, `${TRIP}/${primary}`)
      const found = items[0]?.companions.map(
        ({ role, entry }) => `${role} ${entry.path.slice(TRIP.length + 1)}`,
      )
      assert.deepEqual(found?.toSorted(), companions)
      assert.equal(
        items[0]?.taken[0]?.at,
        Object.keys(files).some((name) => name.endsWith('.json')) ? AT : undefined,
      )
    })
  }

  test('a video of another moment is an item of its own', async () => {
    const { items } = await read({
      [`${TRIP}/a.JPG`]: 1,
      [`${TRIP}/a.JPG.json`]: { ...TAKEN, title: 'a.JPG' },
      [`${TRIP}/a.MOV`]: 1,
      [`${TRIP}/a.MOV.json`]: { photoTakenTime: { timestamp: '5000' }, title: 'a.MOV' },
    })
    assert.equal(items.length, 2)
  })

  test('the state of a picture comes from its JSON and its folder', async () => {
    const { items, albums } = await read({
      [`${ROOT}/Archive/a.jpg`]: 1,
      [`${ROOT}/Papierkorb/b.jpg`]: 1,
      [`${ROOT}/Locked Folder/c.jpg`]: 1,
      [`${YEAR}/d.jpg`]: 1,
      [`${YEAR}/d.jpg.json`]: {
        ...TAKEN,
        title: 'd.jpg',
        trashed: true,
        googlePhotosOrigin: { fromPartnerSharing: {} },
      },
    })
    assert.deepEqual(albums, [])
    assert.equal(byName(items, 'a.jpg').archived, true)
    assert.equal(byName(items, 'b.jpg').trashed, true)
    assert.equal(byName(items, 'c.jpg').archived, true)
    assert.deepEqual([byName(items, 'd.jpg').trashed, byName(items, 'd.jpg').shared], [true, true])
  })

  test('leaves nothing out: every claimed entry is answered for once', async () => {
    const name = fc.constantFrom(
      'a',
      'a(1)',
      'a-edited',
      'b',
      '_DSC1',
      'P.MP',
      'x'.repeat(60),
      'metadata',
      '.hidden',
    )
    const extension = fc.constantFrom(
      '',
      '.jpg',
      '.HEIC',
      '.MOV',
      '.mp4',
      '.MP',
      '.dng',
      '.xyz',
      '.html',
      '.json',
      '.jpg.json',
    )
    const folder = fc.constantFrom(
      YEAR,
      TRIP,
      `${ROOT}/Trash`,
      ROOT,
      `${TRIP}/deep/er`,
      'b/Google Photos/Trip',
    )
    const content = fc.constantFrom<object | string>(
      TAKEN,
      { title: 'Trip' },
      { ...TAKEN, title: 'a.jpg' },
      {},
      '{',
      '[]',
    )
    const path = fc.tuple(folder, name, extension).map(([at, stem, end]) => `${at}/${stem}${end}`)
    await fc.assert(
      fc.asyncProperty(fc.dictionary(path, content, { maxKeys: 25 }), async (files) => {
        const listing = listingOf(files)
        const { items, nonMedia } = await readListing(listing)
        const media = items.flatMap(({ primary, companions }) => [primary, ...companions])
        const answered = [...media, ...nonMedia].map(({ entry }) => entry.path)
        assert.deepEqual(
          answered.toSorted(),
          googlePhotos
            .claim(listing)
            .map((entry) => entry.path)
            .toSorted(),
        )
      }),
    )
  })

  test('reads at most a few JSON at the same time', async () => {
    const numbers = Array.from({ length: 200 }, (_, index) => index)
    const listing = listingOf(
      Object.fromEntries(numbers.map((index) => [`${YEAR}/${index}.jpg.json`, TAKEN])),
    )
    let open = 0
    let most = 0
    await readListing({
      ...listing,
      read: async (entry) => {
        open += 1
        most = Math.max(most, open)
        await Promise.resolve()
        open -= 1
        return listing.read(entry)
      },
    })
    assert.ok(most > 1 && most <= 16, `${most} at once`)
  })
})
