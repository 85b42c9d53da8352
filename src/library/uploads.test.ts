import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, test } from 'node:test'
import { addToAlbum, putAlbum } from './albums.ts'
import { insertAsset, type NewAsset } from './catalog.ts'
import { openExport, settleWithAsset } from './ledger.ts'
import {
  countAlbums,
  linkAlbum,
  listMembers,
  listOpenAlbums,
  planMembers,
  settleMembers,
} from './server-albums.ts'
import { listOpenStacks, planStacks, settleStack } from './server-stacks.ts'
import { memoryLibrary, planOne, sampleAsset, sha1Of } from './testing/sample-assets.ts'
import { listFamilies } from './upload-families.ts'
import {
  countUploads,
  failUploads,
  findUpload,
  listFailedUploads,
  listUntold,
  openServer,
  recordTold,
  recordUploads,
  type Upload,
} from './uploads.ts'

const NOTHING = { favourite: false, archived: false }

let db: DatabaseSync
let serverId: number

beforeEach(() => {
  db = memoryLibrary()
  serverId = openServer(db, { address: 'http://nas:2283', userId: 'ada', now: 1 })
})

function add(text: string, changes: Partial<NewAsset> = {}): number {
  const { assetId } = insertAsset(db, sampleAsset(text, changes))
  const exportId = changes.exportId ?? 1
  settleWithAsset(db, { fileId: planOne(db, text, 10, exportId), assetId, now: 2 })
  return assetId
}

function record(assetId: number, upload: Partial<Upload> = {}): void {
  const one: Upload = {
    assetId,
    state: 'uploaded',
    remoteId: `r${assetId}`,
    sha1: sha1Of('x'),
    told: NOTHING,
    ...upload,
  }
  recordUploads(db, serverId, [one], 5)
}

describe('openServer', () => {
  test('is the same server by another address', () => {
    const again = openServer(db, { address: 'https://photos.example.com', userId: 'ada', now: 2 })
    assert.equal(again, serverId)
  })

  test('is another one for another user, and for one that nobody knows', () => {
    const ids = [
      openServer(db, { address: 'http://nas:2283', userId: 'ben', now: 2 }),
      openServer(db, { address: 'http://nas:2283', now: 2 }),
      openServer(db, { address: 'http://other:2283', now: 2 }),
    ]
    assert.equal(new Set([...ids, serverId]).size, 4)
    assert.equal(openServer(db, { address: 'http://nas:2283', now: 3 }), ids[1])
  })
})

