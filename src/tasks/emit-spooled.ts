/**
 * Sends the items of a tgz: its bytes cannot be read out of order, so what is still to do is unpacked into
 * temporary files while the archive streams past, and an item is sent as soon as all of it lies there.
 *
 * @module
 */

import { join } from 'node:path'
import { HeirloomError } from '../errors.ts'
import type { Archive, ArchiveEntry } from '../exports/archive/archive.ts'
import { PackedValues } from '../exports/packed-values.ts'
import type { TaskContext } from '../queue/handler.ts'
import { chunksOf, type PlanChunk, type PlannedItem } from './plan-chunk.ts'
import { planSpool, type SpoolPlan, spooledBytes } from './spool-plan.ts'

/** Unpacked items are sent together, so that each does not cost a transaction; workers wait for no more than this. */
const BATCH_ITEMS = 50
const BATCH_BYTES = 64_000_000

export async function emitSpooled(
  archive: Archive,
  items: Iterable<PlannedItem>,
  { tempFolder, context }: { readonly tempFolder: string; readonly context: TaskContext },
): Promise<void> {
  const spool = planSpool(await neededItems(items, context))
  const emit = (ready: readonly PlannedItem[]): Promise<unknown> =>
    context.emit({ type: 'items', items: ready } satisfies PlanChunk)
  for (const chunk of chunksOf(spool.ready)) await emit(chunk)
  const prefix = join(tempFolder, `spool-${context.taskId}-${context.attempt}`)
  const fileFor = (entry: ArchiveEntry): string => `${prefix}-${spool.numberOf(entry.path)}`
  let batch: PlannedItem[] = []
  for await (const entry of spoolParts(archive, spool, fileFor, context)) {
    batch.push(...spool.arrived(entry.path, fileFor(entry)))
    if (batch.length < BATCH_ITEMS && spooledBytes(batch) < BATCH_BYTES) continue
    await emit(batch)
    batch = []
  }
  for (const chunk of chunksOf([...batch, ...spool.rest()])) await emit(chunk)
}

/**
 * Unpacks part by part, so that one that was damaged or changed since it was listed costs no other its files.
 * What it still held then is named file by file, by the workers that find no bytes.
 */
async function* spoolParts(
  archive: Archive,
  plan: SpoolPlan,
  fileFor: (entry: ArchiveEntry) => string,
  { signal, emit }: TaskContext,
): AsyncGenerator<ArchiveEntry> {
  for (const input of archive.inputs) {
    const wanted = ({ path, source }: ArchiveEntry): boolean => source.file === input && plan.wants(path)
    try {
      yield* archive.spool(wanted, fileFor, signal)
    } catch (error) {
      if (!(error instanceof HeirloomError) || error.recovery === 'retry') throw error
      const remark = { code: 'truncated', message: error.message }
      await emit({ type: 'remarks', remarks: [remark] } satisfies PlanChunk)
    }
  }
}

/** Those of the items with anything still to do: perhaps all, which are many. */
async function neededItems(
  items: Iterable<PlannedItem>,
  context: TaskContext,
): Promise<PackedValues<PlannedItem>> {
  const needed = new PackedValues<PlannedItem>()
  for (const chunk of chunksOf(items)) {
    const open = await context.emit({ type: 'ask', items: chunk } satisfies PlanChunk)
    for (const index of open as readonly number[]) {
      const item = chunk[index]
      if (item !== undefined) needed.add(item)
    }
  }
  return needed
}
