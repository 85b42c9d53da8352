import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { FakeAnswer } from './fake-client.ts'
import { ask } from './fake-client.ts'
import { type FakeImmich, startFakeImmich } from './fake-immich.ts'
import type { FakeAsset } from './fake-state.ts'

const UNKNOWN_ID = '11111111-1111-4111-8111-111111111111'

let fake: FakeImmich
const started: FakeImmich[] = []

beforeEach(async () => {
  fake = await startFakeImmich()
  started.push(fake)
})
after(async () => {
  for (const one of started) {
    await one.close()
    assert.deepEqual(
      one.state.violations.filter(({ kind }) => kind === 'bug-in-fake'),
      [],
    )
  }
})

function photo(name: string, parts: Partial<FakeAsset> = {}): FakeAsset {
  return fake.state.addAsset({ ...parts, ownerId: parts.ownerId ?? fake.user.id, fileName: name })
}

async function found(body: object, headers?: Record<string, string>): Promise<string[]> {
  const answer = await ask(fake, 'POST', '/search/metadata', body, headers)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body.assets.items.map(
    ({ originalFileName }: { originalFileName: string }) => originalFileName,
  )
}

const bearer = (): Record<string, string> => ({ authorization: `Bearer ${fake.addSession().secret}` })

describe('dates', () => {
  test('a new one is in the EXIF at once, and elsewhere when the job has run', async () => {
    const old = '2024-05-06T07:08:09.000Z'
    const { id } = photo('a.jpg', { fileCreatedAt: old })
    const change = { ids: [id], dateTimeOriginal: '2021-03-04T00:00:00+01:00' }
    assert.equal((await ask(fake, 'PUT', '/assets', change)).status, 204)
    const before = (await ask(fake, 'GET', `/assets/${id}`)).body
    assert.deepEqual(
      [before.exifInfo.dateTimeOriginal, before.exifInfo.timeZone, before.fileCreatedAt],
      ['2021-03-03T23:00:00.000+00:00', 'UTC+1', old],
    )
    assert.equal(fake.state.runMetadataJobs(), 1)
    const { body } = await ask(fake, 'GET', `/assets/${id}`)
    assert.deepEqual(
      [body.fileCreatedAt, body.localDateTime],
      ['2021-03-03T23:00:00.000Z', '2021-03-04T00:00:00.000Z'],
    )
  })

  test('are shifted by minutes, and a shift is refused beside a date', async () => {
    const { id } = fake.state.addAsset({
      ownerId: fake.user.id,
      fileName: 'a.jpg',
      exif: { dateTimeOriginal: '2020-01-01T10:00:00Z' },
    })
    await ask(fake, 'PUT', '/assets', { ids: [id], dateTimeRelative: 90, timeZone: 'Europe/Oslo' })
    assert.deepEqual(
      [fake.state.assets.get(id)?.exif.dateTimeOriginal, fake.state.assets.get(id)?.exif.timeZone],
      ['2020-01-01T11:30:00.000Z', 'Europe/Oslo'],
    )
    const both = { ids: [id], dateTimeOriginal: '2020-01-01T10:00:00Z', dateTimeRelative: 1 }
    assert.equal((await ask(fake, 'PUT', '/assets', both)).status, 400)
    fake.version = '2.5.6'
    const zone = { ids: [id], dateTimeOriginal: '2020-01-01T10:00:00Z', timeZone: 'UTC' }
    assert.equal((await ask(fake, 'PUT', '/assets', zone)).status, 400)
  })
})

