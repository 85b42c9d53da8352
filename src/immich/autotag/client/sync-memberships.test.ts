/** The stream of memberships, also from a server that cuts it, drags it, or speaks otherwise. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import { all, clientOf, closeAll, sessionOf, start } from '../../../../test/support/autotag-library.ts'
import type { AutotagApi } from '../autotag-api.ts'
import type { AutotagClientOptions } from './autotag-client.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  await closeAll()
  for (const close of closing.splice(0)) await close()
})

/** Each stream is answered by the next of `answers`; the last one goes on. */
async function serverOf(
  ...answers: readonly ((response: ServerResponse) => void)[]
): Promise<{ address: string; bodies: unknown[] }> {
  const bodies: unknown[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()))
      answers[Math.min(bodies.length, answers.length) - 1]?.(response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies }
}

function session(address: string, options: Partial<AutotagClientOptions> = {}): AutotagApi {
  return clientOf({ address, key: '' }, { key: { session: 'token' }, ...options })
}

function lineOf(albumId: string, assetId: string, type = 'AlbumToAssetV1'): string {
  return `${JSON.stringify({ type, data: { albumId, assetId }, ack: 'x' })}\n`
}

const COMPLETE = `${JSON.stringify({ type: 'SyncCompleteV1', data: {}, ack: 'x' })}\n`

describe('a stream of memberships', () => {
  test('is all of them, each time anew, and nothing is acknowledged', async () => {
    for (const version of ['2.5.6', '3.1.0', '3.2.2']) {
      const fake = await start({ version })
      const asset = fake.state.addAsset({ ownerId: fake.user.id, fileName: 'a.jpg' })
      const album = fake.state.addAlbum({ ownerId: fake.user.id, name: 'A', assetIds: [asset.id] })
      const token = fake.addSession()
      const api = clientOf(fake, { key: { session: token.secret } })
      const expected = [{ albumId: album.id, assetId: asset.id }]
      assert.deepEqual(await all(api.syncMemberships()), expected)
      fake.state.checkpoints.set(token.secret, new Map([['AlbumToAssetV1', 'AlbumToAssetV1|zzz']]))
      assert.deepEqual(await all(api.syncMemberships()), expected)
      assert.equal(fake.callsOf('POST /sync/ack'), 0)
      assert.equal(fake.state.counters.cutStreams, 0)
      assert.deepEqual(fake.state.violations, [])
    }
  })

  test('is refused to a key by its permission', async () => {
    await assert.rejects(all(clientOf(await start()).syncMemberships()), {
      code: 'immich/forbidden',
      hint: 'Give the API key the permission sync.stream.',
    })
  })

  test('is understood however its lines are cut', async () => {
    const text =
      lineOf('älbum', 'ässet') +
      lineOf('b', 'c', 'AlbumToAssetBackfillV1') +
      lineOf('d', 'e', 'AlbumToAssetDeleteV1')
    const bytes = Buffer.from(`${text}\n${COMPLETE.trimEnd()}`)
    const { address, bodies } = await serverOf((response) => {
      const send = (at: number): void => {
        if (at >= bytes.length) response.end()
        else response.write(bytes.subarray(at, at + 7), () => setImmediate(send, at + 7))
      }
      send(0)
    })
    assert.deepEqual(await all(session(address).syncMemberships()), [
      { albumId: 'älbum', assetId: 'ässet' },
      { albumId: 'b', assetId: 'c' },
    ])
    assert.deepEqual(bodies, [{ types: ['AlbumToAssetsV1'], reset: true }])
  })

  test('that does not say that it is complete is read again, and then from the beginning', async () => {
    const { address, bodies } = await serverOf(
      (response) => response.end(lineOf('old', 'x')),
      (response) => response.end(lineOf('half', 'x').slice(0, 20)),
      (response) => response.write(lineOf('broken', 'x'), () => response.destroy()),
      (response) => response.end(lineOf('a', 'b') + COMPLETE),
    )
    assert.deepEqual(await all(session(address).syncMemberships()), [{ albumId: 'a', assetId: 'b' }])
    assert.equal(bodies.length, 4)
  })

  test('that is never complete is an error', async () => {
    const { address, bodies } = await serverOf((response) => response.end(lineOf('a', 'b')))
    const api = session(address, { retry: { attempts: 2, baseMs: 1 } })
    await assert.rejects(all(api.syncMemberships()), { code: 'immich/stream-cut', recovery: 'retry' })
    assert.equal(bodies.length, 2)
  })

  test('in which nothing moves is given up', async () => {
    const { address } = await serverOf((response) => response.write(lineOf('a', 'b')))
    const api = session(address, { stallMs: 30, retry: { attempts: 1 } })
    await assert.rejects(all(api.syncMemberships()), { code: 'immich/stalled' })
  })

  test('that speaks otherwise is an error, not a wait', async () => {
    const odd = {
      'no ids': lineOf('a', 'b').replace('"albumId":"a"', '"albumId":null'),
      'no type': '{"data":{}}\n',
      'a reset': `${JSON.stringify({ type: 'SyncResetV1', data: {}, ack: 'x' })}\n`,
      'a line without end': 'x'.repeat(1_100_000),
    }
    for (const [what, text] of Object.entries(odd)) {
      const { address } = await serverOf((response) => response.end(text))
      await assert.rejects(
        all(session(address).syncMemberships()),
        { code: 'immich/unexpected-answer' },
        what,
      )
    }
  })

  test('is read to its end when whoever asked goes away, and no second one runs beside it', async () => {
    const held: ServerResponse[] = []
    const { address, bodies } = await serverOf((response) => {
      response.write(lineOf('a', 'b'))
      held.push(response)
    })
    const api = session(address)
    const controller = new AbortController()
    const first = all(api.syncMemberships(controller.signal))
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve))
    controller.abort(new Error('called off'))
    await assert.rejects(first, /called off/u)
    const second = all(api.syncMemberships())
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(bodies.length, 1)
    held[0]?.end(COMPLETE)
    while (held.length < 2) await new Promise((resolve) => setImmediate(resolve))
    held[1]?.end(lineOf('a', 'c') + COMPLETE)
    assert.deepEqual(await second, [
      { albumId: 'a', assetId: 'b' },
      { albumId: 'a', assetId: 'c' },
    ])
  })

  test('asks once whether it is there, and moves nothing by that', async () => {
    const fake = await start()
    const api = sessionOf(fake)
    await Promise.all([api.capabilities(), api.capabilities()])
    assert.equal(fake.callsOf('POST /sync/stream'), 1)
    assert.equal(fake.callsOf('POST /search/metadata'), 1)
  })
})
