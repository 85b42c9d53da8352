/**
 * `queue-peers`: no-op tasks through whole engines, added in bulk and drained, in one run on one machine.
 *
 * @module
 */

import type { BenchArgs } from '../args.ts'
import { machine, median } from '../measure.ts'
import { perSecond, printTable, printVerdict, seconds } from '../print.ts'
import { freshOutput, removeOutputs, settle } from '../workspace.ts'
import { runBullmq, runHeirloom, runPlainjob, type Times } from './contenders.ts'
import { startRedis } from './redis.ts'

interface Contender {
  readonly name: string
  readonly group: 'heirloom' | 'heirloom, workers' | 'bullmq' | 'plainjob'
  readonly run: (folder: string) => Promise<Times>
}

export async function benchQueuePeers({ workers, rounds, quick, items }: BenchArgs): Promise<void> {
  const count = items?.[0] ?? (quick ? 2_000 : 20_000)
  console.log(`${count.toLocaleString('en')} no-op tasks, added and drained, ${machine()}`)
  const redis = await startRedis(await freshOutput('redis'))
  if (redis === undefined) console.log('no redis-server on the PATH: BullMQ is left out')
  try {
    const contenders = contendersOf(count, workers, redis?.port)
    const times = contenders.map((): Times[] => [])
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, contender] of contenders.entries()) {
        const folder = await freshOutput('queue-peers')
        settle()
        times[index]?.push(await contender.run(folder))
      }
    }
    print(contenders, times.map(medianTimes), count)
  } finally {
    await redis?.stop()
    await removeOutputs()
  }
}

function contendersOf(count: number, workers: number, redisPort: number | undefined): Contender[] {
  const bullmq = (port: number): Contender[] =>
    [10, 50, 100, 200].map((concurrency) => ({
      name: `BullMQ on Redis, concurrency ${concurrency}`,
      group: 'bullmq',
      run: () => runBullmq(port, count, concurrency),
    }))
  return [
    {
      name: 'heirloom, in the process',
      group: 'heirloom',
      run: (folder) => runHeirloom(folder, count, { concurrency: 100, runsIn: 'coordinator' }),
    },
    {
      name: `heirloom, ${workers} worker processes`,
      group: 'heirloom, workers',
      run: (folder) => runHeirloom(folder, count, { concurrency: workers, runsIn: 'worker' }),
    },
    ...(redisPort === undefined ? [] : bullmq(redisPort)),
    ...[1, 4].map(
      (loops): Contender => ({
        name: `plainjob, ${loops} worker${loops === 1 ? '' : 's'}`,
        group: 'plainjob',
        run: (folder) => runPlainjob(folder, count, loops),
      }),
    ),
  ]
}

function print(contenders: readonly Contender[], times: readonly Times[], count: number): void {
  const total = times.map(({ addMs, drainMs }) => addMs + drainMs)
  printTable(
    ['median', 'add', 'drain', 'both', 'tasks/s', 'times ours'],
    contenders.map(({ name }, index) => {
      const { addMs = Number.NaN, drainMs = Number.NaN } = times[index] ?? {}
      const both = addMs + drainMs
      const ratio = `${(both / (total[0] ?? Number.NaN)).toFixed(2)} ×`
      return [name, seconds(addMs), seconds(drainMs), seconds(both), perSecond(count, both), ratio]
    }),
  )
  const best = (group: Contender['group']): number =>
    Math.min(...total.filter((_, index) => contenders[index]?.group === group))
  for (const [group, target] of [
    ['bullmq', 2.5],
    ['plainjob', 2],
  ] as const) {
    const ratio = best(group) / best('heirloom')
    if (Number.isFinite(ratio)) {
      printVerdict(`against ${group} at its best`, `${ratio.toFixed(2)} ×`, `${target} ×`, ratio >= target)
    }
  }
  const drainIndex = contenders.findIndex(({ group }) => group === 'heirloom, workers')
  const rate = (count * 1_000) / (times[drainIndex]?.drainMs ?? Number.NaN)
  const shown = `${perSecond(count, times[drainIndex]?.drainMs ?? Number.NaN)} tasks/s, process start included`
  printVerdict('worker processes', shown, '10,000 tasks/s', rate >= 10_000)
}

function medianTimes(runs: readonly Times[]): Times {
  return {
    addMs: median(runs.map(({ addMs }) => addMs)),
    drainMs: median(runs.map(({ drainMs }) => drainMs)),
  }
}
