/**
 * The commit of an `item` task: catalog, ledger, albums and outbox, in the task's own transaction.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { addToAlbum, findAlbum } from '../library/albums.ts'
import { findAsset, type InsertedAsset, insertAsset, type NewAsset } from '../library/catalog.ts'
import { addRemark, findFile, settleFile, settleWithAsset } from '../library/ledger.ts'
import { addOutbox, type OutboxEntry } from '../library/outbox.ts'
import type { StandIn } from '../library/replace-asset.ts'
import type { Transaction } from '../queue/commit.ts'
import type { Task } from '../queue/task.ts'
import type {
  CopyResult,
  ItemCopy,
  ItemPart,
  ItemPayload,
  ItemResult,
  PartResult,
  PlacedFile,
} from './item.ts'
import { spooledBytes, spooledFiles } from './spool-plan.ts'

type LibraryTransaction = Transaction<DatabaseSync>

export interface ItemCommit {
  readonly exportName: string
  /** Files that have been decided on and have yet to get their final names. */
  readonly publish: readonly OutboxEntry[]
  /** Temporary files that are of no use any more: object names of the storage. */
  readonly discard: readonly string[]
  /** Files of a content that the library has: of no use, unless its file is gone. */
  readonly standIns: readonly PlacedStandIn[]
  /** Of spooled files among the discarded. */
  readonly spooledBytes: number
}

/** A {@link StandIn}, and the file that it can stand in for, as the catalog has it. */
export interface PlacedStandIn extends StandIn {
  readonly path: string
  readonly sizeBytes: number
}

interface Effects {
  readonly publish: OutboxEntry[]
  readonly discard: string[]
  readonly standIns: PlacedStandIn[]
}

export function commitItem(transaction: LibraryTransaction, task: Task, result: unknown): ItemCommit {
  const payload = task.payload as ItemPayload
  const effects: Effects = { publish: [], discard: spooledFiles(payload), standIns: [] }
  let primaryAssetId: number | undefined
  for (const [index, partResult] of (result as ItemResult).parts.entries()) {
    const part = payload.parts[index]
    if (part === undefined) throw new TypeError(`result has a part ${index} that the item has not`)
    const assetId = commitPart({ transaction, task, payload, part, effects }, partResult, primaryAssetId)
    if (part.role === 'primary') primaryAssetId = assetId
  }
  return {
    exportName: payload.placement.exportName,
    ...effects,
    spooledBytes: spooledBytes([payload]),
  }
}

interface PartCommit {
  readonly transaction: LibraryTransaction
  readonly task: Task
  readonly payload: ItemPayload
  readonly part: ItemPart
  readonly effects: Effects
}

function commitPart(
  commit: PartCommit,
  result: PartResult,
  primaryAssetId: number | undefined,
): number | undefined {
  const assetId =
    result.placed === undefined ? undefined : commitPlaced(commit, result.placed, primaryAssetId)
  for (const [index, copyResult] of result.copies.entries()) {
    const copy = commit.part.copies[index]
    if (copy === undefined) throw new TypeError(`result has a copy ${index} that the part has not`)
    settleCopy(commit, copy, copyResult, assetId)
  }
  return assetId
}

function commitPlaced(commit: PartCommit, placed: PlacedFile, primaryAssetId: number | undefined): number {
  const { transaction, payload, part, effects } = commit
  const { db, now } = transaction
  const inserted = insertAsset(db, toNewAsset(payload, part, placed, { primaryAssetId, now }))
  for (const key of placed.albums) {
    const album = findAlbum(db, payload.placement.exportId, key)
    if (album !== undefined) addToAlbum(db, album.id, inserted.assetId)
  }
  if (inserted.status === 'duplicate') {
    effects.standIns.push(toStandIn(commit, placed, inserted))
    nameLostSidecar(commit, placed, inserted)
    return inserted.assetId
  }
  const media = { temp: placed.temp, sizeBytes: placed.sizeBytes, sha1: placed.writtenSha1 }
  const links: Omit<OutboxEntry, 'id' | 'assetId'>[] = [{ part: 'media', final: inserted.path, ...media }]
  if (placed.sidecar !== undefined && inserted.sidecarPath !== undefined) {
    const { temp, sizeBytes, sha1 } = placed.sidecar
    links.push({ part: 'sidecar', final: inserted.sidecarPath, temp, sizeBytes, sha1 })
  }
  for (const link of links) {
    const entry = { assetId: inserted.assetId, ...link }
    effects.publish.push({ ...entry, id: addOutbox(db, entry) })
  }
  return inserted.assetId
}

function toStandIn(
  { transaction: { db }, payload }: PartCommit,
  { temp, writtenSha1, sizeBytes, sidecar }: PlacedFile,
  { assetId, path }: InsertedAsset,
): PlacedStandIn {
  const media = { temp, sizeBytes, sha1: writtenSha1 }
  return {
    assetId,
    path,
    sizeBytes: findAsset(db, assetId)?.sizeBytes ?? 0,
    exportId: payload.placement.exportId,
    media,
    ...(sidecar === undefined
      ? {}
      : { sidecar: { temp: sidecar.temp, sizeBytes: sidecar.sizeBytes, sha1: sidecar.sha1 } }),
  }
}

