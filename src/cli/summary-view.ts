/**
 * What stands on the screen when a job is over: counts that balance, what went wrong, and what to do next.
 *
 * Pure: summaries in, lines out.
 *
 * @module
 */

import type {
  CheckSummary,
  ExportSummary,
  IngestSummary,
  Problem,
  ReportSummary,
} from '../tasks/ingest-api.ts'
import { formatBytes, formatCount, formatDuration, pluralize } from '../units.ts'
import type { Paint } from './paint.ts'
import { FEW_PROBLEMS, problemLine, type SummaryStyle } from './problem-line.ts'
import { table } from './table.ts'
import { neutralize, truncate, widthOf, wrap } from './text-width.ts'
import { thumbnailStepLines } from './thumbs-summary.ts'
import { uploadCounts, uploadNextStep } from './upload-summary.ts'

/** Longer names of exports are cut in tables. */
const MAX_NAME_COLUMNS = 40

/** After an ingest that was no dry run. */
export function summaryLines(summary: IngestSummary, style: SummaryStyle): string[] {
  const { exports, library, status, durationMs } = summary
  const lines: string[] = []
  if (status === 'complete' && exports.length > 0 && exports.every(({ unchanged }) => unchanged)) {
    const files = exports.reduce((total, { filesFound }) => total + filesFound, 0)
    lines.push(
      `Nothing to do: all ${pluralize(files, 'file')} of ${pluralize(exports.length, 'export')} were already taken in (${formatDuration(durationMs)})`,
    )
  } else {
    lines.push(...countsTable(exports, style))
  }
  lines.push(...problemLines(exports, style), ...ambiguousLine(exports), '')
  lines.push(`Library: ${neutralize(library)}`)
  if (summary.reportHtml !== undefined) lines.push(`Report:  ${neutralize(summary.reportHtml)}`)
  const { upload, thumbnails } = summary
  if (thumbnails !== undefined) lines.push('', ...thumbnailStepLines(thumbnails, style))
  if (upload !== undefined) lines.push('', ...uploadCounts(upload, style))
  lines.push(...nextStep(summary, style))
  if (upload !== undefined && status !== 'interrupted') lines.push(...uploadNextStep(upload, style))
  return lines
}

/** Of `heirloom report`. */
export function reportLines(summary: ReportSummary, style: SummaryStyle): string[] {
  if (summary.exports.length === 0) return ['The library is empty']
  const lines = [...countsTable(summary.exports, style), ...problemLines(summary.exports, style)]
  lines.push(...ambiguousLine(summary.exports), '', `Library: ${neutralize(summary.library)}`)
  if (summary.reportHtml !== undefined) lines.push(`Report:  ${neutralize(summary.reportHtml)}`)
  if (summary.reportJson !== undefined) lines.push(`         ${neutralize(summary.reportJson)}`)
  return lines
}

const COUNTS = ['filesFound', 'imported', 'duplicates', 'sidecars', 'ignored', 'failed'] as const

/** Found = imported + duplicates + sidecars + ignored + failed: every row says so, or is marked. */
function countsTable(exports: readonly ExportSummary[], { paint, columns }: SummaryStyle): string[] {
  const rows = exports.map((one) => [
    nameOf(one),
    ...COUNTS.map((key) => formatCount(one[key])),
    stateOf(one),
  ])
  if (exports.length > 1) {
    const sums = COUNTS.map((key) => formatCount(exports.reduce((total, one) => total + one[key], 0)))
    rows.push(['all', ...sums, ''])
  }
  const head = ['EXPORT', 'FOUND', 'IMPORTED', 'DUPLICATES', 'SIDECARS', 'IGNORED', 'FAILED', '']
  const lines = table([head, ...rows], ['left', ...COUNTS.map(() => 'right' as const), 'left'])
  if (lines.some((line) => widthOf(line) > columns)) return exports.flatMap((one) => countsList(one, paint))
  const [first = '', ...rest] = lines
  return [paint.bold(first), ...rest]
}

