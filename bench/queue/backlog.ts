/**
 * `queue-backlog`: claiming and completing with 10,000 and with a million tasks waiting, the start on such a
 * database, and the coordinator's memory.
 *
 * Each size is measured in a process of its own; the same number of tasks is drained from both.
 *
 * @module
 */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { BenchArgs } from '../args.ts'
import { machine } from '../measure.ts'
import { megabytes, perSecond, printTable, printVerdict, seconds } from '../print.ts'
import { freshOutput, removeOutputs, settle } from '../workspace.ts'

/** What `backlog-run.ts` prints. */
export interface BacklogRun {
  readonly fillMs: number
  readonly startMs: number
  readonly drained: number
  readonly drainMs: number
  readonly rssBytes: number
}

const SCRIPT = fileURLToPath(new URL('backlog-run.ts', import.meta.url))

export async function benchQueueBacklog({ quick, items }: BenchArgs): Promise<void> {
  const sizes = items ?? (quick ? [10_000, 50_000] : [10_000, 1_000_000])
  console.log(`claims with a backlog, ${machine()}`)
  const runs: { size: number; run: BacklogRun }[] = []
  for (const size of sizes) {
    const file = join(await freshOutput('queue-backlog'), 'queue.db')
    settle()
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, file, String(size)])
    runs.push({ size, run: JSON.parse(stdout) as BacklogRun })
  }
  await removeOutputs()
  printTable(
    ['waiting tasks', 'filled', 'first task after', 'drained/s', 'coordinator'],
    runs.map(({ size, run }) => [
      size.toLocaleString('en'),
      `${perSecond(size, run.fillMs)}/s`,
      seconds(run.startMs),
      perSecond(run.drained, run.drainMs),
      `${megabytes(run.rssBytes)} RSS`,
    ]),
  )
  const [small, large] = [runs.at(0)?.run, runs.at(-1)?.run]
  if (small === undefined || large === undefined) return
  const ratio = large.drained / large.drainMs / (small.drained / small.drainMs)
  printVerdict('rate with the large backlog', `${(ratio * 100).toFixed(0)} %`, '80 %', ratio >= 0.8)
  printVerdict('start with the large backlog', seconds(large.startMs), '2 s', large.startMs < 2_000)
}
