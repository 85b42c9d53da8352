import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { ask, REQUIRED_FIELDS, sendForm, sha1Of, upload } from './fake-client.ts'
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

function kindsSince(start: number): string[] {
  return fake.state.violations.slice(start).map(({ kind }) => kind)
}

describe('keys', () => {
  test('a bad key is 401, a missing permission 403 and named', async () => {
    const bad = await ask(fake, 'GET', '/users/me', undefined, { 'x-api-key': 'wrong' })
    assert.equal(bad.status, 401)
    assert.equal(bad.body.message, 'Invalid API key')
    const key = fake.addKey(['album.read'])
    const scoped = await ask(fake, 'GET', '/users/me', undefined, { 'x-api-key': key.secret })
    assert.equal(scoped.status, 403)
    assert.match(scoped.body.message, /user\.read/u)
    const mine = await ask(fake, 'GET', '/api-keys/me', undefined, { 'x-api-key': key.secret })
    assert.deepEqual(mine.body.permissions, ['album.read'])
    assert.ok(mine.headers.get('x-correlation-id'))
  })

  test('a login gives a session, which is no API key', async () => {
    const { email, password } = fake.user
    const { status, body } = await ask(fake, 'POST', '/auth/login', { email, password }, {})
    assert.equal(status, 201)
    const bearer = { authorization: `Bearer ${body.accessToken}` }
    assert.equal((await ask(fake, 'GET', '/users/me', undefined, bearer)).status, 200)
    assert.equal((await ask(fake, 'GET', '/api-keys/me', undefined, bearer)).status, 403)
  })
})

describe('uploads', () => {
  test('equal bytes are one asset, told from the header or after the body', async () => {
    const data = randomBytes(200_000)
    const first = await upload(fake, data, 'x.jpg')
    assert.deepEqual([first.status, first.body.status], [201, 'created'])
    const early = await upload(fake, data, 'y.jpg')
    const late = await upload(fake, data, 'z.jpg', { checksum: undefined })
    for (const again of [early, late])
      assert.deepEqual(again.body, { id: first.body.id, status: 'duplicate' })
    const { sha1, sizeBytes, fileName } = fake.state.assets.get(first.body.id)!
    assert.deepEqual([sha1, sizeBytes, fileName], [sha1Of(data), 200_000, 'x.jpg'])
  })

  test('equal bytes at once are one asset', async () => {
    const data = randomBytes(50_000)
    const answers = await Promise.all(
      [1, 2, 3].map(() => upload(fake, data, 'r.jpg', { checksum: undefined })),
    )
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 200, 201])
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  })

  test('a wrong checksum is a violation, and the bytes count', async () => {
    const start = fake.state.violations.length
    const data = randomBytes(10)
    const { body } = await upload(fake, data, 'w.jpg', { checksum: sha1Of(randomBytes(10)) })
    assert.equal(fake.state.assets.get(body.id)?.sha1, sha1Of(data))
    assert.deepEqual(kindsSince(start), ['checksum-mismatch'])
  })

  test('empty files, unknown extensions and missing fields are 400', async () => {
    assert.equal((await upload(fake, Buffer.alloc(0), 'e.jpg')).status, 400)
    assert.equal((await upload(fake, randomBytes(9), 'e.txt')).status, 400)
    assert.equal((await sendForm(fake, [['assetData', randomBytes(9), 'e.jpg']])).status, 400)
    const fields = { ...REQUIRED_FIELDS, fileCreatedAt: 'yesterday' }
    assert.equal((await upload(fake, randomBytes(9), 'e.jpg', { fields })).status, 400)
  })

  test('`filename` decides for the parts that follow it', async () => {
    const entries = Object.entries(REQUIRED_FIELDS)
    const start = fake.state.violations.length
    const good = await sendForm(fake, [
      ...entries,
      ['sidecarData', Buffer.from('<x/>'), 's.xmp'],
      ['filename', 'good.jpg'],
      ['assetData', randomBytes(20), 'blob'],
    ])
    assert.equal(good.status, 201)
    const asset = fake.state.assets.get(good.body.id)
    assert.deepEqual([asset?.fileName, asset?.sidecar], ['good.jpg', '<x/>'])
    const late = await sendForm(fake, [
      ...entries,
      ['assetData', randomBytes(20), 'blob'],
      ['filename', 'l.jpg'],
    ])
    assert.equal(late.status, 400)
    const sidecarAfter = await sendForm(fake, [
      ...entries,
      ['filename', 'good.jpg'],
      ['sidecarData', Buffer.from('<x/>'), 's.xmp'],
      ['assetData', randomBytes(20), 'blob'],
    ])
    assert.equal(sidecarAfter.status, 400)
    assert.deepEqual(kindsSince(start), [])
  })

  test('the video of a live photo is hidden', async () => {
    const videoId = await newAsset('live.mov')
    const photoId = await newAsset('live.heic', {
      livePhotoVideoId: videoId,
      isFavorite: 'true',
      visibility: 'archive',
    })
    assert.equal(fake.state.assets.get(videoId)?.visibility, 'hidden')
    const { body } = await ask(fake, 'GET', `/assets/${photoId}`)
    assert.deepEqual([body.livePhotoVideoId, body.isFavorite, body.isArchived], [videoId, true, true])
    const { status } = await upload(fake, randomBytes(5), 'l.heic', {
      fields: { livePhotoVideoId: UNKNOWN_ID },
    })
    assert.equal(status, 400)
  })

  test('version 2 asks for the device, version 3 does not', async () => {
    fake.version = '2.5.6'
    try {
      const without = await upload(fake, randomBytes(30), 'v.jpg')
      assert.equal(without.status, 400)
      assert.deepEqual(without.body.message, [
        'deviceAssetId should not be empty',
        'deviceId should not be empty',
      ])
      const fields = { deviceAssetId: 'a', deviceId: 'b' }
      assert.equal((await upload(fake, randomBytes(30), 'v.jpg', { fields })).status, 201)
    } finally {
      fake.version = '3.1.0'
    }
  })
})

