/**
 * `--dry-run`: reads and plans the exports in this process, and writes nothing.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import { decideTaken } from '../media/dates.ts'
import type { Precision, Taken, TakenEvidence } from '../media/metadata.ts'
import { planExport } from './export-plan.ts'
import type {
  ExportInput,
  ExportSummary,
  IngestOptions,
  IngestSummary,
  Outcome,
  PlanEntry,
} from './ingest-api.ts'
import type { PlanChunk, PlannedItem } from './plan-chunk.ts'

const MAX_ENTRIES = 10_000
const SHOWN_PROBLEMS = 20

/** Characters of `YYYY-MM-DDTHH:mm:ss` that are known. */
const KNOWN_CHARACTERS: Readonly<Record<Precision, number>> = {
  second: 19,
  minute: 16,
  day: 10,
  month: 7,
  year: 4,
}

interface Draft {
  readonly name: string
  entries: PlanEntry[]
  entryCount: number
  filesFound: number
  bytesFound: number
  ambiguousCount: number
  readonly counts: Record<Outcome, number>
}

export async function dryRun(options: IngestOptions): Promise<IngestSummary> {
  const startedAt = systemClock.now()
  const drafts: Draft[] = []
  for (const input of options.exports) {
    if (options.signal.aborted) break
    drafts.push(await draftExport(input, options, startedAt))
  }
  return {
    status: options.signal.aborted ? 'interrupted' : 'complete',
    exports: drafts.map(toSummary),
    library: options.library,
    durationMs: systemClock.now() - startedAt,
    plan: {
      entries: drafts.flatMap(({ entries }) => entries).slice(0, MAX_ENTRIES),
      entryCount: drafts.reduce((sum, { entryCount }) => sum + entryCount, 0),
    },
  }
}

async function draftExport(input: ExportInput, options: IngestOptions, startedAt: number): Promise<Draft> {
  const draft = emptyDraft(input.name)
  const { processor, signal } = options
  const payload = { ...input, tempFolder: '', ...(processor === undefined ? {} : { processor }) }
  await planExport(payload, {
    taskId: 0,
    kind: 'export',
    attempt: 1,
    signal,
    progress: () => undefined,
    yieldTurn: () => undefined,
    emit: async (chunk) => {
      const answer = take(draft, chunk as PlanChunk, options)
      options.onProgress(progressOf(draft, startedAt))
      return answer
    },
  })
  return draft
}

function emptyDraft(name: string): Draft {
  const counts = { imported: 0, duplicate: 0, sidecar: 0, ignored: 0, failed: 0 }
  return { name, entries: [], entryCount: 0, filesFound: 0, bytesFound: 0, ambiguousCount: 0, counts }
}

/** What the coordinator would answer, without a database. */
function take(draft: Draft, chunk: PlanChunk, options: IngestOptions): unknown {
  switch (chunk.type) {
    case 'listed':
      draft.filesFound = chunk.files
      draft.bytesFound = chunk.bytes
      return { unchanged: false }
    case 'settled':
      for (const { path, outcome, reason } of chunk.files) {
        const entry = { export: draft.name, path, outcome, albums: [] }
        add(draft, reason === undefined || outcome === 'sidecar' ? entry : { ...entry, reason })
      }
      return null
    case 'items-text':
      return take(draft, { type: 'items', items: JSON.parse(chunk.json) as readonly PlannedItem[] }, options)
    case 'ask':
    case 'items':
      for (const item of chunk.items) addItem(draft, item, options)
      // Nothing of a tgz is to be unpacked.
      return []
    case 'phase':
    case 'totals':
    case 'albums':
    case 'remarks':
      return null
  }
}

function addItem(draft: Draft, item: PlannedItem, { zone }: IngestOptions): void {
  for (const { copies } of item.parts) {
    for (const [index, copy] of copies.entries()) {
      if (copy.pairing?.ambiguous === true) draft.ambiguousCount += 1
      const known = { export: draft.name, path: copy.path, ...foreseeFacts(item, copy.facts, zone) }
      const outcome = index === 0 ? 'imported' : 'duplicate'
      // The one thing that a size tells of the content.
      add(
        draft,
        copy.sizeBytes === 0 ? { ...known, outcome: 'failed', reason: 'it is empty' } : { ...known, outcome },
      )
    }
  }
}

function foreseeFacts(
  { facts, albumTitles }: PlannedItem,
  index: number,
  zone: string | undefined,
): Pick<PlanEntry, 'albums' | 'taken'> {
  const { albums = [], taken: evidence = [] } = facts[index] ?? {}
  const taken = foresee(evidence, zone)
  const titles = albums.map((key) => albumTitles[key] ?? key)
  return taken === undefined ? { albums: titles } : { albums: titles, taken: toText(taken) }
}

/** What the export and the names say; the file itself is not opened, so its time of copying proves nothing. */
function foresee(evidence: readonly TakenEvidence[], zone: string | undefined): Taken | undefined {
  return decideTaken({
    evidence: evidence.filter(({ source }) => source !== 'file-time'),
    now: systemClock.now(),
    ...(zone === undefined ? {} : { userZone: zone }),
  })
}

function toText({ local, precision }: Taken): string {
  return local.slice(0, KNOWN_CHARACTERS[precision])
}

function add(draft: Draft, entry: PlanEntry): void {
  draft.entryCount += 1
  draft.counts[entry.outcome] += 1
  if (draft.entries.length < MAX_ENTRIES) draft.entries.push(entry)
}

function toSummary(draft: Draft): ExportSummary {
  const failed = draft.entries.filter(({ outcome }) => outcome === 'failed')
  const problems = failed.map(({ path, reason = 'failed' }) => ({ path, code: 'failed', message: reason }))
  return {
    ...countsOf(draft),
    phase: 'finished',
    balanced: draft.entryCount >= draft.filesFound,
    unchanged: false,
    problems: problems.slice(0, SHOWN_PROBLEMS),
    problemCount: draft.counts.failed,
    ambiguousCount: draft.ambiguousCount,
  }
}

function countsOf(
  draft: Draft,
): Omit<ExportSummary, 'phase' | 'balanced' | 'unchanged' | 'problems' | 'problemCount' | 'ambiguousCount'> {
  const { name, filesFound, bytesFound, entryCount, counts } = draft
  return {
    name,
    filesFound: Math.max(filesFound, entryCount),
    filesDone: entryCount,
    bytesFound,
    bytesDone: 0,
    imported: counts.imported,
    duplicates: counts.duplicate,
    sidecars: counts.sidecar,
    ignored: counts.ignored,
    failed: counts.failed,
  }
}

function progressOf(draft: Draft, startedAt: number): Parameters<IngestOptions['onProgress']>[0] {
  return {
    exports: [{ ...countsOf(draft), phase: 'reading' }],
    startedAt,
    now: systemClock.now(),
    filesPerSecond: 0,
    bytesPerSecond: 0,
  }
}
