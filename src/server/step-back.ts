/**
 * Lets worker processes step back for the server: answers come before thumbnails.
 *
 * With as many workers as cores, a request would wait for the scheduler (p99 of some 300 ms at 1,000 requests a second
 * on two cores, 2026-11). A machine that has nothing else to do gives the workers all of its time all the same.
 *
 * Linux may group processes by session (`sched_autogroup`, see sched(7)): each worker leads a session of its own, so that
 * its nice value counts among its own threads only, and its group has one, too. That can be set ten times a second.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import type { Clock } from '../clock.ts'
import { systemCode } from '../errors.ts'

const NICE = constants.priority.PRIORITY_BELOW_NORMAL

const RETRY_MS = 150
const RETRIES = 50

/** Sets the group of a process; tests give another one. */
type SetGroup = (pid: number, nice: number) => Promise<void>

const setGroup: SetGroup = (pid, nice) => writeFile(`/proc/${pid}/autogroup`, String(nice))

/** Does what the system lets us do; a worker that has ended already, or another system, is no error. */
export function stepBack(pid: number, clock: Clock, set: SetGroup = setGroup): void {
  try {
    setPriority(pid, NICE)
  } catch {
    return
  }
  void stepBackAsGroup({ pid, clock, set }, RETRIES)
}

interface Group {
  readonly pid: number
  readonly clock: Clock
  readonly set: SetGroup
}

async function stepBackAsGroup(group: Group, retries: number): Promise<void> {
  const { pid, clock, set } = group
  try {
    await set(pid, NICE)
  } catch (error) {
    // EAGAIN: another one was set less than a tenth of a second ago.
    if (systemCode(error) !== 'EAGAIN' || retries === 0) return
    clock.after(RETRY_MS, () => void stepBackAsGroup(group, retries - 1))
  }
}
