/**
 * Reads a long list page by page, so that memory stays flat.
 *
 * @module
 */

import type { Page } from './upload-journal.ts'

/**
 * @param idOf - Ascending within and between pages; what the loop's body settles may drop out of later pages.
 */
export async function* pages<Row>(
  limit: number,
  read: (page: Page) => Promise<readonly Row[]>,
  idOf: (row: Row) => number,
): AsyncGenerator<Row> {
  for (let after = 0; ; ) {
    const rows = await read({ after, limit })
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < limit) return
    after = idOf(last)
  }
}
