/**
 * How much memory each worker keeps for itself, with the children that it has started.
 *
 * On Linux those are the anonymous and the swapped-out pages of `/proc/<pid>/status`: what would come back if the
 * process ended. Plain resident size counts the mapped program (36 MB of an empty Node's 45 MB) once for each worker.
 * The proportional size of `smaps_rollup` says nearly the same (253 MB where 228 MB are anonymous, a process with
 * 200 MB of buffers), but takes 4.7 ms a process, in which its memory map is locked, against 0.03 ms (Node 24, Linux
 * 6.18, 2026-11). Memory that processes share is not seen.
 *
 * A worker leads a process group, and it is the group that is measured: exiftool and ffmpeg count for the worker that
 * started them, and end with it. Elsewhere `ps` is asked (plain resident size); Windows has neither, and there no
 * worker is ever found too large.
 *
 * @module
 */

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'

/** What one process keeps, and the group that it is of. */
export interface ProcessMemory {
  readonly groupId: number
  readonly bytes: number
}

/** A `ps` that has not answered by then is given up. */
const PS_LIMIT_MS = 5_000

/** After so many processes other work gets its turn: 5 µs each make about 1 ms. */
const SCAN_SLICE = 200

const run = promisify(execFile)

/**
 * The bytes that each of these process groups keeps, by the pid of its leader. A group that is gone is left out, and
 * all are when the system does not say. Never throws.
 */
export async function readResidentBytes(leaders: readonly number[]): Promise<ReadonlyMap<number, number>> {
  if (leaders.length === 0 || process.platform === 'win32') return new Map()
  const wanted = new Set(leaders)
  const processes = process.platform === 'linux' ? await scanProc(wanted) : parsePs(await askPs())
  const sums = new Map<number, number>()
  for (const { groupId, bytes } of processes) {
    if (wanted.has(groupId)) sums.set(groupId, (sums.get(groupId) ?? 0) + bytes)
  }
  return sums
}

async function scanProc(wanted: ReadonlySet<number>): Promise<ProcessMemory[]> {
  const found: ProcessMemory[] = []
  const pids = readdirSync('/proc').filter((name) => /^\d+$/u.test(name))
  for (const [index, pid] of pids.entries()) {
    if (index % SCAN_SLICE === SCAN_SLICE - 1) await setImmediate()
    const groupId = parseGroupId(readIfThere(`/proc/${pid}/stat`))
    if (groupId === undefined || !wanted.has(groupId)) continue
    found.push({ groupId, bytes: parsePrivateBytes(readIfThere(`/proc/${pid}/status`)) })
  }
  return found
}

/** A process may end between the listing and the reading; then it keeps nothing. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The group in `123 (any (name) 1) S 1 123 …`: the third field behind the last bracket. */
export function parseGroupId(stat: string): number | undefined {
  const group = /^ \S+ -?\d+ (?<group>\d+) /u.exec(stat.slice(stat.lastIndexOf(')') + 1))?.groups?.['group']
  return group === undefined ? undefined : Number(group)
}

/** Anonymous and swapped-out pages of a `status` file; all resident ones where the kernel (before 4.5) does not tell. */
export function parsePrivateBytes(status: string): number {
  const field = (name: string): number | undefined => {
    const value = new RegExp(`^${name}:\\s+(?<value>\\d+) kB$`, 'mu').exec(status)?.groups?.['value']
    return value === undefined ? undefined : Number(value) * 1024
  }
  return (field('RssAnon') ?? field('VmRSS') ?? 0) + (field('VmSwap') ?? 0)
}

async function askPs(): Promise<string> {
  try {
    const { stdout } = await run('ps', ['-axo', 'pgid=,rss='], { timeout: PS_LIMIT_MS })
    return stdout
  } catch {
    // No `ps`, or one that knows other options: nothing is known of the workers.
    return ''
  }
}

/** Lines of a group and its kibibytes, as `ps -axo pgid=,rss=` prints them. */
export function parsePs(text: string): ProcessMemory[] {
  return text.split('\n').flatMap((line) => {
    const { group, kib } = /^\s*(?<group>\d+)\s+(?<kib>\d+)\s*$/u.exec(line)?.groups ?? {}
    return group === undefined ? [] : [{ groupId: Number(group), bytes: Number(kib) * 1024 }]
  })
}
