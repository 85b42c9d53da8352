/**
 * A coordinator with a remote lane `r`, and worker hosts in processes of their own.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { LogFields, Logger } from '../../src/logger.ts'
import type { Backend } from '../../src/queue/backend.ts'
import { openTestBackend } from '../../src/queue/bullmq/bullmq-backend.ts'
import { openEmitSender } from '../../src/queue/bullmq/emit-channel.ts'
import { type OpenRemoteLanes, openRemoteLanes } from '../../src/queue/bullmq/remote-lanes.ts'
import type { QueueEngineOptions } from '../../src/queue/engine-options.ts'
import { QueueEngine } from '../../src/queue/queue-engine.ts'
import type { RemoteEnvelope } from '../../src/queue/remote.ts'
import { openSqliteBackendInProcess } from '../../src/queue/sqlite/index.ts'
import type { NewTask } from '../../src/queue/task.ts'
import { handlers } from '../fixtures/queue/remote-module.ts'
import { temporaryFolder } from './queue-engine.ts'
import type { TestRedis } from './redis-server.ts'

const HOST = fileURLToPath(new URL('../fixtures/queue/remote-host.ts', import.meta.url))
const LIMIT_MS = 30_000

export interface RemoteSetupOptions extends Partial<QueueEngineOptions> {
  readonly server: TestRedis
  readonly origin?: string
  readonly prefix?: string
  readonly window?: number
  /** Of worker hosts' leases. Default 1,000. */
  readonly hostLeaseMs?: number
}

export interface RemoteSetup {
  readonly queue: QueueEngine
  readonly backend: Backend
  readonly lanes: OpenRemoteLanes
  readonly prefix: string
  readonly logged: string[]
  /** How often each task was settled as completed. */
  readonly completed: ReadonlyMap<number, number>
  /** What handlers with a `file` said: pids of worker hosts by task. */
  readonly begun: () => Promise<readonly { readonly taskId: number; readonly hostPid: number }[]>
  readonly file: string
  readonly add: (tasks: readonly Partial<NewTask>[]) => Promise<number[]>
  /** Starts a worker host, and waits until it runs. */
  readonly host: (workers?: number) => Promise<ChildProcess>
  /** The same in this process, which costs no start: where nobody kills or freezes it, and no task blocks or dies. */
  readonly hostHere: (concurrency?: number) => Promise<void>
}

let prefixes = 0

export async function setupRemote(t: TestContext, options: RemoteSetupOptions): Promise<RemoteSetup> {
  const { server, origin = 'library/run', window = 50, hostLeaseMs = 1_000, ...engine } = options
  prefixes += 1
  const prefix = options.prefix ?? `t${process.pid}-${prefixes}`
  const folder = await temporaryFolder(t)
  const file = join(folder, 'begun')
  const logged: string[] = []
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  const stalledCheckMs = Math.min(5_000, Math.round(hostLeaseMs / 3))
  const lanes = await openRemoteLanes(
    { url: server.url, prefix, origin, logger: collect(logged) },
    { stalledCheckMs, firstLookMs: 300 },
  )
  const queue = new QueueEngine({
    lanes: { r: { concurrency: window, runsIn: 'remote', batchSize: 1 } },
    retryDelayMs: 1,
    ...engine,
    remote: lanes,
    backend,
  })
  const completed = new Map<number, number>()
  queue.on('task.settled', ({ task, status }) => {
    if (status === 'completed') completed.set(task.id, (completed.get(task.id) ?? 0) + 1)
  })
  const children = new Set<ChildProcess>()
  const here: (() => Promise<void>)[] = []
  t.after(async () => {
    for (const child of children) {
      child.kill('SIGCONT')
      child.kill('SIGKILL')
    }
    await queue.stop({ graceful: false })
    for (const end of here) await end()
    await lanes.close()
    await backend.close()
  })
  return {
    queue,
    backend,
    lanes,
    prefix,
    logged,
    completed,
    file,
    begun: async () => {
      const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')
      return lines.map((line) => {
        const [taskId = 0, hostPid = 0] = line.split(' ').map(Number)
        return { taskId, hostPid }
      })
    },
    add: async (tasks) => {
      const full = tasks.map((task) => ({ kind: 'noop', lane: 'r', payload: null, ...task }))
      return (await queue.add(full)).map(({ id }) => id)
    },
    host: async (workers = 1) => {
      const child = startHost(server.url, prefix, 'r', workers, hostLeaseMs)
      children.add(child)
      await says(child, 'ready')
      return child
    },
    hostHere: async (concurrency = 1) => {
      here.push(await startHostHere(server.url, prefix, concurrency, hostLeaseMs))
    },
  }
}

/** @returns Ends it. */
async function startHostHere(
  url: string,
  prefix: string,
  concurrency: number,
  leaseMs: number,
): Promise<() => Promise<void>> {
  const stalledCheckMs = Math.min(5_000, Math.round(leaseMs / 3))
  const { backend } = await openTestBackend({ url, prefix }, { stalledCheckMs })
  const sender = await openEmitSender({ url, prefix })
  const queue = new QueueEngine({
    backend,
    lanes: { r: { concurrency, runsIn: 'coordinator' } },
    handlers,
    leaseMs,
    onEmit: (task, chunk) => sender.send(task.payload as RemoteEnvelope, chunk),
  })
  await queue.start()
  return async () => {
    await queue.stop({ graceful: false })
    await sender.close()
    await backend.close()
  }
}

export function startHost(
  url: string,
  prefix: string,
  lane: string,
  workers: number,
  leaseMs: number,
): ChildProcess {
  return spawn(process.execPath, [HOST, url, prefix, lane, `${workers}`, `${leaseMs}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Waits until the process prints a line that begins so; answers the line. */
export function says(child: ChildProcess, start: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const limit = setTimeout(() => reject(new Error(`process did not say ${start}`)), LIMIT_MS)
    const hear = (chunk: Buffer): void => {
      text += chunk.toString()
      const line = text.split('\n').find((one) => one.startsWith(start))
      if (line === undefined) return
      clearTimeout(limit)
      child.stdout?.off('data', hear)
      resolve(line)
    }
    child.stdout?.on('data', hear)
    child.once('exit', () => reject(new Error(`process ended before it said ${start}`)))
  })
}

/** Asks again and again until the answer is right. */
export async function until(isRight: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const limitAt = Date.now() + LIMIT_MS
  while (!(await isRight())) {
    if (Date.now() > limitAt) throw new Error(`not within 30 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function collect(lines: string[]): Logger {
  const add = (message: string, fields?: LogFields): void => {
    lines.push(fields === undefined ? message : `${message} ${JSON.stringify(fields)}`)
  }
  return { error: add, warn: add, info: add, debug: () => undefined }
}
