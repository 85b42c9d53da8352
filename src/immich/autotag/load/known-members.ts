/**
 * Which albums have the members that are remembered of them, although the list of albums shows that something of their
 * assets is new. Pure.
 *
 * The date of the last change among an album's assets moves with every job of the server, and says nothing of members.
 * Nothing is put into an album without moving the album's own date. So if that stands still, what was ever in it became
 * fewer, or was and is partly hidden or in the trash. If as many are shown as before and each that is remembered still
 * is, one can have left only if another came back, which was there all the time without being shown. Such an asset is in
 * the listing of all assets now, was not in the one that was made with the members, and is older than that. While there
 * is none, an album's members are those that are remembered.
 *
 * Other people's assets are in no listing: albums that somebody else could fill go with none, unless they went with one
 * before, as nothing was added since. (What a former guest put in, has in the trash, and takes out of it while another
 * picture leaves, would be missed.)
 *
 * @module
 */

import type { FoundAsset } from '../autotag-api.ts'
import type { SnapshotAlbum } from '../snapshot.ts'
import { ALL_EVER, type KnownMembers, type Listing } from '../state.ts'
import { isSameButForAssets } from './album-fingerprint.ts'

/** Whether what is remembered may be right, to be told by a listing. */
export function mayBeUnchanged(
  album: SnapshotAlbum,
  known: KnownMembers,
  listing: Listing | undefined,
): boolean {
  if (known.assetIds.length !== album.assetCount) return false
  if (!isSameButForAssets(known.fingerprint, album.fingerprint)) return false
  return known.listing === ALL_EVER || goesWith(known, listing)
}

/** Whether the members are known together with the listing. */
export function goesWith(known: KnownMembers, listing: Listing | undefined): boolean {
  return known.listing !== undefined && known.listing === listing?.id
}

/** Whether nobody else can put something into it. */
export function isOursAlone({ isOwned, members }: SnapshotAlbum): boolean {
  return isOwned && members.every(({ role }) => role === 'viewer')
}

/** Clocks of a database and of a server that answers for it may differ. */
const CLOCKS_MS = 300_000

/** Tells of what is remembered whether it is right, by all assets that albums could show now. */
export function createProof(
  listed: ReadonlyMap<string, FoundAsset>,
  listing: Listing | undefined,
): (known: KnownMembers) => boolean {
  let hasComers: boolean | undefined
  return (known) => {
    if (!known.assetIds.every((id) => isShown(listed.get(id)))) return false
    if (known.listing === ALL_EVER) return true
    hasComers ??= listing === undefined || hasComeBack(listed, listing)
    return !hasComers
  }
}

function hasComeBack(listed: ReadonlyMap<string, FoundAsset>, { assetIds, endedAtMs }: Listing): boolean {
  const before = new Set(assetIds)
  for (const asset of listed.values()) {
    if (isShown(asset) && !before.has(asset.id) && asset.uploadedAtMs <= endedAtMs + CLOCKS_MS) return true
  }
  return false
}

/** Those that albums show and count. */
export function isShown(asset: FoundAsset | undefined): boolean {
  return asset?.visibility === 'timeline' || asset?.visibility === 'archive'
}
