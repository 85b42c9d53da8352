/**
 * Is every byte safe: the library against its catalog, and an export against the library.
 *
 * Both sides are re-hashed; neither the file times nor the ledger are believed. What an export's file became is
 * decided by its content's SHA-1 alone: it is safe when the library holds that content in a file whose hash was
 * just verified. The ledger only explains the files that hold no media.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { type ErrorRecord, toErrorRecord } from '../errors.ts'
import type { Storage } from '../storage/storage.ts'
import type { Asset } from './asset-row.ts'
import type { Outcome } from './balance.ts'
import { REPORT_NAMES } from './report.ts'

export type AssetToCheck = Pick<
  Asset,
  'path' | 'sourceSha1' | 'writtenSha1' | 'sizeBytes' | 'sidecarPath' | 'sidecarSha1'
>

export interface CheckProgress {
  readonly files: number
  readonly bytes: number
}

export interface LibraryCheck {
  /** Media and `.xmp` files whose bytes are as written. */
  readonly ok: number
  readonly bytes: number
  /** Names in the library. */
  readonly missing: readonly string[]
  /** Other bytes than were written: edited, or damaged. */
  readonly changed: readonly string[]
  readonly unreadable: readonly { readonly name: string; readonly error: ErrorRecord }[]
  /** Files in the library's folder that the catalog does not know; reports are none. */
  readonly extra: readonly string[]
  /** SHA-1 of the source contents whose file is as it was written, 40 hexadecimal digits each. */
  readonly safe: ReadonlySet<string>
}

/** Re-hashes every file of the catalog, and lists the ones that are not in it. */
export async function checkLibrary(
  storage: Storage,
  assets: Iterable<AssetToCheck> | AsyncIterable<AssetToCheck>,
  options: {
    /** Files read at a time; a disk that turns wants 1 or 2, a solid one more. Default 4. */
    readonly concurrency?: number
    readonly signal?: AbortSignal
    readonly onProgress?: (progress: CheckProgress) => void
  } = {},
): Promise<LibraryCheck> {
  const state = { ok: 0, files: 0, bytes: 0 }
  const missing: string[] = []
  const changed: string[] = []
  const unreadable: { name: string; error: ErrorRecord }[] = []
  const known = new Set<string>()
  const safe = new Set<string>()

  const checkFile = async (name: string, sha1: string): Promise<boolean> => {
    known.add(name)
    const result = await hashOf(storage, name, options.signal)
    state.files += 1
    if ('error' in result) {
      if (result.error.code === 'storage/missing') missing.push(name)
      else unreadable.push({ name, error: result.error })
      return false
    }
    state.bytes += result.bytes
    options.onProgress?.({ files: state.files, bytes: state.bytes })
    if (result.sha1 === sha1) state.ok += 1
    else changed.push(name)
    return result.sha1 === sha1
  }

  await forEachOf(assets, options.concurrency ?? 4, async (asset) => {
    if (await checkFile(asset.path, asset.writtenSha1)) safe.add(asset.sourceSha1)
    if (asset.sidecarPath !== undefined && asset.sidecarSha1 !== undefined) {
      await checkFile(asset.sidecarPath, asset.sidecarSha1)
    }
  })
  const extra = await extraFiles(storage, known, options.signal)
  return {
    ok: state.ok,
    bytes: state.bytes,
    missing: missing.sort(),
    changed: changed.sort(),
    unreadable: unreadable.sort((a, b) => (a.name < b.name ? -1 : 1)),
    extra,
    safe,
  }
}

async function extraFiles(
  storage: Storage,
  known: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const extra: string[] = []
  for await (const { name } of storage.list()) {
    signal?.throwIfAborted()
    if (!known.has(name) && !REPORT_NAMES.includes(name)) extra.push(name)
  }
  return extra.sort()
}

async function hashOf(
  storage: Storage,
  name: string,
  signal: AbortSignal | undefined,
): Promise<{ sha1: string; bytes: number } | { error: ErrorRecord }> {
  const hash = createHash('sha1')
  let bytes = 0
  try {
    for await (const chunk of storage.read(name)) {
      signal?.throwIfAborted()
      hash.update(chunk)
      bytes += chunk.length
    }
  } catch (error) {
    signal?.throwIfAborted()
    return { error: toErrorRecord(error) }
  }
  return { sha1: hash.digest('hex'), bytes }
}

