import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, test } from 'node:test'
import { insertAsset } from '../library/catalog.ts'
import { closePlan, findFile, finishExport, settleFile, settleWithAsset } from '../library/ledger.ts'
import { migrateLibrary } from '../library/schema.ts'
import { sampleAsset } from '../library/testing/sample-assets.ts'
import type { NewTask } from '../queue/task.ts'
import type { ItemPayload } from './item.ts'
import type { PlannedCopy, PlannedItem } from './plan-chunk.ts'
import { CALLS, type ItemsRequest, type LibraryCalls, type ListedResponse } from './store-calls.ts'

const NAME = 'google-anna-20240101'

/** Payload of an added task. */
function payloadOf(task: NewTask | undefined): ItemPayload {
  assert.ok(task)
  return task.payload as ItemPayload
}

describe('calls of the store', () => {
  let db: DatabaseSync
  let added: NewTask[]

  beforeEach(() => {
    db = new DatabaseSync(':memory:')
    migrateLibrary(db)
    added = []
  })

  function call<Name extends keyof LibraryCalls>(
    name: Name,
    request: LibraryCalls[Name]['request'],
  ): LibraryCalls[Name]['response'] {
    const add = (tasks: readonly NewTask[]): [] => {
      added.push(...tasks)
      return []
    }
    return CALLS[name]?.({ db, now: 100, add }, request) as LibraryCalls[Name]['response']
  }

  const list = (digest = 'd1'): ListedResponse =>
    call('export.listed', { name: NAME, inputs: [`/in/${NAME}.zip`], digest })

  function copyOf(path: string, more: Partial<PlannedCopy> = {}): PlannedCopy {
    const source = { kind: 'file', file: `/in/${path}` } as const
    return { path, sizeBytes: 10, source, facts: 0, fingerprint: '10:m1', knowledge: 'k1', ...more }
  }

  function itemOf(...copies: readonly PlannedCopy[]): PlannedItem {
    return {
      albumTitles: {},
      platform: { name: 'Google Photos', folder: 'photos', stem: 'gphotos' },
      facts: [{ taken: [], people: [], albums: [] }],
      parts: [{ role: 'primary', copies }],
    }
  }

  function plan(items: readonly PlannedItem[], more: Partial<ItemsRequest> = {}): readonly number[] {
    return call('plan.items', {
      exportId: 1,
      exportName: NAME,
      exportFolder: NAME,
      items,
      options: { tempFolder: '/lib/tmp', metadata: 'embed' },
      priority: 4,
      enqueue: true,
      ...more,
    }).open
  }

  /** Settles a planned file as imported. */
  function place(path: string): void {
    const { assetId } = insertAsset(db, sampleAsset(path))
    settleWithAsset(db, { fileId: findFile(db, 1, path)?.fileId ?? 0, assetId, now: 5 })
  }

  function finish(digest = 'd1', problems: { code: string; message: string }[] = []): void {
    closePlan(db, 1, { listingDigest: digest, now: 6 })
    finishExport(db, 1, { problems, now: 7 })
  }

  describe('export.listed', () => {
    test('begins a run over a new export', () => {
      const { unchanged, exportId, exportFolder, settledBytes, balance } = list()
      assert.deepEqual([unchanged, exportId, exportFolder, settledBytes], [false, 1, NAME, 0])
      assert.equal(balance.balanced, true)
    })

    test('a listing that was finished is unchanged', () => {
      list()
      plan([itemOf(copyOf('a.jpg'))])
      place('a.jpg')
      finish()
      const { unchanged, settledBytes } = list()
      assert.deepEqual([unchanged, settledBytes], [true, 'a.jpg'.length])
    })

    test('what is in the library of an export is counted once, however many copies it has', () => {
      list()
      plan([itemOf(copyOf('a.jpg'), copyOf('album/a.jpg'), copyOf('b.jpg'))])
      const { assetId } = insertAsset(db, sampleAsset('content'))
      for (const path of ['a.jpg', 'album/a.jpg']) {
        settleWithAsset(db, { fileId: findFile(db, 1, path)?.fileId ?? 0, assetId, now: 5 })
      }
      insertAsset(db, sampleAsset('of another export'))
      assert.equal(list('d2').settledBytes, 'content'.length)
      assert.equal(call('library.bytes', null), 'content'.length + 'of another export'.length)
    })

    const again: readonly (readonly [why: string, make: () => void])[] = [
      ['it was never finished', () => place('a.jpg')],
      [
        'a file is still open',
        () => {
          finish()
        },
      ],
      [
        'a file has failed',
        () => {
          const fileId = findFile(db, 1, 'a.jpg')?.fileId ?? 0
          settleFile(db, { fileId, outcome: 'failed', reasonCode: 'x', reason: 'x', now: 5 })
          finish()
        },
      ],
      [
        'the export had a problem',
        () => {
          place('a.jpg')
          finish('d1', [{ code: 'missing-part', message: 'part 2 is missing' }])
        },
      ],
      [
        'the listing is another',
        () => {
          place('a.jpg')
          finish('d0')
        },
      ],
    ]
    for (const [why, make] of again) {
      test(`is read again when ${why}`, () => {
        list()
        plan([itemOf(copyOf('a.jpg'))])
        make()
        assert.equal(list().unchanged, false)
      })
    }
  })

  describe('plan.items', () => {
    beforeEach(() => {
      list()
    })

    test('makes a task of every item, with the ledger’s ids and without what only the ledger needs', () => {
      assert.deepEqual(plan([itemOf(copyOf('a.jpg')), itemOf(copyOf('b.jpg', { modifiedAt: 5 }))]), [0, 1])
      const [, task] = added
      assert.deepEqual(
        [task?.kind, task?.lane, task?.priority, task?.group],
        ['item', 'item', 4, `export:${NAME}`],
      )
      const { parts, placement } = payloadOf(task)
      assert.equal(placement.account, 'anna')
      assert.deepEqual(parts, [
        {
          role: 'primary',
          copies: [
            {
              path: 'b.jpg',
              sizeBytes: 10,
              source: { kind: 'file', file: '/in/b.jpg' },
              facts: 0,
              fileId: findFile(db, 1, 'b.jpg')?.fileId,
            },
          ],
        },
      ])
    })

    test('leaves out an item of which everything is settled', () => {
      plan([itemOf(copyOf('a.jpg')), itemOf(copyOf('b.jpg'))])
      place('a.jpg')
      added = []
      assert.deepEqual(plan([itemOf(copyOf('a.jpg')), itemOf(copyOf('b.jpg'))]), [1])
      assert.equal(added.length, 1)
    })

    test('an item with a new copy is done again', () => {
      plan([itemOf(copyOf('a.jpg'))])
      place('a.jpg')
      assert.deepEqual(plan([itemOf(copyOf('a.jpg'), copyOf('b.jpg'))]), [0])
    })

    test('a changed file is done again', () => {
      plan([itemOf(copyOf('a.jpg'))])
      place('a.jpg')
      assert.deepEqual(plan([itemOf(copyOf('a.jpg', { fingerprint: '10:m2' }))]), [0])
    })

    test('a file that the export tells more of is done again, with all its copies', () => {
      plan([itemOf(copyOf('a.jpg'), copyOf('b.jpg'))])
      place('a.jpg')
      place('b.jpg')
      added = []
      assert.deepEqual(plan([itemOf(copyOf('a.jpg', { knowledge: 'k2' }), copyOf('b.jpg'))]), [0])
      assert.deepEqual(
        payloadOf(added[0]).parts[0]?.copies.map(({ path }) => path),
        ['a.jpg', 'b.jpg'],
      )
      assert.equal(call('export.balance', { exportId: 1 }).open, 1)
    })

    test('only asked, it enters the files and adds no task', () => {
      assert.deepEqual(plan([itemOf(copyOf('a.jpg'))], { enqueue: false }), [0])
      assert.deepEqual(added, [])
      assert.ok(findFile(db, 1, 'a.jpg'))
    })
  })

  test('plan.settled enters files with their outcome', () => {
    list()
    const file = { path: 'a.json', sizeBytes: 3, fingerprint: '3:m' }
    call('plan.settled', { exportId: 1, files: [{ ...file, outcome: 'sidecar', reason: 'a.jpg' }] })
    assert.equal(findFile(db, 1, 'a.json')?.outcome, 'sidecar')
    assert.deepEqual(call('export.balance', { exportId: 1 }).byOutcome.sidecar, 1)
  })
})
