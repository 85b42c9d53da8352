/**
 * `ingest-exports`: four exports at once, for several `--parallel-exports`, beside what the seed's guide expects.
 *
 * The seed starts a pool of processes for every export; Heirloom has one pool for all, whose size is the same in
 * every row here. So the speed-up shows what overlap of listing, placing and committing brings, not more processes.
 *
 * @module
 */

import { treeFacts } from '../test/support/tree-digest.ts'
import type { BenchArgs } from './args.ts'
import { FULL_TAKEOUT, originals, type PhotoTakeout, takeoutBytes } from './inputs.ts'
import { cpuPerFile, ingest, machine, medianWallMs, type Run } from './measure.ts'
import { megabytes, perSecond, printTable, seconds } from './print.ts'
import { freshOutput, needSpace, removeOutputs, settle } from './workspace.ts'

const EXPORTS = 4

/** `--parallel-exports` → speed-up on five exports, as the guide of the seed tells it. */
const SEED_CLAIMS: ReadonlyMap<number, string> = new Map([
  [1, '1.0'],
  [2, '1.8–2.0'],
  [4, '2.8–3.3'],
  [5, '3.3–4.2'],
])

export async function benchIngestExports({ workers, rounds, quick, full }: BenchArgs): Promise<void> {
  const spec = sizeOf(quick, full)
  await needSpace(takeoutBytes(spec) * EXPORTS * 1.2)
  const { folder, facts } = await originals(spec, EXPORTS)
  const { mediaFiles, mediaBytes } = facts
  console.log(
    `${EXPORTS} exports, together ${mediaFiles} media files, ${megabytes(mediaBytes)}, ${workers} workers, ${machine()}`,
  )
  const table = new Map([...SEED_CLAIMS.keys()].map((parallel): [number, Run[]] => [parallel, []]))
  for (let round = 0; round < rounds; round += 1) {
    // Whatever else the machine does grows and shrinks: every second round goes the other way.
    const order = round % 2 === 0 ? [...table] : [...table].reverse()
    for (const [parallel, runs] of order) {
      await treeFacts(folder)
      const library = await freshOutput('library')
      settle()
      const options = ['--workers', String(workers), '--parallel-exports', String(parallel)]
      const run = await ingest(['--originals', folder, '-o', library, ...options])
      runs.push(run)
    }
  }
  const sequentialMs = medianWallMs(table.get(1) ?? [])
  printTable(
    ['--parallel-exports', 'median', 'files/s', 'CPU ms/file', 'speed-up', 'the seed expects'],
    [...table].map(([parallel, runs]) => [
      String(parallel),
      seconds(medianWallMs(runs)),
      perSecond(mediaFiles, medianWallMs(runs)),
      cpuPerFile(runs, mediaFiles),
      (sequentialMs / medianWallMs(runs)).toFixed(2),
      SEED_CLAIMS.get(parallel) ?? '',
    ]),
  )
  await removeOutputs()
}

function sizeOf(quick: boolean, full: boolean): PhotoTakeout {
  if (full) return FULL_TAKEOUT
  if (quick) return { ...FULL_TAKEOUT, photos: 6, videos: 1, duplicates: 3, widthPx: 800 }
  return { ...FULL_TAKEOUT, photos: 40, videos: 3, duplicates: 12 }
}
