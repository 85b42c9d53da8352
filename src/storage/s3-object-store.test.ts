import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { S3RVER_CREDENTIALS, useCredentials } from '../../test/support/fake-s3/credentials.ts'
import { type RunningS3rver, startS3rver } from '../../test/support/fake-s3/s3rver.ts'
import { checkObjectStore } from './object-store-check.ts'
import { openObjectStore } from './open-object-store.ts'
import { S3ObjectStore } from './s3-object-store.ts'
import { testObjectStoreConformance } from './testing/object-store-conformance.ts'

let server: RunningS3rver
let opened = 0
before(async () => {
  useCredentials(S3RVER_CREDENTIALS)
  server = await startS3rver(['photos'])
})
after(async () => {
  useCredentials(undefined)
  await server.close()
})

/** A prefix of its own is as good as a bucket of its own. */
async function openFresh(): Promise<S3ObjectStore> {
  opened += 1
  const prefix = `anna/${opened}`
  return S3ObjectStore.open({ kind: 's3', bucket: 'photos', prefix, endpoint: server.endpoint })
}

testObjectStoreConformance(
  'a bucket of s3rver',
  async () => ({ store: await openFresh(), dispose: async () => undefined }),
  { writesInPlace: true },
)

describe('a bucket of s3rver', () => {
  test('a temporary address can be fetched by anybody', async () => {
    const store = await openFresh()
    await store.put('Söhne & co.jpg', Buffer.from('photo'), { contentType: 'image/jpeg' })
    const url = await store.temporaryUrl('Söhne & co.jpg', { expiresInSeconds: 60 })
    const found = await fetch(url)
    assert.equal(found.status, 200)
    assert.equal(found.headers.get('content-type'), 'image/jpeg')
    assert.equal(await found.text(), 'photo')
    await store.close()
  })

  test('it is found to work', async () => {
    const store = await openFresh()
    await checkObjectStore(store)
    assert.deepEqual(await Array.fromAsync(store.list('')), [])
    await store.close()
  })

  test('without a prefix, the bucket is the store', async () => {
    const { endpoint } = server
    const store = await openObjectStore({ kind: 's3', bucket: 'photos', prefix: '', endpoint })
    assert.equal(store.address, 's3://photos')
    await store.put('at the root', Buffer.from('x'), { contentType: 'text/plain' })
    assert.equal((await store.stat('at the root'))?.sizeBytes, 1)
    await store.remove(['at the root'])
    await store.close()
  })
})
