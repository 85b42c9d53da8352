/**
 * The single checks of `heirloom doctor`. Each looks at one thing, changes nothing that stays, and never throws.
 *
 * @module
 */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { HeirloomError, toErrorRecord } from '../errors.ts'
import { formatBytes, formatCount } from '../units.ts'
import { checkHeic, checkJxl, checkSharp } from './doctor-decoders.ts'
import { readHostLimits } from './host-limits.ts'

export type FindingState = 'ok' | 'warn' | 'fail'

export interface Finding {
  readonly name: string
  readonly state: FindingState
  readonly detail: string
  readonly hint?: string
}

export interface DoctorPlaces {
  readonly library: string
  readonly state: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

const run = promisify(execFile)

/** A program that does not answer with its version in this time would not work either. */
const PROGRAM_TIMEOUT_MS = 10_000
/** Below this, not even the database and one large video have room. */
const LITTLE_SPACE_BYTES = 5e9
/** Coordinator and workers keep files, pipes and databases open; the old 256 of macOS shells is too few. */
const MIN_OPEN_FILES = 512
/** A coordinator and two workers with exiftool; measured limits are in DESIGN.md. */
const MIN_MEMORY_BYTES = 512e6

/** All checks, in the order in which they are shown. */
export async function runChecks(places: DoctorPlaces): Promise<Finding[]> {
  const checks = [
    checkNode,
    checkSqlite,
    checkExiftool,
    checkFfmpeg,
    checkSharp,
    checkHeic,
    checkJxl,
    checkCpu,
    checkMemory,
    checkOpenFiles,
    checkWrite,
    checkSpace,
    checkDatabase,
  ]
  return Promise.all(checks.map((check) => check(places)))
}

async function checkNode(): Promise<Finding> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const good = major > 22 || (major === 22 && minor >= 18)
  const detail = `${process.version} (${process.platform} ${process.arch})`
  return good
    ? { name: 'node', state: 'ok', detail }
    : { name: 'node', state: 'fail', detail, hint: 'Install Node.js 22.18 or newer.' }
}

async function checkSqlite(): Promise<Finding> {
  try {
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(':memory:')
    const row = database.prepare('select sqlite_version() as version').get()
    database.close()
    return { name: 'node:sqlite', state: 'ok', detail: `SQLite ${String(row?.['version'])}` }
  } catch (error) {
    return {
      name: 'node:sqlite',
      state: 'fail',
      detail: messageOf(error),
      hint: 'Use a Node.js that was built with SQLite.',
    }
  }
}

/** The one of the npm package, never one from PATH: results must not depend on the machine. */
async function checkExiftool({ env }: DoctorPlaces): Promise<Finding> {
  const name = 'exiftool'
  try {
    const outer = createRequire(import.meta.url).resolve('exiftool-vendored')
    const windows = process.platform === 'win32'
    const inner = createRequire(outer).resolve(windows ? 'exiftool-vendored.exe' : 'exiftool-vendored.pl')
    const program = join(dirname(inner), 'bin', windows ? 'exiftool.exe' : 'exiftool')
    const [command, args] = windows ? [program, ['-ver']] : ['perl', [program, '-ver']]
    const { stdout } = await run(command, args, { timeout: PROGRAM_TIMEOUT_MS, env: { ...env } })
    return {
      name,
      state: 'ok',
      detail: `${stdout.trim()} (bundled${windows ? '' : ', with the perl of this machine'})`,
    }
  } catch (error) {
    const noPerl = messageOf(error).includes('spawn perl')
    const detail = noPerl ? 'needs perl, which was not found' : messageOf(error)
    return {
      name,
      state: 'fail',
      detail,
      hint: noPerl ? 'Install perl 5 (apt install perl).' : 'Install heirloom again: npm ci',
    }
  }
}

async function checkFfmpeg({ env }: DoctorPlaces): Promise<Finding> {
  try {
    const { stdout } = await run('ffmpeg', ['-version'], { timeout: PROGRAM_TIMEOUT_MS, env: { ...env } })
    return {
      name: 'ffmpeg',
      state: 'ok',
      detail: `${/version (?<v>\S+)/u.exec(stdout)?.groups?.['v'] ?? 'found'} (optional)`,
    }
  } catch {
    // Absence is all that a user can act on; a broken ffmpeg counts as none.
    return {
      name: 'ffmpeg',
      state: 'warn',
      detail: 'not found (optional: ingest does without it)',
      hint: 'Install ffmpeg for frames of videos.',
    }
  }
}

async function checkCpu(): Promise<Finding> {
  const { cores, cpuLimited } = readHostLimits()
  const pool = Math.max(2, cores - 1)
  return {
    name: 'cpu',
    state: 'ok',
    detail: `${cores} ${cores === 1 ? 'core' : 'cores'}${cpuLimited ? ' (limit of the container)' : ''}, so ${pool} workers by default`,
  }
}

async function checkMemory(): Promise<Finding> {
  const { memoryBytes, memoryLimited } = readHostLimits()
  const detail = `${formatBytes(memoryBytes)}${memoryLimited ? ' (limit of the container)' : ''}`
  if (memoryBytes >= MIN_MEMORY_BYTES) return { name: 'memory', state: 'ok', detail }
  return { name: 'memory', state: 'warn', detail, hint: 'Give it 512 MB or more, or use --workers 1.' }
}

