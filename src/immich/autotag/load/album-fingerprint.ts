/**
 * What tells that an album's assets are others than before, from the list of albums alone.
 *
 * Adding changes `updatedAt`; removing does not in 2.5, but it changes the count; a change of an asset in it (put into
 * the trash and taken out, archived) changes the youngest change of its assets. Any two of them could be as before by
 * chance, all three cannot.
 *
 * @module
 */

export function albumFingerprint(album: {
  readonly updatedAt: string
  readonly assetCount: number
  /** Absent for an empty album. */
  readonly lastModifiedAssetTimestamp?: string | null | undefined
}): string {
  return `${album.updatedAt}|${album.assetCount}|${album.lastModifiedAssetTimestamp ?? ''}`
}

/** Of members that are known, though not when one of them was changed last: like no album's fingerprint. */
export function openFingerprint(fingerprint: string): string {
  return `${withoutAssets(fingerprint)}|?`
}

/** Whether nothing was added since, and as many are in it: then only its assets can have changed, or changed places. */
export function isSameButForAssets(a: string, b: string): boolean {
  return withoutAssets(a) === withoutAssets(b)
}

/** Whether nothing was added since. */
export function hasSameAdditions(a: string, b: string): boolean {
  return a.split('|', 1)[0] === b.split('|', 1)[0]
}

function withoutAssets(fingerprint: string): string {
  return fingerprint.slice(0, fingerprint.lastIndexOf('|'))
}
