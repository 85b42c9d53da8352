import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { FAKE_CREDENTIALS, useCredentials } from '../../test/support/fake-s3/credentials.ts'
import type { Fault } from '../../test/support/fake-s3/s3-faults.ts'
import {
  ALWAYS,
  assertNoSecret,
  countOf,
  fact,
  goesOn,
  HASTY,
  LARGE,
  MIB,
  openOn,
  PLAIN,
} from '../../test/support/fake-s3/scene.ts'
import { ObjectStoreError } from './object-store.ts'
import { checkObjectStore } from './object-store-check.ts'
import { bytesOf, chunksOf } from './testing/object-store-conformance.ts'

before(() => useCredentials(FAKE_CREDENTIALS))
after(() => useCredentials(undefined))

// Most of the time is pauses between attempts.
describe('an S3 server that fails', { concurrency: 4 }, () => {
  const passing: (Fault & { readonly name: string })[] = [
    { name: 'an error inside', how: { kind: 'refuse', status: 500, code: 'InternalError' } },
    { name: 'a call to slow down', how: { kind: 'refuse', status: 503, code: 'SlowDown' } },
    { name: 'a broken connection', how: { kind: 'reset' } },
    { name: 'a lost answer', how: { kind: 'lose-answer' } },
  ]
  for (const { name, how } of passing) {
    fact(`a part is sent again after ${name}`, async ({ server, store }) => {
      server.fail({ on: 'UploadPart', partNumber: 2, how })
      await store.put('large', chunksOf(LARGE), PLAIN)
      assert.equal((await bytesOf(store.read('large'))).compare(LARGE), 0)
      assert.equal(server.log.filter(({ partNumber }) => partNumber === 2).length, 2)
    })
    fact(`a small object is sent again after ${name}`, async ({ server, store }) => {
      server.fail({ on: 'PutObject', how })
      await store.put('small', chunksOf(Buffer.from('photo')), PLAIN)
      assert.equal((await bytesOf(store.read('small'))).toString(), 'photo')
      assert.equal(countOf(server, 'PutObject'), 2)
    })
    fact(`a multipart upload is begun and completed in spite of ${name}`, async ({ server, store }) => {
      for (const on of ['CreateMultipartUpload', 'CompleteMultipartUpload'] as const) server.fail({ on, how })
      const { sizeBytes } = await store.put('large', chunksOf(LARGE), PLAIN)
      assert.equal(sizeBytes, LARGE.length)
      assert.equal((await store.stat('large'))?.sizeBytes, LARGE.length)
    })
    fact(`looking, listing and removing survive ${name}`, async ({ server, store }) => {
      await store.put('small', Buffer.from('photo'), PLAIN)
      server.fail({ on: 'HeadObject', how }, { on: 'ListObjects', how }, { on: 'DeleteObjects', how })
      assert.equal((await store.stat('small'))?.sizeBytes, 5)
      assert.equal((await Array.fromAsync(store.list(''))).length, 1)
      await store.remove(['small'])
      assert.equal(server.state.objects.size, 0)
    })
  }

  const failing: (Fault & { readonly name: string; readonly code: string })[] = [
    {
      name: 'refuses a part for good',
      on: 'UploadPart',
      partNumber: 2,
      how: { kind: 'refuse', status: 403, code: 'AccessDenied' },
      code: 'storage/denied',
    },
    {
      name: 'loses every connection of a part',
      on: 'UploadPart',
      partNumber: 2,
      how: { kind: 'reset' },
      code: 'storage/unreachable',
    },
    {
      name: 'will not complete',
      on: 'CompleteMultipartUpload',
      how: { kind: 'refuse', status: 500, code: 'InternalError' },
      code: 'storage/busy',
    },
    {
      name: 'completes with an error in an answer of status 200',
      on: 'CompleteMultipartUpload',
      how: { kind: 'refuse', status: 200, code: 'InternalError' },
      code: 'storage/busy',
    },
    {
      name: 'is full',
      on: 'UploadPart',
      how: { kind: 'refuse', status: 507, code: 'XMinioStorageFull' },
      code: 'storage/full',
    },
  ]
  for (const { name, code, ...fault } of failing) {
    fact(`a server that ${name} is left with no parts, and the former object`, async ({ server, store }) => {
      await store.put('large', Buffer.from('former'), PLAIN)
      server.fail({ ...fault, ...ALWAYS })
      await assert.rejects(store.put('large', chunksOf(LARGE), PLAIN), { code })
      assert.equal(countOf(server, 'AbortMultipartUpload'), 1)
      assert.equal(server.state.uploads.size, 0)
      assert.equal((await bytesOf(store.read('large'))).toString(), 'former')
    })
  }

  fact('a part that fails ends a put whose content hangs', async ({ server, store }) => {
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield* chunksOf(LARGE)
      await new Promise(() => undefined)
    }
    server.fail({ on: 'UploadPart', how: { kind: 'refuse', status: 403, code: 'AccessDenied' } })
    await assert.rejects(store.put('large', slow(), PLAIN), { code: 'storage/denied' })
    assert.equal(server.state.uploads.size, 0)
  })

  fact('content that fails like a network is not taken for the server', async ({ store }) => {
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half')
      throw Object.assign(new Error('phone gone'), { code: 'ECONNRESET', syscall: 'read' })
    }
    await assert.rejects(store.put('a', broken(), PLAIN), /^Error: phone gone$/u)
  })

  fact('no parts are left when a put is aborted between two of them', async ({ server, store }) => {
    const controller = new AbortController()
    const content = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunksOf(LARGE)) {
        if (server.state.uploads.size > 0) controller.abort(new Error('enough'))
        yield chunk
      }
    }
    await assert.rejects(store.put('a', content(), { ...PLAIN, signal: controller.signal }), /enough/u)
    assert.equal(server.state.uploads.size, 0)
    assert.equal(server.state.objects.size, 0)
  })

  fact('a put to a server that says nothing is aborted at once', async ({ server, store }) => {
    server.fail({ on: 'PutObject', how: { kind: 'hang' } })
    const controller = new AbortController()
    const putting = store.put('a', Buffer.from('x'), { ...PLAIN, signal: controller.signal })
    setImmediate(() => controller.abort(new Error('enough')))
    await assert.rejects(putting, /enough/u)
  })

  fact('a read that is cut off goes on where it was', (scene) => goesOn(scene, 'cut'))

  fact(
    'a read that is cut off again and again is an error, never a short object',
    async ({ server, store }) => {
      await store.put('small', Buffer.from('photo'), PLAIN)
      server.fail({ on: 'GetObject', how: { kind: 'cut', afterBytes: 2 } })
      server.fail({ on: 'GetObject', how: { kind: 'cut', afterBytes: 0 }, ...ALWAYS })
      await assert.rejects(bytesOf(store.read('small')), {
        code: 'storage/cut-off',
        message: 'small ends after 2 of 5 bytes',
        recovery: 'retry',
      })
    },
  )

  fact(
    'an object that is replaced while it is read is an error, never a mixture',
    async ({ server, store }) => {
      await store.put('large', LARGE, PLAIN)
      server.fail({ on: 'GetObject', how: { kind: 'cut', afterBytes: MIB } })
      const reading = async (): Promise<void> => {
        let replaced = false
        for await (const _ of store.read('large')) {
          if (!replaced) await store.put('large', Buffer.alloc(LARGE.length, replacement), PLAIN)
          replaced = true
        }
      }
      let replacement = 'another'
      await assert.rejects(reading, { code: 'storage/changed', recovery: 'retry' })
      // Not every server looks at the condition.
      server.state.ignoresConditions = true
      server.fail({ on: 'GetObject', how: { kind: 'cut', afterBytes: MIB } })
      replacement = 'a third'
      await assert.rejects(reading, { code: 'storage/cut-off', recovery: 'retry' })
    },
  )

  const refusals: {
    status: number
    answered: string
    code: string
    recovery: string
    headers?: Record<string, string>
    hint?: RegExp
  }[] = [
    {
      status: 403,
      answered: 'AccessDenied',
      code: 'denied',
      recovery: 'discard',
      hint: /AWS_ACCESS_KEY_ID/u,
    },
    { status: 403, answered: 'SignatureDoesNotMatch', code: 'denied', recovery: 'discard' },
    { status: 403, answered: 'InvalidAccessKeyId', code: 'denied', recovery: 'discard' },
    { status: 400, answered: 'ExpiredToken', code: 'denied', recovery: 'discard', hint: /expired/u },
    { status: 403, answered: 'RequestTimeTooSkewed', code: 'clock-skew', recovery: 'retry', hint: /clock/u },
    {
      status: 301,
      answered: 'PermanentRedirect',
      code: 'wrong-region',
      recovery: 'discard',
      headers: { 'x-amz-bucket-region': 'eu-west-1' },
      hint: /AWS_REGION/u,
    },
    { status: 400, answered: 'AuthorizationHeaderMalformed', code: 'wrong-region', recovery: 'discard' },
    { status: 404, answered: 'NoSuchBucket', code: 'no-such-bucket', recovery: 'discard', hint: /bucket/u },
    { status: 503, answered: 'SlowDown', code: 'busy', recovery: 'retry' },
    { status: 507, answered: 'XMinioStorageFull', code: 'full', recovery: 'retry', hint: /space/u },
    { status: 418, answered: 'SomethingNew', code: 'refused', recovery: 'discard' },
  ]
  for (const { status, answered, code, recovery, headers = {}, hint } of refusals) {
    fact(`the answer ${answered} is explained, without a secret`, async ({ server, store }) => {
      server.fail({ how: { kind: 'refuse', status, code: answered, headers }, ...ALWAYS })
      await assert.rejects(store.put('a', Buffer.from('x'), PLAIN), (error) => {
        assert.ok(error instanceof ObjectStoreError)
        assert.equal(error.code, `storage/${code}`)
        assert.equal(error.recovery, recovery)
        assert.match(
          error.message,
          new RegExp(`^bucket photos at 127\\.0\\.0\\.1:\\d+ .*${answered}, status ${status}`, 'u'),
        )
        if (hint !== undefined) assert.match(error.hint ?? '', hint)
        if ('x-amz-bucket-region' in headers) assert.match(error.message, /region eu-west-1$/u)
        assertNoSecret(error)
        return true
      })
    })
  }

  fact('answers to HEAD, which have no body, are explained by their status', async ({ server, store }) => {
    server.fail({ on: 'HeadObject', how: { kind: 'refuse', status: 403, code: 'AccessDenied' } })
    await assert.rejects(store.stat('a'), { code: 'storage/denied' })
    const elsewhere = { 'x-amz-bucket-region': 'eu-west-1' }
    server.fail({
      on: 'HeadObject',
      how: { kind: 'refuse', status: 301, code: 'PermanentRedirect', headers: elsewhere },
    })
    await assert.rejects(store.stat('a'), { code: 'storage/wrong-region' })
  })

  fact('a missing bucket is not taken for a missing object', async ({ server }) => {
    const nowhere = await openOn(server, HASTY, 'elsewhere')
    const missing = { code: 'storage/no-such-bucket' }
    await assert.rejects(nowhere.stat('a'), missing)
    await assert.rejects(nowhere.read('a')[Symbol.asyncIterator]().next(), missing)
    await assert.rejects(nowhere.put('a', Buffer.from('x'), PLAIN), missing)
    await assert.rejects(nowhere.remove(['a']), missing)
    await nowhere.close()
  })

  const pages = { odd: '<!doctype html><p>Welcome<br></html>', neat: '<html><body>Welcome</body></html>' }
  for (const status of [200, 403, 404, 500]) {
    for (const [kind, text] of Object.entries(pages)) {
      fact(
        `${kind === 'odd' ? 'an' : 'a'} ${kind} web page of status ${status} is no S3 server, and no empty bucket`,
        async ({ server, store }) => {
          const isTold = (error: unknown): boolean => error instanceof ObjectStoreError
          server.fail({ how: { kind: 'page', status, text }, ...ALWAYS })
          await assert.rejects(Array.fromAsync(store.list('')), isTold)
          await assert.rejects(store.put('a', Buffer.from('x'), PLAIN), isTold)
          await assert.rejects(store.put('a', chunksOf(LARGE), PLAIN), isTold)
          await assert.rejects(checkObjectStore(store), isTold)
        },
      )
    }
  }

  fact('a server that is not there is told', async ({ server, store }) => {
    await server.close()
    await assert.rejects(store.put('a', Buffer.from('x'), PLAIN), {
      code: 'storage/unreachable',
      message: /^bucket photos at 127\.0\.0\.1:\d+ cannot be reached: ECONNREFUSED$/u,
      recovery: 'retry',
    })
  })

  fact('the check removes what it put, also when reading fails', async ({ server, store }) => {
    await checkObjectStore(store)
    assert.equal(server.state.objects.size, 0)
    server.fail({ on: 'GetObject', how: { kind: 'refuse', status: 403, code: 'AccessDenied' } })
    await assert.rejects(checkObjectStore(store), {
      message: /^reading from s3:\/\/photos\/anna does not work/u,
    })
    assert.equal(server.state.objects.size, 0)
    server.fail({ on: 'DeleteObjects', how: { kind: 'refuse', status: 403, code: 'AccessDenied' } })
    await assert.rejects(checkObjectStore(store), { message: /^removing from/u })
  })

  fact('removing goes in thousands, and says when some could not be removed', async ({ server, store }) => {
    const names = Array.from({ length: 2500 }, (_, index) => `many/${index}`)
    await store.put('many/locked', Buffer.from('x'), PLAIN)
    await store.put('many/2499', Buffer.from('x'), PLAIN)
    await assert.rejects(store.remove(['many/locked', ...names]), { code: 'storage/denied' })
    assert.equal(countOf(server, 'DeleteObjects'), 3)
    assert.deepEqual([...server.state.objects.keys()], ['anna/many/locked'])
  })

  fact(
    'a list shows neither the folders of consoles nor the neighbours of the prefix',
    async ({ server, store }) => {
      await store.put('a', Buffer.from('x'), PLAIN)
      const a = server.state.objects.get('anna/a')
      assert.ok(a !== undefined)
      for (const key of ['anna/', 'anna/empty/', 'anna//odd', 'annabel/a']) server.state.objects.set(key, a)
      assert.deepEqual(
        (await Array.fromAsync(store.list(''))).map(({ name }) => name),
        ['a'],
      )
    },
  )

  fact('a temporary address is signed, for this object only, and ends', async ({ store }) => {
    await store.put('Söhne & co.jpg', Buffer.from('photo'), PLAIN)
    const url = await store.temporaryUrl('Söhne & co.jpg', { expiresInSeconds: 60 })
    assert.ok(url !== undefined)
    assert.equal(await (await fetch(url)).text(), 'photo')
    assert.equal(new URL(url).searchParams.get('X-Amz-Expires'), '60')
    assert.equal((await fetch(url.replace('co.jpg', 'ca.jpg'))).status, 403)
    assert.equal((await fetch(url.replace('Expires=60', 'Expires=61'))).status, 403)
    assert.ok(!url.includes(FAKE_CREDENTIALS.secretAccessKey))
    const long = await store.temporaryUrl('a', { expiresInSeconds: 1e9 })
    assert.equal(new URL(long ?? '').searchParams.get('X-Amz-Expires'), '604800')
  })

  fact('the content type is kept', async ({ server, store }) => {
    await store.put('small', Buffer.from('x'), PLAIN)
    await store.put('large', chunksOf(LARGE), PLAIN)
    for (const { contentType } of server.state.objects.values()) assert.equal(contentType, 'image/jpeg')
  })

  fact('names that a request cannot carry are refused', async ({ store }) => {
    for (const name of ['a\u0001b', 'line\nbreak', '\ud800', 'x'.repeat(1020)]) {
      await assert.rejects(store.put(name, Buffer.from('x'), PLAIN), { code: 'storage/unsafe-name' })
    }
  })
})
