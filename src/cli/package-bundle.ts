/**
 * Makes the package's JavaScript of its source: few files instead of the 400 modules that it is written in.
 *
 * A command that is over in half a second spent a third of that finding, reading and linking modules. What several
 * entries need lies in chunks that they share, so that there is one of everything; what is loaded late stays a chunk of
 * its own. Three dependencies that every upload needs are bundled too, of which it needs a tenth; all others are
 * loaded from `node_modules` as ever.
 *
 * @module
 */

import { readdir, readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type OnResolveResult, type Plugin } from 'esbuild'
import { HeirloomError } from '../errors.ts'

/** The oldest Node.js that `bin/heirloom.js` lets through. */
const TARGET = 'node22.18'

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url))
const SOURCE = join(PACKAGE, 'src')
const DIST = join(PACKAGE, 'dist')
const CHUNKS = 'chunks'

/** undici only in its parts: the whole is loaded where those are not what they were (`undici-parts.ts`). */
const BUNDLED: RegExp = /^(?:commander|zod(?:\/(?:mini|locales))?|undici\/.*)$/u

/** How a module names the file that another thread or process begins with. */
const STARTED_FILE = /\? '\.\/(?<name>[\w-]+)\.ts'\s*: '\.\/\k<name>\.js'/gu

const LICENSES = 'third-party-licenses.txt'

/** One file, by its path in `dist`. */
export interface BundledFile {
  readonly path: string
  readonly body: Uint8Array
}

/** Thrown when the source has something that would not work in a bundle. */
export class BundleError extends HeirloomError {
  readonly code = 'package/bundle'
  readonly recovery = 'discard'
}

/** Everything of `dist` but the types and the dashboard. Needs esbuild, which the installed package does not bring. */
export async function bundlePackage(): Promise<readonly BundledFile[]> {
  // Apart, so that a command loads nothing that only users of the package's modules need; and threads and processes
  // load few files for what they share with the command line, which would be cut into a chunk for each way to share it.
  const entries = [['cli/main'], await startedFiles(), await promisedFiles()]
  const bundles = await Promise.all(entries.map(bundle))
  const files = new Map(bundles.flatMap(({ files }) => files.map(({ path, body }) => [path, body])))
  const licenses = Buffer.from(await licensesOf(bundles.map(({ metafile }) => metafile)))
  return [...files.set(LICENSES, licenses)].map(([path, body]) => ({ path, body }))
}

/** @param entries - Such as `cli/main`: what is imported from outside of the bundle. */
async function bundle(
  entries: readonly string[],
): Promise<{ readonly files: readonly BundledFile[]; readonly metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: PACKAGE,
    entryPoints: entries.map((name) => ({ in: join(SOURCE, `${name}.ts`), out: name })),
    outdir: DIST,
    chunkNames: `${CHUNKS}/[name]-[hash]`,
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: TARGET,
    // What is bundled is named in a file of its own.
    legalComments: 'none',
    logLevel: 'silent',
    plugins: [smallZod, packages, builtins, ownUrls],
  })
  verify(metafile)
  const files = outputFiles.map(({ path, contents }) => ({ path: relative(DIST, path), body: contents }))
  return { files, metafile }
}

/** What `package.json` lets others import. */
async function promisedFiles(): Promise<readonly string[]> {
  const { exports } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  }
  return Object.values(exports).flatMap((target) => {
    const file = typeof target === 'string' ? target : target.default
    return file.endsWith('.js') ? [file.replace('./dist/', '').replace(/\.js$/u, '')] : []
  })
}

/** What threads and processes begin with. Who starts them never imports these files. */
async function startedFiles(): Promise<readonly string[]> {
  const names = (await readdir(SOURCE, { recursive: true })).filter((name) => name.endsWith('.ts'))
  const started = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(SOURCE, name), 'utf8')
      return [...text.matchAll(STARTED_FILE)].map(({ groups }) => join(dirname(name), groups?.['name'] ?? ''))
    }),
  )
  return [...new Set(started.flat())]
}

/** Which packages become part of the bundle; and that a module of ours whose exports nobody needs may be left out. */
const packages: Plugin = {
  name: 'packages',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path),
      sideEffects: false,
    }))
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || kind === 'require-call' || path === OWN_URLS || BUNDLED.test(path)
        ? undefined
        : { path, external: true },
    )
  },
}

/**
 * undici requires HTTP/2 at its start, and does without where there is none. It is offered to no server (`allowH2` is
 * off), and brings TLS with it, which is 45 ms of processor time that only an address with https needs.
 */
