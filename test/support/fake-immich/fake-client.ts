/**
 * A plain client for the tests of the fake: `fetch`, a key, and forms put together by hand in a given order.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { FakeImmich } from './fake-immich.ts'

export interface FakeAnswer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into many shapes, and a wrong look fails them
  readonly body: any
}

export type FormEntry =
  | readonly [name: string, value: string]
  | readonly [name: string, data: Buffer, file: string]

export interface UploadOptions {
  readonly fields?: Readonly<Record<string, string>>
  /** Text of the `.xmp`, sent before the file. */
  readonly sidecar?: string
  /** Default: the right one; `undefined` sends none. */
  readonly checksum?: string | undefined
  readonly key?: string
}

const DATE = '2024-05-06T07:08:09.000Z'

export const REQUIRED_FIELDS: Readonly<Record<string, string>> = { fileCreatedAt: DATE, fileModifiedAt: DATE }

export function sha1Of(data: Buffer): string {
  return createHash('sha1').update(data).digest('hex')
}

export async function ask(
  fake: FakeImmich,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = { 'x-api-key': fake.key },
): Promise<FakeAnswer> {
  const response = await fetch(`${fake.address}/api${path}`, {
    method,
    headers: { ...headers, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return await answerOf(response)
}

export async function upload(
  fake: FakeImmich,
  data: Buffer,
  fileName: string,
  options: UploadOptions = {},
): Promise<FakeAnswer> {
  const entries: FormEntry[] = Object.entries({ ...REQUIRED_FIELDS, ...options.fields })
  if (options.sidecar !== undefined)
    entries.push(['sidecarData', Buffer.from(options.sidecar), `${fileName}.xmp`])
  entries.push(['assetData', data, fileName])
  const checksum = 'checksum' in options ? options.checksum : sha1Of(data)
  return await sendForm(fake, entries, checksum, options.key)
}

/** In the order of the entries. */
export async function sendForm(
  fake: FakeImmich,
  entries: readonly FormEntry[],
  checksum?: string,
  key: string = fake.key,
): Promise<FakeAnswer> {
  const form = new FormData()
  for (const [name, value, file] of entries) {
    if (typeof value === 'string') form.append(name, value)
    else form.append(name, new Blob([new Uint8Array(value)]), file)
  }
  const response = await fetch(`${fake.address}/api/assets`, {
    method: 'POST',
    headers: { 'x-api-key': key, ...(checksum === undefined ? {} : { 'x-immich-checksum': checksum }) },
    body: form,
  })
  return await answerOf(response)
}

async function answerOf(response: Response): Promise<FakeAnswer> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}