/** The library's file is not changed for a duplicate, so what only the duplicate's sidecar holds stays behind. */
function nameLostSidecar(
  { transaction: { db }, payload }: PartCommit,
  placed: PlacedFile,
  existing: InsertedAsset,
): void {
  const { keptFrom, sha1 } = placed.sidecar ?? {}
  if (keptFrom === undefined || findAsset(db, existing.assetId)?.sidecarSha1 === sha1) return
  const { exportId } = payload.placement
  const message = `the library has its photo already (${existing.path}), without this sidecar`
  // Stays when the export is read again: the item is not done again then, and would not repeat it.
  addRemark(db, { exportId, code: 'sidecar-not-kept', path: keptFrom, message }, 'placing')
}

function toNewAsset(
  payload: ItemPayload,
  part: ItemPart,
  placed: PlacedFile,
  at: { readonly primaryAssetId: number | undefined; readonly now: number },
): NewAsset {
  const { placement } = payload
  const { temp: _temp, sidecar, extension, albums: _albums, problems, ...facts } = placed
  // Trashed pictures are kept, but apart from those that their owner wanted to keep.
  const folder = `${placement.exportFolder}/${placed.trashed ? 'trash/' : ''}${placement.platform.folder}`
  return {
    ...facts,
    exportId: placement.exportId,
    platform: placement.platform.name,
    problems: [...problems],
    folder,
    name: {
      stem: placement.platform.stem,
      extension,
      ...(placement.account === undefined ? {} : { account: placement.account }),
    },
    role: part.role,
    now: at.now,
    ...(at.primaryAssetId === undefined || part.role === 'primary'
      ? {}
      : { primaryAssetId: at.primaryAssetId }),
    ...(sidecar === undefined ? {} : { sidecarSha1: sidecar.sha1 }),
  }
}

function settleCopy(
  commit: PartCommit,
  copy: ItemCopy,
  result: CopyResult,
  assetId: number | undefined,
): void {
  const { transaction, task } = commit
  const { db, now } = transaction
  const at = { fileId: copy.fileId, taskId: task.id, now }
  if (result.outcome !== 'same' && wasPlaced(commit, copy)) return
  switch (result.outcome) {
    case 'same': {
      if (assetId === undefined) throw new TypeError(`${copy.path} was placed nowhere`)
      settleWithAsset(db, { ...at, assetId })
      return
    }
    case 'different':
      addAlone(commit, copy)
      return
    case 'ignored':
      settleFile(db, { ...at, outcome: 'ignored', reasonCode: 'not-media', reason: result.reason })
      return
    case 'failed': {
      const { code, message } = result.error
      settleFile(db, { ...at, outcome: 'failed', reasonCode: code, reason: message })
    }
  }
}

/**
 * An item is run again for one of its files: what an earlier run has placed of the others is in the library,
 * whatever could not be read of it this time.
 */
function wasPlaced({ transaction: { db }, payload }: PartCommit, { path }: ItemCopy): boolean {
  const outcome = findFile(db, payload.placement.exportId, path)?.outcome
  return outcome === 'imported' || outcome === 'duplicate'
}

/** A copy that turned out to be another content becomes an item of its own, in this same transaction. */
function addAlone({ transaction, task, payload, part }: PartCommit, copy: ItemCopy): void {
  const facts = payload.facts[copy.facts]
  if (facts === undefined) throw new TypeError(`${copy.path} has no facts`)
  const alone: ItemPayload = {
    ...payload,
    facts: [facts],
    // As a primary, what is no media would not be placed.
    parts: [
      { role: part.role === 'edit-instructions' ? part.role : 'primary', copies: [{ ...copy, facts: 0 }] },
    ],
  }
  transaction.add([
    {
      kind: task.kind,
      lane: task.lane,
      payload: alone,
      priority: task.priority,
      maxRetries: task.maxRetries,
      ...(task.group === undefined ? {} : { group: task.group }),
    },
  ])
}

/** After the last attempt: every input of the item that was not settled is named as failed. */
export function failItem(transaction: LibraryTransaction, task: Task): ItemCommit {
  const payload = task.payload as ItemPayload
  const { code = 'item/cancelled', message = 'the task was cancelled' } = task.error ?? {}
  for (const copy of payload.parts.flatMap((part) => part.copies)) {
    // An item is run again for one of its files; the others may have been settled by an earlier run.
    if (findFile(transaction.db, payload.placement.exportId, copy.path)?.outcome !== undefined) continue
    settleFile(transaction.db, {
      fileId: copy.fileId,
      taskId: task.id,
      outcome: 'failed',
      reasonCode: code,
      reason: message,
      now: transaction.now,
    })
  }
  return {
    exportName: payload.placement.exportName,
    publish: [],
    discard: spooledFiles(payload),
    standIns: [],
    spooledBytes: spooledBytes([payload]),
  }
}
