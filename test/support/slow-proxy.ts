/**
 * A slow and unreliable line to a server on this machine: everything arrives later, and all connections break now and
 * then.
 *
 * @module
 */

import { createServer, connect as dial, type Socket } from 'node:net'

export interface SlowProxy {
  readonly port: number
  /** From now on. */
  breakEvery(ms: number): void
  /** How many connections were broken so far. */
  readonly broken: () => number
  close(): Promise<void>
}

/** @param delayMs - Each way. */
export async function startSlowProxy(toPort: number, delayMs: number): Promise<SlowProxy> {
  const sockets = new Set<Socket>()
  let broken = 0
  const join = (near: Socket, far: Socket): void => {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('data', (chunk) => setTimeout(() => to.destroyed || to.write(chunk), delayMs))
      from.on('error', () => undefined)
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  }
  const server = createServer((near) => join(near, dial(toPort, '127.0.0.1')))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  let timer: NodeJS.Timeout | undefined
  const breakAll = (): void => {
    broken += sockets.size / 2
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    breakEvery: (ms) => {
      timer = setInterval(breakAll, ms)
    },
    broken: () => broken,
    close: async () => {
      clearInterval(timer)
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
