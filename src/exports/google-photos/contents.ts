/**
 * The folders of an export with what their JSON files say, and each media file with the JSON that describes it.
 *
 * @module
 */

import { formatBytes } from '../../units.ts'
import type { ArchiveEntry } from '../archive/archive.ts'
import type { Pairing } from '../media-item.ts'
import { PackedValues } from '../packed-values.ts'
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

/** A JSON that describes one picture, or may; with what is asked of it time and again, the rest is packed. */
export class AssetJson {
  readonly entry: ArchiveEntry
  readonly title: string | undefined
  readonly takenAt: number | undefined
  /** True when only a media file of that name makes it a sidecar. */
  readonly unclear: boolean
  /** Index of all that it says in {@link Contents.facts}. */
  readonly facts: number
  /** Path of the first file that it was taken for. */
  of: string | undefined

  constructor(entry: ArchiveEntry, json: AssetLike, facts: number) {
    this.entry = entry
    this.title = json.facts.title
    this.takenAt = json.facts.takenAt
    this.unclear = json.kind === 'unclear'
    this.facts = facts
    this.of = undefined
  }

  get name(): string {
    return fileNameOf(this.entry)
  }
}

type AssetLike = GoogleJson & { readonly kind: 'asset' | 'unclear' }

/** A media file and what was found for it. */
export class MediaRecord {
  readonly entry: ArchiveEntry
  readonly folder: PhotoFolder
  pairing: Pairing | undefined
  asset: AssetJson | undefined

  constructor(entry: ArchiveEntry, folder: PhotoFolder) {
    this.entry = entry
    this.folder = folder
    this.pairing = undefined
    this.asset = undefined
  }

  get name(): string {
    return fileNameOf(this.entry)
  }
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

export interface Contents {
  readonly folders: FolderContents[]
  /** See {@link AssetJson.facts}. */
  readonly facts: PackedValues<AssetFacts>
}

/** Reads every JSON of the folders and pairs each folder's files. A JSON that cannot be read fails alone. */
export async function readFolders(listing: Listing, folders: readonly PhotoFolder[]): Promise<Contents> {
  const contents: Contents = { folders: [], facts: new PackedValues() }
  for (const folder of folders) contents.folders.push(await readFolder(listing, folder, contents.facts))
  return contents
}

async function readFolder(
  listing: Listing,
  folder: PhotoFolder,
  facts: PackedValues<AssetFacts>,
): Promise<FolderContents> {
  const read = new Map<ArchiveEntry, AssetJson | OtherJson | Error>()
  const queue = folder.json.values()
  const worker = async (): Promise<void> => {
    for (const entry of queue) {
      const json = await readJson(listing, entry)
      if (!(json instanceof Error) && (json.kind === 'asset' || json.kind === 'unclear')) {
        read.set(entry, new AssetJson(entry, json, facts.add(json.facts)))
      } else read.set(entry, json)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT_READS }, worker))
  return toContents(folder, read)
}

type OtherJson = Exclude<GoogleJson, AssetLike>

async function readJson(listing: Listing, entry: ArchiveEntry): Promise<GoogleJson | Error> {
  if (entry.sizeBytes > MAX_SIDECAR_BYTES) {
    return new Error(
      `has ${formatBytes(entry.sizeBytes)}: metadata is read up to ${formatBytes(MAX_SIDECAR_BYTES)}`,
    )
  }
  try {
    return parseGoogleJson(await listing.read(entry), fileNameOf(entry))
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function toContents(
  folder: PhotoFolder,
  read: ReadonlyMap<ArchiveEntry, AssetJson | OtherJson | Error>,
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
    if (json instanceof AssetJson) contents.assets.push(json)
    else if (json instanceof Error) contents.failures.push({ entry, reason: json.message })
    else if (json.kind === 'service')
      contents.services.push({ entry, reason: json.reason, titles: json.titles })
    else contents.albums.push({ entry, facts: json.facts })
  }
  // Equal names of several parts of a folder stand together.
  const byName = groupBy(folder.media, fileNameOf)
  for (const entries of byName.values()) {
    for (const entry of entries) contents.media.push(new MediaRecord(entry, folder))
  }
  pair(contents, [...byName.keys()])
  return contents
}

function pair({ media, assets }: FolderContents, names: readonly string[]): void {
  const pairings = pairFolder(
    names,
    assets.map(({ name, title }) => ({ name, ...(title !== undefined && { title }) })),
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
