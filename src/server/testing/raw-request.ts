/**
 * Bytes to a server over a plain socket, and what comes back: for requests that no client would send.
 *
 * @module
 */

import { connect, type Socket } from 'node:net'

const LIMIT_MS = 10_000

export function connectTo(address: string): Socket {
  const { port, hostname } = new URL(address)
  return connect({ port: Number(port), host: hostname })
}

/** Everything that the server answers until it ends the connection, or to the first answer's end when it keeps it. */
export function rawRequest(address: string, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(address)
    let answer = ''
    socket.setTimeout(LIMIT_MS, () => {
      socket.destroy()
      reject(new Error(`no end of the answer, only: ${answer}`))
    })
    socket
      .on('data', (chunk) => {
        answer += chunk.toString('latin1')
        if (isWhole(answer)) socket.destroy()
      })
      .on('close', () => resolve(answer))
      .on('error', (error) => (answer === '' ? reject(error) : undefined))
    socket.write(bytes)
  })
}

function isWhole(answer: string): boolean {
  const [head = '', ...rest] = answer.split('\r\n\r\n')
  const length = /^content-length: (?<length>\d+)$/imu.exec(head)?.groups?.['length']
  return length !== undefined && rest.join('\r\n\r\n').length >= Number(length)
}
