/**
 * What stands on the screen when uploads are over: what was sent, what was there, what is left, and what to do next.
 *
 * Pure: summaries in, lines out.
 *
 * @module
 */

import type { Problem } from '../tasks/problem.ts'
import type { ExportUploadSummary, UploadForecast, UploadSummary } from '../tasks/upload-api.ts'
import { formatBytes, formatCount, formatDuration, pluralize } from '../units.ts'
import { FEW_PROBLEMS, problemLine, type SummaryStyle } from './problem-line.ts'
import { table } from './table.ts'
import { neutralize, truncate, wrap } from './text-width.ts'

/** Longer names of exports are cut in tables. */
const MAX_NAME_COLUMNS = 40

/** Whether anything of it makes the exit code 1. */
export function hasUploadFailed({ exports, problems }: UploadSummary): boolean {
  return problems.length > 0 || exports.some((one) => one.left > 0 || one.problemCount > 0)
}

/** Of `heirloom upload`. */
export function uploadSummaryLines(summary: UploadSummary, style: SummaryStyle): string[] {
  if (summary.forecast !== undefined) return forecastLines(summary, summary.forecast, style)
  return [...uploadCounts(summary, style), ...uploadNextStep(summary, style)]
}

/** The counts and the problems, also below those of an ingest. */
export function uploadCounts(summary: UploadSummary, style: SummaryStyle): string[] {
  const { address, serverVersion, exports } = summary
  const version = serverVersion === undefined ? '' : ` (Immich ${serverVersion})`
  const server = `Server:  ${neutralize(address)}${version}`
  const problems = problemsOf('the uploads', summary.problems, summary.problems.length, style)
  if (exports.length === 0) return [server, ...problems]
  if (!hasUploadFailed(summary) && exports.every(({ created }) => created === 0)) {
    const files = exports.reduce((total, { present }) => total + present, 0)
    return [
      server,
      ...remarksOf(exports),
      `Nothing to upload: all ${pluralize(files, 'file')} were on the server already`,
    ]
  }
  const rows = exports.map((one) => [
    truncate(neutralize(one.name), MAX_NAME_COLUMNS),
    ...[one.created, one.present, one.failed, one.left].map(formatCount),
  ])
  const head = ['UPLOAD', 'NEW', 'WERE THERE', 'FAILED', 'LEFT']
  const [first = '', ...rest] = table([head, ...rows], ['left', 'right', 'right', 'right', 'right'])
  return [
    server,
    style.paint.bold(first),
    ...rest,
    ...remarksOf(exports),
    ...problems,
    ...exports.flatMap((one) => exportProblems(one, style)),
  ]
}

/** What is not on the server, and shall not be. */
function remarksOf(exports: readonly ExportUploadSummary[]): string[] {
  const trashed = exports.reduce((sum, one) => sum + one.trashed, 0)
  const unsupported = exports.reduce((sum, one) => sum + one.unsupported, 0)
  return [
    ...(trashed > 0 ? [`${pluralize(trashed, 'file')} in the trash of the server: left there`] : []),
    ...(unsupported > 0
      ? [`${pluralize(unsupported, 'file')} of formats that the server does not take: not sent`]
      : []),
  ]
}

function exportProblems(one: ExportUploadSummary, style: SummaryStyle): string[] {
  const whole = one.message !== undefined && one.problems.length === 0
  const problems = whole ? [{ code: 'upload/failed', message: one.message ?? '' }] : one.problems
  return problemsOf(`the upload of ${one.name}`, problems, one.problemCount, style)
}

function problemsOf(
  of: string,
  problems: readonly Problem[],
  count: number,
  { paint, verbose, columns }: SummaryStyle,
): string[] {
  if (problems.length === 0) return []
  const shown = verbose ? problems : problems.slice(0, FEW_PROBLEMS)
  const all = Math.max(count, problems.length)
  return [
    '',
    paint.red(`${pluralize(all, 'problem')} in ${neutralize(of)}:`),
    ...shown.flatMap((problem) => problemLine(problem, columns)),
    ...(all > shown.length ? [`  … and ${formatCount(all - shown.length)} more in the report`] : []),
  ]
}

/** How to go on, where something is left. */
export function uploadNextStep(summary: UploadSummary, { paint, columns }: SummaryStyle): string[] {
  const say = (text: string, color: (line: string) => string): string[] => wrap(text, columns).map(color)
  if (summary.status === 'interrupted') {
    return say('Interrupted: what was sent stays. Run the same command again to go on.', paint.yellow)
  }
  if (!hasUploadFailed(summary)) return [paint.green(`Uploaded in ${formatDuration(summary.durationMs)}.`)]
  return say(
    `Not everything is on the server. When the reasons above are cured: heirloom upload ${summary.library} sends only what is missing.`,
    paint.yellow,
  )
}

function forecastLines(summary: UploadSummary, forecast: UploadForecast, style: SummaryStyle): string[] {
  const calls = Object.entries(forecast.calls)
  const total = calls.reduce((sum, [, times]) => sum + times, 0)
  return [
    `Server:  ${neutralize(summary.address)}${summary.serverVersion === undefined ? '' : ` (Immich ${summary.serverVersion})`}`,
    `To send: ${pluralize(forecast.files, 'file')}, ${formatBytes(forecast.bytes)}`,
    `There:   ${pluralize(forecast.present, 'file')}`,
    `Albums:  ${formatCount(forecast.albums)} to be made or filled`,
    `Calls:   ${formatCount(total)} at most`,
    ...table(
      calls.map(([name, times]) => [`  ${name}`, formatCount(times)]),
      ['left', 'right'],
    ),
    ...problemsOf('the plan', summary.problems, summary.problems.length, style),
    '',
    'Dry run: nothing was changed on the server',
  ]
}
