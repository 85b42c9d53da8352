/**
 * `ingest-memory`: peak memory of the process tree, and time, for more and more tiny photos.
 *
 * Tiny files show what grows with the number of items: names, pairings, rows. Memory is sampled while the time is
 * taken, about ten times a second, so that the times are a little too high.
 *
 * @module
 */

import type { BenchArgs } from './args.ts'
import { tinyTakeout } from './inputs.ts'
import { ingest, machine } from './measure.ts'
import { megabytes, perSecond, printTable, printVerdict, seconds } from './print.ts'
import { freshOutput, needSpace, removeOutputs, settle } from './workspace.ts'

const SIZES = [1_000, 10_000, 100_000]
const TARGET_MEMORY_BYTES = 400e6
const TARGET_MS = 6 * 60_000
/** What the target time is for. */
const TARGET_ITEMS = 100_000

export async function benchIngestMemory({ workers, quick, items }: BenchArgs): Promise<void> {
  const sizes = items ?? (quick ? [200, 1_000] : SIZES)
  console.log(`tiny JPEGs with a JSON each, ${workers} workers, ${machine()}`)
  const rows: string[][] = []
  let peakBytes = 0
  for (const size of sizes) {
    const run = await ingestTiny(size, workers)
    peakBytes = Math.max(peakBytes, run.memory?.peakBytes ?? 0)
    rows.push([
      size.toLocaleString('en'),
      seconds(run.wallMs),
      perSecond(size, run.wallMs),
      run.memory === undefined ? 'no /proc' : `${megabytes(run.memory.peakBytes)} ${run.memory.kind}`,
      String(run.memory?.processes ?? ''),
    ])
    if (size === TARGET_ITEMS) {
      printVerdict('100,000 items', seconds(run.wallMs), 'under 6 minutes on 2 cores', run.wallMs < TARGET_MS)
    }
  }
  printTable(['items', 'time', 'items/s', 'peak memory', 'processes at the peak'], rows)
  if (peakBytes === 0) return
  printVerdict(
    'peak memory',
    megabytes(peakBytes),
    megabytes(TARGET_MEMORY_BYTES),
    peakBytes < TARGET_MEMORY_BYTES,
  )
}

async function ingestTiny(size: number, workers: number): ReturnType<typeof ingest> {
  const { folder } = await tinyTakeout(size)
  // A block for each output, and the rows of the catalog.
  await needSpace(size * 2 * 4096)
  const library = await freshOutput('library')
  settle()
  const run = await ingest([folder, '-o', library, '--workers', String(workers)], { sampleMemory: true })
  const imported = run.summary.exports.reduce((sum, { imported: count }) => sum + count, 0)
  if (imported !== size) throw new Error(`${imported} of ${size} items are in the library`)
  await removeOutputs()
  return run
}
