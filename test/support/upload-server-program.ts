/**
 * The process that `upload-server.ts` starts: a fake Immich whose state survives SIGKILL.
 *
 * It writes its whole state before each answer, also before those that only look: what they tell may come from a
 * request whose client died before its answer. It writes to another name first, which is renamed, so that a kill in
 * the middle leaves the last one. It does not sync: processes die here, not machines.
 *
 * @module
 */

import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { serialize } from 'node:v8'
import { startFakeImmich } from './fake-immich/fake-immich.ts'
import type { FakeState } from './fake-immich/fake-state.ts'
import type { Fault } from './fake-immich/faults.ts'
import { hasKeptState, type KeptState, readKeptState, requestFile, stateFile } from './upload-server.ts'

interface Settings {
  readonly folder: string
  readonly key: string
  /** 0: a free one. */
  readonly port: number
  readonly faults: readonly Fault[]
}

const { folder, ...options } = JSON.parse(process.argv[2] ?? '') as Settings
let state: FakeState | undefined

function keep(): void {
  if (state === undefined) return
  const { users, keys, assets, albums, stacks, tags, violations, counters } = state
  const kept: KeptState = { users, keys, assets, albums, stacks, tags, violations, counters }
  const file = stateFile(folder)
  writeFileSync(`${file}.new`, serialize(kept))
  renameSync(`${file}.new`, file)
}

/** Into a state that has what a new server has: a user and a key. */
function restore(into: FakeState, kept: KeptState): void {
  into.users.clear()
  into.keys.clear()
  for (const asset of kept.assets.values()) into.insertAsset(asset)
  for (const table of ['users', 'keys', 'albums', 'stacks', 'tags'] as const) {
    const rows: Map<string, unknown> = into[table]
    for (const [id, row] of kept[table]) rows.set(id, row)
  }
  into.violations.push(...kept.violations)
  Object.assign(into.counters, kept.counters, { uploadsInFlight: 0 })
}

subscribe('http.server.request.start', (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
  appendFileSync(requestFile(folder), `${request.method} ${request.url?.split('?')[0]}\n`)
  const writeHead = response.writeHead.bind(response)
  response.writeHead = (...head: unknown[]): ServerResponse => {
    keep()
    return Reflect.apply(writeHead, response, head) as ServerResponse
  }
})

const fake = await startFakeImmich(options)
state = fake.state
// Before its port is known to anybody.
if (hasKeptState(folder)) restore(state, readKeptState(folder))
keep()
process.stdout.write(`${fake.port}\n`)
