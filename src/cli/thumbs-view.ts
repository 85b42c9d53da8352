/**
 * The picture of a running `heirloom thumbs`: one bar, one line of numbers.
 *
 * Pure; the cursor and the clock are the business of `live-view.ts`.
 *
 * @module
 */

import type { ThumbnailStepProgress, ThumbsProgress } from '../tasks/thumbnail-api.ts'
import { formatCount, formatDuration, pluralize } from '../units.ts'
import { bar, fitParts, formatRate, percentOf, type ViewSize } from './gauge.ts'
import type { Paint } from './paint.ts'

const BAR_COLUMNS = 24

/** `███████░░░░░  58%  1,160/2,000 files`, and the numbers below. */
export function renderThumbs(progress: ThumbsProgress, size: ViewSize, paint: Paint): string[] {
  const columns = Math.max(10, size.columns - 1)
  const { done, total } = progress
  const numbers = paint.bold(fitParts(ratesOf(progress), columns))
  if (total === undefined) return [`${formatCount(done)} files looked at`, numbers]
  const share = shareOf(progress)
  const percent = `${percentOf(share)}%`.padStart(4)
  const files = `${formatCount(done)}/${formatCount(total)} files`
  const barColumns = Math.min(BAR_COLUMNS, columns - percent.length - 2 - files.length - 2)
  const line =
    barColumns > 0
      ? `${bar(share, barColumns, paint)} ${percent}  ${files}`
      : fitParts([percent, files], columns)
  return [line, numbers]
}

/** One line for a pipe. */
export function plainThumbs(progress: ThumbsProgress): string[] {
  const { done, total, isFinished } = progress
  if (isFinished) return []
  if (done === 0) return ['thumbnails: looking for pictures']
  const files =
    total === undefined ? `${formatCount(done)} files` : `${formatCount(done)} of ${formatCount(total)} files`
  const percent = total === undefined ? [] : [`${percentOf(shareOf(progress))}%`]
  return [`thumbnails: ${[...percent, files, ...ratesOf(progress)].join(', ')}`]
}

/** Below the picture of an ingest: `thumbnails: 120 made, 30 to go, 1 problem`. */
export function thumbnailStepLine({ made, waiting, failed }: ThumbnailStepProgress): string {
  const parts = [
    `${formatCount(made)} made`,
    ...(waiting > 0 ? [`${formatCount(waiting)} to go`] : []),
    ...(failed > 0 ? [pluralize(failed, 'problem')] : []),
  ]
  return `thumbnails: ${parts.join(', ')}`
}

/** Never 100 % before the end. */
function shareOf({ done, total = 0 }: ThumbsProgress): number {
  return Math.min(done < total ? 0.99 : 1, done / Math.max(1, total))
}

function ratesOf({ made, there, failed, madePerSecond, etaMs, startedAt, now }: ThumbsProgress): string[] {
  return [
    ...(made === 0 ? [] : [`${formatRate(madePerSecond)} pictures/s`]),
    ...(etaMs === undefined ? [] : [`ETA ${formatDuration(etaMs)}`]),
    ...(failed > 0 ? [pluralize(failed, 'problem')] : []),
    `${formatCount(made)} made`,
    ...(there > 0 ? [`${formatCount(there)} were there`] : []),
    formatDuration(Math.max(0, now - startedAt)),
  ]
}
