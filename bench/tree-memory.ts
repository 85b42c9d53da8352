/**
 * Memory and processor time of a process and all its descendants, from Linux's /proc.
 *
 * @module
 */

import { readdirSync, readFileSync } from 'node:fs'

/** Peak over all samples. */
export interface PeakMemory {
  readonly peakBytes: number
  /** `PSS` shares pages fairly among processes; `RSS`, where it is missing, counts them in each. */
  readonly kind: 'PSS' | 'RSS'
  /** Processes at the peak. */
  readonly processes: number
  readonly samples: number
}

/** Linux counts processor time in ticks of this length, whatever the kernel's own are. */
const TICK_MS = 10

type TreeMemory = Omit<PeakMemory, 'samples'>

const SAMPLE_EVERY_MS = 100

/** Samples until `stop`, which answers undefined when nothing was seen: no /proc, or gone before the first sample. */
export function sampleTree(root: number): { stop: () => PeakMemory | undefined } {
  let peak: TreeMemory | undefined
  let samples = 0
  const timer = setInterval(() => {
    const now = treeMemory(root)
    if (now.peakBytes === 0) return
    samples += 1
    if (now.peakBytes > (peak?.peakBytes ?? 0)) peak = now
  }, SAMPLE_EVERY_MS)
  return {
    stop: () => {
      clearInterval(timer)
      return peak && { ...peak, samples }
    },
  }
}

function treeMemory(root: number): TreeMemory {
  const tree = processTree(root)
  const memories = tree.map(memoryOf).filter((memory) => memory !== undefined)
  return {
    peakBytes: memories.reduce((sum, { bytes }) => sum + bytes, 0),
    kind: memories.some(({ kind }) => kind === 'RSS') ? 'RSS' : 'PSS',
    processes: memories.length,
  }
}

/**
 * Milliseconds of processor time of all children of this process that have ended, and of those that they waited
 * for; undefined without /proc. Its difference over a run is what the run cost, whoever else used the machine.
 */
export function endedChildrenCpuMs(): number | undefined {
  const fields = readOr('/proc/self/stat').split(')').at(-1)?.trim().split(' ') ?? []
  const [user, system] = [Number(fields[13]), Number(fields[14])]
  return Number.isFinite(user + system) ? (user + system) * TICK_MS : undefined
}

/** The process and all its descendants that are alive. */
function processTree(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const pid of processes()) {
    // The command may hold spaces and parentheses; the parent is the second field behind the last one.
    const parent = Number(readOr(`/proc/${pid}/stat`).split(')').at(-1)?.trim().split(' ')[1])
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [pid])
    else siblings.push(pid)
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

function processes(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

function memoryOf(pid: number): { bytes: number; kind: 'PSS' | 'RSS' } | undefined {
  const pss = /^Pss:\s+(\d+) kB/m.exec(readOr(`/proc/${pid}/smaps_rollup`))?.[1]
  if (pss !== undefined) return { bytes: Number(pss) * 1024, kind: 'PSS' }
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readOr(`/proc/${pid}/status`))?.[1]
  return rss === undefined ? undefined : { bytes: Number(rss) * 1024, kind: 'RSS' }
}

/** Empty when the process has just ended. */
function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
