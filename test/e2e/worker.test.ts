/**
 * `heirloom worker` from the outside: a process of its own at a real Redis, signals, and what it says when it cannot start.
 *
 * What it computes, and what happens when one dies at it, is in the tests of remote runs.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Redis } from 'ioredis'
import { makeTakeout } from '../support/make-takeout.ts'
import { NO_REDIS, startRedis, type TestRedis } from '../support/redis-server.ts'
import {
  CAN_SEE_PROCESSES,
  leftBehind,
  type RunningHeirloom,
  runHeirloom,
  startHeirloom,
  until,
} from '../support/run-heirloom.ts'
import { runHere } from '../support/run-here.ts'

const PASSWORD = 'open-sesame'

const USER_PASSWORD = 'sesame-two'

/** The arguments of `ACL` that docs/guides/workers.md tells to use, with our password. */
function userOfTheGuide(): string[] {
  const guide = readFileSync('docs/guides/workers.md', 'utf8')
  const line = /^ACL (?<setting>SETUSER heirloom .*)$/mu.exec(guide)?.groups?.['setting'] ?? ''
  assert.match(line, />PASSWORD .*-@all/u)
  return line.replace('PASSWORD', USER_PASSWORD).split(' ')
}

interface StatusLine {
  readonly type: string
  readonly isConnected?: boolean
  readonly lanes?: readonly { readonly lane: string; readonly concurrency: number }[]
}

function statusesOf(running: RunningHeirloom): StatusLine[] {
  return running
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as StatusLine)
    .filter(({ type }) => type === 'progress')
}

const redis: TestRedis | undefined = await startRedis({ args: ['--requirepass', PASSWORD] })

describe('heirloom worker', { skip: (redis === undefined && NO_REDIS) || redis?.isOwn === false }, () => {
  let folder = ''
  let data = ''
  let passwordFile = ''
  const address = `redis://127.0.0.1:${redis?.port}`
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'heirloom-worker-e2e-'))
    data = join(folder, 'data')
    mkdirSync(data)
    // An empty folder counts as one that is not mounted.
    writeFileSync(join(data, 'photo.jpg'), '')
    passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 })
  })
  after(async () => {
    await redis?.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const start = (...more: string[]): RunningHeirloom =>
    startHeirloom([
      'worker',
      '--redis',
      address,
      '--redis-password-file',
      passwordFile,
      '--map',
      `/there=${data}`,
      '--lanes',
      'item:2,thumbnail:1',
      '--json',
      ...more,
    ])

  test('works for an ingest with the user of the guide, is seen by doctor, and ends at the first Ctrl-C', async () => {
    const admin = new Redis({ port: redis?.port ?? 0, password: PASSWORD })
    await using _admin = { [Symbol.asyncDispose]: async () => admin.disconnect() }
    await admin.call('ACL', ...userOfTheGuide())
    await admin.call('ACL', 'LOG', 'RESET')
    const env = { HEIRLOOM_REDIS: address.replace('//', `//heirloom:${USER_PASSWORD}@`) }
    const takeout = join(folder, 'Takeout')
    await makeTakeout(takeout, { photos: 4, specials: false })
    const args = ['worker', '--map', folder, '--lanes', 'item:2,thumbnail:1', '--json']
    const running = startHeirloom(args, { env })
    const { lanes } = await until('it is connected', () => statusesOf(running).find((one) => one.isConnected))
    assert.deepEqual(
      lanes?.map(({ lane, concurrency }) => [lane, concurrency]),
      [
        ['item', 2],
        ['thumbnail', 1],
      ],
    )
    const [doctor, ingest] = await Promise.all([
      runHeirloom(['doctor', folder, '--json'], { env }),
      runHeirloom(['ingest', takeout, '-o', join(folder, 'library'), '--thumbs', '--json'], { env }),
    ])
    const { findings } = JSON.parse(doctor.stdout) as { findings: { name: string; detail: string }[] }
    assert.match(
      findings.find(({ name }) => name === 'worker hosts')?.detail ?? '',
      /^1: .*item 2, thumbnail 1/u,
    )
    assert.equal(ingest.exitCode, 0, ingest.stderr)
    running.child.kill('SIGINT')
    const { exitCode, stdout, stderr } = await running.ended
    assert.equal(exitCode, 0, stderr)
    assert.ok((JSON.parse(stdout) as { completed: number }).completed > 2, stdout)
    if (CAN_SEE_PROCESSES) assert.deepEqual(await leftBehind(running, 5_000), [])
    const said = [stderr, stdout, ingest.stderr, ingest.stdout, doctor.stdout, doctor.stderr].join('\n')
    assert.ok(!said.includes(USER_PASSWORD), said)
    const refused = (await admin.call('ACL', 'LOG')) as readonly (readonly unknown[])[]
    // Whoever may ask for settings may ask for passwords: done without.
    assert.deepEqual([...new Set(refused.map((entry) => entry[entry.indexOf('object') + 1]))], ['config|get'])
  })

  test('waits for a Redis that goes away, and goes on when it is back', async () => {
    const running = start()
    await until('it is connected', () => statusesOf(running).find((one) => one.isConnected))
    await redis?.kill('SIGKILL')
    await until('it waits', () => statusesOf(running).find((one) => one.isConnected === false))
    await redis?.start()
    await until('it is back', () => (statusesOf(running).at(-1)?.isConnected ? true : undefined))
    running.child.kill('SIGTERM')
    assert.equal((await running.ended).exitCode, 0)
  })

  describe('says what is wrong at the start', () => {
    const cases: { fact: string; args: () => string[]; code: number; says: RegExp }[] = [
      {
        fact: 'no server there',
        args: () => ['--redis', 'redis://127.0.0.1:1', '--map', data],
        code: 1,
        says: /error: nothing listens at 127\.0\.0\.1:1\n.*Start the Redis server/u,
      },
      {
        fact: 'no password',
        args: () => ['--redis', address, '--map', data],
        code: 1,
        says: /asks for a password\n.*--redis-password-file/u,
      },
      {
        fact: 'a wrong password',
        args: () => ['--redis', address.replace('//', '//:wrong@'), '--map', data],
        code: 1,
        says: /--redis-password-file or HEIRLOOM_REDIS.*refuses the user or password\n/su,
      },
      {
        fact: 'a folder that is none',
        args: () => ['--redis', address, '--map', passwordFile],
        code: 2,
        says: /is not a folder\nIs the share mounted\?/u,
      },
    ]
    for (const { fact, args, code, says } of cases) {
      test(fact, async () => {
        const { exitCode, stderr } = await runHere(['worker', ...args()])
        assert.match(stderr, says)
        assert.equal(exitCode, code)
        assert.ok(!stderr.includes('wrong@') && !stderr.includes('bug'), stderr)
      })
    }
  })
})
