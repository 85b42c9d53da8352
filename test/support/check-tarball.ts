/**
 * `npm run tarball-check`: the package as its users get it. Packs what the build has made, looks at every file of the
 * tarball, installs it into an empty folder without running any script, and takes photos into a library there.
 *
 * Not a test, because it installs a hundred packages: half a minute, of the registry or of npm's cache.
 *
 * @module
 */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { formatBytes } from '../../src/units.ts'
import { makeTinyPhoto } from './make-photo.ts'

const run = promisify(execFile)

/** Above what it was when the limits were written (1.3 MB in 457 files, 2026-11), so that growth is noticed. */
const MAX_PACKED_BYTES = 1_600_000
const MAX_FILES = 600

/** What belongs into the package; anything else is a mistake. */
const EXPECTED = [
  /^(?:package\.json|README\.md|LICENSE)$/u,
  /^bin\/[\w-]+\.js$/u,
  /^dist\/(?:[\w-]+\/)*[\w.-]+\.(?:js|d\.ts)$/u,
  /^dist\/third-party-licenses\.txt$/u,
  /^dist\/man\/heirloom\.1$/u,
  /^dist\/server\/dashboard\/[\w.-]+\.(?:html|css|svg|js|gz)$/u,
]

/** What has no business in it even so. */
const UNWANTED = [/\.test\./u, /\.map$/u, /(?:^|\/)testing\/(?<!^dist\/queue\/testing\/)/u]

/** What nothing in package.json names. */
const NEEDED = [
  'LICENSE',
  'README.md',
  'dist/cli/main.js',
  'dist/server/dashboard/index.html',
  'dist/man/heirloom.1',
]

