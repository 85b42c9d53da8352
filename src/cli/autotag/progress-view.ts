/**
 * The picture of a running autotag: which stage, how far, how many calls.
 *
 * @module
 */

import type { AutotagProgress } from '../../immich/autotag/autotag-jobs.ts'
import { formatCount, pluralize } from '../../units.ts'
import { bar, fitParts, percentOf, type ViewSize } from '../gauge.ts'
import type { Subject } from '../live-view.ts'
import type { Paint } from '../paint.ts'

const BAR_COLUMNS = 24

const STAGES: Readonly<Record<AutotagProgress['stage'], string>> = {
  loading: 'reading',
  deciding: 'deciding',
  comparing: 'comparing with the server',
  applying: 'applying',
  verifying: 'looking at the result',
}

/** `███████░░░░░  58%  applying dates`, and the numbers below; of several things at a time the numbers alone. */
export function renderAutotag(progress: AutotagProgress, size: ViewSize, paint: Paint): string[] {
  const columns = Math.max(10, size.columns - 1)
  const calls = pluralize(progress.calls, 'call')
  const { beside = [] } = progress
  if (beside.length > 0 || progress.total === undefined) {
    const parts = [progress, ...beside].toSorted((a, b) => (a.what < b.what ? -1 : 1))
    const numbers = paint.bold(fitParts([...parts.map(partWords), calls], columns))
    return [fitParts([STAGES[progress.stage]], columns), numbers]
  }
  const words = wordsOf(progress)
  const share = Math.min(1, progress.done / Math.max(1, progress.total))
  const percent = `${percentOf(share)}%`.padStart(4)
  const barColumns = Math.min(BAR_COLUMNS, columns - percent.length - words.length - 4)
  const line =
    barColumns > 0
      ? `${bar(share, barColumns, paint)} ${percent}  ${words}`
      : fitParts([percent, words], columns)
  return [line, paint.bold(fitParts([countOf(progress), calls], columns))]
}

/** Each thing when it begins and when it ends; in between now and then. */
export function subjectsOf({ stage, what, done, total }: AutotagProgress): readonly Subject[] {
  return [{ name: `${stage} ${what}`, phase: done === total ? 'finished' : stage }]
}

/** One line for a pipe. */
export function plainAutotag(progress: AutotagProgress): string[] {
  const parts = [...(isCounted(progress) ? [countOf(progress)] : []), pluralize(progress.calls, 'call')]
  return [`${wordsOf(progress)}: ${parts.join(', ')}`]
}

function wordsOf({ stage, what }: AutotagProgress): string {
  return what === '' ? STAGES[stage] : `${STAGES[stage]} ${what}`
}

/** Deciding counts nothing, and what has not begun may have no number yet. */
function isCounted({ done, total }: AutotagProgress): boolean {
  return done > 0 || total !== undefined
}

type Part = Pick<AutotagProgress, 'what' | 'done' | 'total'>

function partWords(part: Part): string {
  return part.what === '' ? '' : `${part.what} ${countOf(part)}`
}

function countOf({ done, total }: Part): string {
  return total === undefined ? formatCount(done) : `${formatCount(done)} of ${formatCount(total)}`
}
