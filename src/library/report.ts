/**
 * What the library can say of itself: the data of the report.
 *
 * It is a picture of the whole library as the database knows it, not of one run, so the newest report replaces
 * the one before: `report-latest.json` and `report-latest.html`. Lists of what a person should look at are
 * complete here; the page caps them (see `report-html.ts`).
 *
 * @module
 */

import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import {
  type Balance,
  balance,
  type ExportRow,
  listExports,
  type Note,
  type PairingRecord,
} from './ledger.ts'
import { renderReport } from './report-html.ts'
import { collectRemarks } from './report-remarks.ts'
import { collectUploads, type UploadReport } from './report-uploads.ts'
import { prepared, type Row } from './statements.ts'

/** Names of the report's files, in the library's folder. */
export const REPORT_NAMES: readonly string[] = ['report-latest.json', 'report-latest.html']

/** `report-latest.json`. Instants are epoch milliseconds. A field is only ever added within a `version`. */
export interface Report {
  readonly format: 'heirloom-report'
  readonly version: 1
  readonly createdAt: number
  /** Over all exports. */
  readonly balance: Balance
  readonly exports: readonly ExportReport[]
  readonly library: LibrarySummary
  /** Placed photos and videos by month, ascending; companions are not counted. */
  readonly timeline: readonly MonthCount[]
  /** Which evidence the dates came from, most frequent first; `none` for undated ones. */
  readonly dates: readonly { readonly source: string; readonly detail: string; readonly count: number }[]
  /** How the time zones are known, most frequent first. */
  readonly zones: readonly { readonly zone: string; readonly count: number }[]
  readonly formats: readonly { readonly format: string; readonly count: number; readonly bytes: number }[]
  /** Files that failed, placed ones that are damaged, and those whose name in the library was refused. */
  readonly problems: readonly Problem[]
  /** Files whose own date, which stays in them, is more than a day from the library's; no problems. */
  readonly dateConflicts: readonly DateConflict[]
  /** Files that nothing became of yet: the first {@link MAX_OPEN_FILES} of each export; `balance` has the count. */
  readonly open: readonly { readonly export: string; readonly path: string }[]
  readonly ambiguous: readonly AmbiguousPairing[]
  /** Why files were ignored, most frequent first. */
  readonly ignored: readonly { readonly export: string; readonly reason: string; readonly count: number }[]
  readonly remarks: readonly ReportRemark[]
  /** Of each server that the library was uploaded to, the last used one first. */
  readonly uploads: readonly UploadReport[]
}

export interface ExportReport {
  readonly name: string
  readonly folder: string
  readonly status: ExportRow['status']
  readonly inputs: readonly string[]
  readonly firstSeenAt: number
  readonly finishedAt?: number
  readonly balance: Balance
  readonly albums: number
  readonly problems: readonly Note[]
}

export interface LibrarySummary {
  /** Different contents placed, companions included. */
  readonly assets: number
  readonly bytes: number
  readonly companions: number
  readonly albums: number
  readonly undated: number
  readonly withPlace: number
  readonly withCaption: number
  readonly favourites: number
  readonly archived: number
  readonly trashed: number
}

/** `month` is `YYYY-MM`, or `YYYY` where only the year is known. */
export interface MonthCount {
  readonly month: string
  readonly count: number
}

export interface Problem {
  readonly kind: 'failed' | 'damaged' | 'unpublished'
  readonly export: string
  /** In the export; of one that is in the catalog, the file that it was imported from. */
  readonly path: string
  readonly code: string
  readonly reason: string
  /** Where a damaged one lies in the library. */
  readonly placedAt?: string
}

/** Wall clocks `YYYY-MM-DDTHH:mm:ss`, shorter where less is known. */
export interface DateConflict {
  /** That the file was imported from. */
  readonly export: string
  /** In the library. */
  readonly path: string
  readonly camera: string
  readonly library: string
}

export interface AmbiguousPairing extends Omit<PairingRecord, 'ambiguous'> {
  readonly export: string
  readonly path: string
}

export interface ReportRemark extends Note {
  /** Undefined: of the library as a whole. */
  readonly export?: string
  readonly path?: string
}

/** A library that is just being filled has as many open files as the export has. */
export const MAX_OPEN_FILES = 50

