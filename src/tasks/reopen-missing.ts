/**
 * Before an export is planned: are the files that it has in the library still there?
 *
 * What the ledger calls done would otherwise never be placed again, though somebody has deleted it. Only whether a
 * file is there is looked at (20,000 in 0.12 s on a local disk); `heirloom check` reads them.
 *
 * @module
 */

import type { Backend } from '../queue/backend.ts'
import type { Storage } from '../storage/storage.ts'
import { callLibrary } from './store-calls.ts'

/** Assets looked for at a time: some milliseconds, in which nothing else runs. */
const PAGE_SIZE = 1_000

/** The files of deleted assets are open again in the ledger; answers how many assets were missing. */
export async function reopenMissing(backend: Backend, storage: Storage, exportName: string): Promise<number> {
  let count = 0
  for (let afterId = 0; ; ) {
    const page = await callLibrary(backend, 'assets.placed', { exportName, afterId, limit: PAGE_SIZE })
    const gone = new Set(await storage.missing(page.map(({ path }) => path)))
    const assetIds = page.flatMap(({ assetId, path }) => (gone.has(path) ? [assetId] : []))
    if (assetIds.length > 0) await callLibrary(backend, 'assets.reopen', { exportName, assetIds })
    count += assetIds.length
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_SIZE) return count
    afterId = last.assetId
  }
}
