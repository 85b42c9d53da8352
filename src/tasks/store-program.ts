/**
 * What the library's database does in the same transaction as a task's change of state.
 *
 * Runs in the store's thread; see `queue/commit.ts`. Functions here see the database and plain data, never the
 * disk: a commit answers which files to publish, and the coordinator does that afterwards.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { migrateLibrary } from '../library/schema.ts'
import type { StoreProgram } from '../queue/commit.ts'
import { commitExport, commitExportFinish, failExport, failExportFinish } from './commit-export.ts'
import { commitItem, failItem } from './commit-item.ts'
import { commitThumbnail, failThumbnail } from './commit-thumbnail.ts'
import { commitUploadFile, failUploadFile } from './commit-upload.ts'
import { CALLS } from './store-calls.ts'

export const program: StoreProgram<DatabaseSync> = {
  migrate: migrateLibrary,
  commits: {
    item: commitItem,
    export: commitExport,
    'export-finish': commitExportFinish,
    thumbnail: commitThumbnail,
    'upload-file': commitUploadFile,
  },
  failures: {
    item: failItem,
    export: failExport,
    'export-finish': failExportFinish,
    thumbnail: failThumbnail,
    'upload-file': failUploadFile,
  },
  calls: CALLS,
}
