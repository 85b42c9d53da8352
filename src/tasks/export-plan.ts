/**
 * The `export` task's handler: lists and reads one export, groups its files by content, and sends the plan
 * ahead in chunks, so that the coordinator can commit it, and workers begin, while the rest is still to come.
 *
 * Emitting is repeated when the task runs again; the ledger makes that harmless. Nothing is written here but
 * the spooled files of a tgz, whose bytes cannot be read out of order.
 *
 * @module
 */

import { createHash, hash } from 'node:crypto'
import type { Archive, ArchiveEntry } from '../exports/archive/archive.ts'
import { openArchive } from '../exports/archive/open-archive.ts'
import { sharedContentKeys } from '../exports/content-key.ts'
import {
  type GroupCopy,
  groupItems,
  type ItemFacts,
  type ItemGroup,
  type ItemGroups,
} from '../exports/group-items.ts'
import type { ItemList } from '../exports/item-list.ts'
import type { MediaItem } from '../exports/media-item.ts'
import type { NonMedia } from '../exports/platform.ts'
import { type ExportReading, readExport } from '../exports/read-export.ts'
import { PLATFORMS } from '../exports/registry.ts'
import { keepHeapSmall, shrinkHeap } from '../frugal-heap.ts'
import { fingerprintOf } from '../library/ledger.ts'
import type { TaskContext } from '../queue/handler.ts'
import { emitSpooled } from './emit-spooled.ts'
import {
  chunksOf,
  type ListedAnswer,
  type PlanChunk,
  type PlannedCopy,
  type PlannedItem,
  type SettledFile,
} from './plan-chunk.ts'

/**
 * Goes up whenever a platform reads more, or otherwise, than before: an export that was finished is then read
 * again, though none of its files has changed.
 */
const READING_VERSION = 1

/** What reads an export; a platform more reads more of it. */
const READER: string = [READING_VERSION, ...PLATFORMS.map(({ name }) => name).toSorted()].join('\n')

export interface ExportPayload {
  readonly name: string
  readonly inputs: readonly string[]
  /** Read this platform only; the rest of the export is left alone and reported as such. */
  readonly processor?: string
  /** Where a tgz is unpacked to, piece by piece. */
  readonly tempFolder: string
}

export interface ExportResult {
  readonly digest: string
  readonly unchanged: boolean
}

export async function planExport(payload: ExportPayload, context: TaskContext): Promise<ExportResult> {
  keepHeapSmall('old')
  const emit = (chunk: PlanChunk): Promise<unknown> => context.emit(chunk)
  await emit({ type: 'phase', phase: 'listing' })
  const archive = await openArchive(payload.inputs, {})
  try {
    const digest = listingDigest(archive, payload.processor)
    const { entries } = archive
    const bytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0)
    const answer = (await emit({ type: 'listed', digest, files: entries.length, bytes })) as ListedAnswer
    if (answer.unchanged) return { digest, unchanged: true }
    await emit({ type: 'phase', phase: 'reading' })
    await emitReading(archive, payload, context)
    return { digest, unchanged: false }
  } finally {
    await archive.close()
  }
}

async function emitReading(archive: Archive, payload: ExportPayload, context: TaskContext): Promise<void> {
  const emit = (chunk: PlanChunk): Promise<unknown> => context.emit(chunk)
  const reading = await readExport(archive, PLATFORMS, {
    exportName: payload.name,
    now: Date.now(),
    ...(payload.processor === undefined ? {} : { only: payload.processor }),
  })
  const titles = new Map(reading.albums.map(({ key, title }) => [key, title]))
  const groups = groupReading(reading)
  const items = sum(groups.map(({ groups: { length } }) => length))
  // One copy of each content, and as an extra the metadata that is written into it.
  const placeBytes = sum(groups.map(({ groups: { sizeBytes } }) => sizeBytes))
  await emit({ type: 'totals', items, placeBytes })
  shrinkHeap()
  for (const albums of chunksOf(reading.albums)) await emit({ type: 'albums', albums })
  // Items first: workers begin with them while the rest is entered.
  const planned = plannedItems(groups, titles)
  if (archive.randomAccess) {
    for (const chunk of chunksOf(planned)) await emit({ type: 'items-text', json: JSON.stringify(chunk) })
  } else await emitSpooled(archive, planned, { tempFolder: payload.tempFolder, context })
  for (const files of chunksOf(reading.nonMedia)) {
    await emit({ type: 'settled', files: files.map(toSettledFile) })
  }
  for (const remarks of chunksOf(reading.remarks)) await emit({ type: 'remarks', remarks })
}

