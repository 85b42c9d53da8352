/**
 * Which `.xmp` and `.AAE` files of one plain folder belong to which media file, told by their names.
 *
 * @module
 */

import type { NamedFile } from './companions.ts'
import { groupBy } from './group-by.ts'

/** The rules, best first. Stable: they are stored and shown. */
export type SidecarRule =
  /** `a.jpg.xmp` (darktable, digiKam, Immich). */
  | 'full-name'
  /** `a_01.cr2.xmp`: darktable's further edits of one picture. */
  | 'darktable-version'
  /** `a.xmp` (Lightroom, Bridge), for the only `a.…`, or for its RAW file. */
  | 'stem'
  /** `IMG_1234.AAE`, and `IMG_O1234.AAE` of the original. */
  | 'apple-edit'

export interface SidecarMatch {
  readonly sidecar: NamedFile
  readonly rule: SidecarRule
  readonly media: NamedFile
  /** True when the name alone does not tell which of several files is meant. */
  readonly ambiguous: boolean
}

/** Finds the media file of each sidecar; sidecars without one are absent. */
export function matchSidecars(
  sidecars: readonly NamedFile[],
  media: readonly NamedFile[],
): ReadonlyMap<NamedFile, SidecarMatch> {
  // Names that differ only in case may lie side by side: the exact one comes first.
  const byName = new Map(
    media.flatMap((file) => [[file.name, file] as const, [file.entry.path, file] as const]),
  )
  const byStem = groupBy(media, ({ stem }) => stem)
  const matches = new Map<NamedFile, SidecarMatch>()
  for (const sidecar of sidecars) {
    const match =
      sidecar.kind === 'apple-edit' ? matchAppleEdit(sidecar, byStem) : matchXmp(sidecar, byName, byStem)
    if (match !== undefined) matches.set(sidecar, match)
  }
  return matches
}

function matchXmp(
  sidecar: NamedFile,
  byName: ReadonlyMap<string, NamedFile>,
  byStem: ReadonlyMap<string, readonly NamedFile[]>,
): SidecarMatch | undefined {
  const whole = byName.get(sidecar.entry.path.slice(0, -'.xmp'.length)) ?? byName.get(sidecar.stem)
  if (whole !== undefined) return { sidecar, rule: 'full-name', media: whole, ambiguous: false }
  const byStemName = matchStem(sidecar, byStem.get(sidecar.stem))
  if (byStemName !== undefined) return byStemName
  const version = byName.get(sidecar.stem.replace(/_\d\d(?=\.[^.]+$)/u, ''))
  return version === undefined
    ? undefined
    : { sidecar, rule: 'darktable-version', media: version, ambiguous: false }
}

/** Lightroom writes `a.xmp` for RAW files only; other formats carry their XMP inside. */
function matchStem(
  sidecar: NamedFile,
  candidates: readonly NamedFile[] | undefined,
): SidecarMatch | undefined {
  const raw = candidates?.find(({ kind }) => kind === 'raw')
  const media = raw ?? candidates?.find(({ kind }) => kind === 'still') ?? candidates?.[0]
  if (media === undefined) return undefined
  return { sidecar, rule: 'stem', media, ambiguous: raw === undefined && (candidates?.length ?? 0) > 1 }
}

function matchAppleEdit(
  sidecar: NamedFile,
  byStem: ReadonlyMap<string, readonly NamedFile[]>,
): SidecarMatch | undefined {
  const stem = sidecar.stem
  const media = (byStem.get(stem) ??
    byStem.get(stem.replace(/^(?<prefix>[a-z]{3}_)o(?=\d{4,}$)/u, '$<prefix>')))?.[0]
  return media === undefined ? undefined : { sidecar, rule: 'apple-edit', media, ambiguous: false }
}
