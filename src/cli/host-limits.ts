/**
 * CPU and memory that this process may really use: the container's limits where there are some, else the machine's.
 *
 * Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html (`cpu.max`, `memory.max`) and cgroup-v1
 * (`cpu.cfs_quota_us`, `memory.limit_in_bytes`). A limit may stand at any level of the hierarchy, so each
 * ancestor is asked and the smallest counts.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'

export interface HostLimits {
  /** Whole cores, at least 1. */
  readonly cores: number
  readonly memoryBytes: number
  /** Whether a container's limit is below what the machine has. */
  readonly cpuLimited: boolean
  readonly memoryLimited: boolean
}

/** What the machine says of itself; tests give a made-up one. */
export interface Host {
  readonly cores: number
  readonly memoryBytes: number
  /** Text of a file below `/proc` or `/sys`, or undefined. */
  read(path: string): string | undefined
}

/** The real machine. */
export const thisHost: Host = Object.freeze({
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  read: (path: string): string | undefined => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return undefined // Not Linux, or no such controller: there is no limit to be found here.
    }
  },
})

/** The limits that hold for this process. */
export function readHostLimits(host: Host = thisHost): HostLimits {
  const limits = readGroups(host).flatMap(({ controllers, path }) =>
    levelsOf(path).map((level) => limitsOf(host, controllers, level)),
  )
  const cores = Math.max(1, Math.floor(Math.min(host.cores, ...limits.map(({ cpu }) => cpu))))
  const memoryBytes = Math.min(host.memoryBytes, ...limits.map(({ memory }) => memory))
  return { cores, memoryBytes, cpuLimited: cores < host.cores, memoryLimited: memoryBytes < host.memoryBytes }
}

/** Lines `number:controllers:path`; version 2 is the line without controllers. */
function readGroups(host: Host): { controllers: string[]; path: string }[] {
  const text = host.read('/proc/self/cgroup') ?? ''
  return [...text.matchAll(/^\d+:(?<controllers>[^:]*):(?<path>\/.*)$/gmu)].map(({ groups }) => ({
    controllers: (groups?.['controllers'] ?? '').split(','),
    path: groups?.['path'] ?? '/',
  }))
}

/** Limits at one level of one hierarchy; infinity where there is none. */
function limitsOf(
  host: Host,
  controllers: readonly string[],
  level: string,
): { cpu: number; memory: number } {
  const v2 = (file: string): string => join('/sys/fs/cgroup', level, file)
  if (controllers.includes('')) {
    return { cpu: quotaV2(host.read(v2('cpu.max'))), memory: numberOf(host.read(v2('memory.max'))) }
  }
  const memoryFile = join('/sys/fs/cgroup/memory', level, 'memory.limit_in_bytes')
  return {
    cpu: controllers.includes('cpu')
      ? quotaV1(host, join('/sys/fs/cgroup/cpu', level))
      : Number.POSITIVE_INFINITY,
    memory: controllers.includes('memory') ? numberOf(host.read(memoryFile)) : Number.POSITIVE_INFINITY,
  }
}

/** `/a/b` → `/a/b`, `/a`, `/`. Bounded by the path's length. */
function levelsOf(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [path] : [path, ...levelsOf(parent)]
}

/** `200000 100000` is two cores, `max 100000` no limit. */
function quotaV2(text: string | undefined): number {
  const [quota, period] = (text ?? '').trim().split(' ')
  return ratio(numberOf(quota), numberOf(period))
}

/** A quota of -1 is no limit. */
function quotaV1(host: Host, folder: string): number {
  return ratio(
    numberOf(host.read(join(folder, 'cpu.cfs_quota_us'))),
    numberOf(host.read(join(folder, 'cpu.cfs_period_us'))),
  )
}

function ratio(quota: number, period: number): number {
  return Number.isFinite(quota) && Number.isFinite(period) ? quota / period : Number.POSITIVE_INFINITY
}

/** A positive number, else no limit: infinity. */
function numberOf(text: string | undefined): number {
  const value = /^\d+$/u.test(text?.trim() ?? '') ? Number(text) : 0
  return value > 0 ? value : Number.POSITIVE_INFINITY
}
