/** What the client trusts, and what it keeps to itself. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { after, afterEach, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import {
  client,
  closeAll,
  json,
  KEY,
  listen,
  makeFolder,
  pathOf,
  removeFolder,
  serve,
  serveRaw,
  v3,
} from '../../test/support/exchange-scene.ts'
import { toErrorRecord } from '../errors.ts'
import { createImmichClient } from './client.ts'
import { ImmichError } from './immich-errors.ts'

before(makeFolder)
after(removeFolder)
afterEach(closeAll)

describe('certificates', () => {
  let pair: { key: Buffer; cert: Buffer } | undefined
  const hasOpenssl = ['/usr/bin/openssl', '/usr/local/bin/openssl', '/opt/homebrew/bin/openssl'].some(
    existsSync,
  )
  const skip = hasOpenssl ? false : 'there is no openssl to make a certificate with'
  const serveSecure = async (handler: RequestListener): Promise<string> => {
    if (pair === undefined) {
      const [key, cert] = [pathOf('key.pem'), pathOf('cert.pem')]
      const made = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ]
      execFileSync('openssl', [...made, '-subj', '/CN=nas', '-keyout', key, '-out', cert], {
        stdio: 'ignore',
      })
      pair = { key: readFileSync(key), cert: readFileSync(cert) }
    }
    return `https://127.0.0.1:${await listen(createSecureServer(pair, handler))}`
  }

  test('one of your own is refused with the way out, and not tried again', { skip }, async () => {
    const address = await serveSecure(v3((_request, response) => response.end()))
    await assert.rejects(client(address).version(), {
      code: 'immich/certificate',
      recovery: 'discard',
      hint: /--insecure/u,
    })
  })

  test('one of your own is taken by the client that was told to, and by no other', { skip }, async () => {
    const address = await serveSecure(v3((_request, response) => response.end()))
    assert.equal((await client(address, { insecure: true }).version()).major, 3)
    await assert.rejects(client(address).version(), { code: 'immich/certificate' })
  })
})

describe('the key', () => {
  const echo: RequestListener = (request, response) => {
    const key = String(request.headers['x-api-key'] ?? request.headers.authorization)
    json(response, 400, {
      message: `Validation failed for ${key}`,
      errors: [{ path: [key], message: `\u001B[31m${key}` }],
    })
  }

  test('is not in an error whose text the server made of it', async () => {
    const address = await serve(echo)
    await assert.rejects(client(address).version(), (error: Error) => {
      assert.match(error.message, /\[key\]/u)
      for (const text of [
        inspect(error, { depth: 9, showHidden: true }),
        JSON.stringify(toErrorRecord(error)),
      ]) {
        assert.ok(!text.includes(KEY), text)
      }
      assert.ok(!error.message.includes('\u001B'))
      return true
    })
  })

  test('of a session is a bearer token, and not in an error either', async () => {
    const address = await serve(echo)
    await assert.rejects(client(address, { key: { session: KEY } }).version(), (error: Error) => {
      assert.match(error.message, /Bearer \[key\]/u)
      return !inspect(error, { depth: 9, showHidden: true }).includes(KEY)
    })
  })

  test('is not in an answer that cannot be parsed, nor in a redirect', async () => {
    const address = await serve((_request, response) =>
      response.writeHead(302, { location: `/${KEY}` }).end(),
    )
    await assert.rejects(
      client(address).version(),
      (error: Error) => !inspect(error, { depth: 9 }).includes(KEY),
    )
    const raw = await serveRaw((socket) => socket.once('data', () => socket.end(`HTTP/1.1 ${KEY}\r\n\r\n`)))
    await assert.rejects(
      client(raw, { retry: { attempts: 1 } }).version(),
      (error: Error) => !inspect(error, { depth: 9, showHidden: true }).includes(KEY),
    )
  })

  test('is in no property of the client', () => {
    const api = client('http://127.0.0.1:1')
    assert.ok(!inspect(api, { depth: 9, showHidden: true }).includes(KEY))
    assert.ok(!JSON.stringify(api).includes(KEY))
  })

  for (const key of ['', '  ', 'two\nlines', 'schlüssel']) {
    test(`${JSON.stringify(key)} is refused without being shown`, () => {
      assert.throws(
        () => createImmichClient({ address: 'http://nas', key }),
        (error: Error) => error instanceof ImmichError && (key.trim() === '' || !error.message.includes(key)),
      )
    })
  }
})
