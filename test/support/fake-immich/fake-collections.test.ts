import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { ask, sha1Of, upload } from './fake-client.ts'
import { type FakeImmich, startFakeImmich } from './fake-immich.ts'

const UNKNOWN_ID = '11111111-1111-4111-8111-111111111111'

let fake: FakeImmich

before(async () => {
  fake = await startFakeImmich()
})
after(async () => {
  await fake.close()
  assert.deepEqual(
    fake.state.violations.filter(({ kind }) => kind === 'bug-in-fake'),
    [],
  )
})

async function newAsset(name = 'a.jpg', fields: Record<string, string> = {}): Promise<string> {
  const { status, body } = await upload(fake, randomBytes(100), name, { fields })
  assert.equal(status, 201)
  return body.id
}

async function newAlbum(assetIds: readonly string[] = []): Promise<string> {
  return (await ask(fake, 'POST', '/albums', { albumName: 'Trip', assetIds })).body.id
}

describe('albums', () => {
  test('answer an outcome for each asset', async () => {
    const [a, b] = [await newAsset(), await newAsset()]
    const album = await newAlbum([a])
    const added = await ask(fake, 'PUT', `/albums/${album}/assets`, { ids: [a, b, UNKNOWN_ID] })
    assert.deepEqual(added.body, [
      { id: a, success: false, error: 'duplicate' },
      { id: b, success: true },
      { id: UNKNOWN_ID, success: false, error: 'no_permission' },
    ])
    const removed = await ask(fake, 'DELETE', `/albums/${album}/assets`, { ids: [a, UNKNOWN_ID] })
    assert.deepEqual(removed.body, [
      { id: a, success: true },
      { id: UNKNOWN_ID, success: false, error: 'not_found' },
    ])
    assert.equal((await ask(fake, 'GET', `/albums/${album}`)).body.assetCount, 1)
    const many = await ask(fake, 'PUT', '/albums/assets', { albumIds: [album], assetIds: [b] })
    assert.deepEqual(many.body, { success: false, error: 'duplicate' })
  })

  test('may share a name, and unknown ones are 400', async () => {
    const [one, two] = [await newAlbum(), await newAlbum()]
    assert.notEqual(one, two)
    const { status, body } = await ask(fake, 'GET', `/albums/${UNKNOWN_ID}`)
    assert.deepEqual([status, body.message], [400, 'Not found or no album.read access'])
    assert.equal((await ask(fake, 'GET', '/albums/trip')).status, 400)
  })

  test('list what is owned or shared, in the shape of the version', async () => {
    const guest = fake.state.addUser('bob')
    const { secret } = fake.addKey(['all'], guest.id)
    const id = await newAlbum([await newAsset()])
    fake.state.albums.get(id)?.sharedWith.add(guest.id)
    const asGuest = { 'x-api-key': secret }
    const all = await ask(fake, 'GET', '/albums', undefined, asGuest)
    assert.deepEqual(
      all.body.map((album: { id: string }) => album.id),
      [id],
    )
    assert.equal(all.body[0].albumUsers[0].role, 'owner')
    assert.equal('ownerId' in all.body[0], false)
    assert.deepEqual((await ask(fake, 'GET', '/albums?isOwned=true', undefined, asGuest)).body, [])
    fake.version = '2.5.6'
    const old = await ask(fake, 'GET', `/albums/${id}`)
    fake.version = '3.2.2'
    const next = await ask(fake, 'GET', `/albums/${id}`)
    fake.version = '3.1.0'
    assert.deepEqual([all.body[0].description, next.body.description], ['', null])
    assert.deepEqual([old.body.ownerId, old.body.assets.length], [fake.user.id, 1])
  })
})