describe('flat search', () => {
  test('without visibility finds the timeline on 2.x, and all but the locked on 3.x', async () => {
    for (const visibility of ['timeline', 'archive', 'hidden', 'locked'] as const)
      photo(`${visibility}.jpg`, { visibility })
    assert.deepEqual((await found({})).toSorted(), ['archive.jpg', 'hidden.jpg', 'timeline.jpg'])
    assert.equal((await ask(fake, 'POST', '/search/metadata', { visibility: 'locked' })).status, 401)
    fake.version = '2.5.6'
    assert.deepEqual(await found({}), ['timeline.jpg'])
    assert.deepEqual(await found({ visibility: 'archive' }), ['archive.jpg'])
  })

  test('tells neither tags nor, unasked, EXIF and people', async () => {
    const asset = photo('a.jpg')
    asset.personIds.add(fake.state.addPerson(fake.user.id, 'Ida').id)
    const [plain] = (await ask(fake, 'POST', '/search/metadata', {})).body.assets.items
    const [whole] = (await ask(fake, 'POST', '/search/metadata', { withExif: true, withPeople: true })).body
      .assets.items
    assert.deepEqual(['exifInfo' in plain, 'people' in plain, 'tags' in plain], [false, false, false])
    assert.deepEqual(
      whole.people.map(({ name }: { name: string }) => name),
      ['Ida'],
    )
    assert.match(whole.originalPath, /a\.jpg$/u)
  })

  test('ignores what it does not know, such as the filter of 3.2', async () => {
    photo('a.jpg')
    const body = { filter: { isFavorite: { eq: true } } }
    assert.deepEqual(await found(body), ['a.jpg'])
    assert.equal('nextCursor' in (await ask(fake, 'POST', '/search/metadata', body)).body.assets, false)
  })
})

describe('the filter of 3.2', () => {
  beforeEach(() => {
    fake.version = '3.2.2'
  })

  test('finds what is in any, in all and in none', async () => {
    const [a, b, c] = [photo('a.jpg'), photo('b.jpg'), photo('c.jpg')]
    const one = fake.state.addAlbum({ ownerId: fake.user.id, name: 'one', assetIds: [a.id, b.id] })
    const two = fake.state.addAlbum({ ownerId: fake.user.id, name: 'two', assetIds: [b.id, c.id] })
    const albums = async (albumIds: object): Promise<string[]> =>
      (await found({ filter: { albumIds } })).toSorted()
    assert.deepEqual(await albums({ any: [one.id, two.id] }), ['a.jpg', 'b.jpg', 'c.jpg'])
    assert.deepEqual(await albums({ all: [one.id, two.id] }), ['b.jpg'])
    assert.deepEqual(await albums({ any: [one.id], none: [two.id] }), ['a.jpg'])
    const branches = { or: [{ id: { eq: a.id } }, { id: { eq: c.id } }] }
    assert.deepEqual((await found({ filter: branches })).toSorted(), ['a.jpg', 'c.jpg'])
  })

  test('finds the trashed and the hidden too, unless told otherwise', async () => {
    photo('shown.jpg')
    photo('hidden.mov', { visibility: 'hidden' })
    photo('trashed.jpg', { deletedAt: '2026-01-01T00:00:00.000Z' })
    assert.equal((await found({ filter: {} })).length, 3)
    const careful = { visibility: { in: ['timeline', 'archive'] }, trashedAt: { eq: null } }
    assert.deepEqual(await found({ filter: careful }), ['shown.jpg'])
  })

  test('refuses flat fields beside it, unknown ones, the locked, and albums of others', async () => {
    const theirs = fake.state.addAlbum({ ownerId: fake.state.addUser('bob').id, name: 'theirs' })
    const statusOf = async (body: object): Promise<number> =>
      (await ask(fake, 'POST', '/search/metadata', body)).status
    assert.equal(await statusOf({ filter: {}, page: 1 }), 400)
    assert.equal(await statusOf({ filter: {}, visibility: 'timeline' }), 400)
    assert.equal(await statusOf({ filter: { visibilty: { eq: 'timeline' } } }), 400)
    assert.equal(await statusOf({ filter: { albumIds: { any: [] } } }), 400)
    assert.equal(await statusOf({ filter: { albumIds: { any: [theirs.id] } } }), 400)
    assert.equal(await statusOf({ filter: { visibility: { in: ['locked'] } } }), 401)
    assert.equal(await statusOf({ filter: {}, cursor: 'nonsense' }), 400)
    assert.equal(await statusOf({ filter: {}, withExif: true, size: 1000 }), 200)
  })

  test('pages by a cursor', async () => {
    for (let i = 0; i < 5; i += 1) photo(`${i}.jpg`, { fileCreatedAt: `2024-01-0${i + 1}T00:00:00.000Z` })
    const seen: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: FakeAnswer = await ask(fake, 'POST', '/search/metadata', {
        filter: { takenAt: { gt: '2024-01-01T00:00:00Z' } },
        orderBy: { direction: 'asc' },
        size: 3,
        ...(cursor === '' ? {} : { cursor }),
      })
      seen.push(...page.body.assets.items.map((item: { originalFileName: string }) => item.originalFileName))
      cursor = page.body.assets.nextCursor ?? undefined
    }
    assert.deepEqual(seen, ['1.jpg', '2.jpg', '3.jpg', '4.jpg'])
  })
})

