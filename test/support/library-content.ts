/**
 * What is in a library, read behind its back: catalog and ledger by plain SQL, files from the disk.
 *
 * Ids, the times of the work and where the inputs lay are left out, so that two libraries of equal content are
 * deeply equal.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { ignoreState, treeFacts } from './tree-digest.ts'

type Row = Record<string, SQLOutputValue>

export interface CatalogAsset extends Row {
  readonly path: string
  readonly source: string
  readonly written: string
}

export interface LedgerFile {
  readonly export: string
  readonly path: string
  readonly outcome: string | null
  readonly reasonCode: string | null
  /** Path in the library. */
  readonly asset: string | null
}

export interface LibraryContent {
  /** By path. */
  readonly assets: readonly CatalogAsset[]
  /** Paths of assets by `export: title`. */
  readonly albums: Readonly<Record<string, readonly string[]>>
  /** By export and path. */
  readonly files: readonly LedgerFile[]
  /** The counters that triggers keep. */
  readonly counts: readonly Row[]
  readonly outbox: number
  readonly integrity: string
  /** What lies where temporary files lie. */
  readonly temps: readonly string[]
}

const ASSETS = `
  SELECT a.path, lower(hex(a.source_sha1)) AS source, lower(hex(a.written_sha1)) AS written, a.sidecar_path,
    lower(hex(a.sidecar_sha1)) AS sidecar_sha1, a.size_bytes, a.source_size_bytes, a.format, a.mime, a.platform, a.role,
    p.path AS primary_path, a.taken_at, a.taken_local, a.taken_offset_minutes, a.taken_precision, a.taken_source,
    -- Which clock told a file's time differs by container.
    CASE a.taken_source WHEN 'file-time' THEN NULL ELSE a.taken_detail END AS taken_detail, a.taken_zone, a.latitude, a.longitude, a.caption, a.original_name, a.favourite, a.archived,
    a.trashed, a.shared, a.people, a.width_px, a.height_px, a.problems
  FROM assets a LEFT JOIN assets p ON p.id = a.primary_asset_id ORDER BY a.path`

const ALBUMS = `
  SELECT e.name || ': ' || b.title AS album, a.path FROM albums b JOIN exports e ON e.id = b.export_id
  LEFT JOIN album_assets m ON m.album_id = b.id LEFT JOIN assets a ON a.id = m.asset_id ORDER BY album, a.path`

const FILES = `
  SELECT e.name AS export, f.path, f.outcome, f.reason_code AS reasonCode, a.path AS asset
  FROM files f JOIN exports e ON e.id = f.export_id LEFT JOIN assets a ON a.id = f.asset_id ORDER BY e.name, f.path`

const COUNTS = `
  SELECT e.name AS export, c.outcome, c.files, c.bytes FROM file_counts c JOIN exports e ON e.id = c.export_id
  WHERE c.files <> 0 ORDER BY e.name, c.outcome`

export async function libraryContent(library: string): Promise<LibraryContent> {
  const db = new DatabaseSync(join(library, '.heirloom/library.db'), { readOnly: true })
  try {
    const all = (sql: string): Row[] =>
      db
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }))
    return {
      assets: all(ASSETS) as CatalogAsset[],
      albums: byAlbum(all(ALBUMS)),
      files: all(FILES) as unknown as LedgerFile[],
      counts: all(COUNTS),
      outbox: Number(all('SELECT count(*) AS count FROM outbox')[0]?.['count']),
      integrity: String(all('PRAGMA integrity_check')[0]?.['integrity_check']),
      temps: await tempsOf(library),
    }
  } finally {
    db.close()
  }
}

function byAlbum(rows: readonly Row[]): Record<string, string[]> {
  const albums: Record<string, string[]> = {}
  for (const { album, path } of rows) {
    const paths = albums[String(album)] ?? []
    if (path !== null) paths.push(String(path))
    albums[String(album)] = paths
  }
  return albums
}

async function tempsOf(library: string): Promise<string[]> {
  const folder = join(library, '.heirloom/tmp')
  return existsSync(folder) ? (await readdir(folder)).sort() : []
}

/**
 * What contradicts itself in a library that a run has finished with: catalog against disk, ledger against its
 * counters, leftovers. Empty when all is well.
 */
export async function contradictions(library: string): Promise<string[]> {
  const content = await libraryContent(library)
  const found = content.integrity === 'ok' ? [] : [`database: ${content.integrity}`]
  if (content.outbox > 0) found.push(`${content.outbox} files decided on but not placed`)
  found.push(...content.temps.map((name) => `left over: ${name}`))
  return [...found, ...(await againstDisk(library, content)), ...againstCounters(content)]
}

async function againstDisk(library: string, { assets }: LibraryContent): Promise<string[]> {
  const facts = await treeFacts(library, { ignore: ignoreState })
  const expected = new Map(assets.flatMap(filesOf))
  const found = [...facts].flatMap(([path, fact]) => {
    const [kind, , sha1] = fact.split(' ')
    if (kind === 'folder') return []
    if (!expected.has(path)) return [`on disk, not in the catalog: ${path}`]
    return expected.get(path) === sha1 ? [] : [`other bytes than in the catalog: ${path}`]
  })
  const missing = [...expected.keys()].filter((path) => !facts.has(path))
  return [...found, ...missing.map((path) => `in the catalog, not on disk: ${path}`)]
}

/** Path and SHA-1 of an asset's file, and of the `.xmp` beside it. */
function filesOf(asset: CatalogAsset): [string, string][] {
  const { sidecar_path: sidecar, sidecar_sha1: sha1 } = asset
  const media: [string, string] = [asset.path, asset.written]
  return typeof sidecar === 'string' ? [media, [sidecar, String(sha1)]] : [media]
}

function againstCounters({ files, counts }: LibraryContent): string[] {
  const counted = new Map<string, number>()
  for (const { export: name, outcome } of files) {
    const key = `${name}: ${outcome ?? 'open'}`
    counted.set(key, (counted.get(key) ?? 0) + 1)
  }
  const kept = new Map(counts.map((row) => [`${row['export']}: ${row['outcome']}`, Number(row['files'])]))
  const found = [...counted].filter(([key, count]) => kept.get(key) !== count)
  const open = [...counted.keys()].filter((key) => key.endsWith(': open'))
  return [
    ...found.map(([key, count]) => `${key} is ${count} in the ledger, ${kept.get(key)} in its counter`),
    ...open.map((key) => `still open: ${key}`),
  ]
}
