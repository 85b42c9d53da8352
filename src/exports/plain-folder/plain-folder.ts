/**
 * The platform of what no other platform claims: a folder of photos, as people and cameras make them.
 *
 * What it knows of a photo comes from `.xmp` sidecars; names, folders and file times are added to every
 * platform's items by `readExport`, and the file itself is asked when it is placed. Folders do not become albums:
 * most are years, cameras and "new folder", and an album of everything helps nobody. The formats and
 * rules are in `docs/formats/plain-folder.md`.
 *
 * @module
 */

import { HeirloomError } from '../../errors.ts'
import type { EmbeddedMetadata } from '../../media/metadata.ts'
import { decodeXmp, MAX_SIDECAR_BYTES } from '../../media/xmp/kept-sidecar.ts'
import { readXmp } from '../../media/xmp/xmp-reader.ts'
import { formatBytes } from '../../units.ts'
import type { ArchiveEntry } from '../archive/archive.ts'
import type { ItemFacts } from '../group-items.ts'
import type { Companion, MediaFile, MediaItem, Pairing } from '../media-item.ts'
import type { Listing, NonMedia, Platform, Reading } from '../platform.ts'
import { findCompanions, type NamedFile, toNamedFile } from './companions.ts'
import { kindOfPath } from './file-kinds.ts'
import { groupBy } from './group-by.ts'
import { matchSidecars, type SidecarMatch } from './sidecars.ts'

/** Sidecars that are read at the same time: enough to hide the disk, few enough for memory. */
const PARALLEL_READS = 8

type Remark = Reading['remarks'][number]

/** A sidecar's content, or why there is none. */
type SidecarContent = { readonly xmp: EmbeddedMetadata } | { readonly failure: string }

/** Reads folders of photos, and all that other platforms leave over. */
export const plainFolder: Platform = {
  name: 'Folder',
  folder: 'photos',
  stem: 'photo',
  priority: 0,
  claim: ({ entries }: Listing): readonly ArchiveEntry[] => entries,
  read: readPlainFolder,
}

async function readPlainFolder(listing: Listing): Promise<Reading> {
  const nonMedia: NonMedia[] = []
  const named: NamedFile[] = []
  for (const entry of listing.entries) {
    const { kind, reason = '', code } = kindOfPath(entry.path)
    const ignored = { entry, outcome: 'ignored', reason } as const
    if (kind === 'ignored') nonMedia.push(code === undefined ? ignored : { ...ignored, code })
    else named.push(toNamedFile(entry, kind))
  }
  const remarks = archiveRemarks(nonMedia)
  const items: MediaItem[] = []
  const folders = groupBy(named, ({ entry }) => entry.path.slice(0, entry.path.lastIndexOf('/') + 1))
  for (const files of folders.values()) {
    const folder = await readFolder(files, listing)
    for (const item of folder.items) items.push(item)
    for (const file of folder.nonMedia) nonMedia.push(file)
  }
  return { items, albums: [], nonMedia, remarks }
}

/** A nested archive may hold photos, so a person should know of it. */
function archiveRemarks(nonMedia: readonly NonMedia[]): readonly Remark[] {
  return nonMedia
    .filter((file) => file.outcome === 'ignored' && file.reason.startsWith('an archive'))
    .map(({ entry }) => ({
      code: 'nested-archive',
      message: 'an archive inside the export is not opened; ingest it on its own',
      path: entry.path,
    }))
}

async function readFolder(
  files: readonly NamedFile[],
  listing: Listing,
): Promise<Pick<Reading, 'items' | 'nonMedia'>> {
  const isSidecar = ({ kind }: NamedFile): boolean => kind === 'xmp' || kind === 'apple-edit'
  const sidecars = files.filter(isSidecar)
  const media = files.filter((file) => !isSidecar(file))
  const matches = matchSidecars(sidecars, media)
  const contents = await readSidecars([...matches.values()], listing)
  const bySubject = groupBy(matches.values(), (match) => match.media)
  const parts = new Set([...bySubject.values()].flatMap(furtherSidecars))
  const settled = sidecars.filter((sidecar) => !parts.has(sidecar))
  return {
    items: toItems(media, bySubject, contents),
    nonMedia: settled.map((sidecar) => settleSidecar(sidecar, matches.get(sidecar), contents.get(sidecar))),
  }
}

/** The one that is read, and that the library keeps as the `.xmp` of its file, with additions. */
function ownSidecar(matches: readonly SidecarMatch[]): NamedFile | undefined {
  return sortedMatches(matches).find(({ rule }) => rule === 'full-name' || rule === 'stem')?.sidecar
}

/** The others, which are kept as they are; an empty one holds nothing to keep. */
function furtherSidecars(matches: readonly SidecarMatch[]): readonly NamedFile[] {
  const own = ownSidecar(matches)
  return matches
    .map(({ sidecar }) => sidecar)
    .filter((sidecar) => sidecar !== own && sidecar.entry.sizeBytes > 0)
}

function settleSidecar(
  { entry, kind }: NamedFile,
  match: SidecarMatch | undefined,
  content: SidecarContent | undefined,
): NonMedia {
  if (match === undefined) {
    const what = kind === 'xmp' ? 'XMP sidecar' : "Apple's edit instructions"
    return { entry, outcome: 'ignored', reason: `${what} without a media file of that name` }
  }
  if (content !== undefined && 'failure' in content) {
    return { entry, outcome: 'failed', code: 'unreadable', reason: content.failure }
  }
  return { entry, outcome: 'sidecar', of: match.media.entry.path }
}

