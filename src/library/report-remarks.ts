/**
 * The report's remarks: what a person should know and need not act on.
 *
 * Some were written down when they came up; the others follow from what the catalog holds now.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { pluralize } from '../units.ts'
import type { ReportRemark } from './report.ts'
import { prepared } from './statements.ts'

export function collectRemarks(db: DatabaseSync): ReportRemark[] {
  return [...recordedRemarks(db), ...catalogOnly(db), ...noLongerTrashed(db), ...supersededFiles(db)]
}

/** Placed files are not rewritten when another export knows more of them. One remark for each such export. */
function catalogOnly(db: DatabaseSync): ReportRemark[] {
  return prepared(
    db,
    `SELECT exports.name, count(*) AS count FROM catalog_only JOIN exports ON exports.id = export_id
     GROUP BY export_id ORDER BY export_id`,
  )
    .all()
    .map((row) => ({
      export: String(row['name']),
      code: 'metadata-in-catalog',
      message: `it knows more of ${pluralize(Number(row['count']), 'file')} than was known when they were placed: the catalog has it and an upload takes it along, the files themselves keep what they say`,
    }))
}

/** Trashed in the export that came first; what is placed is not moved. */
function noLongerTrashed(db: DatabaseSync): ReportRemark[] {
  return prepared(
    db,
    `SELECT exports.name, assets.path FROM assets JOIN exports ON exports.id = assets.export_id
     WHERE trashed = 0 AND instr(path, '/trash/') > 0 ORDER BY assets.id`,
  )
    .all()
    .map((row) => ({
      export: String(row['name']),
      code: 'no-longer-trashed',
      message: `${row['path']} was in the trash when it was placed; another copy of it was not thrown away, so it counts as a photo like any other`,
      path: String(row['path']),
    }))
}

/** Damaged ones whose input was mended since: what is placed is never removed, but it is no problem any more. */
function supersededFiles(db: DatabaseSync): ReportRemark[] {
  return prepared(
    db,
    `SELECT exports.name, assets.path FROM assets JOIN exports ON exports.id = assets.export_id
     WHERE assets.problems <> '[]' AND NOT EXISTS (SELECT 1 FROM files WHERE asset_id = assets.id)
     ORDER BY assets.id`,
  )
    .all()
    .map((row) => ({
      export: String(row['name']),
      code: 'superseded',
      message: `${row['path']} is damaged, and the export has another file in its place now: it may be deleted`,
      path: String(row['path']),
    }))
}

function recordedRemarks(db: DatabaseSync): ReportRemark[] {
  return prepared(
    db,
    `SELECT exports.name, code, message, path FROM remarks LEFT JOIN exports ON exports.id = export_id
     ORDER BY remarks.id`,
  )
    .all()
    .map((row) => ({
      code: String(row['code']),
      message: String(row['message']),
      ...(row['name'] === null ? {} : { export: String(row['name']) }),
      ...(row['path'] === null ? {} : { path: String(row['path']) }),
    }))
}
