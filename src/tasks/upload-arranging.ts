/**
 * What an export has beyond its files: albums, stacks, and what was not said with the files.
 *
 * @module
 */

import type { ImmichApi } from '../immich/api.ts'
import { type AlbumDifference, fillAlbums, verifyAlbums } from '../immich/upload-albums.ts'
import { applyChanges } from '../immich/upload-changes.ts'
import type { UploadJournal } from '../immich/upload-journal.ts'
import { makeStacks } from '../immich/upload-stacks.ts'
import type { Problem } from './problem.ts'

/**
 * After the last file. Repeating it changes nothing.
 *
 * @param journal - Of this export: albums of other exports may have yet to be filled.
 * @param isFollowed - Whether another export is planned already: what an album waits for may be that one's to send.
 * @returns the albums that differ from the plan.
 */
export async function arrangeExport(
  api: ImmichApi,
  journal: UploadJournal,
  isFollowed: () => boolean,
  signal: AbortSignal,
): Promise<readonly Problem[]> {
  const filled = await fillAlbums(api, journal, signal)
  await makeStacks(api, journal, signal)
  await applyChanges(api, journal, signal)
  // Counting costs calls, and nothing else can have changed.
  if (filled.added + filled.refused === 0) return []
  const different = await verifyAlbums(api, journal, signal)
  const known = different.filter((difference) => isKnownToLack(difference, isFollowed()))
  return known.map(({ name, found, planned, waiting }) => ({
    code: 'upload/album-differs',
    message: `the album ${name} has ${found} of ${planned} pictures on the server`,
    hint:
      waiting > 0
        ? 'The others could not be sent yet: see the other problems, then upload again.'
        : 'See whether the others were deleted or thrown away there; --recheck sends what was deleted.',
  }))
}

/**
 * Whether an album lacks something that nobody is about to add. What the export behind this one is sending may be on
 * the server already, and not in the album yet: only what was added before, or refused, can be told to be missing then.
 */
export function isKnownToLack(
  { found, planned, done, refused }: Pick<AlbumDifference, 'found' | 'planned' | 'done' | 'refused'>,
  isFollowed: boolean,
): boolean {
  return isFollowed ? found < done + refused : found < planned
}
