import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NoSuchFolderError } from '../library/folders.ts'
import { ForwardedError } from '../queue/queue-errors.ts'
import { ObjectStoreError } from '../storage/object-store.ts'
import { UnsupportedMediaError } from '../tasks/receive-photo.ts'
import { answerFor, RequestError } from './http-errors.ts'

describe('answerFor', () => {
  test('what a route threw says its own words', () => {
    const error = new RequestError(409, 'a/b', 'words', { hint: 'do', retryAfter: 3 })
    assert.deepEqual(answerFor(error), {
      statusCode: 409,
      body: { error: { code: 'a/b', message: 'words', hint: 'do' } },
      retryAfter: 3,
      isInternal: false,
    })
  })

  const known: { error: Error; status: number }[] = [
    { error: new UnsupportedMediaError('a.svg', 'no photo'), status: 415 },
    { error: new NoSuchFolderError(7), status: 404 },
    // The same, from the database's thread.
    {
      error: new ForwardedError({ code: 'library/folder-exists', message: 'there', recovery: 'discard' }),
      status: 409,
    },
  ]
  for (const { error, status } of known) {
    test(`${error.name} is ${status}`, () => assert.equal(answerFor(error).statusCode, status))
  }

  const hidden: { what: string; error: unknown; status: number }[] = [
    { what: 'a bug', error: new TypeError('x of /home/anna/photos'), status: 500 },
    { what: 'what is no error', error: '/home/anna', status: 500 },
    {
      what: 'the storage',
      error: new ObjectStoreError('storage/unreachable', 'no answer of /home/anna', { recovery: 'retry' }),
      status: 503,
    },
    {
      what: 'a storage that is full',
      error: new ObjectStoreError('storage/full', 'no space left in /home/anna', { recovery: 'retry' }),
      status: 507,
    },
    {
      what: 'the system',
      error: Object.assign(new Error("ENOENT: open '/home/anna/x'"), { code: 'ENOENT', syscall: 'open' }),
      status: 500,
    },
    {
      what: 'a full disk',
      error: Object.assign(new Error("ENOSPC: write '/home/anna/x'"), { code: 'ENOSPC', syscall: 'write' }),
      status: 507,
    },
  ]
  for (const { what, error, status } of hidden) {
    test(`${what} is ${status}, to be logged, and tells no folder of this machine`, () => {
      const answer = answerFor(error)
      assert.deepEqual([answer.statusCode, answer.isInternal], [status, true])
      assert.doesNotMatch(JSON.stringify(answer.body), /anna/u)
    })
  }
})
