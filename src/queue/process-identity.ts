/**
 * Which process somebody was, told well enough that another process can prove its death.
 *
 * A process id alone says little: it is given again to another process, and in a container it means something
 * else than outside, although both may have the same file open. So ids are compared only within one host,
 * one boot and one process namespace, and the time at which the process began must be the same.
 * A wrong "alive" only costs the wait for a lease; a wrong "dead" would run a task twice, so when in doubt,
 * it is alive.
 *
 * @module
 */

import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  /** Where its process id means something: host, and on Linux also the boot and the process namespace. */
  readonly space: string
  readonly pid: number
  /** When it began, in the kernel's clock ticks since boot; undefined where there is no `/proc`. */
  readonly processStart?: string
}

/** This process, or one that it has started. */
export function processIdentity(pid: number = process.pid): ProcessIdentity {
  const processStart = statusOf(pid)?.processStart
  return { space: ownSpace(), pid, ...(processStart === undefined ? {} : { processStart }) }
}

/**
 * Ends the process group that this process leads, if it is certain that it still is that process; true when it was.
 * Nothing is certain where there is no `/proc`.
 */
export function killGroupOf({ space, pid, processStart }: ProcessIdentity): boolean {
  if (space !== ownSpace() || !isProcessId(pid) || pid === process.pid) return false
  if (processStart === undefined || statusOf(pid)?.processStart !== processStart) return false
  try {
    process.kill(-pid, 'SIGKILL')
    return true
  } catch {
    // It has ended meanwhile, leads no group, or is not ours to end.
    return false
  }
}

/** True only when no process of that identity can be alive any more. */
export function isProvablyDead({ space, pid, processStart }: ProcessIdentity): boolean {
  if (space !== ownSpace() || !isProcessId(pid)) return false
  if (!exists(pid)) return true
  const status = statusOf(pid)
  if (status === undefined) return false
  if (status.isZombie) return true
  return processStart !== undefined && status.processStart !== processStart
}

let space: string | undefined

/** Read once: none of it changes while a process lives, except the host's name, which then stays what it was. */
export function ownSpace(): string {
  space ??= [process.platform, hostname(), bootId(), processNamespace()].filter(Boolean).join(' ')
  return space
}

function bootId(): string | undefined {
  return attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
}

/** Such as `pid:[4026531836]`. */
function processNamespace(): string | undefined {
  return attempt(() => readlinkSync('/proc/self/ns/pid'))
}

/** Other ids ask for groups of processes, see `man 2 kill`. */
function isProcessId(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 0
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

interface ProcessStatus {
  readonly processStart: string
  /** It has ended, all its threads too, and only waits for its parent to hear of it. */
  readonly isZombie: boolean
}

let isOwnProc: boolean | undefined

function statusOf(pid: number): ProcessStatus | undefined {
  // One that is mounted for another process namespace (`unshare --pid` alone) tells of other processes by these ids.
  isOwnProc ??= attempt(() => readlinkSync('/proc/self')) === String(process.pid)
  if (!isOwnProc) return undefined
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return text === undefined ? undefined : parseProcessStatus(text)
}

/** Reads `/proc/<pid>/stat`, see `man 5 proc_pid_stat`: the name in its second field may contain anything. */
export function parseProcessStatus(text: string): ProcessStatus | undefined {
  const fields = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(' ')
  const [state, threads, processStart] = [fields[0], fields[17], fields[19]]
  if (processStart === undefined || !/^\d+$/u.test(processStart)) return undefined
  return { processStart, isZombie: (state === 'Z' || state === 'X') && Number(threads) <= 1 }
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
