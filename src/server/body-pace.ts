/**
 * Ends requests whose body does not get on: a connection that sends a byte a minute would be held for ever.
 *
 * An upload may take hours, so there is no limit on its whole time, but on the least it has to bring. A body that waits
 * because we do not read it (a slow bucket) is not its sender's fault.
 *
 * @module
 */

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.ts'

/** How often one looks. */
const LOOK_MS = 15_000

/** In that time; about 1 kB/s, a twentieth of the slowest telephone line. */
const MIN_BYTES = 16 * 1024

/** Looks in a row without that before the connection is ended. */
const PATIENCE = 2

export function watchBodies(app: FastifyInstance, clock: Clock): void {
  app.addHook('onRequest', async ({ raw }) => {
    if (hasBody(raw)) watchBody(raw, clock)
  })
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function watchBody(raw: IncomingMessage, clock: Clock): void {
  const { socket } = raw
  const idleMs = socket.timeout ?? 0
  let before = socket.bytesRead
  let slow = 0
  let cancel: () => void = () => undefined
  // Idle while a bucket takes its time at the end of an upload: this is the judge of it here.
  socket.setTimeout(0)
  const look = (): void => {
    const bytes = socket.bytesRead - before
    before = socket.bytesRead
    const isTheirs = !raw.complete && raw.readableLength === 0
    slow = isTheirs && bytes < MIN_BYTES ? slow + 1 : 0
    if (slow >= PATIENCE) socket.destroy()
    else cancel = clock.after(LOOK_MS, look)
  }
  cancel = clock.after(LOOK_MS, look)
  raw.once('close', () => {
    cancel()
    if (!socket.destroyed) socket.setTimeout(idleMs)
  })
}
