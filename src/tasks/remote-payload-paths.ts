/**
 * Every path in the payloads and results of remote tasks, to be translated: on the way in from the coordinator's to this
 * host's, on the way out back. Pure.
 *
 * What people wrote (captions, names of files in an export) is never changed, even where it looks like a path.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import type { EntrySource } from '../storage/entry.ts'
import type { ObjectStoreConfig } from '../storage/object-store.ts'
import type { CopyResult, ItemCopy, ItemPayload, ItemResult, PartResult, PlacedFile } from './item.ts'
import type { PathMap, RemoteLane } from './remote-api.ts'
import type { MappedPaths } from './remote-paths.ts'
import type { HashedChunk, ThumbnailPayload } from './thumbnail-task.ts'

/** The kinds that worker hosts run are called like their lanes. */
export type RemoteKind = RemoteLane

export type RemotePayload = ItemPayload | ThumbnailPayload

/** A mapped folder, as it was found when the worker host started. */
export interface HostRoot extends PathMap {
  /** Another filesystem is mounted at `here`: where it no longer is, the folder is not the same. */
  readonly isMount: boolean
}

/** What a worker process of a worker host gets as payload: checked, and with the paths of this host. */
export interface HostedTask {
  readonly origin: string
  /** The coordinator's. */
  readonly taskId: number
  readonly attempt: number
  readonly payload: RemotePayload
  /** Nothing outside of these is touched, but for `scratch`. */
  readonly roots: readonly HostRoot[]
  /** Absolute: a folder of this host's own, for what nobody else has to see. */
  readonly scratch: string
}

type Translate = (path: string) => string

export function mapItemPaths(payload: ItemPayload, translate: Translate): ItemPayload {
  const { options, parts } = payload
  const toCopy = (copy: ItemCopy): ItemCopy => {
    const { xmp } = copy
    const source = mapSource(copy.source, translate)
    return { ...copy, source, ...(xmp && { xmp: { ...xmp, source: mapSource(xmp.source, translate) } }) }
  }
  return {
    ...payload,
    options: { ...options, tempFolder: translate(options.tempFolder) },
    parts: parts.map((part) => ({ ...part, copies: part.copies.map(toCopy) })),
  }
}

function mapSource(source: EntrySource, translate: Translate): EntrySource {
  return { ...source, file: translate(source.file) }
}

/** Without its temporary folder: nobody but its process has to see what lies there. */
export function mapThumbnailPaths(payload: ThumbnailPayload, translate: Translate): ThumbnailPayload {
  const { tempFolder: _tempFolder, source, store, ...rest } = payload
  return {
    ...rest,
    store: mapStore(store, translate),
    source:
      source.kind === 'file'
        ? { ...source, path: translate(source.path) }
        : { ...source, store: mapStore(source.store, translate) },
  }
}

function mapStore(store: ObjectStoreConfig, translate: Translate): ObjectStoreConfig {
  return store.kind === 's3' ? store : { ...store, root: translate(store.root) }
}

/** Paths of this host that a task touches. */
export interface TouchedPaths {
  /** Files that are read; whether they are there is for the handler to find out. */
  readonly files: readonly string[]
  /** The coordinator made them, so they are there, unless this host sees something else than the coordinator. */
  readonly folders: readonly string[]
}

export function itemPaths(payload: ItemPayload): TouchedPaths {
  const all = new Set<string>()
  mapItemPaths(payload, (path) => {
    all.add(path)
    return path
  })
  const { tempFolder } = payload.options
  all.delete(tempFolder)
  return { files: [...all], folders: [tempFolder] }
}

export function thumbnailPaths({ source, store }: ThumbnailPayload): TouchedPaths {
  const stores = source.kind === 'object' ? [store, source.store] : [store]
  const folders = stores.flatMap((one) => (one.kind === 'local' ? [one.root] : []))
  return { files: source.kind === 'file' ? [source.path] : [], folders: [...new Set(folders)] }
}

// # The way back

export function tellItemResult({ parts }: ItemResult, { tell }: MappedPaths): ItemResult {
  const toPart = (part: PartResult): PartResult => ({
    ...part,
    copies: part.copies.map((copy) => tellCopy(copy, tell)),
    ...(part.placed && { placed: tellPlaced(part.placed, tell) }),
  })
  return { parts: parts.map(toPart) }
}

function tellCopy(copy: CopyResult, tell: Translate): CopyResult {
  switch (copy.outcome) {
    case 'failed':
      return { ...copy, error: tellError(copy.error, tell) }
    case 'ignored':
      return { ...copy, reason: tell(copy.reason) }
    case 'same':
    case 'different':
      return copy
  }
}

function tellPlaced(placed: PlacedFile, tell: Translate): PlacedFile {
  const problems = placed.problems.map((problem) => ({ ...problem, message: tell(problem.message) }))
  return { ...placed, problems }
}

export function tellError(error: ErrorRecord, tell: Translate): ErrorRecord {
  const { message, hint } = error
  return { ...error, message: tell(message), ...(hint === undefined ? {} : { hint: tell(hint) }) }
}

/** The coordinator knows the file by its own path, and enters its hash under that. */
export function tellHashed(chunk: HashedChunk, { toThere }: MappedPaths): HashedChunk {
  return { ...chunk, file: { ...chunk.file, path: toThere(chunk.file.path) } }
}

/** Whether an input could not be read, which is told in the result. */
export function hasFailedCopy({ parts }: ItemResult): boolean {
  return parts.some(({ copies }) => copies.some(({ outcome }) => outcome === 'failed'))
}
