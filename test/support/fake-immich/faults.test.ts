import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { get } from 'node:https'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, upload } from './fake-client.ts'
import { type FakeImmich, type FakeImmichOptions, startFakeImmich } from './fake-immich.ts'

async function started(t: TestContext, options: FakeImmichOptions = {}): Promise<FakeImmich> {
  const fake = await startFakeImmich(options)
  t.after(() => fake.close())
  return fake
}

const NEW_ALBUM = ['POST', '/albums', { albumName: 'Trip' }] as const

describe('faults', () => {
  test('strike their route only, so many times, after some were let through', async (t) => {
    const fake = await started(t)
    fake.faults.add({ kind: 'status', route: 'POST /albums', status: 503, skip: 1, times: 2 })
    const statuses: number[] = []
    for (let i = 0; i < 4; i += 1) {
      statuses.push((await ask(fake, ...NEW_ALBUM)).status)
      assert.equal((await ask(fake, 'GET', '/albums')).status, 200)
    }
    assert.deepEqual(statuses, [201, 503, 503, 201])
    assert.equal(fake.state.albums.size, 2)
    assert.equal(fake.callsOf('POST /albums'), 4)
    assert.equal(fake.callsOf('* /albums'), 8)
    assert.equal(fake.faults.countOf('status'), 2)
  })

  test('429 carries Retry-After; a proxy may answer a page', async (t) => {
    const fake = await started(t)
    fake.faults.add({ kind: 'status', status: 429, retryAfter: '7', times: 1 })
    const busy = await ask(fake, 'GET', '/albums')
    assert.deepEqual([busy.status, busy.headers.get('retry-after')], [429, '7'])
    fake.faults.add({ kind: 'status', status: 502, text: '<html>Bad Gateway</html>', times: 1 })
    assert.equal((await ask(fake, 'GET', '/albums')).body, '<html>Bad Gateway</html>')
  })

  test('a lost or cut answer has had its effect', async (t) => {
    const fake = await started(t)
    for (const kind of ['lost-answer', 'cut-answer'] as const) {
      fake.faults.add({ kind, route: 'POST /albums', times: 1 })
      await assert.rejects(ask(fake, ...NEW_ALBUM))
    }
    assert.equal(fake.state.albums.size, 2)
    assert.equal(fake.requests[0]?.status, undefined)
  })

  test('a dropped connection has none', async (t) => {
    const fake = await started(t)
    const data = randomBytes(500_000)
    for (const when of ['before', 'mid-body', 'after'] as const) {
      fake.faults.add({ kind: 'drop', when, route: 'POST /assets', times: 1 })
      await assert.rejects(upload(fake, data, 'd.jpg'))
    }
    assert.equal(fake.state.assets.size, 0)
    await fake.untilEnded('POST /assets', 3)
    const [before, middle, after] = fake.requests.map(({ requestBytes }) => requestBytes)
    assert.equal(before, 0)
    assert.ok(middle! >= 250_000 && middle! < after!)
    assert.equal((await upload(fake, data, 'd.jpg')).status, 201)
    assert.equal(fake.state.counters.uploadsInFlight, 0)
  })

  test('a full disk keeps nothing', async (t) => {
    const fake = await started(t, { faults: [{ kind: 'disk-full', times: 1 }] })
    const { status, body } = await upload(fake, randomBytes(10), 'd.jpg')
    assert.deepEqual([status, body.message], [500, 'ENOSPC: no space left on device, write'])
    assert.equal(fake.state.assets.size, 0)
  })

  test('a duplicate may be answered with the body unread and the connection reset', async (t) => {
    const fake = await started(t)
    const data = randomBytes(8_000_000)
    const { body } = await upload(fake, data, 'e.jpg')
    const received = fake.state.counters.receivedFileBytes
    fake.faults.add({ kind: 'early-duplicate-reset', route: 'POST /assets' })
    const again = await upload(fake, data, 'e.jpg').catch((error: unknown) => error)
    // Whether the answer outruns the reset is the kernel's choice: both happen with real servers.
    if (!(again instanceof Error)) assert.deepEqual((again as typeof body).body.id, body.id)
    assert.equal(fake.state.counters.receivedFileBytes, received)
    assert.equal(fake.state.counters.earlyDuplicates, 1)
  })

  test('latency and a slow line are felt', async (t) => {
    const fake = await started(t)
    fake.faults.add({ kind: 'latency', route: 'GET /albums', ms: 60, times: 1 })
    await ask(fake, 'GET', '/albums')
    fake.faults.add({ kind: 'latency', route: 'POST /assets', bytesPerSecond: 1_000_000, times: 1 })
    await upload(fake, randomBytes(100_000), 's.jpg')
    const [albums, assets] = fake.requests.map(({ durationMs }) => durationMs)
    assert.ok(albums! >= 55, `${albums} ms`)
    assert.ok(assets! >= 90, `${assets} ms`)
  })

  test('a line may be shared, and a server slow under load', async (t) => {
    const fake = await started(t)
    fake.faults.add({ kind: 'latency', route: 'POST /assets', bytesPerSecond: 2_000_000, shared: true })
    const start = performance.now()
    await Promise.all(['a', 'b', 'c'].map((name) => upload(fake, randomBytes(100_000), `${name}.jpg`)))
    assert.ok(performance.now() - start >= 145)
    fake.faults.add({ kind: 'latency', route: 'GET /albums', ms: 100, msPerOther: 40 })
    await Promise.all([1, 2, 3].map(() => ask(fake, 'GET', '/albums')))
    const albums = fake.requests.filter(({ route }) => route === 'GET /albums')
    for (const { inFlight, durationMs } of albums) assert.ok(durationMs! >= 98 + 40 * (inFlight - 1))
    assert.ok(Math.max(...albums.map(({ inFlight }) => inFlight)) > 1)
  })

  test('what stalls goes on after its time or never', async (t) => {
    const fake = await started(t)
    fake.faults.add({ kind: 'stall', when: 'mid-body', route: 'POST /assets', ms: 30, times: 1 })
    assert.equal((await upload(fake, randomBytes(100_000), 's.jpg')).status, 201)
    fake.faults.add({ kind: 'stall', when: 'answer', route: 'POST /albums', times: 1 })
    const signal = AbortSignal.timeout(200)
    await assert.rejects(
      fetch(`${fake.address}/api/albums`, {
        method: 'POST',
        headers: { 'x-api-key': fake.key, 'content-type': 'application/json' },
        body: '{"albumName":"x"}',
        signal,
      }),
    )
    await fake.untilEnded('POST /albums', 1)
    assert.equal(fake.state.albums.size, 1)
  })

  test('chance is repeatable', async (t) => {
    const run = async (): Promise<number[]> => {
      const fake = await started(t, { seed: 7, faults: [{ kind: 'status', status: 500, probability: 0.5 }] })
      const statuses: number[] = []
      for (let i = 0; i < 12; i += 1) statuses.push((await ask(fake, 'GET', '/server/ping')).status)
      return statuses
    }
    const first = await run()
    assert.deepEqual(await run(), first)
    assert.equal(new Set(first).size, 2)
  })
})

