import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { NO_REDIS, startRedis, type TestRedis } from '../../../test/support/redis-server.ts'
import { HeirloomError } from '../../errors.ts'
import { createLogger } from '../../logger.ts'
import { connectRedis } from './connection.ts'
import { explainRedis } from './redis-error.ts'

const SECRET = 'correct horse%/@'

/** What opening throws; everything that is said of it, its causes too, holds no password. */
async function refusal(options: Parameters<typeof connectRedis>[0]): Promise<HeirloomError> {
  try {
    const { close } = await connectRedis(options)
    close()
  } catch (error) {
    assert.ok(error instanceof HeirloomError, String(error))
    const said = JSON.stringify([error.message, error.hint, error.stack, String(error.cause)])
    assert.ok(!said.includes(SECRET) && !said.includes(encodeURIComponent(SECRET)), said)
    assert.notEqual(error.hint, undefined)
    return error
  }
  return assert.fail('it was opened')
}

async function logOf(url: string, password?: string): Promise<readonly string[]> {
  const lines: string[] = []
  const logger = createLogger({ level: 'debug', write: (line) => lines.push(line), now: Date.now })
  const { close } = await connectRedis({ url, ...(password === undefined ? {} : { password }) }, logger)
  close()
  return lines.map((line) => (JSON.parse(line) as { message: string }).message)
}

describe('a URL of a Redis server', () => {
  test('that cannot be read is refused without being told', async () => {
    const user = `redis://u:${encodeURIComponent(SECRET)}@`
    for (const url of ['', 'host', 'http://host', `${user}`, `${user}host/x`, 'redis://', 'redis://h/1/2']) {
      assert.equal((await refusal({ url })).code, 'redis/invalid-url', url)
    }
  })

  test('where nothing listens is told with its place', async () => {
    const error = await refusal({ url: `redis://u:${encodeURIComponent(SECRET)}@127.0.0.1:1/3` })
    assert.equal(error.code, 'redis/refused')
    assert.equal(error.message, 'nothing listens at 127.0.0.1:1/3')
  })
})

describe('what servers say', () => {
  const said: Record<string, string> = {
    "NOPERM this user has no permissions to run the 'evalsha' command": 'redis/not-permitted',
    'getaddrinfo ENOTFOUND nowhere': 'redis/unknown-host',
    'self-signed certificate in certificate chain': 'redis/certificate',
    'C0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number': 'redis/no-tls',
    'MISCONF Redis is configured to save RDB snapshots': 'redis/read-only',
    "OOM command not allowed when used memory > 'maxmemory'.": 'redis/out-of-memory',
    'something else': 'redis/unreachable',
  }
  for (const [text, code] of Object.entries(said)) {
    test(`is explained: ${code}`, () => {
      assert.equal(explainRedis(new Error(text), 'h:1', []).code, code)
    })
  }

  test('never tells a password', () => {
    const { message } = explainRedis(new Error(`bad thing near ${SECRET}`), 'h:1', [SECRET])
    assert.equal(message, 'redis at h:1: bad thing near ***')
  })
})

const redis = await startRedis({ args: ['--requirepass', SECRET] })
if (redis?.isOwn === true) describeServer(redis)
else
  test('a server with a password', {
    skip: redis === undefined ? NO_REDIS : 'REDIS_URL is not ours to set up',
  })

