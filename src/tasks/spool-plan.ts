/**
 * Which entries of a tgz must be unpacked for which items, and which items are complete: pure bookkeeping.
 *
 * A tgz cannot be read out of order, so one copy of each content is unpacked while it streams past; the other
 * copies are known to be equal by the SHA-1 that listing the archive has found.
 *
 * @module
 */

import type { ItemCopy } from './item.ts'
import type { PlannedCopy, PlannedItem } from './plan-chunk.ts'

export interface SpoolPlan {
  /** True for the one copy of each content that is to be unpacked. */
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
  readonly item: PlannedItem
  missing: number
}

/** @param items - Each copy's `sha1` is set: see `ItemCopy.sha1`. */
export function planSpool(items: readonly PlannedItem[]): SpoolPlan {
  const numbers = new Map<string, number>()
  const files = new Map<string, string>()
  const waiting = new Map<string, Pending>()
  const pending = new Set<Pending>()
  const ready: PlannedItem[] = []
  for (const item of items) {
    const paths = streamedCopies(item).map(({ path }) => path)
    if (paths.length === 0) {
      ready.push(item)
      continue
    }
    const entry: Pending = { item, missing: paths.length }
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
      return [withFiles(entry.item, files)]
    },
    rest: () => [...pending].map(({ item }) => withFiles(item, files)),
  }
}

/** The first copy of each part, where its bytes lie in a tgz. */
function streamedCopies(item: PlannedItem): PlannedCopy[] {
  const firsts = item.parts.flatMap(({ copies }) => copies.slice(0, 1))
  return firsts.filter(({ source }) => source.kind === 'stream')
}

function withFiles(item: PlannedItem, files: ReadonlyMap<string, string>): PlannedItem {
  const parts = item.parts.map((part) => {
    const file = files.get(part.copies[0]?.path ?? '')
    const copies = part.copies.map(
      (copy): PlannedCopy =>
        file === undefined ? copy : { ...copy, source: { kind: 'file', file }, spooled: true },
    )
    return { ...part, copies }
  })
  return { ...item, parts }
}

/** Bytes of the temporary files that these items are read from: one copy of each part. */
export function spooledBytes(
  items: readonly {
    readonly parts: readonly { readonly copies: readonly Pick<ItemCopy, 'sizeBytes' | 'spooled'>[] }[]
  }[],
): number {
  const firsts = items.flatMap(({ parts }) => parts.flatMap(({ copies }) => copies.slice(0, 1)))
  return firsts.reduce((sum, copy) => sum + (copy.spooled === true ? copy.sizeBytes : 0), 0)
}
