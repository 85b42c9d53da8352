/**
 * How much of the machine's computing power was left over since the last look.
 *
 * @module
 */

import { availableParallelism, cpus } from 'node:os'

/** Milliseconds of all cores together since the machine started. */
export interface CpuTimes {
  readonly idleMs: number
  readonly totalMs: number
}

export function readCpuTimes(): CpuTimes {
  let idleMs = 0
  let totalMs = 0
  for (const { times } of cpus()) {
    idleMs += times.idle
    totalMs += times.user + times.nice + times.sys + times.irq + times.idle
  }
  return { idleMs, totalMs }
}

/**
 * Cores that idled between two readings, of those that we may use: a container may be granted fewer than it sees. All
 * of them when the readings are one.
 */
export function idleCoresBetween(
  before: CpuTimes,
  after: CpuTimes,
  cores: number = availableParallelism(),
): number {
  const totalMs = after.totalMs - before.totalMs
  return totalMs > 0 ? ((after.idleMs - before.idleMs) / totalMs) * cores : cores
}
