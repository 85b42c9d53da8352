import assert from 'node:assert/strict'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { HeirloomError } from '../../errors.ts'
import type { RemoteWorkerOptions, RemoteWorkerSummary } from '../../tasks/remote-api.ts'
import { main } from '../main.ts'
import { fakeServices, type MemoryIo, memoryIo } from '../testing/memory-io.ts'

const SUMMARY: RemoteWorkerSummary = { completed: 1204, failed: 2, durationMs: 4200 }
const LINE = 'worker --redis redis://127.0.0.1 --map MAP --lanes item:2,thumbnail:1'

class Refused extends HeirloomError {
  readonly code = 'test/refused'
  readonly recovery = 'discard'
}

let folder = ''
before(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'heirloom-worker-')))
  writeFileSync(
    join(folder, 'worker.yaml'),
    `redis: redis://127.0.0.1\nmap: [${folder}]\nlanes: [thumbnail:3]\n`,
  )
})
after(() => rmSync(folder, { recursive: true }))

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly calls: readonly RemoteWorkerOptions[]
}

async function run(
  line: string,
  work: (options: RemoteWorkerOptions, io: MemoryIo) => Promise<RemoteWorkerSummary> = async () => SUMMARY,
  io: MemoryIo = memoryIo({ cwd: folder }),
): Promise<Ran> {
  const calls: RemoteWorkerOptions[] = []
  const services = fakeServices({
    runWorker: (options) => {
      calls.push(options)
      return work(options, io)
    },
  })
  const code = await main(line.replaceAll('MAP', folder).split(' '), io, services)
  return { code, out: io.stdout.text(), err: io.stderr.text(), calls }
}

test('works with what the flags say, and tells it before', async () => {
  const { code, out, err, calls } = await run(`${LINE} --map /there=MAP --bucket https://s3.local/photos`)
  assert.equal(code, 0)
  const [{ redis, lanes, maps, buckets } = assert.fail('nothing was run')] = calls
  assert.deepEqual(
    { redis, lanes, maps, buckets },
    {
      redis: { url: 'redis://127.0.0.1', prefix: 'heirloom' },
      lanes: { item: 2, thumbnail: 1 },
      maps: [
        { there: folder, here: folder },
        { there: '/there', here: folder },
      ],
      buckets: [{ endpoint: 'https://s3.local', bucket: 'photos' }],
    },
  )
  assert.match(err, /^redis {4}redis:\/\/127\.0\.0\.1 \(keys heirloom:…\)$/mu)
  assert.match(err, /^folder {3}.* \(there \/there\)$/mu)
  assert.match(err, /^lanes {4}item 2 processes, thumbnail 1 process$/mu)
  assert.match(err, /^bucket {3}https:\/\/s3\.local\/photos$/mu)
  assert.equal(out, 'Ended after 4.2 s: 1,204 tasks done, 2 failed\n')
})

test('takes the same from a file', async () => {
  const { code, calls } = await run('worker --config worker.yaml')
  assert.equal(code, 0)
  assert.deepEqual(calls[0]?.lanes, { thumbnail: 3 })
  assert.deepEqual(calls[0]?.maps, [{ there: folder, here: folder }])
})

describe('what cannot be run leaves with 2, and says how it could', () => {
  for (const [line, err] of [
    ['worker --map MAP', /no Redis server given\nName the one.*--redis redis:/u],
    ['worker --redis redis://127.0.0.1', /no folder and no bucket\n.*--map \/mnt\/photos=\/data/u],
    [
      'worker --redis redis://127.0.0.1 --map /x/nowhere',
      /no folder \/x\/nowhere here\nIs the share mounted\?/u,
    ],
    [
      'worker --redis redis://127.0.0.1 --map data',
      /--map: expected absolute folders: THERE=HERE.*\["data"\]/u,
    ],
    ['worker --redis redis://127.0.0.1 --map MAP --lanes items', /--lanes: expected item or thumbnail/u],
    [`${LINE} --workers 7`, /--workers 7 does not fit/u],
    ['worker --redis http://127.0.0.1 --map MAP', /--redis: expected an address.*"http:\/\/127\.0\.0\.1"/u],
  ] as const) {
    test(line, async () => {
      const result = await run(line)
      assert.deepEqual([result.code, result.calls.length], [2, 0])
      assert.match(result.err, err)
    })
  }

  test('an address that is none is told without its password', async () => {
    const { err } = await run('worker --redis redis://:pa/ss@127.0.0.1 --map MAP')
    assert.match(err, /--redis: expected an address .*, got something else/u)
    assert.ok(!err.includes('pa/ss'))
  })
})

test('shows what it does, with --json as lines of JSON', async () => {
  const work = async ({ onStatus }: RemoteWorkerOptions): Promise<RemoteWorkerSummary> => {
    const lanes = [{ lane: 'item', concurrency: 2, running: 1, completed: 7, failed: 0 }]
    onStatus({ now: 0, isConnected: true, lanes })
    onStatus({ now: 1_000, isConnected: false, lanes })
    return SUMMARY
  }
  const { out, err } = await run(`${LINE} --json`, work)
  assert.deepEqual(JSON.parse(out), SUMMARY)
  const lines = err
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; isConnected?: boolean })
  assert.deepEqual(
    lines.filter(({ type }) => type === 'progress').map(({ isConnected }) => isConnected),
    [true, false],
  )
})

describe('Ctrl-C', () => {
  test('once finishes what runs, and leaves with 0', async () => {
    const { code, out } = await run(LINE, async ({ signal, kill }, io) => {
      io.interrupt()
      assert.deepEqual([signal.aborted, kill.aborted], [true, false])
      return SUMMARY
    })
    assert.equal(code, 0)
    assert.match(out, /^Ended after/u)
  })

  test('twice leaves with 130', async () => {
    const { code } = await run(LINE, async ({ kill }, io) => {
      io.interrupt()
      io.interrupt()
      assert.ok(kill.aborted)
      return SUMMARY
    })
    assert.equal(code, 130)
  })

  test('twice leaves with 130 also when it ends in an error', async () => {
    const { code, err } = await run(LINE, async (_options, io) => {
      io.interrupt()
      io.interrupt()
      throw new Error('broken off')
    })
    assert.equal(code, 130)
    assert.doesNotMatch(err, /bug/u)
  })
})

test('an error at the start is said with its hint', async () => {
  const { code, err } = await run(LINE, async () => {
    throw new Refused('redis at 127.0.0.1:6379 refuses the password', { hint: 'Look at it.' })
  })
  assert.equal(code, 1)
  assert.match(err, /error: redis at 127\.0\.0\.1:6379 refuses the password\nLook at it\.\n$/u)
})
