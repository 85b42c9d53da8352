/**
 * An S3 server in memory that can be told to fail: real HTTP, one bucket, the nine requests that our store makes.
 *
 * It holds clients to what Amazon checks and `s3rver` does not: bodies match their SHA-256, parts but the last have
 * 5 MiB, the list of parts names the ETags that were given, removing many has a Content-MD5, and `If-Match`. It checks
 * signatures too, which `s3rver` does not. An upload is seen when its last request is answered, and not before.
 *
 * @module
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bodyOf } from './s3-body.ts'
import { applyFault, type Fault, type Operation, takeFault } from './s3-faults.ts'
import { problemOfSignature } from './s3-signature.ts'
import { type Reply, S3Refusal, type S3Request, S3State } from './s3-state.ts'

export interface FakeS3Options {
  /** Default `photos`. */
  readonly bucket?: string
  /** Objects in one answer to a list; default 1,000. */
  readonly pageSize?: number
  /** Keeps the size of each object and not its bytes, which then cannot be read. */
  readonly forgetBytes?: boolean
}

export interface LoggedRequest {
  readonly operation: Operation
  readonly key: string
  /** 0 where it is no part. */
  readonly partNumber: number
}

export interface FakeS3 {
  /** `http://127.0.0.1:41234` */
  readonly endpoint: string
  readonly state: S3State
  /** All requests that came, failed ones too. */
  readonly log: readonly LoggedRequest[]
  /** From now on; faults are used up in order. */
  fail(...faults: readonly Fault[]): void
  close(): Promise<void>
}

export async function startFakeS3(options: FakeS3Options = {}): Promise<FakeS3> {
  const state = new S3State({ bucket: 'photos', pageSize: 1000, forgetBytes: false, ...options })
  const log: LoggedRequest[] = []
  const faults: Fault[] = []
  const server = createServer((request, response) => {
    const asked = requestOf(request)
    log.push({ operation: asked.operation, key: asked.key, partNumber: asked.partNumber })
    const fault = takeFault(faults, asked)
    const answering =
      fault === undefined
        ? answer(state, asked, request, response)
        : applyFault(fault, request, response, (body) => state.answer(asked, body))
    // A client that goes away in the middle is what the tests are about.
    answering.catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    state,
    log,
    fail: (...more) => void faults.push(...more),
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function answer(
  state: S3State,
  asked: S3Request,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reply = await replyTo(state, asked, request)
  response.writeHead(reply.status, {
    ...(reply.body === undefined ? {} : { 'content-length': reply.body.length }),
    ...reply.headers,
  })
  response.end(asked.method === 'HEAD' ? undefined : reply.body)
}

async function replyTo(state: S3State, asked: S3Request, request: IncomingMessage): Promise<Reply> {
  try {
    const body = await bodyOf(request, state.forgetsBytes)
    const { url: target = '', headers } = request
    const problem = problemOfSignature({ method: asked.method, target, headers })
    if (problem !== undefined) throw new S3Refusal(403, problem)
    return state.answer(asked, body)
  } catch (error) {
    if (error instanceof S3Refusal) return error.reply()
    throw error
  }
}

function requestOf(request: IncomingMessage): S3Request {
  const url = new URL(request.url ?? '/', 'http://fake')
  const [, bucket = '', ...rest] = url.pathname.split('/').map(decodeURIComponent)
  const key = rest.join('/')
  const method = request.method ?? 'GET'
  return {
    method,
    bucket,
    key,
    query: url.searchParams,
    headers: request.headers,
    partNumber: Number(url.searchParams.get('partNumber') ?? 0),
    operation: operationOf(method, key, url.searchParams),
  }
}

function operationOf(method: string, key: string, query: URLSearchParams): Operation {
  const inUpload = query.has('uploadId')
  switch (`${method} ${key === '' ? 'bucket' : 'object'}`) {
    case 'PUT object':
      return inUpload ? 'UploadPart' : 'PutObject'
    case 'POST object':
      return inUpload ? 'CompleteMultipartUpload' : 'CreateMultipartUpload'
    case 'DELETE object':
      return 'AbortMultipartUpload'
    case 'HEAD object':
      return 'HeadObject'
    case 'GET object':
      return 'GetObject'
    case 'POST bucket':
      return 'DeleteObjects'
    default:
      return 'ListObjects'
  }
}
