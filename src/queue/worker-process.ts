/**
 * The main program of a worker process: loads the worker module, runs one task after the other.
 *
 * It leads a process group of its own, so that its children (exiftool) can be ended with it. When its
 * coordinator is gone, however that died, the IPC channel closes: then it aborts what runs, gives the module a
 * moment to clean up, and ends the whole group. A handler that blocks the event loop at that moment delays this
 * until it comes back.
 *
 * @module
 */

import { enableCompileCache } from 'node:module'
import { toErrorRecord } from '../errors.ts'
import type { Handler, TaskContext, WorkerModule } from './handler.ts'
import { plainValue } from './plain-value.ts'
import { ForwardedError, unknownKind } from './queue-errors.ts'
import type { FromWorker, ToWorker, WireTask } from './worker-protocol.ts'

/** How long the module may clean up after the coordinator's death. */
const ORPHAN_GRACE_MS = 2_000

/** Tasks that only wait, beside the one that computes: more than a disk can make use of. */
const MAX_YIELDED = 4

/** Progress is reported at most this often for each task; what comes in between replaces what waits. */
const PROGRESS_MS = 100

type TaskEnd = Extract<FromWorker, { readonly type: 'completed' | 'failed' }>

const waiting: WireTask[] = []
const emitting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>()
let sequence = 0
/** Tasks that have begun and have not ended, by id. */
const running = new Map<number, Run>()
/** A task has the turn: it computes, and the next one must wait. */
let computing = false
/** Tasks that have begun and are not reported yet. */
let begun = 0
let reported: Promise<void> = Promise.resolve()
let ending = false

const send = (message: FromWorker): void => {
  if (process.connected) process.send?.(message)
}

/** One attempt, as its handler sees it. */
class Run implements TaskContext {
  readonly taskId: number
  readonly kind: string
  readonly attempt: number
  readonly yieldTurn: () => void
  #abort: AbortController | undefined
  #aborted = false
  #latest: { readonly value: unknown } | undefined
  #throttle: NodeJS.Timeout | undefined

  constructor({ id, kind, attempt }: WireTask, yieldTurn: () => void) {
    this.taskId = id
    this.kind = kind
    this.attempt = attempt
    this.yieldTurn = yieldTurn
  }

