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
  return problems.length > 0 || exports.some(isIncomplete)
}

/** All files can be there, and the albums not: then the export failed, and nothing of it is left. */
function isIncomplete({ phase, left, problemCount }: ExportUploadSummary): boolean {
  return phase === 'failed' || left > 0 || problemCount > 0
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
  if (isNothingNew(summary)) return [server, nothingNew(exports), ...remarksOf(exports)]
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

function isNothingNew(summary: UploadSummary): boolean {
  const { exports, status } = summary
  const isQuiet = status === 'complete' && !hasUploadFailed(summary)
  return isQuiet && exports.length > 0 && exports.every(({ created }) => created === 0)
}

/** Of several exports no sum is told: a content that two of them have is one file on the server. */
function nothingNew(exports: readonly ExportUploadSummary[]): string {
  const [one, ...others] = exports
  if (one !== undefined && others.length === 0) {
    if (one.present === 0) return 'Nothing to upload'
    const all = one.present === 1 ? 'the only file was' : `all ${pluralize(one.present, 'file')} were`
    return `Nothing to upload: ${all} on the server already`
  }
  return `Nothing to upload: all that is to be sent of ${pluralize(exports.length, 'export')} was on the server already`
}

/** What is not on the server, and shall not be. A content that two exports have is counted for each. */
function remarksOf(exports: readonly ExportUploadSummary[]): string[] {
  return exports.flatMap(({ name, trashed, unsupported }) => {
    const of = exports.length === 1 ? '' : ` of ${truncate(neutralize(name), MAX_NAME_COLUMNS)}`
    return [
      ...(trashed > 0
        ? [
            `${pluralize(trashed, 'file')}${of} thrown away on the server: not sent again (to have ${trashed === 1 ? 'it' : 'them'} back, restore ${trashed === 1 ? 'it' : 'them'} in its trash)`,
          ]
        : []),
      ...(unsupported > 0
        ? [`${pluralize(unsupported, 'file')}${of} of formats that the server does not take: not sent`]
        : []),
    ]
  })
}

function exportProblems(one: ExportUploadSummary, style: SummaryStyle): string[] {
  const { name, phase, message, problems, problemCount } = one
  const whole = phase === 'failed' && message !== undefined ? [{ code: 'upload/failed', message }] : []
  return problemsOf(`the upload of ${name}`, [...whole, ...problems], problemCount + whole.length, style)
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
  const took = formatDuration(summary.durationMs)
  if (isNothingNew(summary)) return []
  if (!hasUploadFailed(summary)) return [paint.green(`Uploaded in ${took}.`)]
  return say(
    `Not everything is on the server as it should be. When the reasons above are cured: heirloom upload ${summary.library} sends only what is missing.`,
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
    ...(forecast.present > 0
      ? ['  and two at most for each file that the server had before and knows less of']
      : []),
    ...problemsOf('the plan', summary.problems, summary.problems.length, style),
    '',
    'Dry run: nothing was changed on the server',
  ]
}
