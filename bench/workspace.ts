/**
 * Where benchmarks keep their inputs and outputs: `HEIRLOOM_BENCH_DIR`, or a folder in the system's temporary one.
 *
 * Inputs take minutes to make and are kept: the folder's name carries a hash of what was asked for. An input is
 * made under another name and renamed when it is whole, so that an interrupted run leaves nothing that is believed.
 *
 * @module
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = process.env['HEIRLOOM_BENCH_DIR'] ?? join(tmpdir(), 'heirloom-bench')
/** By process: two benchmarks at a time falsify each other's numbers, but not each other's files. */
const OWN_OUTPUTS = join(ROOT, 'outputs', String(process.pid))

export interface MadeInput<Facts> {
  readonly folder: string
  readonly facts: Facts
}

/**
 * The input that `spec` describes, from an earlier run or made now.
 *
 * @param neededBytes - Free space that making it needs; for the outputs ask {@link needSpace} again.
 * @param make - Fills the folder; what it answers is kept beside it.
 */
export async function keptInput<Facts>(
  name: string,
  spec: unknown,
  neededBytes: number,
  make: (folder: string) => Promise<Facts>,
): Promise<MadeInput<Facts>> {
  const key = createHash('sha1').update(JSON.stringify(spec)).digest('hex').slice(0, 8)
  const place = join(ROOT, 'inputs', `${name}-${key}`)
  const folder = join(place, 'export')
  const factsFile = join(place, 'facts.json')
  if (!existsSync(factsFile)) {
    await needSpace(neededBytes)
    console.log(`making the input in ${place} …`)
    const partial = `${place}.partial-${process.pid}`
    await rm(partial, { recursive: true, force: true })
    await mkdir(join(partial, 'export'), { recursive: true })
    await writeFile(join(partial, 'facts.json'), JSON.stringify(await make(join(partial, 'export'))))
    await rm(place, { recursive: true, force: true })
    await rename(partial, place)
  }
  return { folder, facts: JSON.parse(await readFile(factsFile, 'utf8')) as Facts }
}

/** Where {@link freshOutput} made the folder of that name. */
export function outputFolder(name: string): string {
  return join(OWN_OUTPUTS, name)
}

/** An empty folder for the output of one run; what an earlier run left there is removed. */
export async function freshOutput(name: string): Promise<string> {
  const folder = outputFolder(name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  return folder
}

export async function removeOutputs(): Promise<void> {
  await rm(OWN_OUTPUTS, { recursive: true, force: true })
}

/** Outputs of runs that were interrupted. */
export async function removeStaleOutputs(): Promise<void> {
  const folder = join(ROOT, 'outputs')
  if (!existsSync(folder)) return
  for (const pid of await readdir(folder)) {
    if (/^\d+$/.test(pid) && !isAlive(Number(pid)))
      await rm(join(folder, pid), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Everything, inputs too. */
export async function removeWorkspace(): Promise<string> {
  await rm(ROOT, { recursive: true, force: true })
  return ROOT
}

/** Throws when less is free: a benchmark on a full disk measures the disk. */
export async function needSpace(bytes: number): Promise<void> {
  await mkdir(ROOT, { recursive: true })
  const { bavail, bsize } = await statfs(ROOT)
  const free = bavail * bsize
  if (free > bytes * 1.1) return
  const [needed, left] = [bytes * 1.1, free].map((value) => `${(value / 1e9).toFixed(1)} GB`)
  throw new Error(`${ROOT}: ${needed} needed, ${left} free; set HEIRLOOM_BENCH_DIR to a folder with more`)
}

/** Writes out what earlier runs left in the page cache, so that no run pays for another. */
export function settle(): void {
  spawnSync('sync')
}
