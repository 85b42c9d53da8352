import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { RemoteSettings } from '../tasks/remote-api.ts'
import { resolveConfig } from './config.ts'
import { readRemote } from './redis-settings.ts'
import { memoryIo } from './testing/memory-io.ts'
import { UsageError } from './usage-error.ts'

const PASSWORD = 'pass word/ü'
const IN_URL = encodeURIComponent(PASSWORD)
const PEM = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n'

let folder = ''
let passwordFile = ''
let caFile = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-redis-settings-'))
  passwordFile = join(folder, 'password')
  caFile = join(folder, 'ca.pem')
  writeFileSync(passwordFile, `${PASSWORD}\nsecond line\n`, { mode: 0o600 })
  writeFileSync(caFile, PEM)
})
after(() => rmSync(folder, { recursive: true }))

interface Given {
  readonly flags?: Record<string, unknown>
  readonly env?: Record<string, string>
}

async function read({ flags = {}, env = {} }: Given): Promise<{
  readonly remote: RemoteSettings | undefined
  readonly said: readonly string[]
  readonly hidden: readonly string[]
}> {
  const io = memoryIo({ env })
  const said: string[] = []
  const remote = await readRemote(resolveConfig({ cwd: folder, flags, env }), io, (line) => said.push(line))
  return { remote, said, hidden: io.hidden }
}

const LOCAL = { prefix: 'heirloom', url: 'redis://127.0.0.1:6379' }

describe('readRemote', () => {
  test('answers nothing when no Redis is named', async () => {
    assert.deepEqual(await read({}), { remote: undefined, said: [], hidden: [] })
  })

  test('takes the address, the prefix and the window as they are set', async () => {
    const flags = { redis: 'redis://127.0.0.1:6379/2', redisPrefix: 'photos', redisWindow: '50' }
    assert.deepEqual(await read({ flags }), {
      remote: { redis: { url: 'redis://127.0.0.1:6379/2', prefix: 'photos' }, window: 50 },
      said: [],
      hidden: [],
    })
  })

  test('takes the password out of the address, and the variable from child processes', async () => {
    const { remote, said, hidden } = await read({
      env: { HEIRLOOM_REDIS: `redis://anna:${IN_URL}@127.0.0.1:6379` },
    })
    assert.deepEqual(remote?.redis, { ...LOCAL, url: 'redis://anna@127.0.0.1:6379', password: PASSWORD })
    assert.deepEqual([said, hidden], [[], ['HEIRLOOM_REDIS']])
  })

  test('warns of a password on the command line, without telling it', async () => {
    const { remote, said } = await read({ flags: { redis: `redis://:${IN_URL}@127.0.0.1:6379` } })
    assert.deepEqual(remote?.redis, { ...LOCAL, password: PASSWORD })
    assert.equal(said.length, 1)
    assert.match(said[0] ?? '', /use --redis-password-file or HEIRLOOM_REDIS/u)
    assert.ok(!said[0]?.includes(PASSWORD) && !said[0]?.includes(IN_URL))
  })

  test('takes the password from the first line of a file, before one in the address', async () => {
    const { remote, said } = await read({
      flags: { redisPasswordFile: passwordFile },
      env: { HEIRLOOM_REDIS: 'redis://:other@127.0.0.1:6379' },
    })
    assert.deepEqual([remote?.redis, said], [{ ...LOCAL, password: PASSWORD }, []])
  })

  test('warns of a password file that others can read', { skip: process.platform === 'win32' }, async () => {
    const open = join(folder, 'open')
    writeFileSync(open, PASSWORD)
    chmodSync(open, 0o644)
    const { said } = await read({ flags: { redis: LOCAL.url, redisPasswordFile: open } })
    assert.match(said.join('\n'), /^warning: others can read the password file .*chmod 600/u)
  })

  test('reads the authorities of a TLS server', async () => {
    const { remote, said } = await read({ flags: { redis: 'rediss://nas.local', redisCa: caFile } })
    assert.deepEqual([remote?.redis.ca, said], [PEM, []])
  })

  test('warns of authorities that nobody would look at', async () => {
    const { remote, said } = await read({ flags: { redis: LOCAL.url, redisCa: caFile } })
    assert.deepEqual([remote?.redis, said.length], [LOCAL, 1])
    assert.match(said[0] ?? '', /write rediss:\/\//u)
  })

  for (const [url, warned] of [
    ['redis://nas.local:6379', true],
    ['redis://192.168.1.5', true],
    ['redis://localhost', false],
    ['redis://127.0.0.9:7000', false],
    ['redis://[::1]:6379', false],
    ['rediss://nas.local', false],
    ['/run/redis/redis.sock', false],
  ] as const) {
    test(`${warned ? 'warns' : 'says nothing'} of what others can read on the way to ${url}`, async () => {
      const { said } = await read({ flags: { redis: url } })
      assert.equal(said.length, warned ? 1 : 0)
      if (warned) assert.match(said[0] ?? '', /not encrypted.*rediss:\/\//u)
    })
  }

  const wrong: { fact: string; flags: () => Record<string, unknown>; problem: RegExp }[] = [
    {
      fact: 'a password file that is not there',
      flags: () => ({ redisPasswordFile: 'nowhere' }),
      problem: /^--redis-password-file .*nowhere: no such file/u,
    },
    {
      fact: 'a password file with an empty first line',
      flags: () => {
        const path = join(folder, 'empty')
        writeFileSync(path, '\nsecond\n', { mode: 0o600 })
        return { redisPasswordFile: path }
      },
      problem: /empty has no password$/u,
    },
    {
      fact: 'authorities that are none',
      flags: () => ({ redis: 'rediss://nas.local', redisCa: passwordFile }),
      problem: /^--redis-ca .*there is no certificate in it$/u,
    },
  ]
  for (const { fact, flags, problem } of wrong) {
    test(`refuses ${fact}`, async () => {
      await assert.rejects(read({ flags: { redis: LOCAL.url, ...flags() } }), (error) => {
        assert.ok(error instanceof UsageError)
        assert.match(error.problems[0] ?? '', problem)
        return !error.message.includes(PASSWORD)
      })
    })
  }
})
