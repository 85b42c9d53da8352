/** The client over real connections, against the stateful fake of a server. */

import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { all, clientOf, closeAll, sessionOf, start } from '../../../../test/support/autotag-library.ts'
import type { FakeImmich } from '../../../../test/support/fake-immich/fake-immich.ts'
import type { FakeAsset } from '../../../../test/support/fake-immich/fake-state.ts'
import { ForbiddenError, NotFoundError, RejectedError, ServerFailedError } from '../../immich-errors.ts'

afterEach(closeAll)

const NOBODY = '00000000-0000-4000-8000-000000000404'

function addAssets(fake: FakeImmich, count: number, parts: Partial<FakeAsset> = {}): readonly FakeAsset[] {
  return Array.from({ length: count }, (_, at) =>
    fake.state.addAsset({ ownerId: fake.user.id, fileName: `IMG_${at}.jpg`, ...parts }),
  )
}

function idsOf(assets: readonly { readonly id: string }[]): readonly string[] {
  return assets.map(({ id }) => id)
}

describe('versions', () => {
  // Fault 10: the seed's program wants the server's version to be equal to its own, to the patch.
  for (const version of ['2.5.0', '2.5.6', '2.9.1', '3.0.0', '3.1.0', '3.1.7', '3.2.2', '3.9.0']) {
    test(`${version} is taken as it is`, async () => {
      const fake = await start({ version })
      const [asset] = addAssets(fake, 1)
      assert.ok(asset)
      const api = clientOf(fake)
      assert.equal(Object.values(await api.version()).join('.'), version)
      assert.deepEqual(idsOf(await all(api.findAssets({ visibilities: ['timeline', 'archive'] }))), [
        asset.id,
      ])
      const [tag] = await api.createTags(['auto/new'])
      assert.equal(await api.tagAssets([tag?.id ?? ''], [asset.id]), 1)
      const album = await api.createAlbum({ name: 'A', description: '', assetIds: [asset.id], members: [] })
      assert.deepEqual(idsOf(await api.albums()), [album.id])
      assert.deepEqual(await api.albumAssetIds(album.id, ['timeline']), [asset.id])
      assert.deepEqual(fake.state.violations, [])
    })
  }

  test('what a version can do is found by asking it', async () => {
    for (const [version, hasSearchFilter] of [
      ['2.5.6', false],
      ['3.1.0', false],
      ['3.2.0', true],
    ] as const) {
      const fake = await start({ version })
      addAssets(fake, 1)
      assert.deepEqual(await clientOf(fake).capabilities(), { hasSearchFilter, hasSync: false })
      assert.deepEqual(await sessionOf(fake).capabilities(), { hasSearchFilter, hasSync: true })
      assert.deepEqual(fake.state.violations, [])
    }
  })

  test('an empty library does not make an old server look like a new one', async () => {
    for (const [version, hasSearchFilter] of [
      ['2.5.6', false],
      ['3.1.0', false],
      ['3.2.2', true],
    ] as const) {
      assert.equal((await clientOf(await start({ version })).capabilities()).hasSearchFilter, hasSearchFilter)
    }
  })
})

// Fault 12: the seed's program speaks HTTP to the root of a host only.
test('a base path and a certificate of its own are no hindrance', async () => {
  const fake = await start({ basePath: '/photos', tls: true })
  const assets = addAssets(fake, 1)
  const api = clientOf(fake, { address: `${fake.address}/api/`, insecure: true })
  assert.equal(api.address, fake.address)
  assert.deepEqual(idsOf(await all(api.findAssets({ visibilities: ['timeline'] }))), idsOf(assets))
})

