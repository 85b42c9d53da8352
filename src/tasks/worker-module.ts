/**
 * What a worker process of a library can do: the handlers by task kind.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import { type ExiftoolTool, exiftoolTool } from '../media/exiftool/exiftool-tool.ts'
import type { Handler } from '../queue/handler.ts'
import { planExport } from './export-plan.ts'
import { placeItem } from './place-item.ts'

let tool: ExiftoolTool | undefined

/** One exiftool a process, started by the first file that needs it. */
function sharedTool(): ExiftoolTool {
  tool ??= exiftoolTool()
  return tool
}

export const handlers: Readonly<Record<string, Handler>> = {
  export: planExport as Handler,
  item: ((payload: Parameters<typeof placeItem>[0], context: Parameters<typeof placeItem>[1]) =>
    placeItem(payload, context, { tool: sharedTool(), now: systemClock.now })) as Handler,
}

export async function shutdown(): Promise<void> {
  await tool?.close()
}
