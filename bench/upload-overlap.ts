/**
 * `upload-overlap`: four exports of 10 units of processing and 5 of upload each, with four workers.
 *
 * One after the other that takes 4 × (10 + 5) = 60 units. The line alone needs 20, and nothing can be sent before the
 * first export is processed: 2.5 units when all four workers do it first.
 *
 * @module
 */

import { type OverlapResult, runOverlap } from '../test/support/overlap-run.ts'
import type { BenchArgs } from './args.ts'
import { machine, median } from './measure.ts'
import { printTable, printVerdict } from './print.ts'

/** The seed claims 60 → 25, with a little to spare. */
const TARGET_UNITS = 26

export async function benchUploadOverlap({ rounds, quick }: BenchArgs): Promise<void> {
  const unitMs = quick ? 100 : 500
  console.log(`${machine()}; a unit is ${unitMs} ms`)
  const ways = [
    { name: 'first export first', isRanked: true },
    { name: 'exports side by side', isRanked: false },
  ]
  const medians: number[] = []
  const rows: string[][] = []
  for (const { name, isRanked } of ways) {
    const results: OverlapResult[] = []
    for (let round = 0; round < rounds; round += 1) results.push(await runOverlap({ unitMs, isRanked }))
    const of = (value: (result: OverlapResult) => number): number => median(results.map(value))
    medians.push(of(({ units }) => units))
    const columns = [
      of(({ processedAt }) => processedAt[0] ?? Number.NaN),
      of(({ firstUploadAt }) => firstUploadAt),
      of(({ idleUnits }) => idleUnits),
      of(({ units }) => units),
    ]
    rows.push([name, ...columns.map((value) => value.toFixed(1))])
  }
  printTable(['units', 'first processed', 'first upload', 'line idle', 'total'], rows)
  const total = medians[0] ?? Number.NaN
  printVerdict(
    'processing and uploading together',
    `${total.toFixed(1)} units`,
    `at most ${TARGET_UNITS}`,
    total <= TARGET_UNITS,
  )
}
