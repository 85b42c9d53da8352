/**
 * Puts the memory governor and the engine together: the engine's worker lanes are the pool that the governor sizes.
 *
 * @module
 */

import { type Listener, type QueueEvents, TypedEmitter } from './events.ts'
import type { ResolvedOptions } from './manager-options.ts'
import { type EmitGovernorEvent, type GovernorEvents, MemoryGovernor, type Pool } from './memory/index.ts'
import type { QueueEngine } from './queue-engine.ts'
import type { HandlerMap } from './typed-tasks.ts'

/** Everything that a manager tells: the engine's events, and the governor's with what it knows more of them. */
export type ManagerEvents = Omit<QueueEvents, keyof GovernorEvents> & GovernorEvents

const BYTES_PER_MB = 1e6

/** What has those events. */
export interface EventSource {
  on<Name extends keyof ManagerEvents>(name: Name, listener: Listener<ManagerEvents[Name]>): () => void
}

const GOVERNOR_EVENTS: Readonly<Record<keyof GovernorEvents, true>> = {
  'pool.resized': true,
  'memory.pressure': true,
  'memory.relieved': true,
  'worker.replaced': true,
}

/** The events of an engine and of its governor, from one place. */
export class JoinedEvents implements EventSource {
  readonly governor: TypedEmitter<GovernorEvents> = new TypedEmitter<GovernorEvents>()
  readonly #engine: QueueEngine

  constructor(engine: QueueEngine) {
    this.#engine = engine
  }

  on<Name extends keyof ManagerEvents>(name: Name, listener: Listener<ManagerEvents[Name]>): () => void {
    // Each name is of one of the two; the compiler cannot follow it into its half of the union.
    const source = (Object.hasOwn(GOVERNOR_EVENTS, name) ? this.governor : this.#engine) as EventSource
    return source.on(name, listener)
  }
}

/** The governor of `engine`; undefined when it is switched off or no lane runs in worker processes. */
export function createGovernor<Handlers extends HandlerMap>(
  engine: QueueEngine,
  options: ResolvedOptions<Handlers>,
  tell: { readonly emit: EmitGovernorEvent; readonly onError: (error: unknown) => void },
): MemoryGovernor | undefined {
  const { memoryCheckInterval, memoryThresholdPercent, workerMemoryLimit, minWorkers, clock } = options
  const pool = poolOf(engine)
  if (memoryCheckInterval === 0 || pool.lanes().length === 0) return undefined
  return new MemoryGovernor({
    ...tell,
    pool,
    limits: { memoryThresholdPercent, workerMemoryBytes: workerMemoryLimit * BYTES_PER_MB },
    checkIntervalMs: memoryCheckInterval * 1_000,
    scaling: { minWorkers },
    ...(clock === undefined ? {} : { clock }),
  })
}

/** Lanes of the coordinator have no processes, and are not for the governor to change. */
export function poolOf(engine: QueueEngine): Pool {
  return {
    workers: () => engine.workers(),
    lanes: () => engine.lanes().filter(({ runsIn }) => runsIn === 'worker'),
    setConcurrency: (lane, concurrency) => engine.setConcurrency(lane, concurrency),
    retireWorker: (pid, reason) => engine.retireWorker(pid, reason),
    killWorker: (pid, reason, why) => engine.killWorker(pid, reason, why),
  }
}
