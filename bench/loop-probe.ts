/**
 * Loaded before a program (`node --import`): measures how late its event loop is, and answers when it is asked.
 *
 * A loop is late because of its own work, or because the system gives the processor to others. On a machine that others
 * use the second is chance; so what the loop's thread has computed while it was late is told apart.
 *
 * @module
 */

import { createHistogram } from 'node:perf_hooks'

/** Answered to the message `read`; milliseconds. Each reading begins anew. */
export interface LoopDelay {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** As far as the thread itself computed meanwhile. */
  readonly ownP99Ms: number
  readonly ownMaxMs: number
}

const EVERY_MS = 10

const late = createHistogram()
const own = createHistogram()

interface Moment {
  readonly atMs: number
  readonly cpuMs: number
}

function look(): Moment {
  const { user, system } = process.threadCpuUsage()
  return { atMs: performance.now(), cpuMs: (user + system) / 1000 }
}

let before = look()
setInterval(() => {
  const now = look()
  const lateMs = Math.max(0, now.atMs - before.atMs - EVERY_MS)
  // Histograms hold whole numbers from 1 on: microseconds.
  late.record(Math.max(1, Math.round(lateMs * 1000)))
  own.record(Math.max(1, Math.round(Math.min(lateMs, now.cpuMs - before.cpuMs) * 1000)))
  before = now
}, EVERY_MS).unref()

process.on('message', (message) => {
  if (message !== 'read') return
  const answer: LoopDelay = {
    p50Ms: late.percentile(50) / 1000,
    p99Ms: late.percentile(99) / 1000,
    maxMs: late.max / 1000,
    ownP99Ms: own.percentile(99) / 1000,
    ownMaxMs: own.max / 1000,
  }
  late.reset()
  own.reset()
  process.send?.(answer)
})
// The program ends when it would without this.
process.channel?.unref()