describe('albums', () => {
  test('list the days of their assets, and do not change when one leaves', async () => {
    const [a, b] = ['2024-02-03T23:30:00.000Z', '2024-02-09T01:00:00.000Z'].map((fileCreatedAt) =>
      photo('a.jpg', { fileCreatedAt }),
    )
    const album = fake.state.addAlbum({
      ownerId: fake.user.id,
      name: 'trip',
      updatedAt: '2024-03-01T00:00:00.000Z',
      assetIds: [a!.id, b!.id],
    })
    const [listed] = (await ask(fake, 'GET', '/albums')).body
    assert.deepEqual(
      [listed.startDate, listed.endDate, listed.assetCount],
      ['2024-02-03T00:00:00.000Z', '2024-02-09T00:00:00.000Z', 2],
    )
    await ask(fake, 'DELETE', `/albums/${album.id}/assets`, { ids: [b!.id] })
    const [later] = (await ask(fake, 'GET', '/albums')).body
    assert.deepEqual(
      [later.updatedAt, later.assetCount, later.endDate],
      [listed.updatedAt, 1, '2024-02-03T00:00:00.000Z'],
    )
  })

  test('are made with their guests, whose roles change and end', async () => {
    const [bob, cleo] = [fake.state.addUser('bob'), fake.state.addUser('cleo')]
    const albumUsers = [{ userId: bob.id, role: 'viewer' }]
    const made = await ask(fake, 'POST', '/albums', {
      albumName: 'x',
      assetIds: [photo('a.jpg').id],
      albumUsers,
    })
    const { id } = made.body
    const roles = async (): Promise<string[]> =>
      (await ask(fake, 'GET', `/albums/${id}`)).body.albumUsers.map(
        ({ role, user }: { role: string; user: { name: string } }) => `${user.name} ${role}`,
      )
    assert.deepEqual(await roles(), ['ada owner', 'bob viewer'])
    const more = { albumUsers: [{ userId: cleo.id, role: 'editor' }, { userId: bob.id }] }
    const failed = await ask(fake, 'PUT', `/albums/${id}/users`, more)
    assert.deepEqual([failed.status, failed.body.message], [400, 'User already added'])
    assert.deepEqual(await roles(), ['ada owner', 'bob viewer', 'cleo editor'])
    await ask(fake, 'PUT', `/albums/${id}/user/${bob.id}`, { role: 'editor' })
    await ask(fake, 'DELETE', `/albums/${id}/user/${cleo.id}`)
    assert.deepEqual(await roles(), ['ada owner', 'bob editor'])
    assert.equal((await ask(fake, 'DELETE', `/albums/${id}/user/${cleo.id}`)).status, 400)
  })

  test('let viewers look, editors add and take out their own, and the owner do the rest', async () => {
    const bob = fake.state.addUser('bob')
    const as = { 'x-api-key': fake.addKey(['all'], bob.id).secret }
    const [mine, his] = [photo('mine.jpg'), photo('his.jpg', { ownerId: bob.id })]
    const album = fake.state.addAlbum({
      ownerId: fake.user.id,
      name: 'x',
      assetIds: [mine.id],
      sharedWith: new Set([bob.id]),
      roles: new Map([[bob.id, 'viewer']]),
    })
    const path = `/albums/${album.id}/assets`
    assert.equal((await ask(fake, 'PUT', path, { ids: [his.id] }, as)).status, 400)
    album.roles.set(bob.id, 'editor')
    assert.equal((await ask(fake, 'PUT', path, { ids: [his.id] }, as)).body[0].success, true)
    assert.equal((await ask(fake, 'DELETE', path, { ids: [mine.id] }, as)).body[0].error, 'no_permission')
    assert.equal((await ask(fake, 'DELETE', `/albums/${album.id}`, undefined, as)).status, 400)
    assert.deepEqual((await found({ albumIds: [album.id] })).toSorted(), ['his.jpg', 'mine.jpg'])
  })
})

