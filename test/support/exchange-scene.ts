/**
 * Servers on real connections that behave as a test tells them, a client for them, and what was left to be closed.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../src/clock.ts'
import type { ImmichApi, UploadFile } from '../../src/immich/api.ts'
import { createImmichClient, type ImmichClientOptions } from '../../src/immich/client.ts'

export const KEY = 'k3y-that-must-never-be-seen'

let folder = ''
export const closing: (() => unknown)[] = []

/** For `before`. */
export async function makeFolder(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-exchange-'))
}

/** For `after`. */
export async function removeFolder(): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).toReversed()) await close()
}

/** In a folder of the test file's own. */
export function pathOf(name: string): string {
  return join(folder, name)
}

export async function listen(server: Server | TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export const serve = async (handler: RequestListener): Promise<string> =>
  `http://127.0.0.1:${await listen(createServer(handler))}`

/** Every connection is the test's. */
export async function serveRaw(handler: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    handler(socket)
  })
  const port = await listen(server)
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
  })
  return `http://127.0.0.1:${port}`
}

export function client(address: string, options: Partial<ImmichClientOptions> = {}): ImmichApi {
  const api = createImmichClient({ address, key: KEY, retry: { baseMs: 1 }, ...options })
  closing.push(() => api.close())
  return api
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** Answers the questions around an upload as a 3.1.0 does, and leaves the rest to `handler`. */
export function v3(handler: (request: IncomingMessage, response: ServerResponse) => void): RequestListener {
  return (request, response) => {
    if (request.url === '/api/server/version') json(response, 200, { major: 3, minor: 1, patch: 0 })
    else if (request.url === '/api/server/ping') json(response, 200, { res: 'pong' })
    else handler(request, response)
  }
}

export async function fileOf(content: Buffer, name = `photo-${Math.random()}.jpg`): Promise<UploadFile> {
  const path = pathOf(name)
  await writeFile(path, content)
  const sha1 = createHash('sha1').update(content).digest('hex')
  const at = '2020-01-01T00:00:00+00:00'
  return { path, fileName: name, sizeBytes: content.length, sha1, createdAt: at, modifiedAt: at }
}

/** Fires at once what is shorter than a stall, and tells how long it was asked to wait. */
export function impatientClock(): Clock & { readonly waitsMs: number[] } {
  const waitsMs: number[] = []
  return {
    waitsMs,
    now: () => 0,
    after: (delayMs, callback) => {
      if (delayMs >= 10_000) return systemClock.after(delayMs, callback)
      waitsMs.push(delayMs)
      return systemClock.after(0, callback)
    },
  }
}