/** Runs `work` for each value, at most `limit` at a time; the first error ends it. */
async function forEachOf<Value>(
  values: Iterable<Value> | AsyncIterable<Value>,
  limit: number,
  work: (value: Value) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  try {
    for await (const value of values) {
      const task = work(value).finally(() => running.delete(task))
      running.add(task)
      if (running.size >= limit) await Promise.race(running)
    }
    await Promise.all(running)
  } finally {
    await Promise.allSettled(running)
  }
}

/** A file of the export, hashed now, and what the ledger says of it. */
export interface ExportFileToCheck {
  readonly path: string
  readonly sizeBytes: number
  /** Undefined when it could not be read. */
  readonly sha1?: string
  readonly error?: ErrorRecord
  /** Of the listing, see `fingerprintOf`. */
  readonly fingerprint: string
  /** Whether its content, or else its name, is that of a photo or video. */
  readonly isMedia: boolean
  /** Of `findFile`; undefined when it was never ingested. */
  readonly ledger?: {
    readonly outcome: Outcome | undefined
    readonly fingerprint: string
    readonly reasonCode: string | undefined
    readonly reason: string | undefined
  }
}

export type UnsafeReason =
  | 'unreadable'
  | 'never-ingested'
  | 'not-finished'
  | 'failed'
  | 'changed-since'
  | 'damaged-in-library'
  | 'set-aside'

export interface ExportCheck {
  /** `yes-but`: every photo and video is safe; other files of the export are not in the library. */
  readonly verdict: 'yes' | 'yes-but' | 'no'
  readonly mayDelete: boolean
  readonly safe: number
  /** Metadata files: what they say is in the library's files and catalog, their bytes are not. */
  readonly sidecars: number
  /** Files that the library does not keep, with the reason. */
  readonly notKept: readonly { readonly path: string; readonly reason: string }[]
  /** What would be lost. */
  readonly unsafe: readonly {
    readonly path: string
    readonly reason: UnsafeReason
    readonly detail?: string
  }[]
}

/**
 * @param safe - Of {@link checkLibrary}.
 * @param isKnown - Whether the catalog has a source content at all, safe or not.
 */
export async function checkExport(
  files: Iterable<ExportFileToCheck> | AsyncIterable<ExportFileToCheck>,
  safe: ReadonlySet<string>,
  isKnown: (sha1: string) => boolean,
): Promise<ExportCheck> {
  let kept = 0
  let sidecars = 0
  const notKept: { path: string; reason: string }[] = []
  const unsafe: { path: string; reason: UnsafeReason; detail?: string }[] = []
  for await (const file of files) {
    const fate = fateOf(file, safe, isKnown)
    if (fate === 'safe') kept += 1
    else if (fate === 'sidecar') sidecars += 1
    else if (fate === 'ignored') notKept.push({ path: file.path, reason: file.ledger?.reason ?? 'ignored' })
    else unsafe.push(unsafeEntry(file, fate))
  }
  const verdict = unsafe.length > 0 ? 'no' : notKept.length > 0 ? 'yes-but' : 'yes'
  return { verdict, mayDelete: verdict !== 'no', safe: kept, sidecars, notKept, unsafe }
}

function fateOf(
  file: ExportFileToCheck,
  safe: ReadonlySet<string>,
  isKnown: (sha1: string) => boolean,
): 'safe' | 'sidecar' | 'ignored' | UnsafeReason {
  if (file.sha1 === undefined) return 'unreadable'
  if (safe.has(file.sha1)) return 'safe'
  if (isKnown(file.sha1)) return 'damaged-in-library'
  if (file.ledger === undefined) return 'never-ingested'
  const { outcome, fingerprint } = file.ledger
  if (outcome === undefined) return 'not-finished'
  if (outcome === 'failed') return 'failed'
  if (outcome !== 'sidecar' && outcome !== 'ignored') return 'changed-since'
  if (fingerprint !== file.fingerprint) return 'changed-since'
  return outcome === 'ignored' && isSetAside(file) ? 'set-aside' : outcome
}

/** A photo that was left out: for a reason that says nothing of what it is, or by its name alone. */
function isSetAside({ isMedia, ledger }: ExportFileToCheck): boolean {
  const code = ledger?.reasonCode
  return code === 'vanished' || (isMedia && code !== 'service-file')
}

function unsafeEntry(
  file: ExportFileToCheck,
  reason: UnsafeReason,
): { path: string; reason: UnsafeReason; detail?: string } {
  const detail = file.error?.message ?? (hasReason(reason) ? file.ledger?.reason : undefined)
  return detail === undefined ? { path: file.path, reason } : { path: file.path, reason, detail }
}

/** Those of which the ledger says why. */
function hasReason(reason: UnsafeReason): boolean {
  return reason === 'failed' || reason === 'set-aside'
}
