import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { resolveConfig } from './config.ts'
import { readConnection, readUploadSettings } from './immich-settings.ts'
import { memoryIo } from './testing/memory-io.ts'
import { UsageError } from './usage-error.ts'

const URL = 'http://nas.local:2283'
const KEY = 'verysecretkey'

let folder = ''
let keyFile = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-key-'))
  keyFile = join(folder, 'key')
  writeFileSync(keyFile, `${KEY}\nsecond line\n`, { mode: 0o600 })
})
after(() => rmSync(folder, { recursive: true }))

interface Given {
  readonly flags?: Record<string, unknown>
  readonly env?: Record<string, string>
  readonly secret?: string
}

async function read({ flags = {}, env = {}, secret }: Given) {
  const io = memoryIo({ env, ...(secret === undefined ? {} : { secret }) })
  const said: string[] = []
  const resolved = resolveConfig({ cwd: folder, flags: { immichUrl: URL, ...flags }, env })
  const connection = await readConnection(resolved, io, (line) => said.push(line))
  return { connection, said, hidden: io.hidden }
}

describe('the key comes from', () => {
  const cases: { from: string; given: () => Given; warns?: RegExp }[] = [
    { from: 'the environment', given: () => ({ env: { IMMICH_API_KEY: KEY } }) },
    {
      from: 'our own variable',
      given: () => ({ env: { HEIRLOOM_IMMICH_KEY: KEY, IMMICH_API_KEY: 'other' } }),
    },
    { from: 'a file', given: () => ({ flags: { immichKeyFile: keyFile } }) },
    {
      from: 'a file on the command line rather than the environment',
      given: () => ({ flags: { immichKeyFile: keyFile }, env: { IMMICH_API_KEY: 'other' } }),
    },
    {
      from: 'the command line, with a warning',
      given: () => ({ flags: { immichKey: KEY } }),
      warns: /--immich-key-file/u,
    },
    { from: 'the user', given: () => ({ secret: KEY }) },
  ]
  for (const { from, given, warns } of cases) {
    test(from, async () => {
      const { connection, said } = await read(given())
      assert.deepEqual(connection, { address: URL, key: KEY, insecure: false })
      assert.equal(said.length, warns === undefined ? 0 : 1)
      if (warns !== undefined) assert.match(said[0] ?? '', warns)
      assert.ok(!said.join('').includes(KEY))
    })
  }
})

test('the key is taken from the environment of child processes', async () => {
  const { hidden } = await read({ env: { IMMICH_API_KEY: KEY } })
  assert.deepEqual(hidden, ['HEIRLOOM_IMMICH_KEY', 'IMMICH_API_KEY'])
})

test('warns of a key file that others can read', { skip: process.platform === 'win32' }, async () => {
  const open = join(folder, 'open')
  writeFileSync(open, KEY)
  chmodSync(open, 0o644)
  assert.match((await read({ flags: { immichKeyFile: open } })).said[0] ?? '', /chmod 600/u)
})

describe('refuses', () => {
  const cases: { fact: string; given: Given; problem: RegExp }[] = [
    { fact: 'no server', given: { flags: { immichUrl: undefined } }, problem: /no Immich server/u },
    { fact: 'no key', given: {}, problem: /no API key/u },
    {
      fact: 'a key file that is not there',
      given: { flags: { immichKeyFile: '/nowhere/key' } },
      problem: /no such file/u,
    },
    {
      fact: 'a key with blanks',
      given: { env: { IMMICH_API_KEY: 'very secret' } },
      problem: /^IMMICH_API_KEY has blanks/u,
    },
  ]
  for (const { fact, given, problem } of cases) {
    test(fact, async () => {
      await assert.rejects(read(given), (error) => {
        assert.ok(error instanceof UsageError)
        assert.match(error.problems[0] ?? '', problem)
        return !error.problems.join('').includes('very secret')
      })
    })
  }
})

test('reads how to upload from the settings', async () => {
  const env = {
    IMMICH_INSTANCE_URL: `${URL}/`,
    IMMICH_API_KEY: KEY,
    IMMICH_UPLOAD_CONCURRENCY: '8',
    IMMICH_IGNORE_PATTERNS: '*.mp4, raw/**',
  }
  const resolved = resolveConfig({ cwd: folder, flags: { albumNames: '{album},Google Photos/{user}' }, env })
  const settings = await readUploadSettings(resolved, memoryIo({ env }), () => undefined)
  assert.deepEqual(settings, {
    connection: { address: URL, key: KEY, insecure: false },
    concurrency: 8,
    waitMs: 3_600_000,
    albumNames: ['{album}', 'Google Photos/{user}'],
    includeTrashed: false,
    ignorePatterns: ['*.mp4', 'raw/**'],
  })
})
