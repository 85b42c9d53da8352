/**
 * `npm test`: all tests, or those that are named.
 *
 * Tests of one area share a process: starting Node and loading the same modules took longer than most files' tests
 * do. Each file is a suite there, so that its hooks are its own. In a process of their own run the tests of the whole
 * program, and those that measure their process. What takes long starts first, so that it is not left alone at the end.
 * Half of what the tests of the whole program take is waiting for processes and servers, so more run at a time than
 * there are cores.
 *
 * All processes share a cache of compiled code, and have their temporary files in memory where there is room for
 * them: no test cuts the power, and to a process that is killed all file systems are alike.
 *
 *     npm test
 *     npm test -- src/queue/retry.test.ts
 *     npm test -- --test-name-pattern 'leaves at once'
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { chmodSync, globSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CACHE = join(ROOT, 'node_modules/.cache/heirloom-tests')
const MEMORY = '/dev/shm'
/** Room to spare: how much the tests have at their worst moment was not measured. */
const MEMORY_NEEDED_BYTES = 4 * 2 ** 30

/** These take the longest, in this order: areas, and files in processes of their own. */
const LONGEST = [
  'src-queue',
  'src-media',
  'test/crash/ingest-crash.test.ts',
  'test/e2e/remote.test.ts',
  'test/crash/remote-ingest-crash.test.ts',
  'test/crash/remote-crash.test.ts',
  'test/e2e/thumbs.test.ts',
  'test/e2e/upload.test.ts',
  'test/e2e/damage.test.ts',
  'src-tasks',
  'src-server',
  'test/e2e/serve.test.ts',
  'src-immich',
  'test/e2e/queue-control.test.ts',
  'test/e2e/ingest.test.ts',
  'src-storage',
  'test/e2e/worker.test.ts',
  'test/e2e/interrupt.test.ts',
  'src-exports',
  'test-support',
  'test/crash/upload-crash.test.ts',
  'test/e2e/dashboard.test.ts',
  'test/crash/autotag-apply-crash.test.ts',
  'src-cli',
  'test/crash/queue-crash.test.ts',
  'test/e2e/late-parts.test.ts',
  'test/crash/remote-network.test.ts',
]

/** Look at the memory or the processor time of their own process. */
const MEASURING = [
  'src/exports/read-export-memory.test.ts',
  'src/immich/exchange.test.ts',
  'src/media/thumbnail/render.test.ts',
  'src/queue/memory/resident.test.ts',
  'src/storage/s3-memory.test.ts',
  'src/tasks/dashboard-tasks.test.ts',
]

/** Processes at a time. Each can have workers of its own, hence not many more on a large machine. */
const AT_A_TIME = Math.min(availableParallelism() + 2, 8)

interface Entry {
  readonly name: string
  readonly files: readonly string[]
}

/** What runs in one process each, in the order of starting. */
function entries(): Entry[] {
  const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: ROOT })
    .map((file) => file.replaceAll(sep, '/'))
    .sort()
  const isAlone = (file: string): boolean => /^test\/(?:e2e|crash)\//.test(file) || MEASURING.includes(file)
  const areas = Object.groupBy(
    files.filter((file) => !isAlone(file)),
    (file) => file.split('/', 2).join('-').replace('.test.ts', ''),
  )
  const alone = files.filter(isAlone).map((file) => ({ name: file, files: [file] }))
  const shared = Object.entries(areas).map(([name, together = []]) => ({ name, files: together }))
  const place = ({ name }: Entry): number => (LONGEST.includes(name) ? LONGEST.indexOf(name) : LONGEST.length)
  return [...shared, ...alone].sort((a, b) => place(a) - place(b))
}

/** A program for each entry, since `node --test` takes files; named so that it starts them in order. */
function writePrograms(folder: string): string {
  mkdirSync(folder)
  for (const [index, { name, files }] of entries().entries()) {
    const path = join(folder, `${String(index).padStart(3, '0')}-${name.replaceAll(/\W+/g, '-')}.mjs`)
    writeFileSync(path, programOf(files))
  }
  return join(folder, '*.mjs')
}

function programOf(files: readonly string[]): string {
  const [first = '', ...others] = files
  if (others.length === 0) return `import ${JSON.stringify(urlOf(first))}\n`
  const urls = JSON.stringify(Object.fromEntries(files.map((file) => [file, urlOf(file)])))
  return `import { together } from ${JSON.stringify(urlOf('test/support/together.ts'))}\ntogether(${urls})\n`
}

const urlOf = (file: string): string => pathToFileURL(join(ROOT, file)).href

function temporaryFolder(): string {
  let parent = tmpdir()
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    if (bavail * bsize >= MEMORY_NEEDED_BYTES) parent = MEMORY
  } catch {
    // No Linux.
  }
  const folder = mkdtempSync(join(parent, 'heirloom-tests-'))
  // Some tests run the program as another user.
  chmodSync(folder, 0o755)
  return folder
}

const given = process.argv.slice(2)
const namesFiles = given.some((argument) => argument.endsWith('.ts'))
const temp = temporaryFolder()
const options = ['--test', `--test-concurrency=${AT_A_TIME}`, '--test-reporter=spec']
const files = namesFiles ? [] : [writePrograms(join(temp, 'programs'))]
const child = spawn(process.execPath, [...options, ...given, ...files], {
  stdio: 'inherit',
  env: { ...process.env, NODE_COMPILE_CACHE: CACHE, TMPDIR: temp },
})
// Ctrl-C reaches the child as well, which then ends by itself.
process.on('SIGINT', () => undefined)
child.on('exit', (code, signal) => {
  rmSync(temp, { recursive: true, force: true })
  process.exitCode = signal === null ? (code ?? 1) : 1
})
