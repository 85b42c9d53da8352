/**
 * `upload`: files of 0.3 MB to a fake Immich, by `heirloom upload` and by `@immich/cli`, both with four at a time; and
 * again, when the server has them all.
 *
 * Both clients run as they are installed: ours is bundled for that, as `npm run build` does. Each run of a client talks
 * to a fresh server in a process of its own, from the same files on the same disk: those of a library. The fake hashes what it gets and does no more, so that the clients are what is measured. For the second
 * run our catalog is taken away: else nothing would be asked. What the user gets, who keeps it, is shown besides. A
 * client that does nothing but send shows what of all that is the server's and the machine's.
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundlePackage } from '../src/cli/package-bundle.ts'
import { makeTinyPhoto, withSegments } from '../test/support/make-photo.ts'
import type { BenchArgs } from './args.ts'
import { cpuPerFile, ingest, machine, medianWallMs, type Run, runNode } from './measure.ts'
import { perSecond, printTable, printVerdict, seconds } from './print.ts'
import { freshOutput, keptInput, needSpace, removeOutputs } from './workspace.ts'

const FILE_BYTES = 300_000
const CONCURRENCY = '4'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const FAKE = fileURLToPath(new URL('../test/support/fake-immich/main.ts', import.meta.url))
const FLOOR = fileURLToPath(new URL('./upload-floor.ts', import.meta.url))
const CLI = fileURLToPath(new URL('../node_modules/@immich/cli/bin/immich', import.meta.url))

interface Turn {
  readonly first: Run
  readonly again: Run
}

export async function benchUpload({ rounds, quick, items }: BenchArgs): Promise<void> {
  const files = items?.[0] ?? (quick ? 50 : 1_000)
  const library = await makeLibrary(files)
  const heirloom = await installed()
  console.log(`${files} files of ${FILE_BYTES / 1e6} MB, ${CONCURRENCY} at a time; ${machine()}`)
  const ours: Turn[] = []
  const kept: Run[] = []
  const cli: Turn[] = []
  const floor: Run[] = []
  for (let round = 0; round < rounds; round += 1) {
    // Whoever comes second might profit or suffer from the first.
    const oursFirst = round % 2 === 0
    if (!oursFirst) cli.push(await cliTurn(library, files))
    const turn = await ourTurn(heirloom, library, files)
    ours.push(turn)
    kept.push(turn.kept)
    if (oursFirst) cli.push(await cliTurn(library, files))
    floor.push(await floorTurn(library, files))
  }
  await removeOutputs()
  const row = (name: string, runs: readonly Run[]): string[] => {
    const ms = medianWallMs(runs)
    return [name, seconds(ms), perSecond(files, ms), cpuPerFile(runs, files)]
  }
  const first = { ours: ours.map((turn) => turn.first), cli: cli.map((turn) => turn.first) }
  const again = { ours: ours.map((turn) => turn.again), cli: cli.map((turn) => turn.again) }
  printTable(
    ['client', 'median', 'files/s', 'processor ms/file'],
    [
      row('heirloom upload', first.ours),
      row(`@immich/cli ${await cliVersion()} upload`, first.cli),
      row('the floor: only sent', floor),
      row('heirloom, all there, catalog new', again.ours),
      row('heirloom, all there, catalog kept', kept),
      row('@immich/cli, all there', again.cli),
    ],
  )
  verdict('files/s of @immich/cli', medianWallMs(first.cli) / medianWallMs(first.ours), 1.5)
  // A re-run is the same command again, which has its catalog; a library that was never sent is the harder case.
  verdict('run again, against @immich/cli', medianWallMs(again.cli) / medianWallMs(kept), 3)
  verdict(
    'all there, catalog new, against @immich/cli',
    medianWallMs(again.cli) / medianWallMs(again.ours),
    3,
  )
}

async function cliVersion(): Promise<string> {
  const about = JSON.parse(await readFile(new URL('../package.json', pathToFileURL(CLI)), 'utf8'))
  return String((about as { version: unknown }).version)
}

function verdict(what: string, factor: number, target: number): void {
  printVerdict(what, `${factor.toFixed(2)} times as fast`, `at least ${target}`, factor >= target)
}

/** A library whose files were never uploaded. */
async function makeLibrary(files: number): Promise<string> {
  await needSpace(files * FILE_BYTES * 4)
  const input = await keptInput('upload', { files, FILE_BYTES }, files * FILE_BYTES * 2, async (folder) => {
    await mkdir(folder, { recursive: true })
    for (let index = 0; index < files; index += 1) {
      await writeFile(join(folder, `IMG_${String(index).padStart(5, '0')}.jpg`), photoOf(index))
    }
    return { files }
  })
  const library = await freshOutput('upload-library')
  await ingest([input.folder, '-o', library, '--metadata', 'sidecar'])
  return library
}