describe('tags', () => {
  test('are given and taken one by one with an outcome each, and a child keeps its parent found', async () => {
    const [a, b] = [photo('a.jpg'), photo('b.jpg')]
    const child = fake.state.addTag(fake.user.id, 'kind/scan')
    const parent = child.parentId ?? ''
    const added = await ask(fake, 'PUT', `/tags/${child.id}/assets`, { ids: [a.id, a.id, UNKNOWN_ID] })
    assert.deepEqual(
      added.body.map(({ error }: { error?: string }) => error ?? 'done'),
      ['done', 'duplicate', 'no_permission'],
    )
    assert.deepEqual(await found({ tagIds: [parent] }), ['a.jpg'])
    const taken = await ask(fake, 'DELETE', `/tags/${parent}/assets`, { ids: [a.id, b.id] })
    assert.deepEqual(
      taken.body.map(({ error }: { error?: string }) => error ?? 'done'),
      ['not_found', 'not_found'],
    )
    assert.deepEqual(await found({ tagIds: [parent] }), ['a.jpg'])
    await ask(fake, 'DELETE', `/tags/${child.id}/assets`, { ids: [a.id] })
    assert.deepEqual(await found({ tagIds: [parent] }), [])
    assert.equal((await ask(fake, 'DELETE', `/tags/${UNKNOWN_ID}/assets`, { ids: [a.id] })).status, 400)
  })
})

describe('duplicates', () => {
  test('come in groups, and with a keeper from 2.7 on', async () => {
    const duplicateId = '22222222-2222-4222-8222-222222222222'
    photo('small.jpg', { duplicateId, sizeBytes: 10 })
    const large = photo('large.jpg', { duplicateId, sizeBytes: 20 })
    photo('alone.jpg', { duplicateId: '33333333-3333-4333-8333-333333333333' })
    const [group, ...others] = (await ask(fake, 'GET', '/duplicates')).body
    assert.deepEqual([others.length, group.assets.length, group.suggestedKeepAssetIds], [0, 2, [large.id]])
    fake.version = '2.5.6'
    assert.equal('suggestedKeepAssetIds' in (await ask(fake, 'GET', '/duplicates')).body[0], false)
  })
})

describe('sync', () => {
  test('is refused to keys, and tells a session all members until it is acked', async () => {
    const [a, b] = [photo('a.jpg'), photo('b.jpg', { deletedAt: '2026-01-01T00:00:00.000Z' })]
    const album = fake.state.addAlbum({ ownerId: fake.user.id, name: 'x', assetIds: [a.id, b.id] })
    const types = ['AlbumsV2', 'AlbumUsersV1', 'AlbumToAssetsV1']
    const refused = await ask(fake, 'POST', '/sync/stream', { types })
    assert.deepEqual(
      [refused.status, refused.body.message],
      [403, 'Sync endpoints cannot be used with API keys'],
    )
    const session = bearer()
    const read = async (): Promise<{ type: string; data: unknown; ack: string }[]> => {
      const response = await fetch(`${fake.address}/api/sync/stream`, {
        method: 'POST',
        headers: { ...session, 'content-type': 'application/json' },
        body: JSON.stringify({ types }),
      })
      assert.equal(response.headers.get('content-type'), 'application/jsonlines+json')
      const lines = (await response.text()).trim().split('\n')
      return lines.map((line) => JSON.parse(line))
    }
    const first = await read()
    assert.deepEqual(
      first.map(({ type }) => type),
      ['AlbumV2', 'AlbumUserV1', 'AlbumToAssetV1', 'AlbumToAssetV1', 'SyncCompleteV1'],
    )
    assert.deepEqual(
      new Set(first.filter(({ type }) => type === 'AlbumToAssetV1').map(({ data }) => JSON.stringify(data))),
      new Set([a, b].map(({ id }) => JSON.stringify({ albumId: album.id, assetId: id }))),
    )
    assert.equal((await read()).length, 5)
    await ask(fake, 'POST', '/sync/ack', { acks: first.map(({ ack }) => ack) }, session)
    assert.deepEqual(
      (await read()).map(({ type }) => type),
      ['SyncCompleteV1'],
    )
    const gone = await ask(fake, 'POST', '/sync/stream', { types: ['AssetsV1'] }, session)
    assert.equal(gone.status, 400)
  })

  test('counts a stream that its client cuts', async () => {
    fake.load = { msPerCall: 50 }
    const control = new AbortController()
    const cut = fetch(`${fake.address}/api/sync/stream`, {
      method: 'POST',
      headers: { ...bearer(), 'content-type': 'application/json' },
      body: JSON.stringify({ types: ['AlbumToAssetsV1'] }),
      signal: control.signal,
    })
    const began = async (): Promise<void> => {
      while (fake.callsOf('POST /sync/stream') === 0) await setImmediate()
      control.abort()
    }
    await Promise.all([assert.rejects(cut, { name: 'AbortError' }), began()])
    await fake.untilEnded('POST /sync/stream', 1)
    assert.equal(fake.state.counters.cutStreams, 1)
  })
})

