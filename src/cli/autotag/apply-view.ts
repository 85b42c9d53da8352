/**
 * What stands on the screen when a plan was applied.
 *
 * @module
 */

import type { ApplySummary } from '../../immich/autotag/autotag-jobs.ts'
import { formatCount, pluralize } from '../../units.ts'
import type { SummaryStyle } from '../problem-line.ts'
import { neutralize, truncate } from '../text-width.ts'
import { stepWords } from './plan-words.ts'

const FEW = 10

const OUTCOMES: Readonly<Record<ApplySummary['undone'][number]['outcome'], string>> = {
  gone: 'gone from the server',
  refused: 'refused by the server',
  'changed-meanwhile': 'changed by somebody meanwhile, left alone',
  failed: 'failed',
}

export function applyLines(summary: ApplySummary, style: SummaryStyle): string[] {
  const { run, done, wasSo, calls } = summary
  const was = wasSo === 0 ? '' : `, ${formatCount(wasSo)} were so already`
  const state = {
    completed: style.paint.green('done'),
    interrupted: style.paint.yellow('interrupted'),
    failed: style.paint.red('failed'),
    running: 'running',
  }[run.status]
  return [
    `${state}: ${pluralize(done, 'change')} made${was}, in ${pluralize(calls, 'call')}`,
    ...stopLines(summary, style),
    ...undoneLines(summary, style),
    ...differenceLines(summary, style),
    ...unseenLines(summary),
    ...nextLines(summary),
  ]
}

function stopLines({ stoppedBy, left }: ApplySummary, { paint }: SummaryStyle): string[] {
  const lines = left === 0 ? [] : [`${pluralize(left, 'change')} not begun`]
  if (stoppedBy === undefined) return lines
  const { message, hint } = stoppedBy
  const hints = hint === undefined ? [] : [neutralize(hint)]
  return [paint.red(`stopped: ${neutralize(message)}`), ...hints, ...lines]
}

/** Not a problem: the answers of the server said that they were done. */
function unseenLines({ unseen }: ApplySummary): string[] {
  return unseen === 0 ? [] : [`${pluralize(unseen, 'change')} not looked at again, to spare the server`]
}

function undoneLines({ undone }: ApplySummary, style: SummaryStyle): string[] {
  const lines = undone.map(({ step, outcome, ids, message }) => {
    const what = ids.length === 0 ? '' : `${pluralize(ids.length, 'item')} of `
    const why = message === '' ? '' : `: ${message}`
    return ` ! ${OUTCOMES[outcome]}: ${what}${stepWords(step).what}${why}`
  })
  return limited(lines, style)
}

function differenceLines({ differences }: ApplySummary, style: SummaryStyle): string[] {
  if (differences.length === 0) return []
  return [
    style.paint.yellow('Looked again afterwards, this is not as it was written:'),
    ...limited(
      differences.map((line) => ` ! ${line}`),
      style,
    ),
  ]
}

function limited(lines: readonly string[], { verbose, columns }: SummaryStyle): string[] {
  const few = verbose ? lines : lines.slice(0, FEW)
  const more = lines.length > few.length ? [`   … ${formatCount(lines.length - few.length)} more`] : []
  return [...few.map((line) => truncate(neutralize(line), columns)), ...more]
}

function nextLines({ run, done }: ApplySummary): string[] {
  if (run.status === 'interrupted' || run.status === 'failed')
    return [
      `What is left is done by: heirloom autotag ${run.kind === 'undo' ? `undo ${run.undoes}` : 'apply'}`,
    ]
  return done === 0 ? [] : [`To take it back: heirloom autotag undo ${run.id}`]
}