describe('going away', () => {
  test('a restart keeps port and state, and cuts what runs', async (t) => {
    const fake = await started(t)
    assert.equal((await upload(fake, randomBytes(10), 'a.jpg')).status, 201)
    fake.faults.add({ kind: 'latency', route: 'POST /albums', ms: 5_000, times: 1 })
    const cut = assert.rejects(ask(fake, ...NEW_ALBUM))
    while (fake.callsOf('POST /albums') === 0) await new Promise(setImmediate)
    const { address } = fake
    await fake.kill()
    await cut
    await assert.rejects(ask(fake, 'GET', '/albums'))
    await fake.start()
    assert.equal(fake.address, address)
    assert.deepEqual([fake.state.assets.size, fake.state.albums.size], [1, 0])
    assert.equal((await ask(fake, 'GET', '/albums')).status, 200)
    await fake.restart(20)
    assert.equal((await ask(fake, 'GET', '/albums')).status, 200)
  })

  test('TLS has a certificate of its own, and a base path is possible', async (t) => {
    const fake = await started(t, { tls: true, basePath: '/photos' })
    assert.match(fake.address, /^https:.*\/photos$/u)
    await assert.rejects(ask(fake, 'GET', '/server/ping'))
    const request = get(`${fake.address}/api/server/ping`, { ca: fake.certificate, agent: false })
    const [response] = await once(request, 'response')
    assert.equal(await text(response), '{"res":"pong"}')
  })
})

test('runs in a process of its own, with its handles under /fake', async (t) => {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, '--json', '--key', 'secret', '--version', '2.5.6'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  const [line] = await once(createInterface(child.stdout), 'line')
  const { address, key } = JSON.parse(line)
  assert.equal(key, 'secret')
  const control = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    return (await (await fetch(`${address}/fake/${path}`, init)).json()) as Record<string, unknown>
  }
  const version = async (): Promise<Response> => await fetch(`${address}/api/server/version`)
  assert.deepEqual(await (await version()).json(), { major: 2, minor: 5, patch: 6, prerelease: null })
  await control('POST', 'faults', [{ kind: 'status', status: 503, times: 1 }])
  assert.deepEqual([(await version()).status, (await version()).status], [503, 200])
  const state = await control('GET', 'state')
  assert.deepEqual([state['assets'], state['violations']], [[], []])
  const ended = once(child, 'exit')
  await control('POST', 'close')
  assert.deepEqual(await ended, [0, null])
})
