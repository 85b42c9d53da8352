/**
 * Tasks that do nothing through Redis, done by two processes: bare BullMQ, our backend on it, and the whole way from a
 * coordinator's database through Redis and back.
 *
 * Workers wait at the start; timed is from the first addition to the last task's end, as the workers count them, for the
 * coordinator to the last commit.
 *
 * @module
 */

import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { openBullmqBackend, openRemoteLanes } from '../../src/queue/bullmq/index.ts'
import { type NewTask, QueueEngine } from '../../src/queue/index.ts'
import { openSqliteBackend } from '../../src/queue/sqlite/index.ts'

const HOST = fileURLToPath(new URL('noop-host.ts', import.meta.url))
const LANE = 'noop'
const BULK = 1_000
const TEXT = 'x'.repeat(96)

export interface NoopSettings {
  readonly port: number
  readonly tasks: number
  readonly hosts: number
  /** Of each host. */
  readonly concurrency: number
}

export interface NoopCost {
  readonly wallMs: number
  /** Of this process, which adds, and in {@link wholeWay} commits too. */
  readonly ownCpuMs: number
}

export async function bareBullmq(settings: NoopSettings): Promise<NoopCost> {
  const prefix = `bench-${randomUUID()}`
  const queue = new Queue(LANE, { connection: { host: '127.0.0.1', port: settings.port }, prefix })
  await queue.waitUntilReady()
  const hosts = await Hosts.start('bullmq', prefix, settings)
  const cost = await timed(async () => {
    for (const bulk of bulks(settings.tasks)) {
      await queue.addBulk(bulk.map((data) => ({ name: 'noop', data })))
    }
    await hosts.haveDone(settings.tasks)
  })
  await hosts.stop()
  await queue.close()
  return cost
}

export async function ownBackend(settings: NoopSettings): Promise<NoopCost> {
  const prefix = `bench-${randomUUID()}`
  const backend = await openBullmqBackend({ url: urlOf(settings), prefix })
  const hosts = await Hosts.start('heirloom', prefix, settings)
  const cost = await timed(async () => {
    for (const bulk of bulks(settings.tasks)) await backend.add(bulk.map(taskOf))
    await hosts.haveDone(settings.tasks)
  })
  await hosts.stop()
  await backend.close()
  return cost
}

export async function wholeWay(folder: string, settings: NoopSettings): Promise<NoopCost> {
  const prefix = `bench-${randomUUID()}`
  const backend = await openSqliteBackend({ file: join(folder, 'noop.db'), durability: 'process' })
  const remote = await openRemoteLanes({ url: urlOf(settings), prefix, origin: `bench/${randomUUID()}` })
  const lanes = { [LANE]: { concurrency: 2_000, runsIn: 'remote' as const } }
  const queue = new QueueEngine({ backend, remote, lanes })
  const hosts = await Hosts.start('heirloom', prefix, settings)
  await queue.start()
  const cost = await timed(async () => {
    for (const bulk of bulks(settings.tasks)) await queue.add(bulk.map(taskOf))
    await queue.drain()
  })
  const { completed } = await backend.counts(LANE)
  if (completed !== settings.tasks) throw new Error(`${completed} of ${settings.tasks} tasks are completed`)
  await queue.stop()
  await remote.close()
  await hosts.stop()
  await backend.close()
  return cost
}

class Hosts {
  readonly #children: readonly ChildProcess[]
  readonly #done: number[]
  #wanted = Number.POSITIVE_INFINITY
  #resolve: () => void = () => undefined

  static async start(
    kind: 'bullmq' | 'heirloom',
    prefix: string,
    { hosts, port, concurrency }: NoopSettings,
  ): Promise<Hosts> {
    const argument = JSON.stringify({ kind, port, prefix, lane: LANE, concurrency })
    const children = Array.from({ length: hosts }, () => fork(HOST, [argument]))
    await Promise.all(children.map((child) => once(child, 'message')))
    return new Hosts(children)
  }

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children
    this.#done = children.map(() => 0)
    for (const [index, child] of children.entries()) {
      child.on('message', ({ done }: { done: number }) => {
        this.#done[index] = done
        if (this.#done.reduce((sum, one) => sum + one, 0) >= this.#wanted) this.#resolve()
      })
    }
  }

  haveDone(tasks: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#resolve = resolve
    this.#wanted = tasks
    return promise
  }

  async stop(): Promise<void> {
    const ends = this.#children.map((child) => once(child, 'exit'))
    for (const child of this.#children) child.disconnect()
    await Promise.all(ends)
  }
}

async function timed(work: () => Promise<void>): Promise<NoopCost> {
  const [cpuBefore, startedAt] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpuBefore)
  return { wallMs: performance.now() - startedAt, ownCpuMs: (user + system) / 1_000 }
}

function* bulks(count: number): Generator<{ index: number; text: string }[]> {
  for (let start = 0; start < count; start += BULK) {
    const length = Math.min(BULK, count - start)
    yield Array.from({ length }, (_, index) => ({ index: start + index, text: TEXT }))
  }
}

function taskOf(payload: unknown): NewTask {
  return { kind: 'noop', lane: LANE, payload }
}

function urlOf({ port }: NoopSettings): string {
  return `redis://127.0.0.1:${port}`
}
