/**
 * A Redis of our own for the benchmarks: on a free port of 127.0.0.1, append-only file synced every second,
 * which is the durability that an SQLite queue with `process` has.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Redis } from 'ioredis'

export interface RedisServer {
  readonly port: number
  stop(): Promise<void>
}

/** Undefined when no `redis-server` is on the PATH. */
export async function startRedis(folder: string): Promise<RedisServer | undefined> {
  const port = await freePort()
  const options = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '']
  const durability = ['--appendonly', 'yes', '--appendfsync', 'everysec']
  const server = spawn('redis-server', [...options, ...durability].map(String), { stdio: 'ignore' })
  if (!(await hasStarted(server))) return undefined
  const client = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null })
  client.on('error', () => undefined)
  await client.ping()
  await client.quit()
  return {
    port,
    stop: async () => {
      const ended = once(server, 'exit')
      server.kill('SIGTERM')
      await ended
    },
  }
}

function hasStarted(server: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('spawn', () => resolve(true))
    server.once('error', () => resolve(false))
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  return address.port
}