/** Changes whenever a file of the export, what is asked of it, or what reads it changes. */
export function listingDigest(
  archive: Pick<Archive, 'entries' | 'problems'>,
  processor: string | undefined,
  reader: string = READER,
): string {
  const digest = createHash('sha1').update(`${reader}\0${processor ?? ''}\n`)
  for (const entry of archive.entries) digest.update(`${entry.path}\0${fingerprintOfEntry(entry)}\n`)
  for (const problem of archive.problems) digest.update(`${problem.code}\0${problem.path ?? ''}\n`)
  return digest.digest('hex')
}

/** As the ledger has it. */
export function fingerprintOfEntry(entry: ArchiveEntry): string {
  if (entry.source.kind === 'zip') {
    return fingerprintOf({ sizeBytes: entry.sizeBytes, crc32: entry.source.crc32 })
  }
  return fingerprintOf({ ...entry, ...knownSha1(entry) })
}

/** What is to be placed of one platform. */
interface PlatformGroups {
  readonly groups: ItemGroups
  readonly platform: PlannedItem['platform']
}

function groupReading({ platforms }: ExportReading): readonly PlatformGroups[] {
  const keys = sharedContentKeys(filesOf(platforms.map(({ items }) => items)))
  return platforms.map(({ platform: { name, folder, stem }, items }) => ({
    groups: groupItems(items, (entry) => keys.get(entry)),
    platform: { name, folder, stem },
  }))
}

function* filesOf(lists: readonly ItemList[]): Generator<ArchiveEntry> {
  for (const list of lists) for (let index = 0; index < list.length; index += 1) yield* list.filesOf(index)
}

/** One by one: all at once they would take more memory than the reading. */
function* plannedItems(
  platforms: readonly PlatformGroups[],
  titles: ReadonlyMap<string, string>,
): Generator<PlannedItem> {
  for (const { groups, platform } of platforms) {
    for (const group of groups) yield toPlannedItem(group, platform, titles)
  }
}

function toPlannedItem(
  group: ItemGroup,
  platform: PlannedItem['platform'],
  titles: ReadonlyMap<string, string>,
): PlannedItem {
  const indices = new Map<MediaItem, number>()
  const parts = group.parts.map(({ role, copies }) => ({
    role,
    copies: copies.map((copy): PlannedCopy => {
      const facts = indices.get(copy.item) ?? indices.size
      indices.set(copy.item, facts)
      const knowledge = knowledgeDigest(copy, [platform, role], titles)
      return { ...toPlannedCopy(copy), facts, knowledge }
    }),
  }))
  const facts = [...indices.keys()].map(factsOf)
  return { platform, facts, parts, albumTitles: titlesOf(facts, titles) }
}

function factsOf({ primary: _primary, companions: _companions, ...facts }: MediaItem): ItemFacts {
  return facts
}

function titlesOf(facts: readonly ItemFacts[], titles: ReadonlyMap<string, string>): Record<string, string> {
  const albums = new Set(facts.flatMap((fact) => fact.albums))
  return Object.fromEntries([...albums].map((key) => [key, titles.get(key) ?? key]))
}

/** Of all but the file's own bytes that the library takes from the export. Not of how it is asked to place it. */
function knowledgeDigest(
  { item, xmp }: GroupCopy,
  place: readonly unknown[],
  titles: ReadonlyMap<string, string>,
): string {
  const facts = factsOf(item)
  const sidecar = xmp === undefined ? [] : [xmp.path, fingerprintOfEntry(xmp)]
  return hash('sha1', JSON.stringify([place, facts, titlesOf([facts], titles), sidecar])).slice(0, 16)
}

function toPlannedCopy({ entry, pairing, xmp }: GroupCopy): Omit<PlannedCopy, 'facts' | 'knowledge'> {
  return {
    path: entry.path,
    sizeBytes: entry.sizeBytes,
    source: entry.source,
    fingerprint: fingerprintOfEntry(entry),
    ...(entry.modifiedAt === undefined ? {} : { modifiedAt: entry.modifiedAt }),
    ...(pairing === undefined ? {} : { pairing }),
    ...(xmp === undefined ? {} : { xmp: { path: xmp.path, sizeBytes: xmp.sizeBytes, source: xmp.source } }),
    ...knownSha1(entry),
  }
}

/** Listing a tgz has read, and hashed, all of it. */
function knownSha1({ source, contentHint }: ArchiveEntry): { sha1?: string } {
  return source.kind === 'stream' && contentHint !== undefined ? { sha1: contentHint } : {}
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function toSettledFile(file: NonMedia): SettledFile {
  return {
    path: file.entry.path,
    sizeBytes: file.entry.sizeBytes,
    fingerprint: fingerprintOfEntry(file.entry),
    outcome: file.outcome,
    ...(file.entry.modifiedAt === undefined ? {} : { modifiedAt: file.entry.modifiedAt }),
    ...(file.outcome === 'sidecar' ? { reason: file.of } : { reason: file.reason }),
    ...(file.outcome !== 'sidecar' && file.code !== undefined ? { reasonCode: file.code } : {}),
  }
}
