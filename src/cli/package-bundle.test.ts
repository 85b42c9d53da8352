/**
 * Runs the package as it would be installed: bundled into a folder of its own, with the repository's dependencies.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { makeTinyPhoto } from '../../test/support/make-photo.ts'
import { adapt, type BundledFile, bundlePackage } from './package-bundle.ts'

const run = promisify(execFile)

const ENTRIES = Object.values(
  (
    JSON.parse(readFileSync('package.json', 'utf8')) as {
      exports: Record<string, string | { default: string }>
    }
  ).exports,
).flatMap((target) => (typeof target === 'string' ? [] : [target.default]))

describe('the bundle', () => {
  let folder = ''
  let files: readonly BundledFile[] = []
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heirloom-bundle-'))
    files = await bundlePackage()
    for (const { path, body } of files) {
      const file = join(folder, 'dist', path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, body)
    }
    for (const name of ['bin', 'package.json']) await cp(name, join(folder, name), { recursive: true })
    await symlink(resolve('node_modules'), join(folder, 'node_modules'), 'junction')
  })
  after(async () => await rm(folder, { recursive: true, force: true }))

  const heirloom = async (...args: readonly string[]): Promise<string> => {
    const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache') }
    const { stdout } = await run(process.execPath, [join(folder, 'bin/heirloom.js'), ...args], {
      env,
      cwd: folder,
    })
    return stdout
  }

  test('says its version, which is that of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    assert.equal((await heirloom('--version')).trim(), version)
  })

  test('brings a photo into a library, with its threads and processes', async () => {
    await mkdir(join(folder, 'in'))
    await writeFile(join(folder, 'in/a.jpg'), makeTinyPhoto(1))
    const summary = JSON.parse(await heirloom('ingest', 'in', '-o', 'lib', '--json')) as {
      readonly exports: readonly { readonly imported: number; readonly failed: number }[]
    }
    assert.deepEqual(
      summary.exports.map(({ imported, failed }) => [imported, failed]),
      [[1, 0]],
    )
    assert.match(await heirloom('check', 'lib'), /all as committed/u)
  })

  for (const entry of ENTRIES) {
    test(`has ${entry}, with the exports of its source`, async () => {
      const bundled = (await import(pathToFileURL(join(folder, entry)).href)) as object
      const source = entry.replace('./dist/', '../').replace(/\.js$/u, '.ts')
      const written = (await import(new URL(source, import.meta.url).href)) as object
      assert.deepEqual(Object.keys(bundled), Object.keys(written))
    })
  }

  test('asks for no HTTP/2, which would bring TLS to every upload', () => {
    const texts = files.map(({ body }) => Buffer.from(body).toString())
    const loads = /getBuiltinModule\("node:http2"\)|from "node:http2"/u
    assert.deepEqual(
      texts.filter((text) => loads.test(text)),
      [],
    )
    assert.ok(texts.some((text) => text.includes('node:http2 is not part of the bundle')))
  })

  test('names the packages that are in it, with their licenses', () => {
    const licenses = Buffer.from(
      files.find(({ path }) => path.endsWith('licenses.txt'))?.body ?? [],
    ).toString()
    const names = licenses.match(/^\S+ \d+\.\d+\.\d+\S*$/gmu)?.map((line) => line.split(' ')[0])
    assert.deepEqual(names, ['commander', 'undici', 'zod'])
    assert.equal(licenses.match(/Permission is hereby granted/gu)?.length, 3)
  })

  test('imports from outside only what the package depends on', () => {
    const about = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, string>>
    const known = new Set(Object.keys({ ...about['dependencies'], ...about['optionalDependencies'] }))
    const texts = files
      .filter(({ path }) => path.endsWith('.js'))
      .map(({ body }) => Buffer.from(body).toString())
    const names = texts.flatMap((text) =>
      [...text.matchAll(/^(?:import|export)\b[^'"\n]*(?:from )?"(?<name>[^."][^"]*)";$/gmu)].map(
        ({ groups }) => groups?.['name'] ?? '',
      ),
    )
    const packages = names
      .filter((name) => !name.startsWith('node:'))
      .map((name) => name.match(/^(?:@[^/]+\/)?[^/]+/u)?.[0] ?? '')
    assert.ok(packages.length > 0)
    assert.deepEqual(
      [...new Set(packages)].filter((name) => !known.has(name)),
      [],
    )
    assert.ok(!existsSync(join(folder, 'src')))
  })
})

describe('a module in the bundle', () => {
  test('keeps the URL of its own file', () => {
    const adapted = adapt("const here = new URL('x.json', import.meta.url)", 'cli/version.js')
    assert.match(adapted, /ownUrlOf\("cli\/version\.js"\)/u)
    assert.match(adapted, /new URL\('x\.json', ownUrl\)/u)
  })

  test('that needs no URL is what it was', () => {
    assert.equal(adapt('export const one = 1', 'one.js'), 'export const one = 1')
  })

  test('takes of zod what it uses', () => {
    assert.equal(adapt("import { type ZodType, z } from 'zod'\n", 'a.js'), "import * as z from 'zod'\n")
  })
})