describe('least privilege', () => {
  // Fault 11: the seed's program asks /server/statistics, which only an administrator may.
  test('a user who is no administrator does everything', async () => {
    const fake = await start({ isAdmin: false })
    addAssets(fake, 2)
    const api = clientOf(fake)
    await api.version()
    await Promise.all([api.me(), api.users(), api.tags(), api.albums(), api.duplicates(), api.capabilities()])
    assert.ok(fake.requests.every(({ status }) => status === 200))
  })

  test('a key that may not ask for its user finds it in an album of its own, and nowhere else', async () => {
    for (const version of ['2.5.6', '3.1.0']) {
      const fake = await start({ version })
      const { secret } = fake.addKey(['asset.read', 'album.read'])
      assert.equal(await clientOf(fake, { key: secret }).me(), undefined)
      addAssets(fake, 1)
      const other = fake.state.addUser('bo')
      fake.state.addAlbum({ ownerId: other.id, name: 'Theirs', sharedWith: new Set([fake.user.id]) })
      // The asset may be a partner's.
      await assert.rejects(clientOf(fake, { key: secret }).me(), {
        code: 'immich/forbidden',
        hint: /user\.read/u,
      })
      fake.state.addAlbum({ ownerId: fake.user.id, name: 'Mine' })
      assert.deepEqual(await clientOf(fake, { key: secret }).me(), { id: fake.user.id, name: '' })
    }
  })

  test('a refusal names the permission that the route takes', async () => {
    const fake = await start()
    const api = clientOf(fake, { key: fake.addKey(['album.read']).secret })
    const calls: Record<string, () => Promise<unknown>> = {
      'tag.read': () => api.tags(),
      'tag.create': () => api.createTags(['a']),
      'tag.asset': () => api.tagAssets([NOBODY], [NOBODY]),
      'asset.update': () => api.setAssets([NOBODY], { isFavourite: true }),
      'duplicate.read': () => api.duplicates(),
      'user.read': () => api.users(),
      'album.create': () => api.createAlbum({ name: 'A', description: '', assetIds: [], members: [] }),
      'album.delete': () => api.deleteAlbum(NOBODY),
      'albumAsset.create': () => api.addToAlbum(NOBODY, [NOBODY]),
      'albumAsset.delete': () => api.removeFromAlbum(NOBODY, [NOBODY]),
      'albumUser.create': () => api.addAlbumMembers(NOBODY, [{ userId: NOBODY, role: 'viewer' }]),
      'albumUser.update': () => api.setAlbumRole(NOBODY, NOBODY, 'editor'),
      'albumUser.delete': () => api.removeAlbumMember(NOBODY, NOBODY),
    }
    for (const [permission, call] of Object.entries(calls)) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof ForbiddenError, permission)
        assert.equal(error.hint, `Give the API key the permission ${permission}.`)
        return true
      })
    }
  })
})

describe('what went wrong', () => {
  // Fault 16: the seed's program looks for 404 and the like in the text, which has ids in it.
  test('is told by the status, not by an id that looks like one', async () => {
    const fake = await start()
    const api = clientOf(fake, { retry: { attempts: 1 } })
    const told = async (status: number): Promise<string> => {
      const text = JSON.stringify({ message: `asset ${NOBODY} and 403 Forbidden and 500` })
      fake.faults.add({ kind: 'status', status, text, route: 'PUT /assets', times: 1 })
      return await api.setAssets([NOBODY], { rating: 1 }).then(
        () => 'well',
        (error: { code: string }) => error.code,
      )
    }
    assert.equal(await told(400), 'immich/rejected')
    assert.equal(await told(403), 'immich/forbidden')
    assert.equal(await told(404), 'immich/not-found')
    assert.equal(await told(401), 'immich/unauthorized')
    assert.equal(await told(500), 'immich/server-failed')
  })

  test('is repeated when that can help, after the time that the server asks for', async () => {
    const fake = await start()
    const [asset] = addAssets(fake, 1)
    const api = clientOf(fake)
    fake.faults.add(
      { kind: 'status', status: 429, retryAfter: '0', route: 'PUT /assets', times: 1 },
      { kind: 'lost-answer', route: 'PUT /assets', times: 1, skip: 1 },
    )
    await api.setAssets([asset?.id ?? ''], { isFavourite: true })
    assert.equal(asset?.isFavorite, true)
    assert.equal(fake.callsOf('PUT /assets'), 3)
    fake.faults.add({ kind: 'status', status: 503, retryAfter: '7', route: 'PUT /assets', times: 1 })
    const impatient = clientOf(fake, { retry: { baseMs: 1, maxRetryAfterMs: 6_999 } })
    await assert.rejects(impatient.setAssets([asset?.id ?? ''], { isFavourite: true }), (error) => {
      assert.ok(error instanceof ServerFailedError)
      assert.deepEqual(error.failure, { kind: 'status', status: 503, retryAfterMs: 7_000 })
      return true
    })
  })

  test('is told when the server does not answer a change in time', async () => {
    const fake = await start({ faults: [{ kind: 'stall', when: 'answer', route: 'PUT /tags/assets' }] })
    const api = clientOf(fake, { answerMs: 30, retry: { attempts: 2, baseMs: 1 } })
    await assert.rejects(api.tagAssets([NOBODY], [NOBODY]), { code: 'immich/stalled' })
  })

  test('one unknown id fails a date for all', async () => {
    const fake = await start()
    const [asset] = addAssets(fake, 1)
    const api = clientOf(fake)
    const to = { dateTimeOriginal: '2020-01-01T00:00:00+01:00', timeZone: null }
    await assert.rejects(api.setDate([asset?.id ?? '', NOBODY], to), NotFoundError)
    await assert.rejects(api.setDate([asset?.id ?? '', 'no uuid'], to), RejectedError)
  })
})

