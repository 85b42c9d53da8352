import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { Backend } from '../queue/backend.ts'
import { openSqliteBackendInProcess } from '../queue/sqlite/index.ts'
import type { Storage } from '../storage/storage.ts'
import { ExportIntake, type RunningExport } from './export-intake.ts'
import type { ItemPayload, ItemResult, PlacedFile } from './item.ts'
import type { PlanChunk, PlannedItem } from './plan-chunk.ts'
import { callLibrary } from './store-calls.ts'
import { program } from './store-program.ts'

const GB = 1_000_000_000

describe('the intake of an export', () => {
  let backend: Backend
  let freeBytes: number
  let discarded: string[]
  let abort: AbortController
  let intake: ExportIntake

  beforeEach(() => {
    backend = openSqliteBackendInProcess({ file: ':memory:', program })
    freeBytes = 100 * GB
    discarded = []
    abort = new AbortController()
    const storage = {
      missing: () => Promise.resolve([]),
      freeBytes: async () => freeBytes,
      discard: async (temp: string) => void discarded.push(temp),
    } as unknown as Storage
    intake = new ExportIntake(backend, storage, { tempFolder: '/tmp', metadata: 'embed' }, abort.signal)
  })

  afterEach(() => backend.close())

  /** An export that was listed. */
  async function listed(name: string): Promise<RunningExport> {
    const running: RunningExport = {
      ...{ name, inputs: [`/in/${name}`], priority: 0, phase: 'waiting' },
      ...{ exportFolder: '', filesFound: 0, bytesFound: 0, settledBytes: 0, unchanged: false },
    }
    await intake.take(running, { type: 'listed', digest: name, files: 1, bytes: 1 })
    return running
  }

  /** An item of one file that was unpacked from a tgz. */
  function spooled(path: string, sizeBytes: number): PlannedItem {
    const source = { kind: 'file', file: `/tmp/spool-${path}` } as const
    return {
      platform: { name: 'Folder', folder: 'photos', stem: 'photo' },
      facts: [{ taken: [], people: [], albums: [] }],
      albumTitles: {},
      parts: [
        {
          role: 'primary',
          copies: [{ path, sizeBytes, source, spooled: true, facts: 0, fingerprint: '1', knowledge: 'k' }],
        },
      ],
    }
  }

  const itemsOf = (...items: readonly PlannedItem[]): PlanChunk => ({ type: 'items', items })

  /** Commits all items that are waiting, each with a content of its own. */
  async function placeAll(): Promise<void> {
    const claim = { lane: 'item', limit: 100, workerId: 'test', leaseMs: 60_000 }
    const [claimed = []] = (await backend.exchange({ settle: [], claim: [claim] })).claimed
    const settle = claimed.map(({ task, lease }) => ({
      lease,
      outcome: 'completed' as const,
      result: resultOf(task.payload as ItemPayload),
    }))
    await backend.exchange({ settle, claim: [] })
  }

  function resultOf({ parts }: ItemPayload): ItemResult {
    const [part] = parts
    assert.ok(part)
    const [copy] = part.copies
    assert.ok(copy)
    const sha1 = Buffer.from(copy.path.padEnd(20)).toString('hex')
    const placed: PlacedFile = {
      ...{
        temp: 'x',
        sourceSha1: sha1,
        writtenSha1: sha1,
        format: 'jpeg',
        mime: 'image/jpeg',
        extension: 'jpg',
      },
      ...{ sourceSizeBytes: copy.sizeBytes, sizeBytes: copy.sizeBytes, originalName: 'x.jpg', problems: [] },
      ...{ people: [], albums: [], favourite: false, archived: false, trashed: false, shared: false },
    }
    return { parts: [{ role: 'primary', copies: [{ path: copy.path, outcome: 'same' }], placed }] }
  }

  const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve, 'pending'))

  describe('holds the unpacking back while more is unpacked than the budget', () => {
    let held: Promise<unknown>
    let running: RunningExport

    beforeEach(async () => {
      running = await listed('a')
      held = intake.take(running, itemsOf(spooled('a.mp4', 5 * GB)))
      for (let turns = 0; turns < 100 && (await backend.counts('item')).pending === 0; turns += 1)
        await turn()
      assert.equal(await Promise.race([held, turn()]), 'pending')
    })

    test('until room is made', async () => {
      intake.release(5 * GB)
      assert.deepEqual(await held, [0])
    })

    test('until the user stops the run', async () => {
      abort.abort()
      assert.deepEqual(await held, [0])
      await assert.rejects(intake.take(running, itemsOf()), { code: 'ingest/interrupted' })
    })

    test('until the run ends', async () => {
      intake.close()
      assert.deepEqual(await held, [0])
      await assert.rejects(intake.take(running, itemsOf()), { code: 'ingest/interrupted' })
    })
  })

  test('what was unpacked for an item that is done is removed and takes no room', async () => {
    const running = await listed('a')
    await intake.take(running, itemsOf(spooled('a.mp4', GB)))
    await placeAll()
    intake.release(GB)
    const again = itemsOf(spooled('a.mp4', 5 * GB), spooled('b.jpg', 1))
    assert.deepEqual(await intake.take(running, again), [1])
    assert.deepEqual(discarded, ['spool-a.mp4'])
  })

  describe('with too little room', () => {
    const remarks = async (): Promise<unknown> => {
      const { remarks: all } = await callLibrary(backend, 'report.collect', { now: 1 })
      return all.map(({ code }) => code)
    }

    beforeEach(() => {
      freeBytes = 3 * GB
    })

    test('the first export of a library is refused', async () => {
      const running = await listed('a')
      await assert.rejects(intake.take(running, { type: 'totals', items: 1, placeBytes: 4 * GB }), {
        code: 'library/no-space',
        message: 'a needs 4.0 GB in the library, where 3.0 GB are free and 200 MB have to stay free',
      })
    })

    test('what is there already needs none', async () => {
      const first = await listed('a')
      await intake.take(first, itemsOf(spooled('a.mp4', 2 * GB)))
      await placeAll()
      const running = await listed('a')
      await intake.take(running, { type: 'totals', items: 2, placeBytes: 4 * GB })
      assert.deepEqual(await remarks(), [])
    })

    test('an export that the library may have already is begun, with a remark', async () => {
      await intake.take(await listed('a'), itemsOf(spooled('a.mp4', 2 * GB)))
      await placeAll()
      await intake.take(await listed('b'), { type: 'totals', items: 2, placeBytes: 4 * GB })
      assert.deepEqual(await remarks(), ['low-space'])
    })

    test('one that cannot fit even then is refused', async () => {
      await intake.take(await listed('a'), itemsOf(spooled('a.mp4', 2 * GB)))
      await placeAll()
      await assert.rejects(intake.take(await listed('b'), { type: 'totals', items: 2, placeBytes: 5 * GB }), {
        code: 'library/no-space',
      })
    })
  })
})