/** The same for a narrow terminal, one count a line; what did not happen is left out. */
function countsList(one: ExportSummary, paint: Paint): string[] {
  const words = ['found', 'imported', 'duplicates', 'sidecars', 'ignored', 'failed']
  const rows = COUNTS.flatMap((key, index) =>
    one[key] === 0 && index > 1 ? [] : [[`  ${words[index]}`, formatCount(one[key])]],
  )
  const state = stateOf(one)
  return [`${paint.bold(nameOf(one))}${state === '' ? '' : ` (${state})`}`, ...table(rows, ['left', 'right'])]
}

function nameOf(one: ExportSummary): string {
  return truncate(neutralize(one.name), MAX_NAME_COLUMNS)
}

function stateOf(one: ExportSummary): string {
  if (one.phase === 'failed') return 'failed as a whole'
  if (one.phase !== 'finished') {
    return one.filesFound > one.filesDone
      ? `${formatCount(one.filesFound - one.filesDone)} to go`
      : 'not finished'
  }
  if (!one.balanced) return 'counts do not add up'
  return one.unchanged ? 'unchanged' : ''
}

function problemLines(
  exports: readonly ExportSummary[],
  { paint, verbose, columns }: SummaryStyle,
): string[] {
  return exports.flatMap((one) => {
    const whole = one.phase === 'failed' && one.message !== undefined && one.problems.length === 0
    const problems: readonly Problem[] = whole
      ? [{ code: 'export/failed', message: one.message ?? '' }]
      : one.problems
    if (problems.length === 0) return []
    const shown = verbose ? problems : problems.slice(0, FEW_PROBLEMS)
    const count = Math.max(one.problemCount, problems.length)
    const more = count - shown.length
    return [
      '',
      paint.red(`${pluralize(count, 'problem')} in ${neutralize(one.name)}:`),
      ...shown.flatMap((problem) => problemLine(problem, columns)),
      ...(more > 0 ? [`  … and ${formatCount(more)} more in the report`] : []),
    ]
  })
}

function ambiguousLine(exports: readonly ExportSummary[]): string[] {
  const count = exports.reduce((total, { ambiguousCount }) => total + ambiguousCount, 0)
  if (count === 0) return []
  return [
    '',
    `${pluralize(count, 'pairing')} of photo and metadata ${count === 1 ? 'was' : 'were'} ambiguous: the report lists both choices`,
  ]
}

function nextStep({ status, exports, library, durationMs }: IngestSummary, style: SummaryStyle): string[] {
  const { paint, columns } = style
  const say = (text: string, color: (line: string) => string): string[] =>
    wrap(text, columns).map((line) => color(line))
  if (status === 'interrupted') {
    return say('Interrupted: what was done stays. Run the same command again to go on.', paint.yellow)
  }
  if (exports.some((one) => hasFailed(one))) {
    return say(
      'Some files are not in the library, or not whole. Run the same command again when the reasons above are cured: only what is missing is done.',
      paint.yellow,
    )
  }
  if (exports.some((one) => isUnfinished(one))) {
    return say(
      'An export was not finished. Run the same command again: only what is missing is done.',
      paint.yellow,
    )
  }
  const done = exports.every(({ unchanged }) => unchanged) ? '' : `Done in ${formatDuration(durationMs)}. `
  const without = exports.filter(({ imported, duplicates }) => imported + duplicates === 0)
  if (without.length > 0) {
    const names = without.map((one) => nameOf(one)).join(', ')
    return say(
      `${done}No photo or video was found in ${names}: is it the right folder? What was found instead is in the report.`,
      paint.yellow,
    )
  }
  return say(`${done}Before you delete an export: heirloom check ${quote(library)} EXPORT`, paint.green)
}

/** As a shell takes it. */
function quote(path: string): string {
  const safe = neutralize(path)
  return /^[\w./~-]+$/u.test(safe) ? safe : `'${safe.replaceAll("'", String.raw`'\''`)}'`
}

/** Whether this export makes the exit code 1, like one that is unfinished. */
export function hasFailed(one: ExportSummary): boolean {
  return one.failed > 0 || one.phase === 'failed' || !one.balanced || one.problemCount > 0
}

/** Whether its end is missing although the run is over: somebody has cancelled the task that closes it. */
export function isUnfinished({ phase }: ExportSummary): boolean {
  return phase !== 'finished' && phase !== 'failed'
}

