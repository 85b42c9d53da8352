/**
 * The thread in which the database lives: answers one request after the other.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { toErrorRecord } from '../../errors.ts'
import type { StoreProgram } from '../commit.ts'
import { InvalidModuleError } from '../queue-errors.ts'
import { SqliteStore } from './sqlite-store.ts'
import type { StoreMethod, StoreReply, StoreRequest, StoreThreadData } from './store-protocol.ts'
import { watchCommits } from './watch.ts'

const reply = (message: StoreReply): void => parentPort?.postMessage(message)

let unwatch: (() => void) | undefined

function watch(store: SqliteStore): void {
  const { file } = workerData as StoreThreadData
  const watched = { file, readVersion: () => store.dataVersion() }
  unwatch ??= watchCommits(watched, () => reply({ type: 'changed' }))
  // What was changed while the request was on its way is in the first number already: nothing else would tell of it.
  reply({ type: 'changed' })
}

function endWatch(): void {
  unwatch?.()
  unwatch = undefined
}

function receive(store: SqliteStore, request: StoreRequest): void {
  if (request.method === 'watch') watch(store)
  else if (request.method === 'unwatch') endWatch()
  else answer(store, request, request.method)
}

function answer(store: SqliteStore, { id, parameters }: StoreRequest, method: StoreMethod | 'close'): void {
  if (method === 'close') endWatch()
  try {
    const run = store[method] as (...values: readonly unknown[]) => unknown
    reply({ type: 'result', id, value: run.apply(store, [...parameters]) })
  } catch (error) {
    reply({ type: 'error', id, error: toErrorRecord(error) })
  }
  if (method === 'close') parentPort?.close()
}

async function loadProgram(url: string | undefined): Promise<StoreProgram<DatabaseSync>> {
  if (url === undefined) return {}
  const { program } = (await import(url)) as { program?: StoreProgram<DatabaseSync> }
  if (typeof program !== 'object') throw new InvalidModuleError(`${url} exports no object named program`)
  return program
}

try {
  const { file, durability, program } = workerData as StoreThreadData
  const store = new SqliteStore({ file, durability, program: await loadProgram(program) })
  parentPort?.on('message', (request: StoreRequest) => receive(store, request))
  reply({ type: 'ready' })
} catch (error) {
  reply({ type: 'refused', error: toErrorRecord(error) })
}