/** Reads everything that the report says; one look at each asset, and none at the settled files. */
export function collectReport(db: DatabaseSync, now: number): Report {
  return {
    format: 'heirloom-report',
    version: 1,
    createdAt: now,
    balance: balance(db),
    exports: listExports(db).map((row) => exportReport(db, row)),
    library: librarySummary(db),
    timeline: collectTimeline(db),
    dates: countsBy(db, DATES_SQL).map((row) => ({
      source: String(row['source']),
      detail: String(row['detail']),
      count: Number(row['count']),
    })),
    zones: countsBy(db, ZONES_SQL).map((row) => ({ zone: String(row['zone']), count: Number(row['count']) })),
    formats: countsBy(db, FORMATS_SQL).map((row) => ({
      format: String(row['format']),
      count: Number(row['count']),
      bytes: Number(row['bytes']),
    })),
    problems: [...failedFiles(db), ...unpublishedFiles(db), ...damagedFiles(db)],
    dateConflicts: dateConflicts(db),
    open: listExports(db).flatMap((row) => openFiles(db, row)),
    ambiguous: ambiguousPairings(db),
    ignored: countsBy(db, IGNORED_SQL).map((row) => ({
      export: String(row['name']),
      reason: String(row['reason']),
      count: Number(row['count']),
    })),
    remarks: collectRemarks(db),
    uploads: collectUploads(db),
  }
}

function exportReport(db: DatabaseSync, row: ExportRow): ExportReport {
  const albums = prepared(db, 'SELECT count(*) AS count FROM albums WHERE export_id = ?').get(row.id)
  return {
    name: row.name,
    folder: row.folder,
    status: row.status,
    inputs: row.inputs,
    firstSeenAt: row.firstSeenAt,
    ...(row.finishedAt === undefined ? {} : { finishedAt: row.finishedAt }),
    balance: balance(db, row.id),
    albums: Number(albums?.['count']),
    problems: row.problems,
  }
}

function librarySummary(db: DatabaseSync): LibrarySummary {
  const row =
    prepared(
      db,
      `SELECT count(*) AS assets, coalesce(sum(size_bytes), 0) AS bytes, count(primary_asset_id) AS companions,
         (SELECT count(*) FROM albums) AS albums, count(*) - count(taken_at) AS undated,
         count(latitude) AS placed, count(caption) AS captions, coalesce(sum(favourite), 0) AS favourites,
         coalesce(sum(archived), 0) AS archived, coalesce(sum(trashed), 0) AS trashed FROM assets`,
    ).get() ?? {}
  return {
    assets: Number(row['assets']),
    bytes: Number(row['bytes']),
    companions: Number(row['companions']),
    albums: Number(row['albums']),
    undated: Number(row['undated']),
    withPlace: Number(row['placed']),
    withCaption: Number(row['captions']),
    favourites: Number(row['favourites']),
    archived: Number(row['archived']),
    trashed: Number(row['trashed']),
  }
}

function collectTimeline(db: DatabaseSync): MonthCount[] {
  return prepared(
    db,
    `SELECT substr(taken_local, 1, iif(taken_precision = 'year', 4, 7)) AS month, count(*) AS count
     FROM assets WHERE taken_local IS NOT NULL AND primary_asset_id IS NULL GROUP BY 1 ORDER BY 1`,
  )
    .all()
    .map((row) => ({ month: String(row['month']), count: Number(row['count']) }))
}

const DATES_SQL = `
  SELECT coalesce(taken_source, 'none') AS source, coalesce(taken_detail, '') AS detail, count(*) AS count
  FROM assets GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`
const ZONES_SQL = `
  SELECT taken_zone AS zone, count(*) AS count FROM assets WHERE taken_zone IS NOT NULL
  GROUP BY 1 ORDER BY 2 DESC, 1`
const FORMATS_SQL = `
  SELECT format, count(*) AS count, sum(size_bytes) AS bytes FROM assets GROUP BY 1 ORDER BY 2 DESC, 1`
const IGNORED_SQL = `
  SELECT exports.name, coalesce(reason, reason_code, 'no reason given') AS reason, count(*) AS count
  FROM files JOIN exports ON exports.id = export_id WHERE outcome = 'ignored'
  GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`

function countsBy(db: DatabaseSync, sql: string): Row[] {
  return prepared(db, sql).all()
}

function failedFiles(db: DatabaseSync): Problem[] {
  return prepared(
    db,
    `SELECT exports.name, files.path, reason_code, reason FROM files JOIN exports ON exports.id = export_id
     WHERE outcome = 'failed' ORDER BY export_id, files.id`,
  )
    .all()
    .map((row) => ({
      kind: 'failed' as const,
      export: String(row['name']),
      path: String(row['path']),
      code: String(row['reason_code'] ?? 'unknown'),
      reason: String(row['reason'] ?? 'no reason given'),
    }))
}

/** Their bytes lie under a temporary name; each run tries again. */
function unpublishedFiles(db: DatabaseSync): Problem[] {
  return prepared(
    db,
    `SELECT exports.name, outbox.final, outbox.blocked,
       coalesce((SELECT files.path FROM files WHERE asset_id = assets.id
         ORDER BY outcome = 'imported' DESC, id LIMIT 1), assets.original_name, outbox.final) AS path
     FROM outbox JOIN assets ON assets.id = outbox.asset_id JOIN exports ON exports.id = assets.export_id
     WHERE outbox.blocked IS NOT NULL ORDER BY outbox.id`,
  )
    .all()
    .map((row) => {
      const { code, message }: Note = JSON.parse(String(row['blocked']))
      const reason = `cannot be ${row['final']} in the library yet, and the next ingest tries again: ${message}`
      const [path, name] = [String(row['path']), String(row['name'])]
      return { kind: 'unpublished' as const, export: name, path, code, reason }
    })
}

