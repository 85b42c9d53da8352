/**
 * The SQLite store as a {@link Backend}, in a thread of its own.
 *
 * @module
 */

import { Worker } from 'node:worker_threads'
import type { Backend } from '../backend.ts'
import { ForwardedError, StoreClosedError } from '../queue-errors.ts'
import { plainParameters } from './plain-values.ts'
import type { SqliteStoreOptions } from './sqlite-store.ts'
import { STORE_METHODS, type StoreMethod, type StoreReply, type StoreThreadData } from './store-protocol.ts'
import { Watchers } from './watch.ts'

/**
 * What the store's thread is asked lives for one transaction: a young generation that grows with it (134 MB were seen
 * under a stream of additions, Node 24) only takes memory.
 */
const STORE_LIMITS = Object.freeze({ maxYoungGenerationSizeMb: 8 })

export interface SqliteBackendOptions {
  /** Path of the database, made when missing. Never on a network share: WAL needs one host. */
  readonly file: string
  /** URL of a module that exports `program`, a `StoreProgram<DatabaseSync>`. Default: no program. */
  readonly program?: string | URL
  /** See {@link SqliteStoreOptions}. Default `power`. */
  readonly durability?: 'process' | 'power'
}

/**
 * Opens the database in a thread of its own, so that no transaction blocks the caller's event loop.
 *
 * @throws whatever opening threw, as a `ForwardedError` with the same code and hint.
 */
export async function openSqliteBackend(options: SqliteBackendOptions): Promise<Backend> {
  const { backend, opened } = startSqliteBackend(options)
  await opened
  return backend
}

/**
 * As {@link openSqliteBackend}, for a caller who has something else to do meanwhile. What the backend is asked before
 * `opened` waits for it; once that rejects, as `openSqliteBackend` does, the backend answers nothing.
 */
export function startSqliteBackend(options: SqliteBackendOptions): {
  readonly backend: Backend
  readonly opened: Promise<void>
} {
  const data: StoreThreadData = {
    file: options.file,
    durability: options.durability ?? 'power',
    ...(options.program === undefined ? {} : { program: String(options.program) }),
  }
  // After the build the file beside this one ends in .js, and a URL is not rewritten.
  const script = new URL(
    import.meta.url.endsWith('.ts') ? './store-thread.ts' : './store-thread.js',
    import.meta.url,
  )
  const thread = new Worker(script, { workerData: data, execArgv: [], resourceLimits: STORE_LIMITS })
  return { backend: backendOf(new ThreadCalls(thread)), opened: ready(thread) }
}

/** How the store is asked, whichever thread it is in. */
export interface StoreCalls {
  call(method: StoreMethod, parameters: readonly unknown[]): Promise<unknown>
  watch(onChange: () => void): () => void
  close(): Promise<void>
}

export function backendOf(calls: StoreCalls): Backend {
  const methods = STORE_METHODS.map((method) => [
    method,
    (...parameters: readonly unknown[]) => calls.call(method, parameters),
  ])
  const { watch, close } = { watch: calls.watch.bind(calls), close: calls.close.bind(calls) }
  return Object.freeze({ ...Object.fromEntries(methods), watch, close }) as Backend
}

function ready(thread: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.once('error', reject)
    thread.once('message', (message: StoreReply) => {
      thread.off('error', reject)
      if (message.type === 'ready') resolve()
      else if (message.type === 'refused') reject(new ForwardedError(message.error))
    })
  })
}

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Requests to the thread, answered in order. */
class ThreadCalls implements StoreCalls {
  readonly #thread: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #watchers = new Watchers(() => {
    this.#tell('watch')
    return () => this.#tell('unwatch')
  })
  #nextId = 1
  #closed: Promise<void> | undefined
  #ended: unknown

  constructor(thread: Worker) {
    this.#thread = thread
    thread.on('message', (reply: StoreReply) => this.#receive(reply))
    thread.on('error', (error) => this.#end(new StoreClosedError('database thread ended', { cause: error })))
    thread.on('exit', () => this.#end(new StoreClosedError('database is closed')))
  }

  call(method: StoreMethod | 'close', parameters: readonly unknown[]): Promise<unknown> {
    if (this.#ended !== undefined || (this.#closed && method !== 'close')) {
      return Promise.reject(this.#ended ?? new StoreClosedError('database is closed'))
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      // First what may throw; the answer cannot come before this function returns.
      this.#thread.postMessage({ id, method, parameters: plainParameters(method, parameters) })
      this.#pending.set(id, { resolve, reject })
    })
  }

  watch(onChange: () => void): () => void {
    return this.#watchers.add(onChange)
  }

  close(): Promise<void> {
    this.#watchers.close()
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    if (this.#ended !== undefined) return
    const exited = new Promise((resolve) => this.#thread.once('exit', resolve))
    await this.call('close', [])
    await exited
  }

  #tell(method: 'watch' | 'unwatch'): void {
    if (this.#ended === undefined) this.#thread.postMessage({ id: 0, method, parameters: [] })
  }

  #receive(reply: StoreReply): void {
    if (reply.type === 'changed') this.#watchers.notify()
    if (reply.type !== 'result' && reply.type !== 'error') return
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (reply.type === 'result') pending?.resolve(reply.value)
    else pending?.reject(new ForwardedError(reply.error))
  }

  #end(error: unknown): void {
    this.#ended ??= error
    this.#watchers.close()
    for (const { reject } of this.#pending.values()) reject(this.#ended)
    this.#pending.clear()
  }
}