/** The plan of a dry run: one line a file, then the counts. */
export function planLines(summary: IngestSummary, style: SummaryStyle): string[] {
  const { entries = [], entryCount = 0 } = summary.plan ?? {}
  const lines = entries.map(({ path, outcome, name, taken, albums, reason }) => {
    const facts = [taken, albums.length > 0 ? `albums: ${albums.join(', ')}` : undefined, reason]
    const extra = facts.filter((fact) => fact !== undefined).join('; ')
    const target = name === undefined ? '' : ` -> ${neutralize(name)}`
    return `${outcome.padEnd(9)}  ${neutralize(path)}${target}${extra === '' ? '' : `  (${neutralize(truncate(extra, 200))})`}`
  })
  if (entryCount > entries.length) lines.push(`… and ${formatCount(entryCount - entries.length)} more`)
  if (lines.length > 0) lines.push('')
  lines.push(
    ...countsTable(summary.exports, style),
    ...problemLines(summary.exports, style),
    ...ambiguousLine(summary.exports),
  )
  lines.push(
    '',
    summary.status === 'interrupted' ? 'Interrupted: the plan is not whole' : 'Dry run: nothing was written',
  )
  return lines
}

/** Of `heirloom check`. */
export function checkLines(summary: CheckSummary, style: SummaryStyle): string[] {
  const { library, exports, problems, problemCount, status } = summary
  const { paint, verbose, columns } = style
  const whole = library.damaged === 0 && library.missing === 0
  const state = whole
    ? paint.green('all as committed')
    : paint.red(`${formatCount(library.damaged)} damaged, ${formatCount(library.missing)} missing`)
  const lines = [
    `Library: ${pluralize(library.filesChecked, 'file')}, ${formatBytes(library.bytesChecked)} re-read: ${state}`,
    ...exports.flatMap((one) => checkedExport(one, status, style)),
  ]
  const shown = verbose ? problems : problems.slice(0, FEW_PROBLEMS)
  if (shown.length > 0)
    lines.push('', paint.red(`${pluralize(Math.max(problemCount, shown.length), 'problem')}:`))
  lines.push(...shown.flatMap((problem) => problemLine(problem, columns)))
  if (problemCount > shown.length) lines.push(`  … and ${formatCount(problemCount - shown.length)} more`)
  if (status === 'interrupted') lines.push('', paint.yellow('Interrupted: not everything was checked'))
  return lines
}

type CheckedExport = CheckSummary['exports'][number]

/** The counts, the verdict, and by name what would be gone with the export although no photo would. */
function checkedExport(
  one: CheckedExport,
  status: CheckSummary['status'],
  { paint, verbose, columns }: SummaryStyle,
): string[] {
  const counts = [
    `${formatCount(one.safe)} safe`,
    pluralize(one.sidecars, 'sidecar'),
    `${formatCount(one.notKept)} not kept`,
    `${formatCount(one.unsafe)} not in the library`,
  ]
  const shown = verbose ? one.notKeptFiles : one.notKeptFiles.slice(0, FEW_PROBLEMS)
  const more = one.notKept - shown.length
  return [
    `${neutralize(one.name)}: ${pluralize(one.filesFound, 'file')}: ${counts.join(', ')}`,
    ...(status === 'interrupted' ? [] : [`  ${verdictOf(one, paint)}`]),
    ...(one.notKept > 0
      ? [`  documents and other files that are not kept: ${formatCount(one.notKept)}`]
      : []),
    ...shown.flatMap(({ path, reason }) =>
      problemLine({ path, code: 'not-kept', message: reason }, columns - 2).map((line) => `  ${line}`),
    ),
    ...(one.notKept > 0 && more > 0 ? [`    … and ${formatCount(more)} more`] : []),
  ]
}

function verdictOf({ deletable, notKept }: CheckedExport, paint: Paint): string {
  if (!deletable) return paint.red('do NOT delete')
  if (notKept === 0) return paint.green('safe to delete')
  const others = notKept === 1 ? '1 other file is' : `${formatCount(notKept)} other files are`
  return paint.yellow(
    `every photo and video is safe; ${others} not in the library: keep what you need of them`,
  )
}

/** Whether all that was checked is well. */
export function isCheckFine({ library, exports, problemCount }: CheckSummary): boolean {
  return (
    library.damaged === 0 &&
    library.missing === 0 &&
    problemCount === 0 &&
    exports.every(({ deletable }) => deletable)
  )
}