function describeServer(server: TestRedis): void {
  describe('a server of its own', () => {
    after(() => server.stop())
    const { port } = server
    const url = `redis://127.0.0.1:${port}`

    const set = async (t: TestContext, name: string, value: string, was: string) => {
      const { redis: client, close } = await connectRedis({ url, password: SECRET })
      await client.config('SET', name, value)
      t.after(async () => {
        await client.config('SET', name, was)
        close()
      })
    }

    test('asks for its password, and refuses another one', async () => {
      assert.equal((await refusal({ url })).code, 'redis/no-password')
      assert.equal((await refusal({ url, password: `${SECRET}!` })).code, 'redis/wrong-password')
      assert.equal(
        (await refusal({ url: `redis://who@127.0.0.1:${port}`, password: SECRET })).code,
        'redis/wrong-password',
      )
    })

    test('takes the password from the URL, and from beside it', async () => {
      await logOf(`redis://:${encodeURIComponent(SECRET)}@127.0.0.1:${port}/4`)
      await logOf(`redis://:other@127.0.0.1:${port}`, SECRET)
    })

    test('that would lose tasks when its memory is full is refused, or warned of', async (t) => {
      await set(t, 'maxmemory-policy', 'allkeys-lru', 'noeviction')
      const error = await refusal({ url, password: SECRET })
      assert.equal(error.code, 'redis/evicts')
      assert.match(error.message, /maxmemory-policy is allkeys-lru$/u)
    })

    test('that may forget leases is warned of, and one that keeps nothing too', async (t) => {
      await set(t, 'maxmemory-policy', 'volatile-ttl', 'noeviction')
      assert.deepEqual(await logOf(url, SECRET), [
        'redis forgets leases when its memory is full',
        'redis keeps nothing over a restart',
      ])
    })

    test('that forbids to look at its settings is used as it is', async () => {
      const { redis: client, close } = await connectRedis({ url, password: SECRET })
      await client.call(
        'ACL',
        'SETUSER',
        'worker',
        'on',
        '>w',
        '~heirloom:*',
        '+@all',
        '-@admin',
        '-@dangerous',
        '+info',
      )
      assert.deepEqual(await logOf(`redis://worker:w@127.0.0.1:${port}`), [])
      await client.call('ACL', 'SETUSER', 'nobody', 'on', '>w', '-@all', '+auth', '+hello')
      const error = await refusal({ url: `redis://nobody:w@127.0.0.1:${port}` })
      assert.equal(error.code, 'redis/not-permitted')
      close()
    })
  })
}

test('a server that has vanished without a word is away when it has not answered for a while', async (t) => {
  const server = await startRedis()
  if (server?.isOwn !== true) {
    t.skip(server === undefined ? NO_REDIS : 'REDIS_URL is not ours to stop')
    return
  }
  t.after(() => server.stop())
  const lines: string[] = []
  const logger = createLogger({ level: 'info', write: (line) => lines.push(line), now: Date.now })
  const { redis, close } = await connectRedis({ url: server.url }, logger)
  t.after(close)
  await server.kill('SIGSTOP')
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const asked = redis.ping()
  const [lost, back] = ['close', 'ready'].map((event) => new Promise((resolve) => redis.once(event, resolve)))
  t.mock.timers.tick(30_000)
  await lost
  await server.kill('SIGCONT')
  // The pause before the next attempt to connect.
  t.mock.timers.tick(1_000)
  t.mock.timers.reset()
  await back
  assert.equal(await asked, 'PONG')
  assert.deepEqual(lines.map((line) => (JSON.parse(line) as { message: string }).message).slice(-2), [
    'redis is away',
    'redis is back',
  ])
})

test('a server with TLS is believed by its authority only', async (t) => {
  if (spawnSync('openssl', ['version']).error !== undefined) {
    t.skip('no openssl to make a certificate')
    return
  }
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-tls-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  })
  const port = 1 + (redis?.port ?? 0)
  const files = [
    '--tls-cert-file',
    cert,
    '--tls-key-file',
    key,
    '--tls-ca-cert-file',
    cert,
    '--tls-auth-clients',
    'no',
  ]
  const server = await startRedis({ args: ['--tls-port', `${port}`, ...files] })
  if (server?.isOwn !== true) {
    t.skip(server === undefined ? NO_REDIS : 'REDIS_URL is not ours to set up')
    return
  }
  t.after(() => server.stop())
  const url = `rediss://localhost:${port}`
  const { redis: client, close } = await connectRedis({ url, ca: await readFile(cert, 'utf8') })
  assert.equal(await client.ping(), 'PONG')
  close()
  assert.equal((await refusal({ url })).code, 'redis/certificate')
})
