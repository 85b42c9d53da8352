/**
 * Worker hosts: `heirloom worker` as its users start it, in the place of machines of their own.
 *
 * One may lie in a mount namespace, where the folders of the others have another name and their own name shows an empty folder:
 * what it reads and writes there, it reads and writes by its `--map`.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RemoteWorkerSummary } from '../../src/tasks/remote-api.ts'
import { until } from './run-heirloom.ts'

const HEIRLOOM = fileURLToPath(new URL('../../bin/heirloom.js', import.meta.url))

const { NODE_COMPILE_CACHE, PATH } = process.env
const COMPILED = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }

/** Whether this machine lets us have folders elsewhere for one process. */
export const CAN_MOVE_FOLDERS: boolean =
  process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0

/** `$1` becomes visible at `$2` and nothing at `$1`, for what is run in this place. */
const MOVED = 'mount --bind "$1" "$2" && mount -t tmpfs none "$1" && shift 2 && exec "$@"'

export interface WorkerHostOptions {
  readonly redis: string
  readonly prefix: string
  /** Absolute; all that the tasks read and write lies below it. */
  readonly folder: string
  /** Whether the folder has another name there; only where {@link CAN_MOVE_FOLDERS}. */
  readonly isMoved?: boolean
  readonly lanes?: string
  readonly workers?: number
}

export interface WorkerHost {
  readonly child: ChildProcess
  readonly pid: number
  stderr(): string
  readonly ended: Promise<void>
  /** Resolves when it says that it takes tasks. */
  ready(): Promise<void>
  /** Ends it as a person would: it finishes what it has begun. */
  end(): Promise<{ readonly exitCode: number | null; readonly completed: number }>
  kill(): Promise<void>
}

/** The caller ends it. */
export function startWorkerHost(options: WorkerHostOptions): WorkerHost {
  const { redis, prefix, folder, isMoved = false, lanes = 'item,thumbnail', workers = 2 } = options
  const cwd = mkdtempSync(join(tmpdir(), 'heirloom-host-'))
  const map = isMoved ? `${folder}=${cwd}` : folder
  const settings = ['--lanes', lanes, '--workers', String(workers), '--log-level', 'info', '--json']
  const where = ['--redis', redis, '--redis-prefix', prefix, '--map', map]
  const command = [process.execPath, HEIRLOOM, 'worker', ...where, ...settings]
  const [program = '', ...args] = isMoved
    ? ['unshare', '-m', 'sh', '-c', MOVED, 'sh', folder, cwd, ...command]
    : command
  const child = spawn(program, args, {
    cwd: tmpdir(),
    env: { PATH, HOME: tmpdir(), TMPDIR: tmpdir(), ...COMPILED },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  let summary = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    summary += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => resolve())
  })
  void ended.finally(() => rmSync(cwd, { recursive: true, force: true })).catch(() => undefined)
  return {
    child,
    pid: child.pid ?? 0,
    stderr: () => said,
    ended,
    ready: async () => {
      await until('the worker host takes tasks', () => {
        if (child.exitCode !== null) throw new Error(`worker host ended: ${said}`)
        return said.includes('"isConnected":true') ? true : undefined
      })
    },
    end: async () => {
      child.kill('SIGTERM')
      await ended
      const { completed } = JSON.parse(summary || '{"completed":0}') as RemoteWorkerSummary
      return { exitCode: child.exitCode, completed }
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