function openFiles(db: DatabaseSync, { id, name }: ExportRow): Report['open'] {
  return prepared(db, 'SELECT path FROM files WHERE export_id = ? AND outcome IS NULL ORDER BY id LIMIT ?')
    .all(id, MAX_OPEN_FILES)
    .map((row) => ({ export: name, path: String(row['path']) }))
}

function damagedFiles(db: DatabaseSync): Problem[] {
  return prepared(
    db,
    `SELECT exports.name, assets.path AS placed_at, assets.problems,
       (SELECT files.path FROM files WHERE asset_id = assets.id ORDER BY outcome = 'imported' DESC, id LIMIT 1)
         AS path
     FROM assets JOIN exports ON exports.id = assets.export_id
     WHERE assets.problems <> '[]' AND EXISTS (SELECT 1 FROM files WHERE asset_id = assets.id)
     ORDER BY assets.id`,
  )
    .all()
    .flatMap((row) => {
      const problems: Note[] = JSON.parse(String(row['problems']))
      const placedAt = String(row['placed_at'])
      const path = String(row['path'])
      const of = { kind: 'damaged' as const, export: String(row['name']), path, placedAt }
      return problems.map(({ code, message }) => ({ ...of, code, reason: message }))
    })
}

function dateConflicts(db: DatabaseSync): DateConflict[] {
  return prepared(
    db,
    `SELECT exports.name, assets.path, camera_local, taken_local FROM assets
     JOIN exports ON exports.id = assets.export_id WHERE camera_local IS NOT NULL ORDER BY assets.id`,
  )
    .all()
    .map((row) => ({
      export: String(row['name']),
      path: String(row['path']),
      camera: String(row['camera_local']),
      library: String(row['taken_local']),
    }))
}

function ambiguousPairings(db: DatabaseSync): AmbiguousPairing[] {
  return prepared(
    db,
    `SELECT exports.name, files.path, pairing FROM files JOIN exports ON exports.id = export_id
     WHERE ambiguous = 1 ORDER BY export_id, files.id`,
  )
    .all()
    .map((row) => {
      const { sidecar, rule, runnerUp }: PairingRecord = JSON.parse(String(row['pairing']))
      const pairing = { export: String(row['name']), path: String(row['path']), sidecar, rule }
      return runnerUp === undefined ? pairing : { ...pairing, runnerUp }
    })
}

/** Where a problem file's picture comes from: a `data:` URI of a small JPEG, PNG or WebP; undefined: none. */
export type ThumbnailOf = (problem: Problem) => Promise<string | undefined>

/** Thumbnails on the page; each is some kilobytes, at most tens. */
const MAX_THUMBNAILS = 60

/** Problems that are asked for a thumbnail: those that the page shows. */
const MAX_THUMBNAIL_TRIES = 200

/** Longest `data:` URI that goes into the page, in characters. */
const MAX_THUMBNAIL_LENGTH = 64 * 1024

/** Writes both files, each as a temporary one and a rename; answers their paths. */
export async function writeReport(
  root: string,
  report: Report,
  thumbnailOf?: ThumbnailOf,
): Promise<{ readonly json: string; readonly html: string }> {
  const thumbnails = await collectThumbnails(report.problems, thumbnailOf)
  const [json = '', html = ''] = REPORT_NAMES.map((name) => join(root, name))
  await replaceFile(json, `${JSON.stringify(report, undefined, 2)}\n`)
  await replaceFile(html, renderReport(report, thumbnails))
  return { json, html }
}

async function collectThumbnails(
  problems: readonly Problem[],
  thumbnailOf: ThumbnailOf | undefined,
): Promise<Map<Problem, string>> {
  const thumbnails = new Map<Problem, string>()
  if (thumbnailOf === undefined) return thumbnails
  for (const problem of problems.slice(0, MAX_THUMBNAIL_TRIES)) {
    if (thumbnails.size === MAX_THUMBNAILS) break
    // The file may be gone, or be what is wrong: a report without its picture is better than none.
    const uri = await thumbnailOf(problem).catch(() => undefined)
    const fits = uri !== undefined && uri.length <= MAX_THUMBNAIL_LENGTH
    if (fits && /^data:image\/(?:jpeg|png|webp);base64,[a-z0-9+/=]+$/iu.test(uri))
      thumbnails.set(problem, uri)
  }
  return thumbnails
}

async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { flush: true })
  await rename(`${file}.new`, file)
}
