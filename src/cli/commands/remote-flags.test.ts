/**
 * The flags of Redis on the commands that hand tasks out: what reaches the jobs, and what does not.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ServeOptions } from '../../server/serve.ts'
import type { RemoteSettings } from '../../tasks/remote-api.ts'
import { main } from '../main.ts'
import { fakeServices, ingestSummary, memoryIo, thumbsSummary } from '../testing/memory-io.ts'

const REMOTE: RemoteSettings = {
  redis: { url: 'redis://anna@127.0.0.1:6379/1', prefix: 'photos', password: 'secret' },
  window: 50,
}
const ENV = { HEIRLOOM_REDIS: 'redis://anna:secret@127.0.0.1:6379/1' }
const FLAGS = '--redis-prefix photos --redis-window 50'

class Started extends Error {}

let cwd = ''
before(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'heirloom-remote-')))
  for (const folder of ['Takeout', 'Pictures']) mkdirSync(join(cwd, folder))
})
after(() => rmSync(cwd, { recursive: true }))

interface Taken {
  readonly code: number
  readonly err: string
  readonly hidden: readonly string[]
  /** What each job that was started was told. */
  readonly remotes: readonly (RemoteSettings | undefined)[]
  readonly serve: ServeOptions | undefined
}

async function run(line: string, env: Record<string, string> = {}): Promise<Taken> {
  const io = memoryIo({ cwd, env })
  const remotes: (RemoteSettings | undefined)[] = []
  let serve: ServeOptions | undefined
  const services = fakeServices({
    ingest: async ({ remote }) => {
      remotes.push(remote)
      return ingestSummary()
    },
    makeThumbs: async ({ remote }) => {
      remotes.push(remote)
      return thumbsSummary()
    },
    startServer: async (options) => {
      remotes.push(options.remote)
      serve = options
      throw new Started()
    },
  })
  const code = await main(line.split(' '), io, services)
  return { code, err: io.stderr.text(), hidden: io.hidden, remotes, serve }
}

const COMMANDS = ['ingest Takeout -o lib', 'thumbs Pictures -o small', 'serve --library lib']

for (const command of COMMANDS) {
  describe(command, () => {
    test('hands tasks out through the Redis that is set', async () => {
      const { remotes, hidden, err } = await run(`${command} ${FLAGS}`, ENV)
      assert.deepEqual(remotes, [REMOTE])
      assert.deepEqual(hidden, ['HEIRLOOM_REDIS'])
      assert.ok(!err.includes('secret'))
    })

    test('hands nothing out when none is', async () => {
      assert.deepEqual((await run(command)).remotes, [undefined])
    })

    test('is not started with an address that is none', async () => {
      const { code, err, remotes } = await run(`${command} --redis localhost:6379`)
      assert.deepEqual([code, remotes], [2, []])
      assert.match(err, /--redis: expected an address such as redis:\/\/localhost:6379\/0/u)
    })
  })
}

test('a dry run needs no worker hosts', async () => {
  assert.deepEqual((await run('ingest Takeout -o lib --dry-run', ENV)).remotes, [undefined])
})

describe('serve --bull-board', () => {
  test('is asked for by name', async () => {
    assert.equal((await run('serve --library lib', ENV)).serve?.bullBoard, false)
    assert.equal((await run('serve --library lib --bull-board', ENV)).serve?.bullBoard, true)
  })

  test('needs a Redis to look into', async () => {
    const { code, err, remotes } = await run('serve --library lib --bull-board')
    assert.deepEqual([code, remotes], [2, []])
    assert.match(err, /--bull-board shows what is in Redis, and none is given\nName it: --redis/u)
  })
})

test('config show tells the address without its password', async () => {
  const io = memoryIo({ cwd, env: ENV })
  assert.equal(await main(['config', 'show'], io, fakeServices()), 0)
  assert.match(io.stdout.text(), /^redis +redis:\/\/\*{8}@127\.0\.0\.1:6379\/1 +HEIRLOOM_REDIS$/mu)
  assert.ok(!io.stdout.text().includes('secret'))
})

test('config show tells nothing of an address that is none', async () => {
  const io = memoryIo({ cwd, env: { HEIRLOOM_REDIS: 'redis://anna:se/cret@nas.local' } })
  assert.equal(await main(['config', 'show'], io, fakeServices()), 2)
  assert.ok(!`${io.stdout.text()}${io.stderr.text()}`.includes('cret'))
})
