/**
 * How an export begins: what a run knows of it at first, and its two tasks.
 *
 * @module
 */

import type { NewTask } from '../queue/task.ts'
import type { RunningExport } from './export-intake.ts'
import type { ExportPayload } from './export-plan.ts'
import type { ExportInput } from './ingest-api.ts'
import { exportGroup } from './store-calls.ts'

/** A worker that dies while planning is replaced once or twice; a defect in the export stays one. */
const EXPORT_RETRIES = 2

/** One that nothing is known of yet. */
export function toRunningExport({ name, inputs }: ExportInput, index: number): RunningExport {
  return {
    name,
    inputs,
    priority: -index,
    phase: 'waiting',
    exportFolder: '',
    filesFound: 0,
    bytesFound: 0,
    settledBytes: 0,
    unchanged: false,
  }
}

/** It is planned by one task, and closed by another when all that came of that is final. */
export function tasksOf(
  { name, inputs, priority }: RunningExport,
  tempFolder: string,
  processor: string | undefined,
): NewTask[] {
  const payload: ExportPayload = {
    name,
    inputs,
    tempFolder,
    ...(processor === undefined ? {} : { processor }),
  }
  const group = exportGroup(name)
  return [
    { kind: 'export', lane: 'export', payload, priority, group, maxRetries: EXPORT_RETRIES },
    { kind: 'export-finish', lane: 'export-finish', payload: { name }, priority, afterGroup: group },
  ]
}
