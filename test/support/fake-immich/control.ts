/**
 * `/fake/…`: the handles of a fake that runs in a process of its own.
 *
 * `GET /fake/state`, `GET /fake/requests`, `POST /fake/faults` (a list, added), `DELETE /fake/faults`,
 * `POST /fake/version` (`{"version"}`), `POST /fake/disk` (`{"freeBytes"}`), `POST /fake/keys` (`{"permissions"}`),
 * `POST /fake/sessions`, `POST /fake/load` (a {@link FakeLoad}; `{}` is none), `POST /fake/jobs` (runs the metadata
 * jobs), `DELETE /fake/requests`, `POST /fake/restart` (`{"downMs"}`), `POST /fake/close`.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import type { FakeImmich } from './fake-immich.ts'
import type { FakeState } from './fake-state.ts'
import type { Fault } from './faults.ts'
import type { FakeLoad } from './load.ts'

export async function answerControl(
  fake: FakeImmich,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const action = ACTIONS[`${request.method} ${path}`]
  if (action === undefined) {
    response.writeHead(404).end()
    return
  }
  const body = request.method === 'POST' ? await json(request).catch(() => ({})) : {}
  const answer = action(fake, body as Record<string, unknown>)
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(answer ?? {}))
}

type Action = (fake: FakeImmich, body: Record<string, unknown>) => unknown

const ACTIONS: Readonly<Record<string, Action | undefined>> = {
  'GET /fake/state': (fake) => dumpState(fake.state),
  'GET /fake/requests': (fake) => fake.requests,
  'POST /fake/faults': (fake, body) => fake.faults.add(...(body as unknown as readonly Fault[])),
  'DELETE /fake/faults': (fake) => fake.faults.clear(),
  'POST /fake/version': (fake, { version }) => {
    fake.version = String(version)
  },
  'POST /fake/disk': (fake, { freeBytes }) => {
    fake.state.disk.freeBytes = Number(freeBytes)
  },
  'POST /fake/keys': (fake, { permissions }) => ({ key: fake.addKey(permissions as string[]).secret }),
  'POST /fake/sessions': (fake) => ({ token: fake.addSession().secret }),
  'POST /fake/load': (fake, load) => {
    fake.load = Object.keys(load).length === 0 ? undefined : (load as FakeLoad)
  },
  'POST /fake/jobs': (fake) => ({ count: fake.state.runMetadataJobs() }),
  'DELETE /fake/requests': (fake) => fake.forgetRequests(),
  'POST /fake/restart': (fake, { downMs }) => {
    setImmediate(() => void fake.restart(Number(downMs ?? 0)))
  },
  'POST /fake/close': (fake) => {
    setImmediate(() => void fake.close())
  },
}

/** As JSON: sets and maps become lists; keys and users stay inside. */
export function dumpState(state: FakeState): unknown {
  return {
    assets: [...state.assets.values()].map((asset) => ({
      ...asset,
      tags: [...asset.tagIds].map((id) => state.tags.get(id)?.value),
      tagIds: [...asset.tagIds],
      personIds: [...asset.personIds],
      metadata: Object.fromEntries(asset.metadata),
    })),
    albums: [...state.albums.values()].map((album) => ({
      ...album,
      assetIds: [...album.assetIds],
      sharedWith: [...album.sharedWith],
      roles: Object.fromEntries(album.roles),
    })),
    stacks: [...state.stacks.values()].map((stack) => ({
      ...stack,
      assetIds: state.membersOf(stack).map(({ id }) => id),
    })),
    tags: [...state.tags.values()],
    violations: state.violations,
    counters: state.counters,
  }
}