const NEVER_USED: ReadonlySet<string> = new Set(['node:http2'])

/** A `require` in a bundled package: there is none in a module, and this answers at once. */
const builtins: Plugin = {
  name: 'builtins',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path, kind }) =>
      kind === 'require-call' && isBuiltin(path) ? { path, namespace: 'builtins' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'builtins' }, ({ path }) => ({
      contents: NEVER_USED.has(path)
        ? `throw new Error(${JSON.stringify(`${path} is not part of the bundle`)})`
        : `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }))
  },
}

const MINI = 'mini'

/**
 * The small zod of the uploads has a core of its own: shared with the whole of zod, which autotag loads, it would be as
 * large as that.
 */
const smallZod: Plugin = {
  name: 'small-zod',
  setup: ({ onResolve, onLoad }) => {
    const own = (path: string): OnResolveResult => ({
      path,
      suffix: `?${MINI}`,
      pluginData: MINI,
      sideEffects: false,
    })
    onResolve({ filter: /^zod\/(?:mini|locales)$/ }, ({ path }) =>
      own(fileURLToPath(import.meta.resolve(path))),
    )
    onResolve({ filter: /^\./ }, ({ path, resolveDir, pluginData }) =>
      pluginData === MINI ? own(join(resolveDir, path)) : undefined,
    )
    onLoad({ filter: /\.js$/ }, async ({ path, pluginData }) =>
      pluginData === MINI
        ? { contents: await readFile(path), pluginData, resolveDir: dirname(path) }
        : undefined,
    )
  },
}

const OWN_URLS = 'heirloom-own-urls'

/** Keeps the URL of each module where the module's own file would be, whichever chunk it is in. */
const ownUrls: Plugin = {
  name: 'own-urls',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: new RegExp(`^${OWN_URLS}$`) }, ({ path }) => ({ path, namespace: OWN_URLS }))
    onLoad({ filter: /./, namespace: OWN_URLS }, () => ({
      contents: "export const ownUrlOf = (path) => new URL('../' + path, import.meta.url).href",
    }))
    onLoad({ filter: /\.ts$/, namespace: 'file' }, async ({ path }) => {
      if (relative(SOURCE, path).startsWith('..')) return undefined
      const name = relative(SOURCE, path).replaceAll('\\', '/').replace(/\.ts$/u, '.js')
      return { contents: adapt(await readFile(path, 'utf8'), name), loader: 'ts' }
    })
  },
}

/** The source of a module as the bundle needs it; `name` is that of its own file in `dist`. */
export function adapt(text: string, name: string): string {
  // esbuild leaves out what is not used of a namespace, not what is not used of an object called `z`.
  const adapted = text.replace(/^import \{ (?:type \w+, )*z \} from 'zod'$/mu, "import * as z from 'zod'")
  if (!adapted.includes('import.meta.url')) return adapted
  const head = `import { ownUrlOf } from '${OWN_URLS}'; const ownUrl = ownUrlOf(${JSON.stringify(name)}); `
  return head + adapted.replaceAll('import.meta.url', 'ownUrl')
}

function verify({ inputs, outputs }: Metafile): void {
  const required = Object.entries(inputs).flatMap(([name, { imports }]) =>
    imports
      .filter(({ kind, external }) => kind === 'require-call' && external === true)
      .map(({ path }) => `${name} requires ${path}, which is not part of the bundle`),
  )
  const misplaced = Object.entries(outputs).flatMap(([name, output]) =>
    `${OWN_URLS}:${OWN_URLS}` in output.inputs && !name.startsWith(`dist/${CHUNKS}/`)
      ? [`${name} holds the own URLs, which are counted from ${CHUNKS}/`]
      : [],
  )
  const problems = [...required, ...misplaced]
  if (problems.length > 0) throw new BundleError(problems.join('\n'))
}

async function licensesOf(metafiles: readonly Metafile[]): Promise<string> {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs))
  const folders = inputs.flatMap((name) => /^.*node_modules\/[^/]+/u.exec(name) ?? [])
  const texts = await Promise.all(
    [...new Set(folders)].toSorted().map(async (folder) => {
      const about = JSON.parse(await readFile(join(PACKAGE, folder, 'package.json'), 'utf8')) as {
        readonly name: string
        readonly version: string
      }
      const license = await readFile(join(PACKAGE, folder, 'LICENSE'), 'utf8')
      return `${about.name} ${about.version}\n\n${license.trim()}\n`
    }),
  )
  return `Parts of these packages are in the files of this folder.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`
}