/** What tells of the machine that it was made on, and what never must leave it. */
const LEAKS: Readonly<Record<string, (body: string) => boolean>> = {
  'a source map': (body) => /[#@] sourceMappingURL=/u.test(body),
  'a private key': (body) => /-----BEGIN [A-Z ]*PRIVATE KEY-----/u.test(body),
  'a key of Amazon': (body) => /\bAKIA[0-9A-Z]{16}\b/u.test(body),
  'a token of npm': (body) => /\bnpm_[A-Za-z0-9]{36}\b/u.test(body),
  'the folder of this repository': (body) => body.includes(process.cwd()),
  'the home folder': (body) => body.includes(`${homedir()}/`),
}

interface PackedFile {
  readonly path: string
  readonly sizeBytes: number
  readonly mode: number
  readonly body: string
}

const problems: string[] = []
const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function readTarball(path: string): Promise<readonly PackedFile[]> {
  const files: PackedFile[] = []
  const entries = createReadStream(path).pipe(createGunzip()).pipe(extract())
  for await (const entry of entries) {
    const { name, size = 0, mode = 0 } = entry.header
    files.push({ path: name.replace(/^package\//u, ''), sizeBytes: size, mode, body: await text(entry) })
  }
  return files
}

function lookAt(files: readonly PackedFile[], about: PackageFacts): void {
  for (const file of files) problems.push(...whatIsWrongWith(file))
  const paths = new Set(files.map(({ path }) => path))
  const missing = [...NEEDED, ...promisedBy(about)].filter((path) => !paths.has(path))
  problems.push(...missing.map((path) => `${path} is missing`))
  const program = files.find(({ path }) => path === 'bin/heirloom.js')
  if (!program?.body.startsWith('#!/usr/bin/env node\n')) problems.push('bin/heirloom.js has no #! line')
}

function whatIsWrongWith({ path, body }: PackedFile): readonly string[] {
  const isExpected = EXPECTED.some((one) => one.test(path)) && !UNWANTED.some((one) => one.test(path))
  const leaks = Object.entries(LEAKS).filter(([, leak]) => leak(body))
  return [
    ...(isExpected ? [] : [`${path} does not belong into the package`]),
    ...leaks.map(([what]) => `${path} has ${what}`),
  ]
}

interface PackageFacts {
  readonly version: string
  readonly bin: Readonly<Record<string, string>>
  readonly man?: string | readonly string[]
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

function promisedBy({ bin, man = [], exports }: PackageFacts): readonly string[] {
  const targets = Object.values(exports).flatMap((one) =>
    typeof one === 'string' ? [one] : Object.values(one),
  )
  return [...Object.values(bin), ...[man].flat(), ...targets].map((one) => one.replace(/^\.\//u, ''))
}

const expect = (what: string, isSo: boolean): void =>
  void (isSo || problems.push(`installed: not so: ${what}`))

/** In a folder with nothing in it but what is installed there. */
class Installed {
  readonly #folder: string
  /** This Node is the first on the PATH for npx, and none is brought along. */
  readonly #env = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) }

  constructor(folder: string) {
    this.#folder = folder
  }

  async call(program: string, ...args: readonly string[]): Promise<string> {
    const options = { cwd: this.#folder, env: this.#env, maxBuffer: 2 ** 26 }
    return (await run(program, args, options)).stdout
  }

  heirloom(...args: readonly string[]): Promise<string> {
    return this.call('npx', '--no-install', 'heirloom', ...args)
  }

  async install(tarball: string): Promise<void> {
    const startedAt = performance.now()
    await this.call(
      'npm',
      'install',
      '--prefer-offline',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      tarball,
    )
    say(`installed    in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  }

  async speak(version: string): Promise<void> {
    expect('--version is that of the package', (await this.heirloom('--version')).trim() === version)
    expect('--help names the commands', /\n {2}ingest /u.test(await this.heirloom('--help')))
    expect('completion prints a script', (await this.heirloom('completion', 'bash')).includes('_heirloom'))
  }

  async ingest(): Promise<void> {
    await mkdir(join(this.#folder, 'photos'))
    for (const number of [1, 2, 3])
      await writeFile(join(this.#folder, `photos/${number}.jpg`), makeTinyPhoto(number))
    const summary = JSON.parse(await this.heirloom('ingest', 'photos', '-o', 'library', '--json')) as {
      readonly exports: readonly { readonly imported: number; readonly failed: number }[]
    }
    const [{ imported, failed } = { imported: 0, failed: 0 }] = summary.exports
    expect('ingest imports 3 photos', imported === 3 && failed === 0)
    expect('check finds all as committed', /all as committed/u.test(await this.heirloom('check', 'library')))
  }

  /** Its pages are files of the package that no module imports. */
  async serve(): Promise<void> {
    const args = [
      'node_modules/heirloom/bin/heirloom.js',
      'serve',
      '--library',
      'library',
      '--port',
      '0',
      '--json',
    ]
    const server = spawn(process.execPath, args, {
      cwd: this.#folder,
      env: this.#env,
      // It says on stderr that it ends.
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const ended = once(server, 'exit')
    try {
      const [line] = (await once(createInterface(server.stdout), 'line')) as [string]
      const { address } = JSON.parse(line) as { readonly address: string }
      const page = await fetch(address)
      expect('serve shows its dashboard', page.status === 200 && (await page.text()).includes('<html'))
    } finally {
      server.kill()
      await ended
    }
  }

  /** What is optional, and not installed here, is asked for by name. */
  async workWithoutRedis(): Promise<void> {
    const args = ['worker', '--redis', 'redis://127.0.0.1:1', '--map', this.#folder]
    const told = await this.heirloom(...args).catch((error: { readonly stderr: string }) => error.stderr)
    expect('worker asks for its packages', /npm install .*bullmq/u.test(told))
  }

  /** But for what needs an optional package. */
  async importModules({ exports }: PackageFacts): Promise<void> {
    const names = Object.keys(exports).filter((name) => !/\.json$|\/bullmq$/u.test(name))
    for (const name of names) {
      const script = `await import(${JSON.stringify(name.replace('.', 'heirloom'))})`
      await this.call(process.execPath, '--input-type=module', '--eval', script)
    }
    say(`imported     ${names.join(' ')}`)
  }
}

const temp = await mkdtemp(join(tmpdir(), 'heirloom-tarball-'))
try {
  const about = JSON.parse(await readFile('package.json', 'utf8')) as PackageFacts
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', temp])
  const tarball = join(temp, `heirloom-${about.version}.tgz`)
  const packedBytes = (await readFile(tarball)).length
  const files = await readTarball(tarball)
  const unpackedBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  say(
    `package      ${formatBytes(packedBytes)}, unpacked ${formatBytes(unpackedBytes)} in ${files.length} files`,
  )
  if (packedBytes > MAX_PACKED_BYTES)
    problems.push(`the package is larger than ${formatBytes(MAX_PACKED_BYTES)}`)
  if (files.length > MAX_FILES) problems.push(`the package has more than ${MAX_FILES} files`)
  lookAt(files, about)
  const folder = join(temp, 'empty')
  await mkdir(folder)
  const installed = new Installed(folder)
  await installed.install(tarball)
  await installed.speak(about.version)
  await installed.ingest()
  await installed.serve()
  await installed.workWithoutRedis()
  await installed.importModules(about)
} finally {
  await rm(temp, { recursive: true, force: true })
}
for (const problem of problems) say(`error: ${problem}`)
if (problems.length === 0) say('The package is as it should be.')
process.exitCode = problems.length === 0 ? 0 : 1