/** From `/proc`, else from the shell's `ulimit`, which children inherit. */
async function checkOpenFiles({ env }: DoctorPlaces): Promise<Finding> {
  const name = 'open files'
  try {
    const limit =
      process.platform === 'linux'
        ? await softLimitOfProc()
        : (
            await run('sh', ['-c', 'ulimit -n'], { timeout: PROGRAM_TIMEOUT_MS, env: { ...env } })
          ).stdout.trim()
    if (limit === 'unlimited' || Number(limit) >= MIN_OPEN_FILES)
      return {
        name,
        state: 'ok',
        detail: limit === 'unlimited' ? limit : `${formatCount(Number(limit))} at once`,
      }
    return {
      name,
      state: 'warn',
      detail: `only ${limit} at once`,
      hint: 'Heirloom bounds its own use; if others fail, raise it: ulimit -n 4096',
    }
  } catch (error) {
    return { name, state: 'warn', detail: `limit unknown: ${messageOf(error)}` }
  }
}

async function softLimitOfProc(): Promise<string> {
  const limits = await readFile('/proc/self/limits', 'utf8')
  return /^Max open files\s+(?<soft>\S+)/mu.exec(limits)?.groups?.['soft'] ?? 'unlimited'
}

/** Writes and removes a folder of its own with one small file, in the library or where it would be made. */
async function checkWrite({ library }: DoctorPlaces): Promise<Finding> {
  const folder = nearestExisting(library)
  let made: string | undefined
  try {
    made = await mkdtemp(join(folder, '.heirloom-doctor-'))
    await writeFile(join(made, 'test'), 'heirloom', { flush: true })
    const detail =
      folder === library ? `${folder} can be written` : `${library} can be made: ${folder} can be written`
    return { name: 'library', state: 'ok', detail }
  } catch (error) {
    return {
      name: 'library',
      state: 'fail',
      detail: `${folder}: ${messageOf(error)}`,
      hint: 'Choose another folder: --output LIBRARY',
    }
  } finally {
    if (made !== undefined) await rm(made, { recursive: true, force: true })
  }
}

async function checkSpace({ library }: DoctorPlaces): Promise<Finding> {
  const folder = nearestExisting(library)
  try {
    const { bavail, bsize, blocks } = await statfs(folder)
    const free = bavail * bsize
    const detail = `${formatBytes(free)} free of ${formatBytes(blocks * bsize)} at ${folder}`
    if (free >= LITTLE_SPACE_BYTES) return { name: 'disk', state: 'ok', detail }
    return {
      name: 'disk',
      state: 'warn',
      detail,
      hint: 'The library needs as much room as the exports that go into it.',
    }
  } catch (error) {
    return { name: 'disk', state: 'warn', detail: messageOf(error) }
  }
}

/**
 * Types of network file systems as `statfs` gives them (linux/magic.h and the kernel's own file systems): NFS,
 * SMB 1 and 2, CIFS, 9p, AFS, Ceph. FUSE is among them because sshfs and rclone are FUSE.
 */
const NETWORK_TYPES: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB2',
  16914839: '9p',
  1397113167: 'AFS',
  12805120: 'Ceph',
  1702057286: 'FUSE',
}

/** SQLite in WAL mode needs shared memory, which network shares do not have. And where there is one, it can be read. */
async function checkDatabase({ library, state }: DoctorPlaces): Promise<Finding> {
  const name = 'database'
  const folder = nearestExisting(state ?? library)
  try {
    const { type } = await statfs(folder)
    const share = process.platform === 'linux' ? NETWORK_TYPES[type >>> 0] : undefined
    if (share === undefined)
      return (
        (await findUnreadable(library, state)) ?? {
          name,
          state: 'ok',
          detail: `${state === undefined ? 'in the library' : 'in --state'}, on a local disk`,
        }
      )
    return {
      name,
      state: 'warn',
      detail: `${folder} is on a ${share} mount, where SQLite is not safe`,
      hint: 'Keep the database on a local disk: --state DIR',
    }
  } catch (error) {
    return { name, state: 'warn', detail: messageOf(error) }
  }
}

/** What is wrong with the database of a library; undefined when nothing is, or there is none yet. */
async function findUnreadable(library: string, state: string | undefined): Promise<Finding | undefined> {
  const { NoLibraryError, openLibraryForReading } = await import('../tasks/library-session.ts')
  try {
    const { db } = await openLibraryForReading(library, state)
    db.close()
    return undefined
  } catch (error) {
    if (error instanceof NoLibraryError) return undefined
    const hint = error instanceof HeirloomError ? error.hint : undefined
    return {
      name: 'database',
      state: 'fail',
      detail: messageOf(error),
      ...(hint === undefined ? {} : { hint }),
    }
  }
}

/** What is there of the path: itself, or the nearest above it that exists. A file there is for the write test to find. */
function nearestExisting(path: string): string {
  if (existsSync(path) || dirname(path) === path) return path
  return nearestExisting(dirname(path))
}

function messageOf(error: unknown): string {
  return toErrorRecord(error).message.split('\n')[0] ?? ''
}