describe('recordUploads', () => {
  test('of a page records the same as one by one, whatever was known before', () => {
    const ids = ['a', 'b', 'c', 'd', 'e'].map((text) => add(text))
    const [known, other, fresh, told, twice] = ids as [number, number, number, number, number]
    const lost = 99_999
    const one = (assetId: number, changes: Partial<Upload> = {}): Upload => ({
      assetId,
      state: 'present',
      remoteId: `r${assetId}`,
      sha1: sha1Of('y'),
      ...changes,
    })
    const page: readonly Upload[] = [
      one(known),
      one(other, { remoteId: 'moved' }),
      one(fresh),
      one(told, { told: NOTHING }),
      one(twice, { state: 'uploaded' }),
      one(twice),
      { assetId: lost, state: 'unsupported' },
    ]
    const rows = (): unknown[] => db.prepare('SELECT * FROM uploads ORDER BY asset_id').all()
    const prepare = (): void => {
      db.exec('DELETE FROM uploads')
      record(known)
      record(other)
    }
    prepare()
    for (const upload of page) recordUploads(db, serverId, [upload], 7)
    const expected = rows()
    assert.equal(expected.length, 5)
    prepare()
    recordUploads(db, serverId, page, 7)
    assert.deepEqual(rows(), expected)
    assert.throws(() => recordUploads(db, serverId, [one(fresh), { ...one(told), sha1: 'abc' }], 7), /SHA-1/u)
  })

  test('keeps what is known, and reads it back', () => {
    const id = add('a')
    const told = { favourite: true, archived: false, caption: 'Sea', rating: 4 }
    const error = { code: 'a/b', message: 'c', recovery: 'retry' } as const
    record(id, { told, error })
    assert.deepEqual(findUpload(db, serverId, id), {
      assetId: id,
      state: 'uploaded',
      remoteId: `r${id}`,
      sha1: sha1Of('x'),
      told,
      error,
    })
  })

  test('what we sent stays ours when a repeat finds it there', () => {
    const id = add('a')
    record(id)
    const { told: _none, ...found } = {
      assetId: id,
      state: 'present' as const,
      remoteId: `r${id}`,
      told: NOTHING,
    }
    recordUploads(db, serverId, [found], 6)
    const { state, told } = findUpload(db, serverId, id) ?? {}
    assert.deepEqual([state, told], ['uploaded', NOTHING])
  })

  test('what is on the server under another id is not told anything yet, and in no album', () => {
    const id = add('a')
    record(id)
    planMembers(db, serverId, [{ name: 'Trip', assetId: id }])
    settleMembers(db, 1, [{ assetId: id, state: 'done' }])
    recordUploads(db, serverId, [{ assetId: id, state: 'present', remoteId: 'other' }], 6)
    assert.equal(findUpload(db, serverId, id)?.told, undefined)
    assert.deepEqual(listMembers(db, { albumId: 1, state: 'planned', after: 0, limit: 9 }), [
      { assetId: id, remoteId: 'other' },
    ])
  })

  test('a failure takes nothing away', () => {
    const [there, never] = [add('a'), add('b')]
    record(there)
    const error = { code: 'a/b', message: 'c', recovery: 'retry' } as const
    failUploads(db, { serverId, assetIds: [there, never], error }, 7)
    assert.equal(findUpload(db, serverId, there)?.state, 'uploaded')
    assert.deepEqual(
      listFailedUploads(db, { serverId, after: 0, limit: 9 }).map(({ assetId, error: why }) => [
        assetId,
        why?.code,
      ]),
      [[never, 'a/b']],
    )
    assert.deepEqual(countUploads(db, { serverId, exportName: 'google-anna-20240101' }), {
      uploaded: 1,
      present: 0,
      trashed: 0,
      unsupported: 0,
      failed: 1,
    })
  })

  test('records nothing of an asset that is lost', () => {
    record(99)
    assert.equal(findUpload(db, serverId, 99), undefined)
  })

  test('goes with its asset', () => {
    const id = add('a')
    record(id)
    db.exec(`DELETE FROM files; DELETE FROM assets`)
    assert.equal(findUpload(db, serverId, id), undefined)
  })
})

