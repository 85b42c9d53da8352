import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { FAKE_CREDENTIALS, useCredentials } from '../../test/support/fake-s3/credentials.ts'
import { startFakeS3 } from '../../test/support/fake-s3/fake-s3.ts'
import {
  ALWAYS,
  assertNoSecret,
  countOf,
  fact,
  goesOn,
  IMPATIENT,
  LARGE,
  PLAIN,
} from '../../test/support/fake-s3/scene.ts'
import { ObjectStoreError } from './object-store.ts'
import { checkObjectStore } from './object-store-check.ts'
import { openObjectStore } from './open-object-store.ts'
import { S3ObjectStore } from './s3-object-store.ts'
import { bytesOf, chunksOf, testObjectStoreConformance } from './testing/object-store-conformance.ts'

before(() => useCredentials(FAKE_CREDENTIALS))
after(() => useCredentials(undefined))

testObjectStoreConformance('a strict S3 server', async () => {
  const strict = await startFakeS3({ pageSize: 7 })
  const config = { kind: 's3', bucket: 'photos', prefix: 'anna', endpoint: strict.endpoint } as const
  return {
    store: await S3ObjectStore.open(config),
    dispose: async () => {
      await strict.close()
      assert.equal(strict.state.uploads.size, 0, 'parts are left')
    },
  }
})

describe('an S3 server that falls silent', () => {
  const silent = { how: { kind: 'hang' } } as const

  fact(
    'is asked again, for a small object and in each step of a large one',
    async ({ server, store }) => {
      server.fail({ on: 'PutObject', ...silent })
      await store.put('small', Buffer.from('photo'), PLAIN)
      server.fail({ on: 'CreateMultipartUpload', ...silent }, { on: 'UploadPart', partNumber: 2, ...silent })
      server.fail({ on: 'CompleteMultipartUpload', ...silent })
      await store.put('large', chunksOf(LARGE), PLAIN)
      assert.equal((await bytesOf(store.read('large'))).compare(LARGE), 0)
      for (const operation of ['PutObject', 'CreateMultipartUpload', 'CompleteMultipartUpload']) {
        assert.ok(countOf(server, operation) >= 2, operation)
      }
    },
    IMPATIENT,
  )

  fact('in the middle of a read is asked for the rest', (scene) => goesOn(scene, 'stall'), IMPATIENT)

  fact(
    'for good is given up',
    async ({ server, store }) => {
      server.fail({ ...silent, ...ALWAYS })
      await assert.rejects(store.put('a', Buffer.from('x'), PLAIN), {
        code: 'storage/unreachable',
        message: /does not answer: TimeoutError$/u,
      })
    },
    { maxAttempts: 2, idleTimeoutMs: 200 },
  )
})

describe('credentials', () => {
  fact('a wrong secret is told without telling it', async ({ store }) => {
    useCredentials({ ...FAKE_CREDENTIALS, secretAccessKey: 'hunter2' })
    await assert.rejects(checkObjectStore(store), (error) => {
      assert.ok(error instanceof ObjectStoreError)
      assert.match(error.message, /^writing to s3:\/\/photos\/anna does not work: .*SignatureDoesNotMatch/u)
      assertNoSecret(error)
      return true
    })
    useCredentials(FAKE_CREDENTIALS)
  })

  fact('without credentials, the variables are named', async ({ server }) => {
    for (const credentials of [undefined, { accessKeyId: 'x' }, { secretAccessKey: 'hunter2' }]) {
      useCredentials(credentials)
      const opening = openObjectStore({ kind: 's3', bucket: 'photos', prefix: '', endpoint: server.endpoint })
      await assert.rejects(opening, (error) => {
        assert.ok(error instanceof ObjectStoreError)
        assert.equal(error.code, 'storage/no-credentials')
        assert.match(`${error.message} ${error.hint}`, /AWS_ACCESS_KEY_ID.*AWS_SECRET_ACCESS_KEY/u)
        return true
      })
    }
    useCredentials(FAKE_CREDENTIALS)
  })
})
