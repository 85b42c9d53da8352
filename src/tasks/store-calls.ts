/**
 * The named transactions that the coordinator asks the library's database for, with their types.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Album } from '../exports/media-item.ts'
import { putAlbum } from '../library/albums.ts'
import { type Identity, readIdentity, writeIdentity } from '../library/identity.ts'
import {
  addRemark,
  type Balance,
  balance,
  findExport,
  heldBytes,
  openExport,
  type PlannedFile,
  planFiles,
} from '../library/ledger.ts'
import { accountOf } from '../library/names.ts'
import { clearOutbox, listOutbox, type OutboxEntry } from '../library/outbox.ts'
import { applyReplay, beginRecovery, type Replay } from '../library/recover.ts'
import {
  listPlaced,
  type PlacedAsset,
  reopenFiles,
  replaceAsset,
  type StandIn,
} from '../library/replace-asset.ts'
import { collectReport, type Report } from '../library/report.ts'
import type { CallFunction, Transaction } from '../queue/commit.ts'
import { clearTasks } from '../queue/sqlite/clear-tasks.ts'
import type { NewTask } from '../queue/task.ts'
import type { ItemCopy, ItemPayload, PlaceOptions } from './item.ts'
import { PHOTO_CALLS, type PhotoCalls } from './photo-calls.ts'
import type { PlannedCopy, PlannedItem, PlanRemark, SettledFile } from './plan-chunk.ts'
import { THUMBNAIL_CALLS, type ThumbnailCalls } from './thumbnail-calls.ts'
import { UPLOAD_CALLS, type UploadCalls } from './upload-calls.ts'

type LibraryTransaction = Transaction<DatabaseSync>

/** Attempts after the first for an item: what a retry can cure (a full disk, a busy share) passes or stays. */
const ITEM_RETRIES = 3

export interface ListedRequest {
  readonly name: string
  readonly inputs: readonly string[]
  readonly digest: string
}

export interface ListedResponse {
  readonly unchanged: boolean
  readonly exportId: number
  /** In the library. */
  readonly exportFolder: string
  /** Bytes of this export's contents that are in the library already: they need no more room. */
  readonly settledBytes: number
  readonly balance: Balance
}

export interface PlannedResponse {
  /** Indices of the items that are still to do. */
  readonly open: readonly number[]
}

export interface ItemsRequest {
  readonly exportId: number
  readonly exportName: string
  readonly exportFolder: string
  /** Or their JSON. */
  readonly items: readonly PlannedItem[] | string
  readonly options: PlaceOptions
  readonly priority: number
  /** False: only tell which are open (see the `ask` chunk). */
  readonly enqueue: boolean
}

/** Request and answer of each named transaction. */
export interface LibraryCalls {
  'library.read': { request: null; response: Identity | null }
  'library.claim': { request: Identity; response: null }
  'export.listed': { request: ListedRequest; response: ListedResponse }
  'plan.albums': { request: { exportId: number; albums: readonly Album[] }; response: null }
  'plan.remarks': { request: { exportId: number; remarks: readonly PlanRemark[] }; response: null }
  'plan.settled': { request: { exportId: number; files: readonly SettledFile[] }; response: null }
  'plan.items': { request: ItemsRequest; response: PlannedResponse }
  'assets.placed': {
    request: { exportName: string; afterId: number; limit: number }
    response: readonly PlacedAsset[]
  }
  'assets.reopen': { request: { exportName: string; assetIds: readonly number[] }; response: null }
  'assets.replace': { request: readonly StandIn[]; response: readonly OutboxEntry[] }
  'outbox.clear': { request: readonly number[]; response: null }
  'outbox.list': { request: null; response: readonly OutboxEntry[] }
  'recovery.begin': { request: null; response: readonly OutboxEntry[] }
  'recovery.apply': { request: Replay; response: { readonly left: boolean } }
  /** Bytes of all contents in the library, as their exports had them. */
  'library.bytes': { request: null; response: number }
  'export.balance': { request: { exportId: number }; response: Balance }
  'report.collect': { request: { now: number }; response: Report }
  /** Tasks of an earlier run: what they would do is planned anew, from the ledger. */
  'tasks.clear': { request: null; response: null }
}

/** Everything that the coordinator may ask for by name. */
export type StoreCalls = LibraryCalls & UploadCalls & ThumbnailCalls & PhotoCalls

export { callLibrary } from './library-calls.ts'

type TypedCalls = {
  [Name in keyof LibraryCalls]: (
    transaction: LibraryTransaction,
    request: LibraryCalls[Name]['request'],
  ) => LibraryCalls[Name]['response']
}

