import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type FakeImmich, startFakeImmich } from '../../test/support/fake-immich/fake-immich.ts'
import { checkServer } from './check-server.ts'
import type { ServerCheck, ServerFinding } from './upload-api.ts'

let fake: FakeImmich

beforeEach(async () => {
  fake = await startFakeImmich()
})
afterEach(() => fake.close())

function check(key: string = fake.key): Promise<ServerCheck> {
  return checkServer({ address: fake.address, key, insecure: false })
}

function find({ findings }: ServerCheck, name: string): ServerFinding | undefined {
  return findings.find((one) => one.name === name)
}

describe('the check of a server', () => {
  test('tells the free space, and that all is well', async () => {
    fake.state.disk.sizeBytes = 2e12
    fake.state.disk.freeBytes = 812e9
    const result = await check()
    assert.deepEqual(
      result.findings.map(({ name, state }) => [name, state]),
      [
        ['server', 'ok'],
        ['key', 'ok'],
        ['permissions', 'ok'],
        ['disk', 'ok'],
        ['clock', 'ok'],
      ],
    )
    assert.match(find(result, 'disk')?.detail ?? '', /^812(\.0)? GB free of 2\.0 TB on the server$/u)
    assert.equal(result.ok, true)
  })

  test('warns of a disk that is nearly full', async () => {
    fake.state.disk.freeBytes = 1e9
    const disk = find(await check(), 'disk')
    assert.deepEqual([disk?.state, disk?.hint], ['warn', 'Free some space on the server before uploading.'])
  })

  test('does without the free space when the key may not ask', async () => {
    const permissions = ['asset.upload', 'asset.read', 'asset.update', 'stack.read', 'stack.create']
    const albums = ['album.read', 'album.create', 'albumAsset.create']
    const result = await check(fake.addKey([...permissions, ...albums]).secret)
    assert.equal(result.ok, true)
    assert.match(find(result, 'disk')?.hint ?? '', /server\.storage/u)
  })

  test('names what a key lacks', async () => {
    const result = await check(fake.addKey(['asset.upload']).secret)
    assert.equal(result.ok, false)
    assert.match(find(result, 'permissions')?.detail ?? '', /^missing: album\.create, .*stack\.read$/u)
  })

  test('says that the key is wrong, or the server away, without the key', async () => {
    const wrong = await check('not-the-key')
    assert.deepEqual([find(wrong, 'key')?.state, wrong.ok], ['fail', false])
    await fake.kill()
    const away = await check('not-the-key')
    assert.deepEqual([find(away, 'server')?.state, away.ok], ['fail', false])
    assert.doesNotMatch(JSON.stringify([wrong, away]), /not-the-key/u)
  })
})
