/**
 * What a person should know of an export of Google Photos: what it lacks, and where.
 *
 * @module
 */

import { pluralize } from '../../units.ts'
import type { Reading } from '../platform.ts'
import type { FolderMeaning } from './albums.ts'
import type { FolderContents } from './contents.ts'

type Remark = Reading['remarks'][number]

/**
 * Codes: `sidecar-without-media`, `media-without-sidecar`, `album-members-missing`, `album-file-missing`.
 */
export function remarksOf(
  all: readonly FolderContents[],
  meanings: ReadonlyMap<FolderContents, FolderMeaning>,
): readonly Remark[] {
  return all.flatMap((contents) => remarksOfFolder(contents, meanings.get(contents)))
}

function remarksOfFolder(contents: FolderContents, meaning: FolderMeaning | undefined): readonly Remark[] {
  const { folder, media, assets } = contents
  const remarks: Remark[] = []
  const missing = assets.filter(({ of, unclear }) => of === undefined && !unclear)
  for (const { entry, title, name } of missing) {
    const message = `no media file for ${name} (${title ?? 'without title'}); it may be in a missing part`
    remarks.push({ code: 'sidecar-without-media', message, path: entry.path })
  }
  const bare = media.filter(({ asset }) => asset === undefined).length
  if (bare > 0) {
    const message = `${pluralize(bare, 'file')} of ${folder.name} without JSON: dated by what the files say`
    remarks.push({ code: 'media-without-sidecar', message, path: folder.path })
  }
  const { album, isUndescribed = false } = meaning ?? {}
  if (album !== undefined && missing.length > 0) {
    const message = `album ${album.title} lacks ${pluralize(missing.length, 'member')} in this export`
    remarks.push({ code: 'album-members-missing', message, path: folder.path })
  }
  if (album !== undefined && isUndescribed) {
    const message = `no album file in ${folder.name}: the folder's name serves as the album's title`
    remarks.push({ code: 'album-file-missing', message, path: folder.path })
  }
  return remarks
}
