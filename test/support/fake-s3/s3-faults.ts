/**
 * What can go wrong between a client and an S3 server, on demand.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyOf, type S3Body } from './s3-body.ts'
import { type Reply, S3Refusal } from './s3-state.ts'

export type Operation =
  | 'PutObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'HeadObject'
  | 'GetObject'
  | 'DeleteObjects'
  | 'ListObjects'

export interface Fault {
  /** Which requests; all when left out. */
  readonly on?: Operation
  readonly partNumber?: number
  /** Default 1; infinite for a server that stays as it is. */
  readonly times?: number
  readonly how:
    | {
        readonly kind: 'refuse'
        readonly status: number
        readonly code: string
        readonly headers?: Record<string, string>
      }
    /** A web page, as of a console or a proxy. */
    | { readonly kind: 'page'; readonly status: number; readonly text: string }
    /** The connection breaks while the request is read. */
    | { readonly kind: 'reset' }
    /** Nothing is answered any more. */
    | { readonly kind: 'hang' }
    /** All is done, and the answer never arrives. */
    | { readonly kind: 'lose-answer' }
    /** The answer ends, or stops to flow, after so many bytes. */
    | { readonly kind: 'cut' | 'stall'; readonly afterBytes: number }
}

/** The first fault for a request, which is then used up; undefined when all is well. */
export function takeFault(
  faults: Fault[],
  asked: { readonly operation: Operation; readonly partNumber: number },
): Fault | undefined {
  const index = faults.findIndex(
    ({ on = asked.operation, partNumber = asked.partNumber }) =>
      on === asked.operation && partNumber === asked.partNumber,
  )
  const fault = faults[index]
  if (fault === undefined) return undefined
  const left = (fault.times ?? 1) - 1
  faults.splice(index, 1, ...(left > 0 ? [{ ...fault, times: left }] : []))
  return fault
}

export async function applyFault(
  { how }: Fault,
  request: IncomingMessage,
  response: ServerResponse,
  answer: (body: S3Body) => Reply,
): Promise<void> {
  if (how.kind === 'reset') {
    await new Promise((resolve) => request.once('data', resolve).once('end', resolve))
    return void request.socket.resetAndDestroy()
  }
  const body = await bodyOf(request, false)
  switch (how.kind) {
    case 'refuse': {
      const { status, headers, body: text } = new S3Refusal(how.status, how.code).reply()
      response.writeHead(status, { ...headers, ...how.headers }).end(request.method === 'HEAD' ? '' : text)
      return
    }
    case 'page':
      response.writeHead(how.status, { 'content-type': 'text/html' }).end(how.text)
      return
    case 'lose-answer':
      answer(body)
      request.socket.resetAndDestroy()
      return
    case 'cut':
    case 'stall':
      cut(how, request, response, answer(body))
      return
    case 'hang':
  }
}

function cut(
  how: { readonly kind: 'cut' | 'stall'; readonly afterBytes: number },
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body = Buffer.alloc(0) }: Reply,
): void {
  response.writeHead(status, { 'content-length': body.length, ...headers })
  response.write(body.subarray(0, how.afterBytes), () => {
    if (how.kind === 'cut') request.socket.end()
  })
}
