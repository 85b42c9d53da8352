/**
 * Which entries of a tgz must be unpacked for which items, and which items are complete: pure bookkeeping.
 *
 * A tgz cannot be read out of order, so one copy of each content is unpacked while it streams past; the other
 * copies are known to be equal by the SHA-1 that listing the archive has found. Sidecars are unpacked with each.
 *
 * @module
 */

import { basename } from 'node:path'
import type { ItemCopy } from './item.ts'
import type { PlannedCopy, PlannedItem } from './plan-chunk.ts'

export interface SpoolPlan {
  /** True for the one copy of each content that is to be unpacked, and for the sidecars of all. */
  wants(path: string): boolean
  /** A small number for the file name of a wanted entry. */
  numberOf(path: string): number
  /** Records that `path` lies at `file` now; answers the items that are complete with it. */
  arrived(path: string, file: string): readonly PlannedItem[]
  /** Items that need nothing unpacked (an export may have zip parts beside its tgz ones). */
  readonly ready: readonly PlannedItem[]
  /** Items that never became complete, because the archive ended early: their missing copies have no bytes. */
  rest(): readonly PlannedItem[]
}

interface Pending {
  /** Index of the item. */
  readonly item: number
  missing: number
}

/** By index: an array, or what keeps many in little memory. */
export interface PlannedItems {
  readonly length: number
  at(index: number): PlannedItem | undefined
}

/** @param items - Each copy's `sha1` is set: see `ItemCopy.sha1`. */
export function planSpool(items: PlannedItems): SpoolPlan {
  const numbers = new Map<string, number>()
  const files = new Map<string, string>()
  const waiting = new Map<string, Pending>()
  const pending = new Set<Pending>()
  const ready: PlannedItem[] = []
  const withFilesOf = (index: number): PlannedItem[] => {
    const item = items.at(index)
    return item === undefined ? [] : [withFiles(item, files)]
  }
  for (let index = 0; index < items.length; index += 1) {
    const item = items.at(index)
    if (item === undefined) continue
    const paths = streamedPaths(item)
    if (paths.length === 0) {
      ready.push(item)
      continue
    }
    const entry: Pending = { item: index, missing: paths.length }
    pending.add(entry)
    for (const path of paths) {
      numbers.set(path, numbers.size)
      waiting.set(path, entry)
    }
  }
  return {
    ready,
    wants: (path) => numbers.has(path),
    numberOf: (path) => numbers.get(path) ?? -1,
    arrived: (path, file) => {
      files.set(path, file)
      const entry = waiting.get(path)
      if (entry === undefined) return []
      entry.missing -= 1
      if (entry.missing > 0) return []
      pending.delete(entry)
      return withFilesOf(entry.item)
    },
    rest: () => [...pending].flatMap(({ item }) => withFilesOf(item)),
  }
}

/** The first copy of each part, and every copy's sidecar, where their bytes lie in a tgz. */
function streamedPaths(item: PlannedItem): string[] {
  const files = item.parts.flatMap(({ copies }) => [
    ...copies.slice(0, 1),
    ...copies.flatMap(({ xmp }) => xmp ?? []),
  ])
  return files.filter(({ source }) => source.kind === 'stream').map(({ path }) => path)
}

function withFiles(item: PlannedItem, files: ReadonlyMap<string, string>): PlannedItem {
  const parts = item.parts.map((part) => {
    const file = files.get(part.copies[0]?.path ?? '')
    const copies = part.copies.map((copy): PlannedCopy => {
      const { xmp } = copy
      const sidecar = xmp === undefined ? {} : { xmp: withFile(xmp, files.get(xmp.path)) }
      return { ...withFile(copy, file), ...sidecar }
    })
    return { ...part, copies }
  })
  return { ...item, parts }
}

function withFile<T extends Pick<ItemCopy, 'source' | 'spooled'>>(copy: T, file: string | undefined): T {
  return file === undefined ? copy : { ...copy, source: { kind: 'file', file }, spooled: true }
}

/** Copies with what lies beside them: of an item that is planned, or of a task. */
interface Spooled {
  readonly parts: readonly {
    readonly copies: readonly Pick<ItemCopy, 'source' | 'sizeBytes' | 'spooled' | 'xmp'>[]
  }[]
}

/** Object names of the temporary files that an item is read from. */
export function spooledFiles({ parts }: Spooled): string[] {
  const files = parts.flatMap(({ copies }) =>
    copies.flatMap((copy) => [copy, ...(copy.xmp ? [copy.xmp] : [])]),
  )
  return [...new Set(files.flatMap(({ spooled, source }) => (spooled ? [basename(source.file)] : [])))]
}

/** Bytes of the temporary files that these items are read from: one copy of each part, and the sidecars. */
export function spooledBytes(items: readonly Spooled[]): number {
  const files = items.flatMap(({ parts }) =>
    parts.flatMap(({ copies }) => [...copies.slice(0, 1), ...copies.flatMap(({ xmp }) => xmp ?? [])]),
  )
  return files.reduce((sum, copy) => sum + (copy.spooled === true ? copy.sizeBytes : 0), 0)
}
