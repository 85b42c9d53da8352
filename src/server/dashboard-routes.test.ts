import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { bundleDashboard, type DashboardFile } from './dashboard-bundle.ts'
import { rawRequest } from './testing/raw-request.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

/** The promise is 150 kB; this is what would be noticed as growth. */
const MAX_GZIPPED_BYTES = 40_000

describe('the dashboard', () => {
  let server: TestServer
  let files: readonly DashboardFile[]
  before(async () => {
    ;[server, files] = await Promise.all([startTestServer(), bundleDashboard()])
  })
  after(() => server[Symbol.asyncDispose]())

  test('is small', (t) => {
    const sizes = files.map(({ name, gzipped }) => [name, gzipped.length] as const)
    const sum = sizes.reduce((total, [, size]) => total + size, 0)
    t.diagnostic(`${sum} bytes gzipped: ${sizes.map(([name, size]) => `${name} ${size}`).join(', ')}`)
    assert.ok(sum < MAX_GZIPPED_BYTES, `${sum} bytes`)
  })

  test('is a page that names nothing but its own files', async () => {
    const page = await (await server.fetch('/')).text()
    const addresses = [...page.matchAll(/(?:src|href)="(?<address>[^"]*)"/gu)].map(
      ({ groups }) => groups!['address']!,
    )
    assert.deepEqual(
      addresses.toSorted(),
      files
        .filter(({ name }) => name !== 'index.html')
        .map(({ name }) => `/assets/${name}`)
        .toSorted(),
    )
    assert.doesNotMatch(page, /<script>|<style|style=|\son\w+=/u)
  })

  test('asks nobody else for anything', () => {
    for (const { name, body } of files) {
      const addresses = (body.toString().match(/https?:\/\/[^\s"'`)\\]+/gu) ?? []).filter(
        // Names of XML namespaces look like addresses and are not asked for.
        (address) => !address.startsWith('http://www.w3.org/'),
      )
      assert.deepEqual(addresses, [], name)
    }
  })

  test('may be kept for ever by name, and the page only until it changes', async () => {
    const page = await server.fetch('/')
    assert.equal(page.headers.get('cache-control'), 'no-cache')
    const known = await server.fetch('/', { headers: { 'if-none-match': page.headers.get('etag') ?? '' } })
    assert.equal(known.status, 304)
    for (const { name, body } of files.filter((file) => file.name !== 'index.html')) {
      const response = await server.fetch(`/assets/${name}`)
      assert.match(response.headers.get('cache-control') ?? '', /immutable/u, name)
      assert.match(name, /-[0-9a-f]{10}\.\w+$/u)
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), body)
    }
  })

  test('comes compressed to those who can read it', async () => {
    const main = files.find(({ name }) => name.startsWith('main-'))!
    const ask = (encoding: string): Promise<string> =>
      rawRequest(
        server.address,
        `GET /assets/${main.name} HTTP/1.1\r\nHost: ${new URL(server.address).host}\r\n${encoding}Connection: close\r\n\r\n`,
      )
    const packed = await ask('Accept-Encoding: gzip, br\r\n')
    assert.match(packed, /content-encoding: gzip/iu)
    assert.match(packed, new RegExp(`content-length: ${main.gzipped.length}`, 'iu'))
    assert.deepEqual(gunzipSync(main.gzipped), main.body)
    assert.doesNotMatch(await ask(''), /content-encoding/iu)
  })

  for (const path of ['/assets/index.html', '/assets/main.js', '/assets/..%2fpage.ts', '/assets/']) {
    test(`has no file ${path}`, async () => assert.equal((await server.fetch(path)).status, 404))
  }
})

test('styles say nothing of a dark page that they do not say of a light one', async () => {
  const base = await readFile('src/server/dashboard/style/base.css', 'utf8')
  const colours = [...base.matchAll(/--(?<name>[\w-]+): (?<value>[^;]*#[^;]*);/gu)]
  assert.ok(colours.length > 8)
  for (const { groups } of colours) assert.match(groups!['value']!, /^light-dark\(/u, groups!['name'])
})

describe('the colours', () => {
  type Colours = Readonly<Record<string, readonly [light: string, dark: string]>>
  let colours: Colours = {}
  before(async () => {
    const base = await readFile('src/server/dashboard/style/base.css', 'utf8')
    const found = [...base.matchAll(/--(?<name>[\w-]+): light-dark\((?<light>#\w+), (?<dark>#\w+)\)/gu)]
    colours = Object.fromEntries(
      found.map(({ groups }) => [groups!['name']!, [groups!['light']!, groups!['dark']!]]),
    )
  })

  const pairs: readonly (readonly [text: string, ground: string])[] = [
    ['ink', 'paper'],
    ['ink', 'card'],
    ['ink', 'soft'],
    ['quiet', 'paper'],
    ['quiet', 'card'],
    ['quiet', 'soft'],
    ['accent', 'card'],
    ['accent', 'paper'],
    ['bad', 'card'],
    ['good', 'card'],
    ['on-accent', 'accent'],
    ['paper', 'ink'],
  ]
  for (const [text, ground] of pairs) {
    test(`of ${text} on ${ground} can be told apart by everybody (WCAG AA)`, () => {
      for (const at of [0, 1] as const) {
        const ratio = contrast(colours[text]![at], colours[ground]![at])
        assert.ok(ratio >= 4.5, `${ratio.toFixed(2)} in ${['light', 'dark'][at]}`)
      }
    })
  }
})

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const [lighter = 0, darker = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x)
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
