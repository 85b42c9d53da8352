/**
 * Performs the outbox: after each commit, and at start-up for what a crash interrupted.
 *
 * Three steps, because the database lives in a thread of its own: read the entries, do the file work, record
 * what came of it. Each may be repeated. A temporary file that is gone is looked for under its final name; when
 * neither holds the bytes, the asset is taken back and its files are open again, so that the next run places
 * them. What the system refuses stays in the outbox with the reason, and is tried again by the next run: one bad
 * name must not end the job. Files that were placed are never removed.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { systemCode, toErrorRecord } from '../errors.ts'
import { type Storage, UnsafeNameError } from '../storage/storage.ts'
import { findAsset, renameAsset } from './catalog.ts'
import { addRemark, type Note } from './ledger.ts'
import { blockOutbox, clearOutbox, listOutbox, type OutboxEntry } from './outbox.ts'
import { prepared } from './statements.ts'

/** What came of some outbox entries. */
export interface Replay {
  /** Entries whose file has its final name, durably. */
  readonly done: readonly number[]
  /** Assets whose reserved name is taken by another file: to be renamed and tried again. */
  readonly contested: readonly number[]
  /** Assets whose bytes are nowhere. */
  readonly lost: readonly number[]
  /** Entries that the system refuses: they stay, to be tried again by the next run. */
  readonly blocked: readonly { readonly id: number; readonly why: Note }[]
}

/** Publishing is waiting for the disk: a few at a time. */
const CONCURRENCY = 8

/**
 * Does the file work of outbox entries.
 *
 * @param trust - True just after a commit: the temporary files are those that the workers have just synced.
 *   False at start-up: their bytes are hashed before they get a final name.
 */
export async function publishEntries(
  storage: Storage,
  entries: readonly OutboxEntry[],
  trust: boolean,
): Promise<Replay> {
  const assets = byAsset(entries)
  const results = new Map<number, EntryResult>()
  for (let start = 0; start < assets.length; start += CONCURRENCY) {
    const batch = assets.slice(start, start + CONCURRENCY)
    await Promise.all(batch.map((parts) => publishAsset(storage, parts, trust, results)))
  }
  const assetsOf = (result: EntryResult): number[] => [
    ...new Set(entries.filter(({ id }) => results.get(id) === result).map(({ assetId }) => assetId)),
  ]
  await syncDone(storage, entries, results)
  return {
    done: [...results].flatMap(([id, result]) => (result === 'done' ? [id] : [])),
    contested: assetsOf('contested'),
    lost: assetsOf('lost'),
    blocked: [...results].flatMap(([id, why]) => (typeof why === 'string' ? [] : [{ id, why }])),
  }
}

/** A name is only done when it is durable. */
async function syncDone(
  storage: Storage,
  entries: readonly OutboxEntry[],
  results: Map<number, EntryResult>,
): Promise<void> {
  const done = entries.filter(({ id }) => results.get(id) === 'done')
  try {
    await storage.syncFolders(done.map(({ final }) => final))
  } catch (error) {
    const why = obstacleOf(error)
    for (const { id } of done) results.set(id, why)
  }
}

/** @throws what is not about the file or the disk: that is a bug. */
function obstacleOf(error: unknown): Note {
  if (!(error instanceof UnsafeNameError) && systemCode(error) === undefined) throw error
  const { code, message, hint } = toErrorRecord(error)
  return { code, message: hint === undefined ? message : `${message}. ${hint}` }
}

function byAsset(entries: readonly OutboxEntry[]): OutboxEntry[][] {
  const assets = new Map<number, OutboxEntry[]>()
  for (const entry of entries) {
    const parts = assets.get(entry.assetId)
    if (parts === undefined) assets.set(entry.assetId, [entry])
    else parts.push(entry)
  }
  return [...assets.values()]
}

/** All parts of an asset, or none where one's name is taken: they are renamed together. */
async function publishAsset(
  storage: Storage,
  parts: readonly OutboxEntry[],
  trust: boolean,
  results: Map<number, EntryResult>,
): Promise<void> {
  try {
    const together = parts.length > 1
    if (together && (await Promise.all(parts.map((part) => isContested(storage, part)))).includes(true)) {
      for (const part of parts) results.set(part.id, 'contested')
      return
    }
    for (const part of parts) results.set(part.id, await publishEntry(storage, part, trust))
  } catch (error) {
    const why = obstacleOf(error)
    for (const { id } of parts.filter((part) => !results.has(part.id))) results.set(id, why)
  }
}

async function isContested(storage: Storage, entry: OutboxEntry): Promise<boolean> {
  return (await storage.stat(entry.final)) !== undefined && !(await isPlaced(storage, entry))
}