describe('listFamilies', () => {
  test('tells each word and number exactly, and leaves out what is not known', () => {
    const told = {
      caption: 'a "b" \\ \n\u0000\u2028 é😀 {"x":null}',
      originalName: "IMG'1.jpg",
      keywords: ['x|y', 'null', '"'],
      people: ['Åsa'],
      rating: 4,
      cameraLocal: '2019',
      position: { latitude: 0.1 + 0.2, longitude: -179.1 / 7, altitudeM: 1 / 3 },
      taken: {
        at: 1,
        local: '1970-01-01T00:00:00',
        precision: 'second',
        source: 'file-time',
        detail: 'x',
        zone: 'unknown',
      },
    } as const
    const id = add('told', { ...told, archived: true, trashed: true })
    const words = { favourite: false, archived: true, caption: 'null' }
    record(id, { told: words })
    const [family] = listFamilies(db, { serverId, after: 0, limit: 9 })
    const { sizeBytes, createdAt, platform, ...asset } = family?.assets[0] ?? assert.fail('no asset')
    assert.deepEqual([typeof sizeBytes, typeof createdAt, typeof platform], ['number', 'number', 'string'])
    const { writtenSha1, sourceSha1, path, format, ...rest } = asset
    const row = db.prepare('SELECT * FROM assets').get()
    assert.deepEqual(
      [writtenSha1, sourceSha1],
      [row?.['written_sha1'], row?.['source_sha1']].map((hash) =>
        Buffer.from(hash as Uint8Array).toString('hex'),
      ),
    )
    assert.deepEqual([path, format], [row?.['path'], row?.['format']])
    assert.deepEqual(rest, {
      ...told,
      id,
      role: 'primary',
      exportName: 'google-anna-20240101',
      user: 'anna',
      favourite: false,
      archived: true,
      trashed: true,
      knowsMore: false,
      albums: [],
      record: { state: 'uploaded', remoteId: `r${id}`, told: words },
    })
  })

  const ids = (page: Partial<Parameters<typeof listFamilies>[1]> = {}): number[][] =>
    listFamilies(db, { serverId, after: 0, limit: 99, ...page }).map(({ assets }) =>
      assets.map(({ id }) => id),
    )

  test('keeps together what belongs together, the primary first', () => {
    const raw = add('raw', { role: 'raw' })
    const primary = add('primary')
    const edited = add('edited', { role: 'edited', primaryAssetId: primary })
    db.prepare('UPDATE assets SET primary_asset_id = ? WHERE id = ?').run(primary, raw)
    const alone = add('alone')
    assert.deepEqual(ids(), [[primary, raw, edited], [alone]])
    assert.deepEqual(ids({ limit: 1 }), [[primary, raw, edited]])
    assert.deepEqual(ids({ after: primary }), [[alone]])
  })

  test('loses nothing where companions have companions, even in a ring', () => {
    const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((text) => add(text))
    const link = db.prepare('UPDATE assets SET primary_asset_id = ? WHERE id = ?')
    for (const [primary, id] of [
      [a, b],
      [b, c],
      [e, d],
      [d, e],
    ])
      link.run(primary ?? 0, id ?? 0)
    const all = ids().flat()
    assert.deepEqual(all.toSorted(), [a, b, c, d, e])
  })

  test('of an export has what it has a file of, also as a duplicate or a companion', () => {
    const { id: other } = openExport(db, { name: 'google-ben-20240101', inputs: ['/x'], now: 1 })
    const mine = add('mine')
    const shared = add('shared')
    settleWithAsset(db, { fileId: planOne(db, 'again', 10, other), assetId: shared, now: 3 })
    const primary = add('primary')
    const edited = add('edited', { role: 'edited', primaryAssetId: primary, exportId: other })
    assert.deepEqual(ids({ exportName: 'google-ben-20240101' }), [[shared], [primary, edited]])
    assert.deepEqual(ids({ exportName: 'google-anna-20240101' }), [[mine], [shared], [primary, edited]])
  })

  test('tells albums of all exports, whose they are, and what the server has', () => {
    const { id: other } = openExport(db, { name: 'google-ben-20240101', inputs: ['/x'], now: 1 })
    const id = add('a', { favourite: true })
    addToAlbum(db, putAlbum(db, { exportId: 1, key: 'k', title: 'Trip', description: 'Sea' }), id)
    addToAlbum(db, putAlbum(db, { exportId: other, key: 'k', title: 'Journey' }), id)
    insertAsset(db, sampleAsset('a', { caption: 'new', exportId: other }))
    record(id)
    const [asset] = listFamilies(db, { serverId, after: 0, limit: 9 })[0]?.assets ?? []
    assert.deepEqual(asset?.albums, [
      { title: 'Trip', description: 'Sea', exportName: 'google-anna-20240101', user: 'anna' },
      { title: 'Journey', exportName: 'google-ben-20240101', user: 'ben' },
    ])
    assert.deepEqual([asset?.favourite, asset?.knowsMore, asset?.user], [true, true, 'anna'])
    assert.equal(asset?.record?.remoteId, `r${id}`)
    const elsewhere = openServer(db, { address: 'http://other', now: 1 })
    assert.equal(
      listFamilies(db, { serverId: elsewhere, after: 0, limit: 9 })[0]?.assets[0]?.record,
      undefined,
    )
  })
})

describe('listUntold', () => {
  test('is what the catalog says and the server was not told', () => {
    const [quiet, told, untold, clip] = [
      add('quiet'),
      add('told', { caption: 'Sea', rating: 3, favourite: true, archived: true }),
      add('untold', { caption: 'Sea' }),
      add('clip', { role: 'live-video', favourite: true }),
    ]
    for (const id of [quiet, untold, clip]) record(id)
    record(told, { told: { favourite: true, archived: true, caption: 'Sea', rating: 3 } })
    const page = { serverId, after: 0, limit: 9 }
    assert.deepEqual(
      listUntold(db, page).map(({ assetId }) => assetId),
      [untold],
    )
    recordTold(db, serverId, [{ assetId: untold, told: { ...NOTHING, caption: 'Sea' } }])
    assert.deepEqual(listUntold(db, page), [])
  })
})

