/**
 * What stands on the screen when thumbnails are made: the counts, the reasons, and what to do next.
 *
 * Pure: a summary in, lines out.
 *
 * @module
 */

import type { ThumbnailStepSummary, ThumbsSummary } from '../tasks/thumbnail-api.ts'
import { formatCount, formatDuration, pluralize } from '../units.ts'
import { FEW_PROBLEMS, problemLine, type SummaryStyle } from './problem-line.ts'
import { table } from './table.ts'
import { neutralize, wrap } from './text-width.ts'

export function thumbsSummaryLines(summary: ThumbsSummary, style: SummaryStyle): string[] {
  return [
    `Thumbnails: ${neutralize(summary.output)}`,
    ...countLines(summary),
    ...unsupportedLines(summary, style),
    ...problemLines(summary, style),
    ...nextStep(summary, style),
  ]
}

/** Whether anything of it makes the exit code 1. */
export function haveThumbsFailed({ failed, problemCount }: ThumbsSummary): boolean {
  return failed + problemCount > 0
}

/** Below the counts of an ingest. */
export function thumbnailStepLines(summary: ThumbnailStepSummary, style: SummaryStyle): string[] {
  const { made, unsupported, failed } = summary
  const counts = [
    `${formatCount(made)} made`,
    ...(unsupported > 0 ? [`${formatCount(unsupported)} unsupported`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
  ]
  return [
    `Thumbnails: ${counts.join(', ')}`,
    ...unsupportedLines(summary, style),
    ...problemLines(summary, style, 'problem with thumbnails', 'problems with thumbnails'),
  ]
}

function countLines({ made, there, unsupported, failed, damaged, ignored }: ThumbsSummary): string[] {
  const rows: readonly (readonly [label: string, count: number, remark?: string])[] = [
    ['made', made],
    ['were there', there],
    ['damaged', damaged, 'a part of the picture is missing in them; counted above, too'],
    ['unsupported', unsupported],
    ['failed', failed],
    ['not pictures', ignored, 'left out'],
  ]
  const shown = rows.filter(([label, count]) => count > 0 || label === 'made' || label === 'were there')
  return table(
    shown.map(([label, count, remark]) => [`  ${label}`, formatCount(count), ...(remark ? [remark] : [])]),
    ['left', 'right', 'left'],
  )
}

function unsupportedLines(summary: ThumbnailStepSummary, { verbose, columns }: SummaryStyle): string[] {
  const { unsupportedReasons: reasons } = summary
  if (reasons.length === 0) return []
  const shown = verbose ? reasons : reasons.slice(0, FEW_PROBLEMS)
  return [
    '',
    'Without thumbnails:',
    ...shown.flatMap(({ files, message, hint, code }) =>
      problemLine(
        { code, message: `${pluralize(files, 'file')}: ${message}`, ...(hint ? { hint } : {}) },
        columns,
      ),
    ),
  ]
}

function problemLines(
  { problems, problemCount }: ThumbnailStepSummary,
  { paint, verbose, columns }: SummaryStyle,
  what = 'problem',
  whats = 'problems',
): string[] {
  if (problemCount === 0) return []
  const shown = verbose ? problems : problems.slice(0, FEW_PROBLEMS)
  const more = problemCount - shown.length
  return [
    '',
    paint.red(`${pluralize(problemCount, what, whats)}:`),
    ...shown.flatMap((problem) => problemLine(problem, columns)),
    ...(more > 0
      ? [`  … and ${formatCount(more)} more${verbose ? '' : ' (--verbose shows some of them)'}`]
      : []),
  ]
}

function nextStep(summary: ThumbsSummary, { paint, columns }: SummaryStyle): string[] {
  const say = (text: string, color: (line: string) => string): string[] => [
    '',
    ...wrap(text, columns).map(color),
  ]
  if (summary.status === 'interrupted') {
    return say('Interrupted: what was made stays. Run the same command again to go on.', paint.yellow)
  }
  if (haveThumbsFailed(summary)) {
    return say(
      'Pictures that could not be decoded are not tried again, unless with --retry-failed.',
      paint.yellow,
    )
  }
  if (summary.made === 0 && summary.there > 0) return say('Everything was there.', paint.green)
  return say(`Done in ${formatDuration(summary.durationMs)}.`, paint.green)
}
