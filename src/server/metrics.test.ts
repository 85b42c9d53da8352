import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { startTestServer, type TestServer } from './testing/test-server.ts'

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

interface MetricsPage {
  readonly samples: readonly Sample[]
  /** Of each metric that is described. */
  readonly types: ReadonlyMap<string, string>
}

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>[-+.\deENaInf]+)$/u
const LABEL = /(?<name>[a-zA-Z_]\w*)="(?<value>(?:[^"\\]|\\.)*)"/gu

/** The text format, line by line; a line that is none of it fails the test. */
function parseMetrics(text: string): MetricsPage {
  const samples: Sample[] = []
  const types = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue
    if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = line.split(' ')
      assert.ok(!types.has(name), `${name} is described twice`)
      types.set(name, type)
      continue
    }
    const { name, labels = '', value } = SAMPLE.exec(line)?.groups ?? {}
    assert.ok(name !== undefined && value !== undefined, `not the text format: ${line}`)
    const found = [...labels.matchAll(LABEL)].map(({ groups }) => [groups!['name'], groups!['value']])
    samples.push({
      name,
      labels: Object.fromEntries(found),
      value: Number(value.replace('+Inf', 'Infinity')),
    })
  }
  return { samples, types }
}

async function scrape(server: TestServer): Promise<MetricsPage> {
  const response = await server.fetch('/metrics')
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/u)
  return parseMetrics(await response.text())
}

function sampleOf(
  { samples }: MetricsPage,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  return samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value
}

describe('the metrics', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer()
  })
  after(() => server[Symbol.asyncDispose]())

  test('are right at the first scrape, and at the next', async () => {
    const backend = server.context.backend()
    const task = { kind: 'probe', lane: 'probe', payload: null }
    await backend.add([task, task])
    await backend.setPaused('probe', true)
    const first = await scrape(server)
    assert.equal(sampleOf(first, 'heirloom_queue_tasks', { lane: 'probe', status: 'pending' }), 2)
    assert.equal(sampleOf(first, 'heirloom_lane_paused', { lane: 'probe' }), 1)
    await backend.add([task])
    await backend.setPaused('probe', false)
    const second = await scrape(server)
    assert.equal(sampleOf(second, 'heirloom_queue_tasks', { lane: 'probe', status: 'pending' }), 3)
    assert.equal(sampleOf(second, 'heirloom_lane_paused', { lane: 'probe' }), 0)
  })

  test('tell what became of tasks, in this process and in others', async () => {
    const backend = server.context.backend()
    await backend.add([{ kind: 'ended', lane: 'ended', payload: null, maxRetries: 1 }])
    const claim = [{ lane: 'ended', limit: 1, workerId: 'another process', leaseMs: 60_000 }]
    const { claimed } = await backend.exchange({ settle: [], claim })
    const error = { code: 'probe/broken', message: 'broken', recovery: 'retry' } as const
    const settle = claimed
      .flat()
      .map(({ lease }) => ({ lease, outcome: 'error', error, retryAt: 0, durationMs: 250 }) as const)
    await backend.exchange({ settle, claim: [] })
    const page = await scrape(server)
    assert.equal(sampleOf(page, 'heirloom_lane_retries_total', { lane: 'ended' }), 1)
    assert.equal(page.types.get('heirloom_lane_retries_total'), 'counter')
    const p99 = sampleOf(page, 'heirloom_lane_task_seconds', { lane: 'ended', percentile: '99' }) ?? 0
    assert.ok(p99 > 0.2 && p99 < 0.3, `${p99} s`)
    await scrape(server)
    assert.equal(sampleOf(await scrape(server), 'heirloom_lane_retries_total', { lane: 'ended' }), 1)
  })

  test('measure requests by route, never by what was asked for', async () => {
    await server.fetch('/api/queue/tasks/123456789')
    await server.fetch('/nobody/knows/this')
    const { samples } = await scrape(server)
    const requests = samples.filter(({ name }) => name === 'heirloom_http_request_duration_seconds_count')
    const labels = requests.map(({ labels: { method, route, status } }) => `${method} ${route} ${status}`)
    assert.ok(labels.includes('GET /api/queue/tasks/:id 404'), labels.join('\n'))
    assert.ok(labels.includes('GET unknown 404'), labels.join('\n'))
    assert.ok(!JSON.stringify(samples).includes('123456789'))
  })

  test('leave out streams, which never end', async () => {
    const ended = new AbortController()
    await server.fetch('/api/events', { signal: ended.signal })
    ended.abort()
    const { samples } = await scrape(server)
    assert.ok(!samples.some(({ labels }) => labels['route'] === '/api/events'))
  })

  test('have histograms whose buckets add up', async () => {
    const { samples, types } = await scrape(server)
    assert.equal(types.get('heirloom_http_request_duration_seconds'), 'histogram')
    assert.equal(types.get('heirloom_task_duration_seconds'), 'histogram')
    const buckets = samples.filter(
      ({ name, labels }) =>
        name === 'heirloom_http_request_duration_seconds_bucket' && labels['route'] === '/metrics',
    )
    assert.ok(buckets.length > 5)
    const counts = buckets.map(({ value }) => value)
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    )
    assert.equal(buckets.at(-1)?.labels['le'], '+Inf')
  })

  test('tell of the machine, the process and the event loop', async () => {
    const page = await scrape(server)
    assert.equal(sampleOf(page, 'heirloom_server_working'), 1)
    assert.ok(
      sampleOf(page, 'heirloom_memory_bytes', { of: 'limit' })! >=
        sampleOf(page, 'heirloom_memory_bytes', { of: 'free' })!,
    )
    assert.ok(sampleOf(page, 'process_resident_memory_bytes')! > 10e6)
    assert.ok(sampleOf(page, 'nodejs_eventloop_lag_p99_seconds')! > 0)
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
    assert.equal(sampleOf(page, 'heirloom_build_info', { version }), 1)
  })
})

/** Names of our metrics, and of those of the client, in a text. */
function metricsIn(text: string): Set<string> {
  return new Set(text.match(/\b(?:heirloom|nodejs|process)_[a-z0-9_]+\b/gu))
}

test('the dashboards and alerts that come with the package name only metrics that there are', async () => {
  await using server = await startTestServer()
  const { samples, types } = await scrape(server)
  const known = new Set([...types.keys(), ...samples.map(({ name }) => name)])
  for (const name of types.keys()) {
    if (types.get(name) === 'histogram')
      for (const part of ['bucket', 'sum', 'count']) known.add(`${name}_${part}`)
  }
  for (const file of [
    'docs/grafana/heirloom.json',
    'docs/prometheus/alerts.yml',
    'docs/guides/monitoring.md',
  ]) {
    const named = metricsIn(await readFile(file, 'utf8'))
    assert.ok(named.size > 5, `${file} names ${named.size} metrics`)
    assert.deepEqual(
      [...named].filter((name) => !known.has(name)),
      [],
      file,
    )
  }
})

test('the panels of the Grafana dashboard have places and ids of their own', async () => {
  interface Panel {
    readonly id: number
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[]
  }
  const { panels, uid } = JSON.parse(await readFile('docs/grafana/heirloom.json', 'utf8')) as {
    readonly panels: readonly Panel[]
    readonly uid: string
  }
  assert.equal(uid, 'heirloom')
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  )
  assert.equal(new Set(cells).size, cells.length)
  assert.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24))
  for (const { targets } of panels) {
    assert.ok(targets.length > 0)
    for (const { datasource } of targets) assert.match(datasource.uid, /^\$\{datasource\}$/u)
  }
})
