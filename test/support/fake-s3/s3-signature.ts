/**
 * Checks that a request is signed, by AWS Signature Version 4, in its headers or its address.
 *
 * Written after the specification and not after the client, so that the one proves the other:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 *
 * @module
 */

import { createHash, createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { FAKE_CREDENTIALS } from './credentials.ts'

export interface SignedRequest {
  readonly method: string
  /** As it came over the line: path and query. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

export type SignatureProblem = 'AccessDenied' | 'InvalidAccessKeyId' | 'SignatureDoesNotMatch'

/** Undefined when all is well. */
export function problemOfSignature(request: SignedRequest): SignatureProblem | undefined {
  const [path = '', query = ''] = request.target.split('?')
  const parameters = query === '' ? [] : query.split('&').map((pair) => pair.split('='))
  const parts =
    request.headers.authorization === undefined ? inAddress(parameters) : inHeaders(request.headers)
  if (parts === undefined) return 'AccessDenied'
  const [keyId, ...scope] = parts.credential.split('/')
  if (keyId !== FAKE_CREDENTIALS.accessKeyId) return 'InvalidAccessKeyId'
  const canonicalQuery = parameters
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value = '']) => `${name}=${value}`)
    .sort()
    .join('&')
  const canonical = [
    request.method,
    path,
    canonicalQuery,
    ...parts.signedHeaders.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}`),
    '',
    parts.signedHeaders,
    parts.payload,
  ].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  const toSign = ['AWS4-HMAC-SHA256', parts.date, scope.join('/'), digest].join('\n')
  const key = scope.reduce<string | Buffer>(
    (former, part) => createHmac('sha256', former).update(part).digest(),
    `AWS4${FAKE_CREDENTIALS.secretAccessKey}`,
  )
  const expected = createHmac('sha256', key).update(toSign).digest('hex')
  return expected === parts.signature ? undefined : 'SignatureDoesNotMatch'
}

interface SignatureParts {
  readonly credential: string
  readonly signedHeaders: string
  readonly signature: string
  readonly date: string
  readonly payload: string
}

function inAddress(parameters: readonly (readonly string[])[]): SignatureParts | undefined {
  const query = new Map(parameters.map(([name = '', value = '']) => [name, decodeURIComponent(value)]))
  const credential = query.get('X-Amz-Credential')
  if (credential === undefined) return undefined
  return {
    credential,
    signedHeaders: query.get('X-Amz-SignedHeaders') ?? '',
    signature: query.get('X-Amz-Signature') ?? '',
    date: query.get('X-Amz-Date') ?? '',
    payload: 'UNSIGNED-PAYLOAD',
  }
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=(?<credential>[^,]+), SignedHeaders=(?<signedHeaders>[^,]+), Signature=(?<signature>\w+)$/u

function inHeaders(headers: IncomingHttpHeaders): SignatureParts {
  const groups = AUTHORIZATION.exec(headers.authorization ?? '')?.groups
  return {
    credential: groups?.['credential'] ?? '',
    signedHeaders: groups?.['signedHeaders'] ?? '',
    signature: groups?.['signature'] ?? '',
    date: String(headers['x-amz-date']),
    payload: String(headers['x-amz-content-sha256']),
  }
}
