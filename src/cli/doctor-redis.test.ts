import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { NO_REDIS, startRedis, type TestRedis } from '../../test/support/redis-server.ts'
import type { Coordinator } from '../queue/backend.ts'
import {
  checkRedis,
  describeHosts,
  memoryFinding,
  parseInfo,
  persistenceFinding,
  serverFinding,
} from './doctor-redis.ts'

const INFO = parseInfo(
  '# Server\r\nredis_version:7.0.15\r\n\r\n# Memory\r\nused_memory:1048576\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\naof_last_write_status:ok\r\n',
)
const withLines = (lines: string): ReadonlyMap<string, string> => new Map([...INFO, ...parseInfo(lines)])
const place = 'nas.local:6379'

describe('the findings', () => {
  test('tell version and latency', () => {
    assert.deepEqual(serverFinding(INFO, { place, latencyMs: 0.42 }), {
      name: 'redis',
      state: 'ok',
      detail: 'Redis 7.0.15 at nas.local:6379, answers in 0.4 ms',
    })
    const valkey = serverFinding(withLines('valkey_version:8.1.0'), { place, latencyMs: 1 })
    assert.match(valkey.detail, /^Valkey 8\.1\.0 at/u)
    assert.equal(serverFinding(INFO, { place, latencyMs: 45 }).state, 'warn')
  })

  test('tell how full it is, and what it does when it is', () => {
    assert.deepEqual(memoryFinding(INFO), {
      name: 'redis memory',
      state: 'ok',
      detail: '1.0 MB used, maxmemory-policy noeviction',
    })
    const { state, detail } = memoryFinding(withLines('maxmemory:2000000\nmaxmemory_policy:volatile-lru'))
    assert.deepEqual([state, detail], ['warn', '1.0 MB used of 2.0 MB, maxmemory-policy volatile-lru'])
  })

  test('tell whether it keeps anything', () => {
    assert.equal(persistenceFinding(INFO).state, 'ok')
    assert.equal(persistenceFinding(withLines('aof_enabled:0')).state, 'warn')
    assert.equal(persistenceFinding(withLines('aof_last_write_status:err')).state, 'fail')
  })

  test('tell who works', () => {
    assert.equal(describeHosts([]).state, 'warn')
    const host = (name: string): Coordinator => ({
      id: name,
      host: name,
      pid: 1,
      identity: { pid: 1, startedAt: 'x', host: name } as unknown as Coordinator['identity'],
      startedAt: 0,
      seenAt: 0,
      lanes: { item: { concurrency: 4, workers: 0 }, thumbnail: { concurrency: 2, workers: 2 } },
    })
    assert.deepEqual(describeHosts([host('anna'), host('bob\u001B[2J')]).detail.split(', ').length, 4)
    assert.ok(!describeHosts([host('bob\u001B[2J')]).detail.includes('\u001B'))
    const many = Array.from({ length: 8 }, (_, index) => host(`host${index}`))
    assert.match(describeHosts(many).detail, /^8: host0 \(item 4, thumbnail 2\), .*, and 3 more$/u)
  })
})

const redis: TestRedis | undefined = await startRedis({ appendOnly: 'everysec' })
after(() => redis?.stop())

describe('a real server', { skip: redis === undefined && NO_REDIS }, () => {
  const { url } = redis ?? { url: '' }

  test('is looked at, and left as it is', { skip: redis?.isOwn === false }, async () => {
    const findings = await checkRedis({ url, prefix: 'heirloom-doctor' })
    assert.deepEqual(
      findings.map(({ name, state }) => [name, state]),
      [
        ['redis', 'ok'],
        ['redis memory', 'ok'],
        ['redis disk', 'ok'],
        ['worker hosts', 'warn'],
      ],
    )
  })

  test('that is not there is one finding, with a hint', async () => {
    const [finding, ...others] = await checkRedis({ url: 'redis://127.0.0.1:1' })
    assert.deepEqual([finding?.state, others], ['fail', []])
    assert.match(finding?.detail ?? '', /nothing listens at 127\.0\.0\.1:1/u)
    assert.ok(finding?.hint)
  })
})