test('what has gone over the line is counted, and the time of the server told', async () => {
  const fake = await start()
  const api = clientOf(fake)
  assert.deepEqual({ ...api.traffic }, { calls: 0, serverTimeMs: undefined })
  const before = Math.floor(Date.now() / 1000) * 1000
  await api.version()
  await api.tags()
  assert.equal(api.traffic?.calls, 2)
  const serverTimeMs = api.traffic?.serverTimeMs ?? 0
  assert.ok(serverTimeMs >= before && serverTimeMs <= Date.now())
})

describe('a server without a free database connection', () => {
  test('is not taken for well because its ping is', async () => {
    const fake = await start()
    const api = clientOf(fake, { breaker: { threshold: 1, probeEveryMs: 1 }, retry: { attempts: 1 } })
    await api.tags()
    fake.faults.add(
      { kind: 'status', status: 503, route: 'GET /tags', times: 1 },
      { kind: 'status', status: 503, route: 'GET /api-keys/me', times: 3 },
    )
    await assert.rejects(api.tags())
    await api.tags()
    assert.equal(fake.callsOf('GET /api-keys/me'), 4)
    assert.equal(fake.callsOf('GET /server/ping'), 4)
  })

  test('a session is asked for too: a refusal is an answer', async () => {
    const fake = await start()
    const api = sessionOf(fake, { breaker: { threshold: 1, probeEveryMs: 1 }, retry: { attempts: 1 } })
    await api.tags()
    fake.faults.add({ kind: 'status', status: 503, route: 'GET /tags', times: 1 })
    await assert.rejects(api.tags())
    await api.tags()
    assert.equal(fake.requests.find(({ route }) => route === 'GET /api-keys/me')?.status, 403)
  })

  test('is waited for after five failures in a row, of whatever kind', async () => {
    const fake = await start()
    const api = clientOf(fake, { breaker: { probeEveryMs: 1 }, retry: { attempts: 1 } })
    await api.tags()
    fake.faults.add(
      { kind: 'status', status: 500, route: 'GET /tags', times: 5 },
      { kind: 'status', status: 500, route: 'GET /api-keys/me', times: 2 },
    )
    for (let count = 1; count <= 5; count += 1) {
      assert.equal(fake.callsOf('GET /server/ping'), 0)
      await assert.rejects(api.tags(), { code: 'immich/server-failed' })
    }
    await api.tags()
    assert.equal(fake.callsOf('GET /server/ping'), 3)
    assert.equal(fake.callsOf('GET /api-keys/me'), 3)
  })
})