type EntryResult = 'done' | 'contested' | 'lost' | Note

async function publishEntry(
  storage: Storage,
  entry: OutboxEntry,
  trust: boolean,
): Promise<Exclude<EntryResult, Note>> {
  if (!trust && !(await hasBytes(storage.readTemp(entry.temp), entry))) {
    if (!(await isPlaced(storage, entry))) return 'lost'
    await storage.discard(entry.temp)
    return 'done'
  }
  const outcome = await storage.publish(entry.temp, entry.final)
  if (outcome === 'conflict') return 'contested'
  if (outcome === 'missing') return (await isPlaced(storage, entry)) ? 'done' : 'lost'
  return 'done'
}

async function isPlaced(storage: Storage, entry: OutboxEntry): Promise<boolean> {
  const found = await storage.stat(entry.final)
  return found?.sizeBytes === entry.sizeBytes && (await hasBytes(storage.read(entry.final), entry))
}

/** False also when the file is not there. */
async function hasBytes(chunks: AsyncIterable<Uint8Array>, entry: OutboxEntry): Promise<boolean> {
  const hash = createHash('sha1')
  try {
    for await (const chunk of chunks) hash.update(chunk)
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
  return hash.digest('hex') === entry.sha1
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'storage/missing'
}

/** Records a {@link Replay}; renamed assets keep their entries in the outbox. Answers whether any are left. */
export function applyReplay(db: DatabaseSync, replay: Replay): { readonly left: boolean } {
  clearOutbox(db, replay.done)
  for (const { id, why } of replay.blocked) blockOutbox(db, id, why)
  for (const assetId of replay.lost) takeBack(db, assetId)
  for (const assetId of replay.contested) {
    if (findAsset(db, assetId) !== undefined) renameAsset(db, assetId)
  }
  return { left: replay.contested.length > 0 }
}

/** Removes an asset whose bytes are nowhere; the files it came from are open again. */
function takeBack(db: DatabaseSync, assetId: number): void {
  const files = prepared(db, 'SELECT export_id, path FROM files WHERE asset_id = ?').all(assetId)
  prepared(
    db,
    `UPDATE files SET outcome = NULL, reason_code = NULL, reason = NULL, asset_id = NULL, settled_at = NULL
     WHERE asset_id = ?`,
  ).run(assetId)
  prepared(db, 'DELETE FROM assets WHERE id = ?').run(assetId)
  for (const file of files) {
    const remark = {
      exportId: Number(file['export_id']),
      code: 'placed-again',
      message: 'a crash lost the placed file before it had its name; an ingest of the export places it again',
      path: String(file['path']),
    }
    addRemark(db, remark, 'recovery')
  }
}

/** Begins a recovery: the remarks of the last one are forgotten; answers the whole outbox. */
export function beginRecovery(db: DatabaseSync): OutboxEntry[] {
  db.exec("DELETE FROM remarks WHERE origin = 'recovery'")
  return listOutbox(db)
}

/** The database side of {@link recoverLibrary}, wherever the database lives. */
export interface RecoveryStore {
  /** {@link beginRecovery} */
  begin(): Promise<readonly OutboxEntry[]>
  /** {@link applyReplay} */
  apply(replay: Replay): Promise<{ readonly left: boolean }>
  /** {@link listOutbox} */
  list(): Promise<readonly OutboxEntry[]>
}

export interface Recovery {
  /** Files that got their final name, or were found to have it. */
  readonly completed: number
  /** Assets that were taken back. */
  readonly lost: number
  /** Files that the system refuses their names. */
  readonly blocked: number
  /** Temporary files of nobody. */
  readonly swept: number
}

/** A name is contested by a file that is not ours; the second name carries more of the hash. */
const MAX_ROUNDS = 10

/** Start-up, with the lease held and nothing running: completes the outbox, and sweeps what is left over. */
export async function recoverLibrary(
  storage: Storage,
  store: RecoveryStore,
  keepTemps: ReadonlySet<string> = new Set(),
): Promise<Recovery> {
  let completed = 0
  let lost = 0
  const blocked = new Set<number>()
  let entries = await store.begin()
  for (let round = 0; entries.length > 0 && round < MAX_ROUNDS; round += 1) {
    const replay = await publishEntries(storage, entries, false)
    completed += replay.done.length
    lost += replay.lost.length
    for (const { id } of replay.blocked) blocked.add(id)
    const { left } = await store.apply(replay)
    entries = left ? (await store.list()).filter(({ id }) => !blocked.has(id)) : []
  }
  const waiting = await store.list()
  const keep = new Set([...keepTemps, ...waiting.map(({ temp }) => temp)])
  return { completed, lost, blocked: blocked.size, swept: await storage.sweepTemps(keep) }
}