describe('bulk changes', () => {
  test('are all or nothing', async () => {
    const id = await newAsset()
    const bad = await ask(fake, 'PUT', '/assets', { ids: [id, UNKNOWN_ID], isFavorite: true })
    assert.deepEqual([bad.status, bad.body.message], [400, 'Not found or no asset.update access'])
    assert.equal(fake.state.assets.get(id)?.isFavorite, false)
    assert.equal((await ask(fake, 'PUT', '/assets', { ids: [id], isFavorite: true, rating: 5 })).status, 204)
    assert.deepEqual([fake.state.assets.get(id)?.isFavorite, fake.state.assets.get(id)?.rating], [true, 5])
    assert.equal((await ask(fake, 'PUT', '/assets', { ids: [id], rating: 9 })).status, 400)
  })

  test('tags are made with their parents, and found through them', async () => {
    const id = await newAsset()
    const { body: leaves } = await ask(fake, 'PUT', '/tags', { tags: ['A/B', 'A/B'] })
    assert.deepEqual(
      leaves.map((tag: { value: string }) => tag.value),
      ['A/B'],
    )
    const pairs = { tagIds: [leaves[0].id], assetIds: [id, UNKNOWN_ID] }
    assert.deepEqual((await ask(fake, 'PUT', '/tags/assets', pairs)).body, { count: 1 })
    assert.deepEqual((await ask(fake, 'PUT', '/tags/assets', pairs)).body, { count: 0 })
    const found = await ask(fake, 'POST', '/search/metadata', { tagIds: [leaves[0].parentId] })
    assert.deepEqual(
      found.body.assets.items.map((asset: { id: string }) => asset.id),
      [id],
    )
    const tooMany = { tagIds: Array(200).fill(leaves[0].id), assetIds: Array(200).fill(id) }
    assert.equal((await ask(fake, 'PUT', '/tags/assets', tooMany)).status, 500)
  })

  test('the first of a stack leads it, and stacking it again takes the old one in', async () => {
    const [a, b, c] = [await newAsset(), await newAsset(), await newAsset()]
    assert.equal((await ask(fake, 'POST', '/stacks', { assetIds: [a] })).status, 400)
    await ask(fake, 'POST', '/stacks', { assetIds: [a, b] })
    const { body } = await ask(fake, 'POST', '/stacks', { assetIds: [a, c] })
    const found = await ask(fake, 'GET', `/stacks?primaryAssetId=${a}`)
    assert.deepEqual(
      found.body.map((stack: { id: string }) => stack.id),
      [body.id],
    )
    assert.deepEqual(
      found.body[0].assets.map((asset: { id: string }) => asset.id).toSorted(),
      [a, b, c].toSorted(),
    )
    assert.equal((await ask(fake, 'GET', `/assets/${b}`)).body.stack.assetCount, 3)
    assert.equal((await ask(fake, 'DELETE', '/stacks', { ids: [body.id] })).status, 204)
    assert.equal(fake.state.assets.get(a)?.stackId, undefined)
  })

  test('metadata of assets is kept by key', async () => {
    const id = await newAsset()
    const items = [{ assetId: id, key: 'heirloom', value: { run: 1 } }]
    assert.equal((await ask(fake, 'PUT', '/assets/metadata', { items })).status, 200)
    assert.deepEqual(fake.state.assets.get(id)?.metadata.get('heirloom'), { run: 1 })
  })
})

describe('search', () => {
  test('pages through an album', async () => {
    const ids: string[] = []
    for (let i = 0; i < 5; i += 1) ids.push(await newAsset(`s${i}.jpg`))
    const album = await newAlbum(ids)
    const seen: string[] = []
    for (let page: number | null = 1; page !== null; ) {
      const { body } = await ask(fake, 'POST', '/search/metadata', { albumIds: [album], size: 2, page })
      seen.push(...body.assets.items.map((asset: { id: string }) => asset.id))
      assert.equal(body.assets.total, body.assets.items.length)
      page = body.assets.nextPage === null ? null : Number(body.assets.nextPage)
    }
    assert.deepEqual(seen.toSorted(), ids.toSorted())
    assert.equal((await ask(fake, 'POST', '/search/metadata', { size: 1001 })).status, 400)
    assert.deepEqual((await ask(fake, 'POST', '/search/statistics', { albumIds: [album] })).body, {
      total: 5,
    })
  })

  test('leaves the trash out unless asked for', async () => {
    const data = randomBytes(77)
    const { id } = (await upload(fake, data, 't.jpg')).body
    await ask(fake, 'DELETE', '/assets', { ids: [id] })
    const find = async (more: object): Promise<number> =>
      (await ask(fake, 'POST', '/search/metadata', { checksum: sha1Of(data), ...more })).body.assets.items
        .length
    assert.deepEqual([await find({}), await find({ withDeleted: true })], [0, 1])
    assert.deepEqual([await find({ trashedAfter: '2020-01-01T00:00:00Z' })], [1])
  })
})