/** The package, with the dependencies of the repository: answers its program. */
async function installed(): Promise<string> {
  const folder = await freshOutput('upload-package')
  for (const name of ['bin', 'package.json'])
    await cp(join(ROOT, name), join(folder, name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (const { path, body } of await bundlePackage()) {
    const file = join(folder, 'dist', path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, body)
  }
  // Compiled code is kept by path, and this one is nobody's tomorrow.
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache')
  return join(folder, 'bin/heirloom.js')
}

/** A tiny picture with comments that make it as large as those of a phone's messenger. */
function photoOf(index: number): Buffer {
  const tiny = makeTinyPhoto(index)
  const comments: Buffer[] = []
  for (let left = FILE_BYTES - tiny.length; left > 4; left -= 60_000) {
    const content = randomBytes(Math.min(left, 60_000) - 4)
    const head = Buffer.from([0xff, 0xfe, 0, 0])
    head.writeUInt16BE(content.length + 2, 2)
    comments.push(head, content)
  }
  return withSegments(tiny, ...comments)
}

/** Another server has another user, so that the catalog knows nothing of what is there. */
async function ourTurn(
  heirloom: string,
  library: string,
  files: number,
): Promise<Turn & { readonly kept: Run }> {
  return withServer(files, async ({ address, key }) => {
    process.env['IMMICH_API_KEY'] = key
    const server = ['--immich-url', address, '--immich-concurrency', CONCURRENCY]
    const args = [heirloom, 'upload', library, '--json', ...server]
    const first = await runNode(args)
    const kept = await runNode(args)
    forgetServers(library)
    const again = await runNode(args)
    return { first, kept, again }
  })
}

function forgetServers(library: string): void {
  const db = new DatabaseSync(join(library, '.heirloom/library.db'))
  db.exec('PRAGMA foreign_keys = ON; DELETE FROM servers')
  db.close()
}

async function cliTurn(library: string, files: number): Promise<Turn> {
  return withServer(files, async ({ address, key }) => {
    process.env['IMMICH_API_KEY'] = key
    process.env['IMMICH_INSTANCE_URL'] = `${address}/api`
    const args = [CLI, 'upload', '--recursive', '--no-progress', '--concurrency', CONCURRENCY, library]
    const first = await runNode(args)
    const again = await runNode(args)
    delete process.env['IMMICH_INSTANCE_URL']
    return { first, again }
  })
}

async function floorTurn(library: string, files: number): Promise<Run> {
  return withServer(files, async ({ address, key }) => {
    process.env['IMMICH_API_KEY'] = key
    return runNode([FLOOR, library, address, CONCURRENCY])
  })
}

interface Server {
  readonly address: string
  readonly key: string
}

async function withServer<Value>(files: number, work: (server: Server) => Promise<Value>): Promise<Value> {
  const child = spawn(process.execPath, [FAKE, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const server = JSON.parse(line) as Server
    const result = await work(server)
    const state = (await (await fetch(`${server.address}/fake/state`)).json()) as { assets: unknown[] }
    if (state.assets.length !== files)
      throw new Error(`the server has ${state.assets.length} of ${files} files`)
    return result
  } finally {
    child.kill()
    await once(child, 'exit')
  }
}
