/**
 * Running programs for a benchmark: wall time with the process start in it, and memory when asked for.
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { IngestSummary } from '../src/tasks/ingest-api.ts'
import { endedChildrenCpuMs, type PeakMemory, sampleTree } from './tree-memory.ts'

export interface Run {
  /** From before the spawn to the exit. */
  readonly wallMs: number
  /** Processor time of the process and its descendants; only where /proc is. */
  readonly cpuMs?: number
  readonly stdout: string
  /** Peak over all samples; only when memory was sampled and /proc is there. */
  readonly memory?: PeakMemory
}

const HEIRLOOM = fileURLToPath(new URL('../bin/heirloom.js', import.meta.url))

/** Runs a Node program; throws when it does not exit with 0. */
export async function runNode(
  args: readonly string[],
  { sampleMemory = false }: { readonly sampleMemory?: boolean } = {},
): Promise<Run> {
  const cpuBefore = endedChildrenCpuMs()
  const startedAt = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const sampler = sampleMemory ? sampleTree(child.pid ?? 0) : undefined
  const exited = new Promise<{ code: number | null; wallMs: number }>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve({ code, wallMs: performance.now() - startedAt }))
  })
  const [stdout, stderr, { code, wallMs }] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exited,
  ])
  const memory = sampler?.stop()
  if (code !== 0) throw new Error(`${args.join(' ')} exited with ${code}:\n${stdout}\n${stderr}`)
  const cpuAfter = endedChildrenCpuMs()
  const cpu = cpuBefore === undefined || cpuAfter === undefined ? {} : { cpuMs: cpuAfter - cpuBefore }
  return { wallMs, stdout, ...cpu, ...(memory === undefined ? {} : { memory }) }
}

export async function ingest(
  args: readonly string[],
  options: { readonly sampleMemory?: boolean } = {},
): Promise<Run & { readonly summary: IngestSummary }> {
  const run = await runNode([HEIRLOOM, 'ingest', ...args, '--json'], options)
  const summary = JSON.parse(run.stdout) as IngestSummary
  const bad = summary.exports.find(({ failed, balanced }) => failed > 0 || !balanced)
  if (bad !== undefined) throw new Error(`ingest of ${bad.name}: ${JSON.stringify(bad, null, 2)}`)
  return { ...run, summary }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

export function medianWallMs(runs: readonly Run[]): number {
  return median(runs.map(({ wallMs }) => wallMs))
}

/** Milliseconds of processor time a file: steadier than wall time where others use the machine. */
export function cpuPerFile(runs: readonly Run[], files: number): string {
  const cpuMs = runs.map((run) => run.cpuMs).filter((value) => value !== undefined)
  return cpuMs.length === 0 ? 'no /proc' : (median(cpuMs) / files).toFixed(1)
}

/** What the numbers hold for: printed by every benchmark. */
export function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown processor'
  return `${availableParallelism()} cores of ${model}, Node ${process.versions.node}, ${process.platform}`
}
