/**
 * `queue-latency`: how long a new task waits on an idle queue until its handler begins, and what an idle queue
 * costs the processor.
 *
 * Tasks come at random moments, so that no poll is in step with them: from the same process, and from another
 * one that only has the database file. What is added is timed from before the addition.
 *
 * @module
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { QueueEngine } from '../../src/queue/index.ts'
import { openSqliteBackend } from '../../src/queue/sqlite/index.ts'
import type { BenchArgs } from '../args.ts'
import { machine } from '../measure.ts'
import { printTable, printVerdict } from '../print.ts'
import { freshOutput, removeOutputs } from '../workspace.ts'

const IDLE_MS = 10_000

export async function benchQueueLatency({ quick, items }: BenchArgs): Promise<void> {
  const count = items?.[0] ?? (quick ? 20 : 300)
  console.log(`${count} tasks, one at a time on an idle queue, ${machine()}`)
  const file = join(await freshOutput('queue-latency'), 'queue.db')
  const backend = await openSqliteBackend({ file, durability: 'process' })
  let began: (at: number) => void = () => undefined
  const queue = new QueueEngine({
    backend,
    lanes: { noop: { concurrency: 4, runsIn: 'coordinator' } },
    handlers: { noop: async () => began(performance.timeOrigin + performance.now()) },
  })
  await queue.start()
  const measure = async (add: () => Promise<number>): Promise<number[]> => {
    const waits: number[] = []
    for (let index = 0; index < count; index += 1) {
      await sleep(5 + Math.random() * 40)
      const { promise, resolve } = Promise.withResolvers<number>()
      began = resolve
      const addedAt = await add()
      waits.push((await promise) - addedAt)
    }
    return waits
  }
  const own = await measure(async () => {
    const at = performance.timeOrigin + performance.now()
    await queue.add([{ kind: 'noop', lane: 'noop', payload: null }])
    return at
  })
  const adder = fork(new URL('adder.ts', import.meta.url), [file])
  await once(adder, 'message')
  const foreign = await measure(async () => {
    adder.send('add')
    const [at] = await once(adder, 'message')
    return at as number
  })
  adder.kill()
  await once(adder, 'exit')
  const before = process.cpuUsage()
  await sleep(quick ? 1_000 : IDLE_MS)
  const { user, system } = process.cpuUsage(before)
  const idlePercent = (user + system) / 10 / (quick ? 1_000 : IDLE_MS)
  await queue.stop()
  await backend.close()
  print(own, foreign, idlePercent)
  await removeOutputs()
}

function print(own: readonly number[], foreign: readonly number[], idlePercent: number): void {
  const row = (name: string, waits: readonly number[]): string[] => [
    name,
    ...[50, 95, 99].map((percent) => `${quantile(waits, percent).toFixed(1)} ms`),
  ]
  printTable(
    ['added by', 'p50', 'p95', 'p99'],
    [row('the same process', own), row('another process', foreign)],
  )
  const [p50, p99] = [quantile(own, 50), quantile(own, 99)]
  printVerdict(
    'pickup in the same process',
    `${p50.toFixed(1)} / ${p99.toFixed(1)} ms`,
    'p50 3 ms, p99 15 ms',
    p50 < 3 && p99 < 15,
  )
  printVerdict('idle processor', `${idlePercent.toFixed(2)} %`, '0.5 %', idlePercent < 0.5)
}

function quantile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
}
