/**
 * What a worker process of a library can do: the handlers by task kind.
 *
 * A process does one kind of work, and loads what that needs when its first task comes: that halves the time
 * and memory that it takes to start.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import type { MetadataTool } from '../media/metadata-file.ts'
import type { Handler, TaskContext } from '../queue/handler.ts'
import type { ExportPayload } from './export-plan.ts'
import type { ItemPayload } from './item.ts'
import type { ThumbnailPayload } from './thumbnail-task.ts'

/** One exiftool a process: what speaks to it is loaded, and the program started, by the first file that needs it. */
let exiftool: Promise<MetadataTool> | undefined

function openExiftool(): Promise<MetadataTool> {
  exiftool ??= import('../media/exiftool/exiftool-tool.ts').then(({ exiftoolTool }) => exiftoolTool())
  return exiftool
}

const tool: MetadataTool = {
  read: async (file) => (await openExiftool()).read(file),
  write: async (file, patch) => (await openExiftool()).write(file, patch),
  close: async () => (await exiftool)?.close(),
}

async function handleItem(payload: ItemPayload, context: TaskContext): Promise<unknown> {
  const { placeItem } = await import('./place-item.ts')
  return placeItem(payload, context, { tool, now: systemClock.now })
}

async function handleExport(payload: ExportPayload, context: TaskContext): Promise<unknown> {
  const { planExport } = await import('./export-plan.ts')
  return planExport(payload, context)
}

let thumbnails: Promise<typeof import('./make-thumbnails.ts')> | undefined

async function handleThumbnail(payload: ThumbnailPayload, context: TaskContext): Promise<unknown> {
  thumbnails ??= import('./make-thumbnails.ts')
  return (await thumbnails).makeThumbnails(payload, context)
}

export const handlers: Readonly<Record<string, Handler>> = {
  export: handleExport,
  item: handleItem,
  thumbnail: handleThumbnail,
}

/** Loads what the lane's tasks need while the process has nothing to do, zone data (30 ms) included. */
export async function prepare(lane: string): Promise<void> {
  if (lane === 'export') await import('./export-plan.ts')
  if (lane === 'thumbnail') await (await import('./make-thumbnails.ts')).prepareThumbnails()
  if (lane !== 'item') return
  const [{ offsetAt }] = await Promise.all([import('../media/zones.ts'), import('./place-item.ts')])
  offsetAt('Europe/Berlin', 0)
}

export async function shutdown(): Promise<void> {
  await tool.close()
  await (await thumbnails)?.closeTools()
}
