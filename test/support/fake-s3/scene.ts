/**
 * A test with a failing S3 server and a store on it.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ObjectStore, PutOptions } from '../../../src/storage/object-store.ts'
import type { S3Limits } from '../../../src/storage/s3-client.ts'
import { S3ObjectStore } from '../../../src/storage/s3-object-store.ts'
import { bytesOf, patternBytes } from '../../../src/storage/testing/object-store-conformance.ts'
import { type FakeS3, startFakeS3 } from './fake-s3.ts'

export const PLAIN: PutOptions = { contentType: 'image/jpeg' }

export const MIB: number = 1024 * 1024

/** Two parts. */
export const LARGE: Buffer = patternBytes(9 * MIB)

/** So that nobody waits long for a server that stays as it is. */
export const HASTY: S3Limits = { maxAttempts: 3 }

/** For servers that fall silent. A busy machine may be silent too: enough attempts for that. */
export const IMPATIENT: S3Limits = { maxAttempts: 5, idleTimeoutMs: 500 }

export const ALWAYS: { readonly times: number } = { times: Number.POSITIVE_INFINITY }

export interface Scene {
  readonly server: FakeS3
  readonly store: ObjectStore
}

export async function openOn(
  server: FakeS3,
  limits: S3Limits = HASTY,
  bucket = 'photos',
): Promise<S3ObjectStore> {
  return S3ObjectStore.open({ kind: 's3', bucket, prefix: 'anna', endpoint: server.endpoint }, limits)
}

/** A test with a server and a store of its own. */
export function fact(name: string, check: (scene: Scene) => Promise<void>, limits: S3Limits = HASTY): void {
  test(name, async () => {
    const server = await startFakeS3()
    const store = await openOn(server, limits)
    try {
      await check({ server, store })
    } finally {
      await store.close()
      await server.close()
    }
  })
}

export function countOf(server: FakeS3, operation: string): number {
  return server.log.filter((request) => request.operation === operation).length
}

export async function goesOn({ server, store }: Scene, kind: 'cut' | 'stall'): Promise<void> {
  await store.put('large', LARGE, PLAIN)
  server.fail({ on: 'GetObject', how: { kind, afterBytes: 3 * MIB } })
  server.fail({ on: 'GetObject', how: { kind, afterBytes: 1000 } })
  const read = await bytesOf(store.read('large', { offset: 100, length: 5 * MIB }))
  assert.equal(read.compare(LARGE.subarray(100, 100 + 5 * MIB)), 0)
  assert.ok(countOf(server, 'GetObject') >= 3)
}

export function assertNoSecret(error: Error): void {
  const told = [error.message, String(error.stack), String(error.cause), JSON.stringify(error.cause)].join(
    '\n',
  )
  for (const secret of ['fake-secret', 'fake-key-id', 'hunter2', 'told by']) {
    assert.ok(!told.includes(secret), told)
  }
}
