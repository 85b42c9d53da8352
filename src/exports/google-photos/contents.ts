/**
 * The folders of an export with what their JSON files say, and each media file with the JSON that describes it.
 *
 * @module
 */

import type { ArchiveEntry } from '../archive/archive.ts'
import type { Pairing } from '../media-item.ts'
import type { Listing } from '../platform.ts'
import { fileNameOf, folderOf, type PhotoFolder } from './layout.ts'
import { pairFolder } from './match.ts'
import { groupBy } from './multimap.ts'
import {
  type AlbumFacts,
  type AssetFacts,
  type GoogleJson,
  MAX_SIDECAR_BYTES,
  parseGoogleJson,
} from './sidecar.ts'

/** Sidecars read at the same time: enough to hide a slow disk, few enough to bound memory. */
const CONCURRENT_READS = 16

/** A JSON that describes one picture, or may. */
export interface AssetJson {
  readonly entry: ArchiveEntry
  readonly name: string
  readonly facts: AssetFacts
  /** True when only a media file of that name makes it a sidecar. */
  readonly unclear: boolean
}

/** A media file and what was found for it. */
export interface MediaRecord {
  readonly entry: ArchiveEntry
  readonly name: string
  readonly contents: FolderContents
  pairing?: Pairing
  asset?: AssetJson
}

export interface FolderContents {
  readonly folder: PhotoFolder
  readonly media: readonly MediaRecord[]
  readonly assets: readonly AssetJson[]
  readonly albums: readonly { readonly entry: ArchiveEntry; readonly facts: AlbumFacts }[]
  readonly services: readonly {
    readonly entry: ArchiveEntry
    readonly reason: string
    readonly titles: readonly string[]
  }[]
  readonly failures: readonly { readonly entry: ArchiveEntry; readonly reason: string }[]
}

/** Reads every JSON of the folders and pairs each folder's files. A JSON that cannot be read fails alone. */
export async function readFolders(
  listing: Listing,
  folders: readonly PhotoFolder[],
): Promise<FolderContents[]> {
  const entries = folders.flatMap((folder) => folder.json)
  const read = new Map<ArchiveEntry, GoogleJson | Error>()
  const queue = entries.values()
  const worker = async (): Promise<void> => {
    for (const entry of queue) read.set(entry, await readJson(listing, entry))
  }
  await Promise.all(Array.from({ length: CONCURRENT_READS }, worker))
  return folders.map((folder) => toContents(folder, read))
}

async function readJson(listing: Listing, entry: ArchiveEntry): Promise<GoogleJson | Error> {
  if (entry.sizeBytes > MAX_SIDECAR_BYTES) return new Error(`larger than ${MAX_SIDECAR_BYTES} bytes`)
  try {
    return parseGoogleJson(await listing.read(entry), fileNameOf(entry))
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function toContents(
  folder: PhotoFolder,
  read: ReadonlyMap<ArchiveEntry, GoogleJson | Error>,
): FolderContents {
  const contents = {
    folder,
    media: [] as MediaRecord[],
    assets: [] as AssetJson[],
    albums: [] as { entry: ArchiveEntry; facts: AlbumFacts }[],
    services: [] as { entry: ArchiveEntry; reason: string; titles: readonly string[] }[],
    failures: [] as { entry: ArchiveEntry; reason: string }[],
  }
  for (const entry of folder.json) {
    const json = read.get(entry) ?? new Error('not read')
    if (json instanceof Error) contents.failures.push({ entry, reason: json.message })
    else if (json.kind === 'service')
      contents.services.push({ entry, reason: json.reason, titles: json.titles })
    else if (json.kind === 'album') contents.albums.push({ entry, facts: json.facts })
    else contents.assets.push(toAsset(entry, json))
  }
  for (const [name, entries] of folder.media) {
    for (const entry of entries) contents.media.push({ entry, name, contents })
  }
  pair(contents)
  return contents
}

function toAsset(entry: ArchiveEntry, json: GoogleJson & { readonly kind: 'asset' | 'unclear' }): AssetJson {
  return { entry, name: fileNameOf(entry), facts: json.facts, unclear: json.kind === 'unclear' }
}

function pair({ folder, media, assets }: FolderContents): void {
  const pairings = pairFolder(
    [...folder.media.keys()],
    assets.map(({ name, facts }) => ({ name, ...(facts.title !== undefined && { title: facts.title }) })),
  )
  const byName = groupBy(assets, ({ name }) => name)
  for (const record of media) {
    const pairing = pairings.get(record.name)
    const asset = pairing && pick(byName.get(pairing.sidecar) ?? [], record.entry)
    if (pairing === undefined || asset === undefined) continue
    const { runnerUp } = pairing
    const second = runnerUp && pick(byName.get(runnerUp.sidecar) ?? [], record.entry)
    record.asset = asset
    record.pairing = {
      sidecar: asset.entry.path,
      rule: pairing.rule,
      ...(runnerUp && second && { runnerUp: { sidecar: second.entry.path, rule: runnerUp.rule } }),
      ambiguous: pairing.ambiguous,
    }
  }
}

/** Of equally named JSON in several parts of a folder, the one that lies beside the file. */
function pick(assets: readonly AssetJson[], entry: ArchiveEntry): AssetJson | undefined {
  return assets.find((asset) => folderOf(asset.entry) === folderOf(entry)) ?? assets[0]
}