describe('albums of a server', () => {
  test('are open while they lack what is on the server', () => {
    const [a, b] = [add('a'), add('b')]
    planMembers(db, serverId, [
      { name: 'Trip', assetId: a },
      { name: 'Trip', assetId: b, description: 'Sea' },
    ])
    const page = { serverId, after: 0, limit: 9 }
    assert.deepEqual(listOpenAlbums(db, page), [])
    record(a)
    assert.deepEqual(listOpenAlbums(db, page), [
      { id: 1, name: 'Trip', state: 'planned', description: 'Sea' },
    ])
    linkAlbum(db, 1, 'remote')
    settleMembers(db, 1, [{ assetId: a, state: 'done' }])
    assert.deepEqual(listOpenAlbums(db, page), [])
    const count = { id: 1, name: 'Trip', remoteId: 'remote', planned: 2, done: 1, refused: 0, waiting: 1 }
    assert.deepEqual(countAlbums(db, page), [count])
    assert.deepEqual(countAlbums(db, { ...page, exportName: 'google-anna-20240101' }), [count])
    assert.deepEqual(countAlbums(db, { ...page, exportName: 'google-ben-20240101' }), [])
    record(b, { state: 'trashed' })
    assert.deepEqual(countAlbums(db, page), [{ ...count, planned: 1, waiting: 0 }])
  })

  test('of another id have all to come again', () => {
    const a = add('a')
    record(a)
    planMembers(db, serverId, [{ name: 'Trip', assetId: a }])
    linkAlbum(db, 1, 'first')
    settleMembers(db, 1, [{ assetId: a, state: 'done' }])
    linkAlbum(db, 1, 'first')
    assert.equal(listMembers(db, { albumId: 1, state: 'done', after: 0, limit: 9 }).length, 1)
    linkAlbum(db, 1, 'second')
    assert.equal(listMembers(db, { albumId: 1, state: 'planned', after: 0, limit: 9 }).length, 1)
  })
})

describe('stacks of a server', () => {
  const page = { serverId: 1, after: 0, limit: 9 }

  test('are open when two of them are there, in the planned order', () => {
    const [a, b, c] = [add('a'), add('b'), add('c')]
    planStacks(db, serverId, [{ assetId: a, members: [c, a, b] }])
    record(a)
    assert.deepEqual(listOpenStacks(db, page), [])
    record(c, { state: 'present' })
    assert.deepEqual(listOpenStacks(db, page), [
      { assetId: a, state: 'planned', remoteIds: [`r${c}`, `r${a}`], isFresh: false },
    ])
  })

  test('are open again for a member that could not be sent before', () => {
    const [a, b, c] = [add('a'), add('b'), add('c')]
    const stack = { assetId: a, members: [b, a, c] }
    planStacks(db, serverId, [stack])
    for (const id of [a, b]) record(id)
    settleStack(db, serverId, a, { state: 'done', remoteId: 's' })
    planStacks(db, serverId, [{ assetId: a, members: [b, a] }])
    assert.deepEqual(listOpenStacks(db, page), [])
    record(c)
    planStacks(db, serverId, [stack])
    assert.deepEqual(listOpenStacks(db, page), [
      { assetId: a, state: 'planned', remoteId: 's', remoteIds: [`r${b}`, `r${a}`, `r${c}`], isFresh: true },
    ])
  })

  test('that were left are not asked about again', () => {
    const [a, b] = [add('a'), add('b')]
    for (const id of [a, b]) record(id)
    planStacks(db, serverId, [{ assetId: a, members: [b, a] }])
    settleStack(db, serverId, a, { state: 'left' })
    planStacks(db, serverId, [{ assetId: a, members: [b, a] }])
    assert.deepEqual(listOpenStacks(db, page), [])
  })
})