  /** Made when it is asked for: most handlers never do. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#aborted) this.#abort.abort()
    return this.#abort.signal
  }

  // Fields, not methods: handlers take them off the context.
  readonly emit = (chunk: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      sequence += 1
      emitting.set(sequence, { resolve, reject })
      send({ type: 'emit', id: this.taskId, sequence, chunk })
    })

  readonly progress = (value: unknown): void => {
    this.#latest = { value: plainValue(value) }
    if (this.#throttle === undefined) this.#sendLatest()
  }

  abort(): void {
    this.#aborted = true
    this.#abort?.abort()
  }

  /** Sends what waits: the last progress is told before the end. */
  end(): void {
    clearTimeout(this.#throttle)
    this.#throttle = undefined
    if (this.#latest !== undefined) send({ type: 'progress', id: this.taskId, value: this.#latest.value })
    this.#latest = undefined
  }

  #sendLatest(): void {
    this.#throttle = undefined
    if (this.#latest === undefined) return
    send({ type: 'progress', id: this.taskId, value: this.#latest.value })
    this.#latest = undefined
    this.#throttle = setTimeout(() => this.#sendLatest(), PROGRESS_MS)
  }
}

// Without it each worker strips the types of, and compiles, every module again.
enableCompileCache()
process.on('message', (message: ToWorker) => receive(message))
process.once('disconnect', () => void endOrphan())
let worker: WorkerModule | undefined
try {
  worker = await load(process.argv[2] ?? '')
} catch (error) {
  const told: FromWorker = { type: 'unloadable' }
  if (process.connected) await new Promise((resolve) => process.send?.(told, undefined, undefined, resolve))
  throw error
}
send({ type: 'ready' })
pump()
void worker.prepare?.(process.argv[3] ?? '')

async function load(url: string): Promise<WorkerModule> {
  const { handlers, prepare, shutdown } = (await import(url)) as Partial<WorkerModule>
  if (typeof handlers !== 'object') throw new TypeError(`${url} exports no object named handlers`)
  return { handlers, ...(prepare && { prepare }), ...(shutdown && { shutdown }) }
}

function receive(message: ToWorker): void {
  switch (message.type) {
    case 'tasks':
      waiting.push(...message.tasks)
      break
    case 'withdraw':
      send({ type: 'withdrawn', ids: waiting.splice(0).map(({ id }) => id) })
      break
    case 'cancel':
      cancel(new Set(message.ids))
      break
    case 'emitted':
      settleEmit(message)
      break
    case 'end':
      ending = true
      break
  }
  pump()
}

/** Begins the next task, unless one has the turn; a finished queue that is to end ends. */
function pump(): void {
  // Messages may come in before the module is loaded.
  if (computing || worker === undefined || begun > MAX_YIELDED) return
  const task = waiting.shift()
  if (task !== undefined) begin(task, worker)
  else if (ending && begun === 0) void end(worker)
}

/** Runs a task, and reports it after those that began before it. */
function begin(task: WireTask, module: WorkerModule): void {
  computing = true
  begun += 1
  let hasTurn = true
  const passTurn = (): void => {
    if (!hasTurn) return
    hasTurn = false
    computing = false
    queueMicrotask(pump)
  }
  const before = reported
  reported = run(task, module, passTurn).then(async (message) => {
    // Told before the next one begins: that may block the event loop, and this one would be blamed for it.
    const isFirst = begun === 1
    if (isFirst) sendEnd(message)
    passTurn()
    await before
    if (!isFirst) sendEnd(message)
    begun -= 1
    pump()
  })
}

/** A result that cannot be sent fails its task, not the process. */
function sendEnd(message: TaskEnd): void {
  try {
    send(message)
  } catch (error) {
    const { id, durationMs } = message
    send({ type: 'failed', id, error: toErrorRecord(error), durationMs })
  }
}

/** Gives back what has not begun, and tells the others to end. */
function cancel(ids: ReadonlySet<number>): void {
  const back = waiting.filter(({ id }) => ids.has(id)).map(({ id }) => id)
  const kept = waiting.filter(({ id }) => !ids.has(id))
  waiting.splice(0, waiting.length, ...kept)
  if (back.length > 0) send({ type: 'withdrawn', ids: back })
  for (const id of ids) running.get(id)?.abort()
}

async function run(task: WireTask, { handlers }: WorkerModule, passTurn: () => void): Promise<TaskEnd> {
  const { id, kind } = task
  const startedAt = performance.now()
  const context = new Run(task, passTurn)
  running.set(id, context)
  try {
    const handler: Handler | undefined = Object.hasOwn(handlers, kind) ? handlers[kind] : undefined
    if (handler === undefined) throw new ForwardedError(unknownKind(kind))
    const result = await handler(task.payload as never, context)
    return { type: 'completed', id, result, durationMs: performance.now() - startedAt }
  } catch (error) {
    return { type: 'failed', id, error: toErrorRecord(error), durationMs: performance.now() - startedAt }
  } finally {
    running.delete(id)
    context.end()
  }
}

function settleEmit({ sequence: key, value, error }: Extract<ToWorker, { type: 'emitted' }>): void {
  const pending = emitting.get(key)
  emitting.delete(key)
  if (error === undefined) pending?.resolve(value)
  else pending?.reject(new ForwardedError(error))
}

async function end({ shutdown }: WorkerModule): Promise<void> {
  await shutdown?.()
  process.exit(0)
}

async function endOrphan(): Promise<void> {
  // Not unref'd: it also ends a shutdown that never comes back.
  setTimeout(endGroup, ORPHAN_GRACE_MS)
  if (ending) return
  for (const run of running.values()) run.abort()
  await worker?.shutdown?.()
  endGroup()
}

/** Ends this process and its children; a worker is always started as the leader of its group. */
function endGroup(): void {
  if (process.platform === 'win32') process.exit(1)
  process.kill(-process.pid, 'SIGKILL')
}
