/**
 * The report of a library, and what of it the command line shows.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import { collectReport, type ExportReport, type Report, writeReport } from '../library/report.ts'
import type { ExportSummary, Problem, ReportOptions, ReportSummary } from './ingest-api.ts'
import { callLibrary } from './library-calls.ts'
import { openLibraryForReading, type StartedSession } from './library-session.ts'
import { thumbnailIn } from './problem-thumbnail.ts'

/** How many problems of an export the command line is given; the report has all. */
const SHOWN_PROBLEMS = 20

/** Remarks of a reading that mean that something of the export may be missing: they count as problems. */
const GRAVE_REMARKS: ReadonlySet<string> = new Set(['missing-part', 'truncated', 'unreadable', 'bomb'])

export function collectLibraryReport(session: StartedSession): Promise<Report> {
  return callLibrary(session.backend, 'report.collect', { now: systemClock.now() })
}

/** Writes the JSON and the page into the library. */
export async function writeLibraryReport(
  root: string,
  report: Report,
): Promise<{ readonly reportJson: string; readonly reportHtml: string }> {
  const { json, html } = await writeReport(root, report, thumbnailIn(root))
  return { reportJson: json, reportHtml: html }
}

/** `heirloom report`: a library may be read while it is written. */
export async function reportLibrary(options: ReportOptions): Promise<ReportSummary> {
  const { paths, db } = await openLibraryForReading(options.library, options.state)
  try {
    const report = collectReport(db, systemClock.now())
    const names = report.exports.map(({ name }) => name)
    const written = options.json ? {} : await writeLibraryReport(paths.root, report)
    return {
      library: paths.root,
      exports: summarizeExports(report, names, { unchanged: new Set(), interrupted: false }),
      document: report,
      ...written,
    }
  } finally {
    db.close()
  }
}

/** What the report says of these exports, as the command line shows it. */
export function summarizeExports(
  report: Report,
  names: readonly string[],
  run: { readonly unchanged: ReadonlySet<string>; readonly interrupted: boolean },
): ExportSummary[] {
  const byName = new Map(report.exports.map((row) => [row.name, row]))
  return names.flatMap((name) => {
    const row = byName.get(name)
    if (row === undefined) return []
    const open = run.interrupted ? [] : openProblems(report, name)
    const problems = [...problemsOf(report, row), ...open]
    return [
      {
        ...toProgress(row),
        balanced: row.balance.balanced,
        unchanged: run.unchanged.has(name) && !hasUnpublished(report, name),
        problems: problems.slice(0, SHOWN_PROBLEMS),
        problemCount: problems.length - open.length + (run.interrupted ? 0 : row.balance.open),
        ambiguousCount: report.ambiguous.filter((pairing) => pairing.export === name).length,
      },
    ]
  })
}

function problemsOf(report: Report, { name, problems }: ExportReport): Problem[] {
  const grave = report.remarks.filter((remark) => remark.export === name && GRAVE_REMARKS.has(remark.code))
  const files = report.problems.filter((problem) => problem.export === name)
  return [
    ...problems.map(({ code, message }) => ({ code, message })),
    ...grave.map(({ code, message, path }) => ({ code, message, ...(path === undefined ? {} : { path }) })),
    ...files.map(({ path, code, reason }) => ({ path, code, message: reason })),
  ]
}

/** Such a file was tried again by this run. */
function hasUnpublished({ problems }: Report, name: string): boolean {
  return problems.some((problem) => problem.kind === 'unpublished' && problem.export === name)
}

/** When all is done, a file that nothing became of is a problem of its own. */
function openProblems(report: Report, name: string): Problem[] {
  return report.open
    .filter((file) => file.export === name)
    .map(({ path }) => ({
      path,
      code: 'not-finished',
      message: 'nothing became of it yet',
      hint: 'Ingest the export again: only what is missing is done.',
    }))
}

function toProgress({ name, status, balance, problems }: ExportReport): ExportSummary & object {
  const { byOutcome } = balance
  return {
    name,
    phase: problems.length > 0 ? 'failed' : status === 'finished' ? 'finished' : 'placing',
    filesFound: balance.found,
    filesDone: balance.found - balance.open,
    bytesFound: balance.bytesFound,
    bytesDone: Object.values(balance.bytesByOutcome).reduce((sum, bytes) => sum + bytes, 0),
    imported: byOutcome.imported,
    duplicates: byOutcome.duplicate,
    sidecars: byOutcome.sidecar,
    ignored: byOutcome.ignored,
    failed: byOutcome.failed,
  } as ExportSummary
}