describe('rights', () => {
  test('routes of admins answer nobody else', async () => {
    const bob = fake.state.addUser('bob')
    const as = { 'x-api-key': fake.addKey(['all'], bob.id).secret }
    for (const path of ['/server/statistics', '/queues']) {
      assert.equal((await ask(fake, 'GET', path, undefined, as)).status, 403)
      assert.equal((await ask(fake, 'GET', path)).status, 200)
    }
    assert.equal((await ask(fake, 'GET', '/users', undefined, as)).body.length, 2)
  })

  const NEEDED: readonly (readonly [string, string, string, object?])[] = [
    ['GET', '/duplicates', 'duplicate.read'],
    ['GET', '/users', 'user.read'],
    ['PUT', `/tags/${UNKNOWN_ID}/assets`, 'tag.asset', { ids: [] }],
    ['DELETE', `/tags/${UNKNOWN_ID}/assets`, 'tag.asset', { ids: [] }],
    ['PUT', `/albums/${UNKNOWN_ID}/users`, 'albumUser.create', { albumUsers: [] }],
    ['PUT', `/albums/${UNKNOWN_ID}/user/${UNKNOWN_ID}`, 'albumUser.update', { role: 'editor' }],
    ['DELETE', `/albums/${UNKNOWN_ID}/user/${UNKNOWN_ID}`, 'albumUser.delete'],
    ['DELETE', `/albums/${UNKNOWN_ID}/assets`, 'albumAsset.delete', { ids: [] }],
  ]
  for (const [method, path, permission, body] of NEEDED) {
    test(`${method} ${path.replaceAll(UNKNOWN_ID, '…')} needs ${permission}`, async () => {
      const as = { 'x-api-key': fake.addKey(['asset.read']).secret }
      const { status, body: answer } = await ask(fake, method, path, body, as)
      assert.deepEqual([status, answer.message], [403, `Missing required permission: ${permission}`])
    })
  }
})

describe('load', () => {
  test('calls wait for a connection, and ping for none', async () => {
    fake.load = { msPerCall: 40, connections: 10, busy: 9 }
    const start = performance.now()
    const many = Promise.all([1, 2, 3, 4].map(() => ask(fake, 'GET', '/tags')))
    await ask(fake, 'GET', '/server/ping')
    const pingMs = performance.now() - start
    await many
    const allMs = performance.now() - start
    assert.ok(allMs >= 4 * 39, `${allMs}`)
    assert.ok(pingMs < allMs, `${pingMs} of ${allMs}`)
  })

  test('tagging costs each asset that it changes', async () => {
    fake.load = { msPerTaggedAsset: 30 }
    const ids = [photo('a.jpg').id, photo('b.jpg').id, photo('c.jpg').id]
    const { id: tagId } = fake.state.addTag(fake.user.id, 'x')
    const timed = async (): Promise<number> => {
      const start = performance.now()
      await ask(fake, 'PUT', '/tags/assets', { tagIds: [tagId], assetIds: ids })
      return performance.now() - start
    }
    const first = await timed()
    const again = await timed()
    assert.ok(first >= 89, `${first}`)
    assert.ok(again < first, `${again} of ${first}`)
  })
})
