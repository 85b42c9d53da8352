import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { byName, ROOT, read, TAKEN, TRIP, YEAR } from '../../../test/support/google-photos-reading.ts'

describe('read: albums', () => {
  test('knows albums by their content, year folders by theirs', async () => {
    const { albums, items } = await read({
      [`${TRIP} d_/any.json`]: { title: 'Trip d&#39;été', description: 'South', date: {} },
      [`${TRIP} d_/a.jpg`]: 1,
      [`${YEAR}/metadata.json`]: { title: 'Photos from 2021', date: {} },
      [`${YEAR}/b.jpg`]: 1,
      [`${ROOT}/Kuvat 2021/c.jpg`]: 1,
      [`${ROOT}/Kuvat 2021/c.jpg.json`]: { ...TAKEN, title: 'c.jpg' },
      [`${ROOT}/Rome 1999/d.jpg`]: 1,
      [`${ROOT}/Rome 1999/d.jpg.json`]: { ...TAKEN, title: 'd.jpg' },
    })
    assert.deepEqual(albums, [
      { key: `${ROOT}/Rome 1999`, title: 'Rome 1999' },
      { key: `${TRIP} d_`, title: "Trip d'été", description: 'South' },
    ])
    assert.deepEqual(byName(items, 'a.jpg').albums, [`${TRIP} d_`])
    assert.equal(byName(items, 'c.jpg').taken[1]?.local, '2021-01-01T00:00:00')
    assert.deepEqual(byName(items, 'b.jpg').albums, [])
  })

  test('an album without a title has the name of its folder, or of a memory that lost its quotes', async () => {
    const { albums } = await read({
      [`${ROOT}/Untitled(3)/metadata.json`]: { title: '' },
      [`${ROOT}/The _best_ day/a.jpg`]: 1,
      [`${ROOT}/user-generated-memory-titles.json`]: { title: ['The "best" day'] },
    })
    assert.deepEqual(
      albums.map(({ title }) => title),
      ['The "best" day', 'Untitled(3)'],
    )
  })

  test('an album without its file is remarked, unless it never had a title', async () => {
    const { albums, remarks } = await read({ [`${ROOT}/Sans titre(2)/a.jpg`]: 1, [`${TRIP}/b.jpg`]: 1 })
    assert.equal(albums.length, 2)
    const missing = remarks.filter(({ code }) => code === 'album-file-missing')
    assert.deepEqual(
      missing.map(({ path }) => path),
      [TRIP],
    )
  })

  test('an album position is the last resort', async () => {
    const { items } = await read({
      [`${TRIP}/metadata.json`]: {
        title: 'Trip',
        enrichments: [
          { locationEnrichment: { location: [{ latitudeE7: 10_000_000, longitudeE7: 20_000_000 }] } },
        ],
      },
      [`${TRIP}/a.jpg`]: 1,
      [`${TRIP}/a.jpg.json`]: { ...TAKEN, title: 'a.jpg', geoData: { latitude: 0, longitude: 0 } },
    })
    assert.deepEqual(items[0]?.position, { latitude: 1, longitude: 2 })
  })

  test('a JSON without picture makes the picture of its year a member of its album', async () => {
    const asset = { ...TAKEN, title: 'a.jpg' }
    const { items, nonMedia, remarks } = await read({
      [`${TRIP}/metadata.json`]: { title: 'Trip' },
      [`${TRIP}/a.jpg.json`]: asset,
      [`${TRIP}/gone.jpg.json`]: { ...TAKEN, title: 'gone.jpg' },
      [`${YEAR}/a.jpg`]: 1,
      [`${YEAR}/a.jpg.json`]: asset,
    })
    assert.deepEqual(items[0]?.albums, [TRIP])
    assert.deepEqual(
      remarks.map(({ code, path }) => [code, path]),
      [
        ['sidecar-without-media', `${TRIP}/gone.jpg.json`],
        ['album-members-missing', TRIP],
      ],
    )
    assert.equal(nonMedia.find(({ entry }) => entry.path === `${TRIP}/a.jpg.json`)?.outcome, 'sidecar')
  })
})
