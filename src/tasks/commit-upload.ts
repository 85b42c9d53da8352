/**
 * The commits of an `upload-file` task: what became of its files, in the task's own transaction.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { UploadSettlement } from '../immich/upload-asset.ts'
import type { UploadUnit } from '../immich/upload-plan.ts'
import { failUploads, recordUploads } from '../library/uploads.ts'
import type { Transaction } from '../queue/commit.ts'
import type { Task } from '../queue/task.ts'
import { ENDED_CODES } from './upload-ends.ts'

type LibraryTransaction = Transaction<DatabaseSync>

export interface UploadFilePayload {
  readonly serverId: number
  readonly exportName: string
  readonly unit: UploadUnit
}

export interface UploadFileResult {
  readonly settled: readonly UploadSettlement[]
}

export function commitUploadFile({ db, now }: LibraryTransaction, task: Task, result: unknown): undefined {
  const { serverId } = task.payload as UploadFilePayload
  recordUploads(db, serverId, (result as UploadFileResult).settled, now)
}

/** After the last attempt. A task that was cancelled, or given up with all the others, has not failed at the server. */
export function failUploadFile({ db, now }: LibraryTransaction, task: Task): undefined {
  const { serverId, unit } = task.payload as UploadFilePayload
  const { error } = task
  if (error === undefined || task.status === 'cancelled' || ENDED_CODES.has(error.code)) return
  failUploads(db, { serverId, assetIds: unit.files.map(({ assetId }) => assetId), error }, now)
}
