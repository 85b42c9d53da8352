/**
 * Ends connections: what is left of a body that nobody wants, and all of them when the server ends, those that carry no
 * request at once, the others with their last answer.
 *
 * A connection that is closed with unread bytes is reset, and its sender may never see why it was refused; so the rest
 * of a refused body is read and thrown away, but not for ever: whoever has no token could hold a connection so.
 *
 * Node ends only connections that it calls idle. One on which nothing has come yet is not idle for it (browsers open
 * some in advance), and one whose answer had begun before is kept for the next request: each would hold the end of the
 * server up until somebody loses patience.
 *
 * @module
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'

/** How long the rest of a body is read once its request was answered. */
const DRAIN_MS = 10_000

export class Connections {
  /** Requests under way, by connection. */
  readonly #requests = new Map<Socket, number>()
  readonly #clock: Clock
  #isEnding = false

  constructor(server: Server, clock: Clock) {
    this.#clock = clock
    server.on('connection', (socket: Socket) => this.#add(socket))
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#follow(request, response),
    )
  }

  /** Requests that are under way are finished; a connection that carries none is ended. */
  end(): void {
    this.#isEnding = true
    for (const socket of this.#requests.keys()) this.#endIfIdle(socket)
  }

  #add(socket: Socket): void {
    this.#requests.set(socket, 0)
    socket.once('close', () => this.#requests.delete(socket))
    if (this.#isEnding) this.#endIfIdle(socket)
  }

  #follow(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    this.#count(socket, 1)
    const finish = (): void => {
      this.#count(socket, -1)
      if (this.#isEnding) this.#endIfIdle(socket)
    }
    response.once('close', () => {
      if (request.complete || request.destroyed) return finish()
      const cancel = this.#clock.after(DRAIN_MS, () => socket.destroy())
      request.unpipe()
      request.resume()
      request.once('close', () => {
        cancel()
        finish()
      })
    })
  }

  #count(socket: Socket, change: 1 | -1): void {
    const before = this.#requests.get(socket)
    if (before !== undefined) this.#requests.set(socket, before + change)
  }

  #endIfIdle(socket: Socket): void {
    if (this.#requests.get(socket) === 0) socket.destroySoon()
  }
}
