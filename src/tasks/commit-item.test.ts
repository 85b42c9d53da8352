import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, test } from 'node:test'
import type { ItemFacts } from '../exports/group-items.ts'
import { albumsOf, putAlbum } from '../library/albums.ts'
import { balance } from '../library/balance.ts'
import { findAssetBySha1, listAssets } from '../library/catalog.ts'
import { findFile } from '../library/ledger.ts'
import { listOutbox } from '../library/outbox.ts'
import { collectReport } from '../library/report.ts'
import { memoryLibrary, planOne, sha1Of } from '../library/testing/sample-assets.ts'
import type { Transaction } from '../queue/commit.ts'
import type { NewTask, Task } from '../queue/task.ts'
import { commitItem, failItem } from './commit-item.ts'
import type { CopyResult, ItemCopy, ItemPart, ItemPayload, PartResult, PlacedFile } from './item.ts'

const FACTS: ItemFacts = { taken: [], people: [], albums: ['trip'] }

/** Payload of an added task. */
function payloadOf(task: NewTask | undefined): ItemPayload {
  assert.ok(task)
  return task.payload as ItemPayload
}

describe('the commit of an item', () => {
  let db: DatabaseSync
  let added: NewTask[]
  let transaction: Transaction<DatabaseSync>

  beforeEach(() => {
    db = memoryLibrary()
    putAlbum(db, { exportId: 1, key: 'trip', title: 'Trip' })
    added = []
    transaction = {
      db,
      now: 100,
      add: (tasks) => {
        added.push(...tasks)
        return []
      },
    }
  })

  function copyOf(path: string, more: Partial<ItemCopy> = {}): ItemCopy {
    const source = { kind: 'file', file: `/in/${path}` } as const
    return { fileId: planOne(db, path), path, sizeBytes: 10, source, facts: 0, ...more }
  }

  function placed(content: string, more: Partial<PlacedFile> = {}): PlacedFile {
    return {
      temp: `${content}.part`,
      sourceSha1: sha1Of(content),
      writtenSha1: sha1Of(`${content}+`),
      sourceSizeBytes: 10,
      sizeBytes: 11,
      format: 'jpeg',
      mime: 'image/jpeg',
      extension: 'jpg',
      people: [],
      albums: ['trip'],
      originalName: 'a.jpg',
      favourite: false,
      archived: false,
      trashed: false,
      shared: false,
      problems: [],
      ...more,
    }
  }

  function taskOf(parts: readonly ItemPart[]): Task<ItemPayload> {
    const platform = { name: 'Google Photos', folder: 'photos', stem: 'gphotos' }
    const payload: ItemPayload = {
      placement: { exportId: 1, exportName: 'google', exportFolder: 'google', account: 'anna', platform },
      options: { tempFolder: '/lib/tmp', metadata: 'embed' },
      facts: [FACTS],
      albumTitles: { trip: 'Trip' },
      parts,
    }
    return {
      id: 7,
      kind: 'item',
      lane: 'item',
      payload,
      status: 'processing',
      priority: 3,
      runAt: 0,
      attempt: 1,
      failures: 0,
      maxRetries: 3,
      group: 'export:google',
      createdAt: 0,
    }
  }

  const same = ({ path }: ItemCopy): CopyResult => ({ path, outcome: 'same' })
  const primary = (...copies: readonly ItemCopy[]): ItemPart => ({ role: 'primary', copies })

  function commit(parts: readonly ItemPart[], results: readonly PartResult[]): ReturnType<typeof commitItem> {
    return commitItem(transaction, taskOf(parts), { parts: results })
  }

  /** Commits an item of one part whose copies are all the same. */
  function commitSame(
    content: string,
    copies: readonly ItemCopy[],
    more: Partial<PlacedFile> = {},
  ): ReturnType<typeof commitItem> {
    return commit(
      [primary(...copies)],
      [{ role: 'primary', copies: copies.map(same), placed: placed(content, more) }],
    )
  }

  const outcomeOf = (path: string): string | undefined => findFile(db, 1, path)?.outcome

  test('enters the file in catalog, ledger, album and outbox', () => {
    const { publish, discard } = commitSame('a', [copyOf('a.jpg')])
    const [asset] = listAssets(db, { limit: 10 })
    assert.ok(asset)
    assert.equal(asset.path, `google/photos/gphotos-anna-undated-${sha1Of('a').slice(0, 6)}.jpg`)
    assert.equal(outcomeOf('a.jpg'), 'imported')
    assert.deepEqual(
      albumsOf(db, asset.id).map(({ title }) => title),
      ['Trip'],
    )
    assert.deepEqual(
      publish.map(({ part, temp, final, sizeBytes, sha1 }) => ({ part, temp, final, sizeBytes, sha1 })),
      [{ part: 'media', temp: 'a.part', final: asset.path, sizeBytes: 11, sha1: sha1Of('a+') }],
    )
    assert.deepEqual(listOutbox(db), publish)
    assert.deepEqual(discard, [])
    assert.equal(balance(db, 1).balanced, true)
  })

  test('publishes the sidecar under the name of its file', () => {
    const sidecar = { temp: 'ax.part', sizeBytes: 3, sha1: sha1Of('xmp') }
    const { publish } = commitSame('a', [copyOf('a.jpg')], { sidecar })
    assert.deepEqual(
      publish.map(({ part, temp }) => [part, temp]),
      [
        ['media', 'a.part'],
        ['sidecar', 'ax.part'],
      ],
    )
    assert.equal(publish[1]?.final, `${publish[0]?.final}.xmp`)
  })

  test('of equal copies the first is imported and the others are duplicates', () => {
    commitSame('a', [copyOf('a.jpg'), copyOf('b.jpg')])
    assert.deepEqual([outcomeOf('a.jpg'), outcomeOf('b.jpg')], ['imported', 'duplicate'])
  })

  test('a content that the library has is placed nowhere, and its temporary files stand in for it', () => {
    commitSame('a', [copyOf('a.jpg')])
    const sidecar = { temp: 'bx.part', sizeBytes: 3, sha1: sha1Of('xmp') }
    const again = commitSame('a', [copyOf('b.jpg')], { temp: 'b.part', sidecar })
    assert.deepEqual(again.publish, [])
    assert.deepEqual(again.discard, [])
    const [asset] = listAssets(db, { limit: 10 })
    assert.deepEqual(again.standIns, [
      {
        assetId: asset?.id,
        path: asset?.path,
        sizeBytes: asset?.sizeBytes,
        exportId: 1,
        media: { temp: 'b.part', sizeBytes: 11, sha1: sha1Of('a+') },
        sidecar,
      },
    ])
    assert.equal(outcomeOf('b.jpg'), 'duplicate')
    assert.equal(listAssets(db, { limit: 10 }).length, 1)
  })

  test('a sidecar that comes with a photo which the library has is named, unless the library has it too', () => {
    const own = { temp: 'ax.part', sizeBytes: 3, sha1: sha1Of('xmp'), keptFrom: 'a.xmp' }
    commitSame('a', [copyOf('a.jpg')], { sidecar: own })
    commitSame('a', [copyOf('b.jpg')], { sidecar: own })
    assert.deepEqual(collectReport(db, 0).remarks, [])
    commitSame('a', [copyOf('c.jpg')], { sidecar: { ...own, sha1: sha1Of('other'), keptFrom: 'c.xmp' } })
    assert.deepEqual(
      collectReport(db, 0).remarks.map(({ code, path }) => [code, path]),
      [['sidecar-not-kept', 'c.xmp']],
    )
  })

  test('a copy of another content becomes a task of its own', () => {
    const [first, other] = [copyOf('a.jpg'), copyOf('b.jpg')]
    commit(
      [primary(first, other)],
      [
        {
          role: 'primary',
          copies: [same(first), { path: 'b.jpg', outcome: 'different' }],
          placed: placed('a'),
        },
      ],
    )
    assert.equal(outcomeOf('b.jpg'), undefined)
    const [task] = added
    assert.equal(added.length, 1)
    assert.deepEqual(
      [task?.kind, task?.lane, task?.priority, task?.group, task?.maxRetries],
      ['item', 'item', 3, 'export:google', 3],
    )
    const { parts, facts } = payloadOf(task)
    assert.deepEqual(parts, [{ role: 'primary', copies: [other] }])
    assert.deepEqual(facts, [FACTS])
  })

  test('edit instructions of another content stay what they are', () => {
    const [first, other] = [copyOf('a.AAE'), copyOf('b.AAE')]
    const aae = placed('aae', { extension: 'aae', albums: [] })
    commit(
      [{ role: 'edit-instructions', copies: [first, other] }],
      [
        {
          role: 'edit-instructions',
          copies: [same(first), { path: 'b.AAE', outcome: 'different' }],
          placed: aae,
        },
      ],
    )
    assert.equal(payloadOf(added[0]).parts[0]?.role, 'edit-instructions')
  })

  test('companions lie beside their primary', () => {
    const [photo, aae, xmp] = [copyOf('a.jpg'), copyOf('a.AAE'), copyOf('a_01.jpg.xmp')]
    const parts: ItemPart[] = [
      primary(photo),
      { role: 'edit-instructions', copies: [aae] },
      { role: 'edit-instructions', copies: [xmp] },
    ]
    const { publish } = commit(parts, [
      { role: 'primary', copies: [same(photo)], placed: placed('a') },
      {
        role: 'edit-instructions',
        copies: [same(aae)],
        placed: placed('b', { extension: 'aae', albums: [] }),
      },
      {
        role: 'edit-instructions',
        copies: [same(xmp)],
        placed: placed('c', { extension: 'xmp', albums: [] }),
      },
    ])
    const stem = `google/photos/gphotos-anna-undated-${sha1Of('a').slice(0, 6)}`
    assert.deepEqual(
      publish.map(({ final }) => final),
      [`${stem}.jpg`, `${stem}.aae`, `${stem}-edit-instructions.xmp`],
    )
    const primaryId = findAssetBySha1(db, sha1Of('a'))?.id
    assert.equal(findAssetBySha1(db, sha1Of('b'))?.primaryAssetId, primaryId)
  })

  test('what cannot be read has failed, what is no media is ignored, each with its reason', () => {
    const [bad, text] = [copyOf('bad.jpg'), copyOf('a.dat')]
    const error = { code: 'item/source-unreadable', message: 'bad.jpg: EIO', recovery: 'discard' } as const
    commit(
      [primary(bad), primary(text)],
      [
        { role: 'primary', copies: [{ path: 'bad.jpg', outcome: 'failed', error }] },
        { role: 'primary', copies: [{ path: 'a.dat', outcome: 'ignored', reason: 'not a media file' }] },
      ],
    )
    assert.deepEqual([outcomeOf('bad.jpg'), outcomeOf('a.dat')], ['failed', 'ignored'])
    assert.equal(findFile(db, 1, 'bad.jpg')?.reason, 'bad.jpg: EIO')
    assert.equal(listAssets(db, { limit: 10 }).length, 0)
  })

  test('trashed pictures lie apart', () => {
    const { publish } = commitSame('a', [copyOf('a.jpg')], { trashed: true })
    assert.match(publish[0]?.final ?? '', /^google\/trash\/photos\//u)
  })

  test('unpacked files are discarded, also those of sidecars', () => {
    const spooled = { source: { kind: 'file', file: '/lib/tmp/spool-1' }, spooled: true } as const
    const xmp = {
      path: 'a.xmp',
      sizeBytes: 3,
      source: { kind: 'file', file: '/lib/tmp/spool-2' },
      spooled: true,
    } as const
    const { discard, spooledBytes } = commitSame('a', [
      copyOf('a.jpg', { ...spooled, xmp }),
      copyOf('b.jpg', spooled),
    ])
    assert.deepEqual(discard, ['spool-1', 'spool-2'])
    assert.equal(spooledBytes, 13)
  })

  test('a result that does not fit the item is refused', () => {
    assert.throws(() => commit([], [{ role: 'primary', copies: [] }]), TypeError)
  })

  const error = { code: 'item/source-unreadable', message: 'EIO', recovery: 'discard' } as const
  const odd: readonly CopyResult[] = [
    { path: 'a.jpg', outcome: 'failed', error },
    { path: 'a.jpg', outcome: 'different' },
    { path: 'a.jpg', outcome: 'ignored', reason: 'not a media file' },
  ]
  for (const result of odd) {
    test(`a copy that was placed before stays so in an item that is run again, though it is ${result.outcome}`, () => {
      const before = copyOf('a.jpg')
      commitSame('a', [before])
      const more = copyOf('b.jpg')
      commit(
        [primary(before, more)],
        [{ role: 'primary', copies: [result, same(more)], placed: placed('a') }],
      )
      assert.deepEqual([outcomeOf('a.jpg'), outcomeOf('b.jpg')], ['imported', 'duplicate'])
      assert.deepEqual(added, [])
      const { byOutcome, balanced } = balance(db, 1)
      assert.deepEqual([byOutcome.imported, byOutcome.duplicate, balanced], [1, 1, true])
    })
  }

  test('an item that is run again for one of its copies counts the others as before', () => {
    const copies = [copyOf('a.jpg'), copyOf('b.jpg')]
    commitSame('a', copies)
    const sums = balance(db, 1)
    commitSame('a', [...copies.toReversed(), copyOf('c.jpg')])
    assert.deepEqual(['a.jpg', 'b.jpg', 'c.jpg'].map(outcomeOf), ['imported', 'duplicate', 'duplicate'])
    assert.equal(balance(db, 1).bytesByOutcome.imported, sums.bytesByOutcome.imported)
    assert.equal(listAssets(db, { limit: 10 }).length, 1)
  })

  test('an item that has failed names what was not settled before', () => {
    const [done, open] = [copyOf('a.jpg'), copyOf('b.jpg')]
    commitSame('a', [done])
    const spooled = { ...open, source: { kind: 'file', file: '/lib/tmp/spool-1' }, spooled: true } as const
    const error = { code: 'io/full', message: 'no space left', recovery: 'retry' } as const
    const failed = failItem(transaction, { ...taskOf([primary(done, spooled)]), error })
    assert.deepEqual([outcomeOf('a.jpg'), outcomeOf('b.jpg')], ['imported', 'failed'])
    assert.equal(findFile(db, 1, 'b.jpg')?.reason, 'no space left')
    assert.deepEqual([failed.publish, failed.discard], [[], ['spool-1']])
  })

  test('a cancelled item says so', () => {
    failItem(transaction, taskOf([primary(copyOf('a.jpg'))]))
    assert.equal(findFile(db, 1, 'a.jpg')?.reason, 'the task was cancelled')
  })
})
