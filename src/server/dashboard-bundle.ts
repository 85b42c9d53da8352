/**
 * Makes the dashboard's files of its source: at `npm run build` into the package, and in memory when the source runs as
 * it is. The names carry a hash of the content, so that browsers may keep them for ever.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'

/** One file, as it is sent. */
export interface DashboardFile {
  /** `main-3f9a01c2.js`; `index.html` is the page. */
  readonly name: string
  readonly body: Buffer
  /** The same, compressed. */
  readonly gzipped: Buffer
}

const SOURCE = new URL('dashboard/', import.meta.url)

/** Of the hash in a name: enough for a handful of files. */
const HASH_LENGTH = 10

const compress = promisify(gzip)

/** Needs esbuild, which the installed package does not bring: it has the files. */
export async function bundleDashboard(): Promise<readonly DashboardFile[]> {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: ['main.ts', 'theme.ts', 'style.css'].map((name) => fileURLToPath(new URL(name, SOURCE))),
    outdir: '/',
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    // `light-dark()` in colours is what sets the limit: browsers since 2024.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    legalComments: 'none',
    logLevel: 'silent',
  })
  const built = outputFiles.map(({ path, contents }) => hashed(basename(path), Buffer.from(contents)))
  const assets = [...built, hashed('icon.svg', await readFile(new URL('icon.svg', SOURCE)))]
  const page = Buffer.from(pageOf(new Map(assets.map(({ plainName, name }) => [plainName, name]))))
  return Promise.all(
    [...assets, { name: 'index.html', body: page }].map(async ({ name, body }) => ({
      name,
      body,
      gzipped: await compress(body, { level: constants.Z_BEST_COMPRESSION }),
    })),
  )
}

function hashed(plainName: string, body: Buffer): { plainName: string; name: string; body: Buffer } {
  const hash = createHash('sha256').update(body).digest('hex').slice(0, HASH_LENGTH)
  const extension = extname(plainName)
  return { plainName, name: `${basename(plainName, extension)}-${hash}${extension}`, body }
}

function pageOf(names: ReadonlyMap<string, string>): string {
  const address = (name: string): string => `/assets/${names.get(name)}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Heirloom</title>
<link rel="icon" type="image/svg+xml" href="${address('icon.svg')}">
<script src="${address('theme.js')}"></script>
<link rel="stylesheet" href="${address('style.css')}">
<script type="module" src="${address('main.js')}"></script>
</head>
<body>
<div id="app"></div>
<noscript><p>The dashboard needs JavaScript; <code>heirloom queue top</code> shows the same in a terminal.</p></noscript>
</body>
</html>
`
}
