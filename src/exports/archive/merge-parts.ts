/**
 * Makes one list of entries out of the parts of an export, in which every path occurs once.
 *
 * Google writes some files (album metadata) into several parts, people download a part twice, and an archive may
 * hold a name twice. Equal content under an equal path is one file; different contents both stay, the later one
 * as `name (copy 2).jpg`, because dropping either would lose it.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { openEntry } from '../../storage/entry-reader.ts'
import type { ArchiveEntry, ArchiveProblem } from './archive.ts'
import { distinctPath } from './entry-path.ts'

/** What one folder or archive holds. */
export interface Part {
  /** Absolute path it was read from. */
  readonly input: string
  readonly entries: readonly ArchiveEntry[]
}

export interface MergedParts {
  readonly entries: ArchiveEntry[]
  readonly problems: ArchiveProblem[]
}

/** Parts in order; of equal files the first part's is kept. */
export async function mergeParts(parts: readonly Part[]): Promise<MergedParts> {
  const byPath = new Map<string, { entry: ArchiveEntry; input: string }>()
  const merged: MergedParts = { entries: [], problems: [] }
  const clashes: { entry: ArchiveEntry; input: string }[] = []
  for (const { input, entries } of parts) {
    for (const entry of entries) {
      if (byPath.has(entry.path)) clashes.push({ entry, input })
      else {
        byPath.set(entry.path, { entry, input })
        merged.entries.push(entry)
      }
    }
  }
  // After all others, so that a new name never takes the place of a real one.
  for (const clash of clashes) await settleClash(clash, byPath, merged)
  return merged
}

async function settleClash(
  { entry, input }: { entry: ArchiveEntry; input: string },
  byPath: Map<string, { entry: ArchiveEntry; input: string }>,
  merged: MergedParts,
): Promise<void> {
  const { path, sizeBytes } = entry
  const first = byPath.get(path)
  const isEqual = first !== undefined && (await haveEqualContent(first.entry, entry))
  if (isEqual) {
    if (first.input !== input) return
    const message = 'is in the archive twice with equal content; one is kept'
    merged.problems.push({ path, sizeBytes, code: 'duplicate-name', delivered: true, message })
    return
  }
  const own = distinctPath(path, (candidate) => byPath.has(candidate))
  const renamed = withPath(entry, own)
  byPath.set(own, { entry: renamed, input })
  merged.entries.push(renamed)
  const where = first?.input === input ? 'in the archive twice' : `in ${first?.input} and in ${input}`
  const message = `is ${where} with different content; the second is kept as ${own}`
  merged.problems.push({ path: own, sizeBytes, code: 'duplicate-name', delivered: true, message })
}

/** Entries of a folder are no plain objects: a copy by its fields would have no source. */
function withPath({ sizeBytes, modifiedAt, contentHint, source }: ArchiveEntry, path: string): ArchiveEntry {
  return {
    path,
    sizeBytes,
    source,
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
    ...(contentHint === undefined ? {} : { contentHint }),
  }
}

async function haveEqualContent(one: ArchiveEntry, other: ArchiveEntry): Promise<boolean> {
  if (one.sizeBytes !== other.sizeBytes) return false
  if (one.source.kind === other.source.kind && one.contentHint !== undefined) {
    return one.contentHint === other.contentHint
  }
  try {
    return (await sha1Of(one)) === (await sha1Of(other))
  } catch {
    // Unreadable: taken for different, so that both are delivered and the trouble is told where it is met.
    return false
  }
}

async function sha1Of(entry: ArchiveEntry): Promise<string> {
  if (entry.source.kind === 'stream' && entry.contentHint !== undefined) return entry.contentHint
  const reader = await openEntry(entry.source, entry.sizeBytes)
  try {
    const hash = createHash('sha1')
    for await (const chunk of reader.stream()) hash.update(chunk)
    return hash.digest('hex')
  } finally {
    await reader.close()
  }
}
