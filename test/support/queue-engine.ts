/**
 * An engine with a lane in workers and one in the coordinator, for the tests of the queue.
 *
 * @module
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Backend } from '../../src/queue/backend.ts'
import type { QueueEngineOptions } from '../../src/queue/engine-options.ts'
import type { QueueEvents } from '../../src/queue/events.ts'
import type { LaneOptions } from '../../src/queue/lane.ts'
import { QueueEngine } from '../../src/queue/queue-engine.ts'
import { openSqliteBackendInProcess } from '../../src/queue/sqlite/index.ts'
import type { NewTask, Task } from '../../src/queue/task.ts'

export const WORKER_MODULE: URL = new URL('../fixtures/queue/worker-module.ts', import.meta.url)

const EVENT_LIMIT_MS = 10_000

export type EngineOptions = Partial<Omit<QueueEngineOptions, 'lanes'>> & {
  readonly concurrency?: number
  readonly timeoutMs?: number
  /** More of the lane `w`. */
  readonly w?: Partial<LaneOptions>
  /** More of the lane `c`. */
  readonly c?: Partial<LaneOptions>
}

export interface EngineSetup {
  readonly queue: QueueEngine
  readonly backend: Backend
  /** Adds tasks, of kind `noop` in lane `w` unless they say otherwise; answers their ids. */
  readonly add: (...tasks: Partial<NewTask>[]) => Promise<number[]>
  /** The tasks as stored. */
  readonly get: (...ids: number[]) => Promise<(Task | undefined)[]>
  readonly exits: QueueEvents['worker.exited'][]
  /** Starts and drains. */
  readonly run: () => Promise<void>
}

/** An engine with a lane `w` in workers and a lane `c` in the coordinator; stopped after the test. */
export function setupEngine(t: TestContext, given: EngineOptions = {}): EngineSetup {
  const { concurrency = 1, timeoutMs = 20_000, w, c, ...options } = given
  const backend = options.backend ?? openSqliteBackendInProcess({ file: ':memory:' })
  const queue = new QueueEngine({
    lanes: {
      w: { concurrency, runsIn: 'worker', timeoutMs, ...w },
      c: { concurrency: 2, runsIn: 'coordinator', timeoutMs, ...c },
    },
    workerModule: WORKER_MODULE,
    handlers: { noop: async () => undefined },
    retryDelayMs: 1,
    ...options,
    backend,
  })
  const exits: QueueEvents['worker.exited'][] = []
  queue.on('worker.exited', (exit) => exits.push(exit))
  t.after(async () => {
    await queue.stop({ graceful: false })
    await backend.close()
  })
  const add = async (...tasks: Partial<NewTask>[]): Promise<number[]> => {
    const added = await queue.add(tasks.map((task) => ({ kind: 'noop', lane: 'w', payload: null, ...task })))
    return added.map(({ id }) => id)
  }
  const get = (...ids: number[]): Promise<(Task | undefined)[]> =>
    Promise.all(ids.map((id) => backend.get(id)))
  return { queue, backend, add, get, exits, run: () => queue.start().then(() => queue.drain()) }
}

/** The next event of that name that `matches`. Rejects when there is none for a while. */
export function once<Name extends keyof QueueEvents>(
  queue: QueueEngine,
  name: Name,
  matches: (value: QueueEvents[Name]) => boolean = () => true,
): Promise<QueueEvents[Name]> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`no ${name} within 10 s`)), EVENT_LIMIT_MS)
    const end = queue.on(name, (value) => {
      if (!matches(value)) return
      clearTimeout(limit)
      end()
      resolve(value)
    })
  })
}

/** Waits until a task of this id, or of this kind, begins to run. Ask before it can. */
export async function started(
  queue: QueueEngine,
  which: number | string,
): Promise<QueueEvents['task.started']> {
  return once(queue, 'task.started', ({ task }) => task.id === which || task.kind === which)
}

/** Whether the process ends within two seconds. */
export async function isGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (state === '' || / Z /u.test(state)) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'queue-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}