const TYPED_CALLS: TypedCalls = {
  'library.read': ({ db }) => readIdentity(db) ?? null,
  'library.claim': ({ db }, identity) => {
    writeIdentity(db, identity)
    return null
  },
  'export.listed': exportListed,
  'plan.albums': ({ db }, { exportId, albums }) => {
    for (const album of albums) putAlbum(db, { exportId, ...album })
    return null
  },
  'plan.remarks': ({ db }, { exportId, remarks }) => {
    for (const remark of remarks) addRemark(db, { exportId, ...remark })
    return null
  },
  'plan.settled': planSettled,
  'plan.items': planItems,
  'assets.placed': ({ db }, page) => listPlaced(db, page),
  'assets.reopen': ({ db }, files) => {
    reopenFiles(db, files)
    return null
  },
  'assets.replace': ({ db }, standIns) => standIns.flatMap((standIn) => replaceAsset(db, standIn)),
  'outbox.clear': ({ db }, ids) => {
    clearOutbox(db, ids)
    return null
  },
  'outbox.list': ({ db }) => listOutbox(db),
  'recovery.begin': ({ db }) => beginRecovery(db),
  'recovery.apply': ({ db }, replay) => applyReplay(db, replay),
  'library.bytes': ({ db }) => heldBytes(db),
  'export.balance': ({ db }, { exportId }) => balance(db, exportId),
  'report.collect': ({ db }, { now }) => collectReport(db, now),
  'tasks.clear': ({ db }) => {
    clearTasks(db)
    return null
  },
}

export const CALLS = {
  ...TYPED_CALLS,
  ...UPLOAD_CALLS,
  ...THUMBNAIL_CALLS,
  ...PHOTO_CALLS,
} as unknown as Readonly<Record<string, CallFunction<DatabaseSync>>>

/** Begins a run over the export, unless its listing is the one that was finished last, with nothing failed. */
function exportListed({ db, now }: LibraryTransaction, request: ListedRequest): ListedResponse {
  const known = findExport(db, request.name)
  const before = known === undefined ? undefined : balance(db, known.id)
  const settledBytes = known === undefined ? 0 : heldBytes(db, known.id)
  if (known !== undefined && before !== undefined) {
    const same = known.status === 'finished' && known.listingDigest === request.digest
    if (same && known.problems.length === 0 && before.balanced && before.byOutcome.failed === 0) {
      return {
        unchanged: true,
        exportId: known.id,
        exportFolder: known.folder,
        settledBytes,
        balance: before,
      }
    }
  }
  const opened = openExport(db, { name: request.name, inputs: request.inputs, now })
  return {
    unchanged: false,
    exportId: opened.id,
    exportFolder: opened.folder,
    settledBytes,
    balance: balance(db, opened.id),
  }
}

function planSettled(
  { db, now }: LibraryTransaction,
  { exportId, files }: { readonly exportId: number; readonly files: readonly SettledFile[] },
): null {
  const rows = files.map(
    ({ outcome, reasonCode, reason, ...file }): PlannedFile => ({
      ...file,
      settled: {
        outcome,
        ...(reasonCode === undefined ? {} : { reasonCode }),
        ...(reason === undefined ? {} : { reason }),
      },
    }),
  )
  planFiles(db, exportId, rows, now)
  return null
}

/** Enters the files of some items in the ledger; an item with anything open becomes a task. */
function planItems(transaction: LibraryTransaction, request: ItemsRequest): PlannedResponse {
  const { items, exportId, enqueue } = request
  const planned = typeof items === 'string' ? (JSON.parse(items) as readonly PlannedItem[]) : items
  const open: number[] = []
  const tasks: NewTask[] = []
  for (const [index, item] of planned.entries()) {
    const copies = item.parts.flatMap((part) => part.copies)
    const rows = copies.map((copy) => toLedgerRow(copy, item.platform.name))
    const answers = planFiles(transaction.db, exportId, rows, transaction.now)
    if (answers.every(({ state }) => state === 'done')) continue
    open.push(index)
    const fileIds = new Map(answers.map(({ path, fileId }) => [path, fileId]))
    if (enqueue) tasks.push(toTask(request, item, fileIds))
  }
  transaction.add(tasks)
  return { open }
}

function toLedgerRow(copy: PlannedCopy, platform: string): PlannedFile {
  const { path, sizeBytes, modifiedAt, fingerprint, knowledge, pairing } = copy
  return {
    path,
    sizeBytes,
    fingerprint,
    knowledge,
    platform,
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
    ...(pairing === undefined ? {} : { pairing }),
  }
}

function toTask(
  request: ItemsRequest,
  item: PlannedItem,
  fileIds: ReadonlyMap<string, number>,
): NewTask<ItemPayload> {
  const account = accountOf(request.exportName)
  const parts = item.parts.map(({ role, copies }) => ({
    role,
    copies: copies.map((copy) => toItemCopy(copy, fileIds.get(copy.path) ?? 0)),
  }))
  const { exportId, exportName, exportFolder, options, priority } = request
  const placement = {
    exportId,
    exportName,
    exportFolder,
    platform: item.platform,
    ...(account === undefined ? {} : { account }),
  }
  const payload: ItemPayload = { placement, options, facts: item.facts, albumTitles: item.albumTitles, parts }
  return {
    kind: 'item',
    lane: 'item',
    payload,
    priority,
    group: exportGroup(exportName),
    maxRetries: ITEM_RETRIES,
  }
}

function toItemCopy(planned: PlannedCopy, fileId: number): ItemCopy {
  const {
    fingerprint: _fingerprint,
    knowledge: _knowledge,
    modifiedAt: _at,
    pairing: _pairing,
    ...copy
  } = planned
  return { ...copy, fileId }
}

/** All tasks of an export: its `export-finish` waits for this group. */
export function exportGroup(exportName: string): string {
  return `export:${exportName}`
}