// # Sidecars

async function readSidecars(
  matches: readonly SidecarMatch[],
  listing: Listing,
): Promise<ReadonlyMap<NamedFile, SidecarContent>> {
  const contents = new Map<NamedFile, SidecarContent>()
  const queue = matches.filter(({ rule }) => rule === 'full-name' || rule === 'stem').values()
  const work = async (): Promise<void> => {
    for (const { sidecar } of queue) contents.set(sidecar, await readSidecar(sidecar.entry, listing))
  }
  await Promise.all(Array.from({ length: PARALLEL_READS }, work))
  return contents
}

async function readSidecar(entry: ArchiveEntry, listing: Listing): Promise<SidecarContent> {
  if (entry.sizeBytes > MAX_SIDECAR_BYTES)
    return {
      failure: `XMP sidecar of ${formatBytes(entry.sizeBytes)}: read up to ${formatBytes(MAX_SIDECAR_BYTES)}`,
    }
  try {
    const bytes = await listing.read(entry)
    return { xmp: readXmp(decodeXmp(bytes), 'xmp-sidecar') }
  } catch (error) {
    // Unreadable or broken: the photo goes on without it, and the report names it. A bug is let go.
    if (error instanceof HeirloomError || isSystemError(error)) return { failure: error.message }
    throw error
  }
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error
}

// # Items

function toItems(
  media: readonly NamedFile[],
  matchesOf: ReadonlyMap<NamedFile, readonly SidecarMatch[]>,
  contents: ReadonlyMap<NamedFile, SidecarContent>,
): readonly MediaItem[] {
  const belongings = findCompanions(media)
  const companions = groupBy(belongings.keys(), (file) => belongings.get(file)?.primary)
  const toFile = (file: NamedFile): MediaFile => toMediaFile(file, matchesOf.get(file) ?? [])
  return media
    .filter((file) => !belongings.has(file))
    .map((primary): MediaItem => {
      const parts = companions.get(primary) ?? []
      // What a RAW file's sidecar says holds for the JPEG beside it too.
      const told = [primary, ...parts].flatMap((file) => sortedMatches(matchesOf.get(file) ?? []))
      const instructions = [primary, ...parts].flatMap((file) => furtherSidecars(matchesOf.get(file) ?? []))
      return {
        primary: toFile(primary),
        companions: [
          ...parts.map(
            (file): Companion => ({ ...toFile(file), role: belongings.get(file)?.role ?? 'edited' }),
          ),
          ...instructions.map(({ entry }): Companion => ({ entry, role: 'edit-instructions' })),
        ],
        ...factsOf(told.map(({ sidecar }) => contents.get(sidecar))),
      }
    })
}

function toMediaFile({ entry }: NamedFile, matches: readonly SidecarMatch[]): MediaFile {
  const pairing = toPairing(matches)
  const xmp = ownSidecar(matches)?.entry
  const isKept = xmp !== undefined && xmp.sizeBytes > 0 && xmp.sizeBytes <= MAX_SIDECAR_BYTES
  return { entry, ...(pairing === undefined ? {} : { pairing }), ...(isKept ? { xmp } : {}) }
}

function sortedMatches(matches: readonly SidecarMatch[]): readonly SidecarMatch[] {
  const rank: readonly string[] = ['full-name', 'stem', 'darktable-version', 'apple-edit']
  return matches.toSorted((a, b) => rank.indexOf(a.rule) - rank.indexOf(b.rule))
}

function toPairing(matches: readonly SidecarMatch[]): Pairing | undefined {
  const [best, second] = sortedMatches(matches).filter(({ rule }) => rule !== 'apple-edit')
  if (best === undefined) return undefined
  const { sidecar, rule, ambiguous } = best
  return {
    sidecar: sidecar.entry.path,
    rule,
    ambiguous,
    ...(second === undefined ? {} : { runnerUp: { sidecar: second.sidecar.entry.path, rule: second.rule } }),
  }
}

/** The first sidecar that says something decides; dates, people and keywords of all are kept. */
function factsOf(contents: readonly (SidecarContent | undefined)[]): ItemFacts {
  const told = contents.flatMap((content) => (content !== undefined && 'xmp' in content ? [content.xmp] : []))
  const position = told.find((xmp) => xmp.position !== undefined)?.position
  const caption = told.find((xmp) => xmp.caption !== undefined)?.caption
  const title = told.find((xmp) => xmp.originalName !== undefined)?.originalName
  const rating = told.find((xmp) => (xmp.rating ?? 0) > 0)?.rating
  const keywords = [...new Set(told.flatMap((xmp) => xmp.keywords))]
  return {
    taken: told.flatMap(({ taken }) => taken),
    people: [...new Set(told.flatMap(({ people }) => people))],
    albums: [],
    ...(keywords.length === 0 ? {} : { keywords }),
    ...(rating === undefined ? {} : { rating }),
    ...(position === undefined ? {} : { position }),
    ...(caption === undefined ? {} : { caption }),
    ...(title === undefined ? {} : { title }),
  }
}
