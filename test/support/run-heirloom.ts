/**
 * Runs the command line as its users do: as a process of its own, with nothing of this process's settings.
 *
 * Every run has a working folder of its own, which each process that it starts inherits, however far down. So a
 * test can find all of them, also those whose parent is gone, and see that none stays. (The environment would not
 * do: perl overwrites that part of its memory.)
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const HEIRLOOM = fileURLToPath(new URL('../../bin/heirloom.js', import.meta.url))

/** Where a run of all tests keeps compiled code: else the first processes of each run would compile it again. */
const { NODE_COMPILE_CACHE } = process.env
const COMPILED = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }

/** Far above what any run of the tests takes, on a machine that is busy with other things. */
const TIMEOUT_MS = 90_000

/** Processes are found by their working folder in `/proc`. */
export const CAN_SEE_PROCESSES: boolean = existsSync('/proc/self/cwd')

export interface HeirloomRun {
  /** Null when it was ended by a signal. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** From start to end. */
  readonly durationMs: number
}

export interface RunningHeirloom {
  readonly child: ChildProcess
  readonly pid: number
  /** What it has written to stderr so far. */
  stderr(): string
  /** Resolves with the run, also when it was killed; rejects when it took too long. */
  readonly ended: Promise<HeirloomRun>
  /** All living processes of this run but the first one. */
  descendants(): Promise<FoundProcess[]>
}

export interface FoundProcess {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Runs as this user; only root can ask for that. */
  readonly uid?: number
}

/** Runs `heirloom` to its end. */
export async function runHeirloom(args: readonly string[], options: RunOptions = {}): Promise<HeirloomRun> {
  return await startHeirloom(args, options).ended
}

/** Starts `heirloom`; the caller awaits `ended`. */
export function startHeirloom(args: readonly string[], options: RunOptions = {}): RunningHeirloom {
  // Empty: no .env and no config file of the repository or of whoever runs the tests.
  const cwd = mkdtempSync(join(tmpdir(), 'heirloom-run-'))
  chmodSync(cwd, 0o755)
  const startedAt = performance.now()
  const child = spawn(process.execPath, [HEIRLOOM, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: tmpdir(), TMPDIR: tmpdir(), ...COMPILED, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  child.once('exit', () => rmSync(cwd, { recursive: true, force: true }))
  const pid = child.pid ?? 0
  return {
    child,
    pid,
    stderr: () => output.stderr,
    ended: untilEnd(child, args, output, startedAt, options.timeoutMs ?? TIMEOUT_MS),
    descendants: async () => (await processesOf(cwd)).filter((found) => found.pid !== pid),
  }
}

async function untilEnd(
  child: ChildProcess,
  args: readonly string[],
  output: { readonly stdout: string; readonly stderr: string },
  startedAt: number,
  timeoutMs: number,
): Promise<HeirloomRun> {
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, timeoutMs)
  try {
    // Not `close`: a process that was left behind would hold the pipes open, and that is to be seen, not waited for.
    const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
      (resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (code, by) => resolve([code, by]))
      },
    )
    await outputsEnd(child)
    if (late) throw new Error(`heirloom ${args.join(' ')} did not end in ${timeoutMs} ms\n${output.stderr}`)
    return { exitCode, signal, ...output, durationMs: performance.now() - startedAt }
  } finally {
    clearTimeout(timer)
  }
}

/** What is still in the pipes; not longer than a moment, for the reason above. */
async function outputsEnd(child: ChildProcess): Promise<void> {
  const ends = [child.stdout, child.stderr].map(
    (stream) =>
      new Promise<void>((resolve) => {
        if (stream === null || stream.readableEnded) resolve()
        else stream.once('end', resolve)
      }),
  )
  await Promise.race([Promise.all(ends), delay(3_000)])
}

/** Living processes that work in the folder. Those that end while one looks are left out. */
async function processesOf(cwd: string): Promise<FoundProcess[]> {
  const entries = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(entries.map((pid) => findProcess(Number(pid), cwd)))
  return found.filter((one) => one !== undefined)
}

async function findProcess(pid: number, cwd: string): Promise<FoundProcess | undefined> {
  try {
    // Once it is removed, ` (deleted)` stands behind it.
    if ((await readlink(`/proc/${pid}/cwd`)).replace(/ \(deleted\)$/, '') !== cwd) return undefined
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim()
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie holds nothing any more; who has to reap it is its parent's business.
    return state === 'Z' ? undefined : { pid, parent: Number(parent), command }
  } catch {
    return undefined
  }
}

/** Waits until the run has no living process left; answers those that are there after `limitMs`. */
export async function leftBehind(run: RunningHeirloom, limitMs: number): Promise<FoundProcess[]> {
  const until = performance.now() + limitMs
  for (;;) {
    const found = await run.descendants()
    if (found.length === 0 || performance.now() > until) return found
    await delay(20)
  }
}

/** Polls until `find` answers something, and rests between: waiting takes no core. Throws after `limitMs`. */
export async function until<T>(
  what: string,
  find: () => Promise<T | undefined> | T | undefined,
  limitMs = 30_000,
): Promise<T> {
  const end = performance.now() + limitMs
  for (;;) {
    const startedAt = performance.now()
    const found = await find()
    if (found !== undefined) return found
    const now = performance.now()
    if (now > end) throw new Error(`${what}: not within ${limitMs} ms`)
    await delay(Math.min(Math.max(5, 3 * (now - startedAt)), 25))
  }
}