describe('bulk-upload-check', () => {
  test('knows hexadecimal and base64, and what lies in the trash', async () => {
    const data = randomBytes(60)
    const { id } = (await upload(fake, data, 'c.jpg')).body
    await ask(fake, 'DELETE', '/assets', { ids: [id] })
    const sha1 = sha1Of(data)
    const { body } = await ask(fake, 'POST', '/assets/bulk-upload-check', {
      assets: [
        { id: 'hex', checksum: sha1 },
        { id: 'base64', checksum: Buffer.from(sha1, 'hex').toString('base64') },
        { id: 'new', checksum: sha1Of(randomBytes(9)) },
      ],
    })
    const known = { action: 'reject', reason: 'duplicate', assetId: id, isTrashed: true }
    assert.deepEqual(body.results, [
      { id: 'hex', ...known },
      { id: 'base64', ...known },
      { id: 'new', action: 'accept' },
    ])
    assert.deepEqual((await ask(fake, 'POST', '/trash/restore/assets', { ids: [id] })).body, { count: 1 })
    assert.equal(fake.state.assets.get(id)?.deletedAt, undefined)
  })

  test('takes 65,533 checksums, and 500s one more', async () => {
    const checks = (count: number): unknown => ({
      assets: Array.from({ length: count }, (_, id) => ({ id: String(id), checksum: 'a'.repeat(40) })),
    })
    assert.equal((await ask(fake, 'POST', '/assets/bulk-upload-check', checks(65_533))).status, 200)
    assert.equal((await ask(fake, 'POST', '/assets/bulk-upload-check', checks(65_534))).status, 500)
  })

  test('a body above 10 MiB is 500', async () => {
    const { status, body } = await ask(fake, 'POST', '/albums', { albumName: 'x'.repeat(10 * 1024 * 1024) })
    assert.deepEqual([status, body.message], [500, 'Internal server error'])
  })
})
