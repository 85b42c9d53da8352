import assert from 'node:assert/strict'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { DEFAULT_THUMBNAIL_OPTIONS, thumbnailObjectName } from '../media/thumbnail/thumbnail.ts'
import type { ClaimedTask } from '../queue/task.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { openObjectStore } from '../storage/open-object-store.ts'
import { RemoteResultError, resultCheck } from './remote-result.ts'

/** Attempt 2 of task 7 as a worker host numbers it. */
const ATTEMPT = 2 * 2 ** 32 + 4_000_000_001
const LOOKS_MS = [0, 5, 5]
const SHA1 = 'ab'.repeat(20)

let folder: string
let objects: ObjectStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-remote-result-'))
  objects = await openObjectStore({ kind: 'local', root: join(folder, 'thumbs'), durable: false })
})
afterEach(async () => {
  await objects.close()
  await rm(folder, { recursive: true, force: true })
})

function claimed(kind: string, payload: unknown = { parts: [] }): ClaimedTask {
  return { task: { id: 7, kind, payload }, lease: { taskId: 7, attempt: 2, token: 't' } } as ClaimedTask
}

function check(task: ClaimedTask, result: unknown): Promise<void> {
  const places = { tempFolder: folder, thumbnails: () => objects }
  return resultCheck(places, LOOKS_MS)(task, result, new AbortController().signal)
}

/** A result with one file, as it lies in the folder for temporary files. */
function item(temp: string, sizeBytes: number, sidecar?: { temp: string; sizeBytes: number }): unknown {
  const placed = { temp, sizeBytes, ...(sidecar && { sidecar }) }
  return { parts: [{ copies: [], placed }, { copies: [] }] }
}

describe('the result of an item', () => {
  const temp = `7-${ATTEMPT}-0.part`

  test('is taken when its files lie there as it says', async () => {
    await writeFile(join(folder, temp), 'photo')
    await writeFile(join(folder, `7-${ATTEMPT}-0x.part`), 'xmp')
    const sidecar = { temp: `7-${ATTEMPT}-0x.part`, sizeBytes: 3 }
    await check(claimed('item'), item(temp, 5, sidecar))
    await assert.rejects(
      check(claimed('item'), item(temp, 5, { ...sidecar, sizeBytes: 4 })),
      /0x\.part has 3 bytes, its worker says 4/u,
    )
  })

  test('is not taken when a file is cut off, missing, or a link', async () => {
    await writeFile(join(folder, temp), 'phot')
    await assert.rejects(check(claimed('item'), item(temp, 5)), /has 4 bytes, its worker says 5/u)
    await rm(join(folder, temp))
    await assert.rejects(check(claimed('item'), item(temp, 5)), /is not there/u)
    await writeFile(join(folder, 'other'), 'photo')
    await symlink(join(folder, 'other'), join(folder, temp))
    await assert.rejects(check(claimed('item'), item(temp, 5)), /is not there/u)
  })

  test('waits for a file that the share shows late', async () => {
    const places = { tempFolder: folder, thumbnails: () => undefined }
    const late = resultCheck(places, [0, 5, 5, 2_000])
    const looked = late(claimed('item'), item(temp, 5), new AbortController().signal)
    await writeFile(join(folder, temp), 'photo')
    await looked
  })

  test('ends its wait when nobody wants to know any more', async () => {
    const places = { tempFolder: folder, thumbnails: () => undefined }
    const ending = new AbortController()
    const looked = resultCheck(places, [0, 60_000])(claimed('item'), item(temp, 5), ending.signal)
    ending.abort()
    await assert.rejects(looked, { name: 'AbortError' })
  })

  const foreign: readonly (readonly [string, string])[] = [
    ['another task', `8-${ATTEMPT}-0.part`],
    ['another attempt', `7-${ATTEMPT - 2 ** 32}-0.part`],
    ['an attempt of a worker here', '7-2-0.part'],
    ['another folder', `../7-${ATTEMPT}-0.part`],
    ['no temporary file', 'library.db'],
  ]
  for (const [what, name] of foreign) {
    test(`may not name a file of ${what}`, async () => {
      await assert.rejects(check(claimed('item'), item(name, 5)), /is not of this attempt/u)
    })
  }

  test('may name an input that cannot be read, unless it can be read here', async () => {
    const file = join(folder, 'in.jpg')
    const copies = [{ path: 'in.jpg', sizeBytes: 2, source: { kind: 'file', file } }]
    const task = claimed('item', { parts: [{ role: 'primary', copies }] })
    const failed = (code: string): unknown => {
      const error = { code, message: 'no such file', recovery: 'discard' }
      return { parts: [{ role: 'primary', copies: [{ path: 'in.jpg', outcome: 'failed', error }] }] }
    }
    await check(task, failed('item/source-unreadable'))
    await writeFile(file, 'a')
    await check(task, failed('item/source-unreadable'))
    await writeFile(file, 'ab')
    await assert.rejects(check(task, failed('item/source-unreadable')), /in\.jpg .* can be read here/u)
    await check(task, failed('item/empty'))
  })

  test('that is wrong is asked for again', async () => {
    await assert.rejects(check(claimed('item'), item('x', 5)), (error) => {
      return error instanceof RemoteResultError && error.recovery === 'retry'
    })
  })
})

describe('the result of a thumbnail', () => {
  const task = claimed('thumbnail', { options: DEFAULT_THUMBNAIL_OPTIONS, sha1: SHA1 })
  const objectName = thumbnailObjectName(SHA1, DEFAULT_THUMBNAIL_OPTIONS, 250)
  const made = (changes: object = {}, sha1 = SHA1): unknown => {
    const thumbnails = [{ size: 250, objectName, sizeBytes: 4, ...changes }]
    return { sha1, store: 'local', thumbnails }
  }

  test('is taken when its objects are in the store', async () => {
    await assert.rejects(check(task, made()), /is not there/u)
    await objects.put(objectName, Buffer.from('jpeg'), { contentType: 'image/jpeg' })
    await check(task, made())
    await assert.rejects(check(task, made({ sizeBytes: 5 })), /has 4 bytes, its worker says 5/u)
  })

  test('is not taken when it is of another content, of another name, or in another store', async () => {
    await objects.put(objectName, Buffer.from('jpeg'), { contentType: 'image/jpeg' })
    await assert.rejects(check(task, made({}, 'cd'.repeat(20))), /content is cdcd/u)
    await assert.rejects(check(task, made({ size: 1440 })), /is not the thumbnail/u)
    await assert.rejects(check(task, { ...(made() as object), store: 's3://b' }), /were put into s3:\/\/b/u)
  })

  test('of a content that is known has nothing to be looked at', async () => {
    await check(task, { sha1: SHA1, isKnown: true })
  })
})
