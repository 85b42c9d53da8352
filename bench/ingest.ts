/**
 * `ingest`: the main job against a plain copying program, the second run, and the peak memory.
 *
 * Both programs get the same export, in the same run, in turns; before each turn the whole export is read once, so
 * that both find it in the page cache, and what earlier turns wrote is flushed. Process start counts on both sides.
 *
 * @module
 */

import { fileURLToPath } from 'node:url'
import { treeChanges, treeFacts } from '../test/support/tree-digest.ts'
import type { BenchArgs } from './args.ts'
import { FULL_TAKEOUT, type InputFacts, type PhotoTakeout, photoTakeout, takeoutBytes } from './inputs.ts'
import { cpuPerFile, ingest, machine, medianWallMs, type Run, runNode } from './measure.ts'
import { megabytes, perSecond, printTable, printVerdict, seconds } from './print.ts'
import { freshOutput, type MadeInput, needSpace, outputFolder, removeOutputs, settle } from './workspace.ts'

const TARGET_RATIO = 0.6
const TARGET_MEMORY_BYTES = 400e6
const PLAIN_COPY = fileURLToPath(new URL('plain-copy.ts', import.meta.url))

export async function benchIngest({ workers, rounds, quick }: BenchArgs): Promise<void> {
  const spec: PhotoTakeout = quick
    ? { ...FULL_TAKEOUT, photos: 24, videos: 2, duplicates: 6, widthPx: 1600 }
    : FULL_TAKEOUT
  await needSpace(takeoutBytes(spec) * 2.2)
  const input = await photoTakeout(spec)
  const { mediaFiles, mediaBytes } = input.facts
  console.log(`${mediaFiles} media files, ${megabytes(mediaBytes)}, ${workers} workers, ${machine()}`)
  const times = await inTurns(input, workers, rounds)
  printTimes(input.facts, times)
  await secondRun(input.folder, workers, medianWallMs(times.ingest))
  await memory(input.folder, workers)
  await removeOutputs()
}

interface Times {
  readonly plain: Run[]
  readonly ingest: Run[]
}

async function inTurns(input: MadeInput<InputFacts>, workers: number, rounds: number): Promise<Times> {
  const times: Times = { plain: [], ingest: [] }
  const turns = {
    plain: async () => times.plain.push(await copyOnce(input, workers)),
    ingest: async () => times.ingest.push(await ingestOnce(input, workers)),
  }
  for (let round = 0; round < rounds; round += 1) {
    // Whoever comes second might profit or suffer from the first.
    const order = round % 2 === 0 ? (['plain', 'ingest'] as const) : (['ingest', 'plain'] as const)
    for (const turn of order) {
      await treeFacts(input.folder)
      await turns[turn]()
    }
  }
  return times
}

async function copyOnce({ folder, facts }: MadeInput<InputFacts>, workers: number): Promise<Run> {
  const output = await freshOutput('plain')
  settle()
  const run = await runNode([PLAIN_COPY, folder, output, String(workers)])
  const copied = JSON.parse(run.stdout) as { files: number; bytes: number }
  if (copied.files !== facts.mediaFiles || copied.bytes !== facts.mediaBytes) {
    throw new Error(`the plain program copied ${run.stdout.trim()}, not ${JSON.stringify(facts)}`)
  }
  return run
}

async function ingestOnce({ folder, facts }: MadeInput<InputFacts>, workers: number): Promise<Run> {
  const library = await freshOutput('library')
  settle()
  const run = await ingest([folder, '-o', library, '--workers', String(workers)])
  const done = run.summary.exports.reduce((sum, { imported, duplicates }) => sum + imported + duplicates, 0)
  if (done !== facts.mediaFiles) throw new Error(`${done} of ${facts.mediaFiles} files are in the library`)
  return run
}

function printTimes({ mediaFiles }: InputFacts, { plain, ingest: ours }: Times): void {
  const row = (name: string, runs: readonly Run[]): string[] => [
    name,
    seconds(medianWallMs(runs)),
    perSecond(mediaFiles, medianWallMs(runs)),
    cpuPerFile(runs, mediaFiles),
    runs.map(({ wallMs }) => seconds(wallMs)).join(', '),
  ]
  printTable(
    ['program', 'median', 'files/s', 'CPU ms/file', 'each run'],
    [row('plain copy, SHA-1, fsync, rename', plain), row('heirloom ingest', ours)],
  )
  const ratio = medianWallMs(plain) / medianWallMs(ours)
  printVerdict('files/s of plain copy', `${(ratio * 100).toFixed(0)} %`, '60 %', ratio >= TARGET_RATIO)
}

/** On the library of the last turn. */
async function secondRun(input: string, workers: number, firstMs: number): Promise<void> {
  const library = outputFolder('library')
  // The state and the reports are written anew by every run; all else is a photo.
  const watched = {
    inodes: true,
    ignore: (path: string) => path === '.heirloom' || path.startsWith('report-'),
  }
  const before = await treeFacts(library, watched)
  const { wallMs } = await ingest([input, '-o', library, '--workers', String(workers)])
  const changes = treeChanges(before, await treeFacts(library, watched))
  const limitMs = firstMs * 0.05 + 1000
  printVerdict(
    'second run',
    seconds(wallMs),
    `5 % of the first + 1 s = ${seconds(limitMs)}`,
    wallMs < limitMs,
  )
  printVerdict('rewritten by it', `${changes.length} files`, '0', changes.length === 0)
  for (const change of changes.slice(0, 5)) console.log(`  ${change}`)
}

async function memory(input: string, workers: number): Promise<void> {
  const library = await freshOutput('library')
  const run = await ingest([input, '-o', library, '--workers', String(workers)], { sampleMemory: true })
  if (run.memory === undefined) {
    console.log('peak memory: not measured, this system has no /proc')
    return
  }
  const { peakBytes, kind, processes, samples } = run.memory
  const value = `${megabytes(peakBytes)} ${kind} in ${processes} processes, ${samples} samples`
  printVerdict('peak memory', value, megabytes(TARGET_MEMORY_BYTES), peakBytes < TARGET_MEMORY_BYTES)
}
