/**
 * The picture of a running ingest: lines for a terminal of any size.
 *
 * `renderProgress` is pure; the cursor and the clock are the business of `live-view.ts`. With more exports than
 * lines, those at work come first and the rest is one line of counts.
 *
 * @module
 */

import type { ExportProgress, IngestProgress } from '../tasks/ingest-api.ts'
import { formatBytes, formatCount, formatDuration, pluralize } from '../units.ts'
import { bar, fitParts, formatRate, percentOf, type ViewSize } from './gauge.ts'
import type { Paint } from './paint.ts'
import { neutralize, pad, truncate, widthOf } from './text-width.ts'
import { thumbnailStepLine } from './thumbs-view.ts'
import { uploadLines } from './upload-view.ts'

const ACTIVE = new Set<ExportProgress['phase']>(['listing', 'reading', 'placing'])

/** The lines to show, each at most `columns` wide, at most `rows - 1` of them: the cursor needs the last one. */
export function renderProgress(progress: IngestProgress, size: ViewSize, paint: Paint): string[] {
  const columns = Math.max(10, size.columns - 1)
  const uploads = progress.upload === undefined ? [] : uploadLines(progress.upload, columns, paint)
  const { thumbnails } = progress
  const below =
    thumbnails === undefined ? uploads : [truncate(thumbnailStepLine(thumbnails), columns), ...uploads]
  const room = Math.max(1, size.rows - 2 - below.length)
  const shown = chooseShown(progress.exports, room)
  const nameColumns = Math.min(
    Math.min(Math.max(8, Math.floor(columns * 0.35)), columns - 7),
    Math.max(4, ...shown.map(({ name }) => widthOf(neutralize(name)))),
  )
  const lines = shown.map((one) => exportLine(one, columns, nameColumns, paint))
  const hidden = progress.exports.filter((one) => !shown.includes(one))
  if (hidden.length > 0) lines.push(paint.dim(truncate(hiddenLine(hidden), columns)))
  lines.push(totalLine(progress, columns, paint), ...below)
  return lines.slice(-Math.max(1, size.rows - 1))
}

/** All of them when they fit; else those at work, then the failed, the waiting and the finished ones. */
function chooseShown(exports: readonly ExportProgress[], room: number): readonly ExportProgress[] {
  if (exports.length <= room) return exports
  const rank = ({ phase }: ExportProgress): number =>
    ACTIVE.has(phase) ? 0 : ['failed', 'waiting', 'finished'].indexOf(phase) + 1
  const chosen = new Set([...exports].sort((a, b) => rank(a) - rank(b)).slice(0, Math.max(0, room - 1)))
  return exports.filter((one) => chosen.has(one))
}

function hiddenLine(hidden: readonly ExportProgress[]): string {
  const count = (phases: readonly string[]): number =>
    hidden.filter(({ phase }) => phases.includes(phase)).length
  const parts: [number, string][] = [
    [count([...ACTIVE]), 'at work'],
    [count(['waiting']), 'waiting'],
    [count(['finished']), 'finished'],
    [count(['failed']), 'failed'],
  ]
  return `+ ${hidden.length} more: ${parts.flatMap(([number, word]) => (number > 0 ? [`${number} ${word}`] : [])).join(', ')}`
}

/** `Takeout  ███████░░░░░  58%  1,160/2,000 files  2 problems`, with as much of it as fits. */
function exportLine(one: ExportProgress, columns: number, nameColumns: number, paint: Paint): string {
  const name = pad(truncate(neutralize(one.name), nameColumns), nameColumns)
  const tail = tailOf(one)
  const rest = columns - widthOf(name) - 2
  if (one.phase !== 'placing') return `${name}  ${paintPhase(one, truncate(tail.join('  '), rest), paint)}`
  const share = shareOf(one)
  const percent = `${percentOf(share)}%`.padStart(4)
  const fitting = fitParts(tail, rest - percent.length - 8 - 4)
  const barColumns = Math.min(24, rest - percent.length - 2 - (fitting === '' ? 0 : widthOf(fitting) + 2))
  const painted = one.failed > 0 ? paint.yellow(fitting) : fitting
  return `${name}  ${bar(share, barColumns, paint)}${barColumns > 0 ? ' ' : ''}${percent}${fitting === '' ? '' : `  ${painted}`}`
}

function tailOf(one: ExportProgress): string[] {
  const problems = one.failed > 0 ? [pluralize(one.failed, 'problem')] : []
  const files = `${formatCount(one.filesDone)}/${formatCount(one.filesFound)} files`
  switch (one.phase) {
    case 'waiting':
      return ['waiting']
    case 'listing':
    case 'reading':
      return [`${one.phase}, ${pluralize(one.filesFound, 'file')} found`, ...problems]
    case 'placing':
      return [...problems, files]
    case 'finished':
      return ['finished', ...problems, pluralize(one.filesDone, 'file')]
    case 'failed':
      return [`failed${one.message === undefined ? '' : `: ${neutralize(one.message)}`}`]
  }
}

function paintPhase(one: ExportProgress, text: string, paint: Paint): string {
  if (one.phase === 'failed') return paint.red(text)
  if (one.phase === 'finished') return one.failed > 0 ? paint.yellow(text) : paint.green(text)
  return paint.dim(text)
}

/** Bytes tell the time better than files do, where there are any. Never 100 % before the end. */
function shareOf({ bytesDone, bytesFound, filesDone, filesFound }: ExportProgress): number {
  const share = bytesFound > 0 ? bytesDone / bytesFound : filesDone / Math.max(1, filesFound)
  return Math.max(0, Math.min(filesDone < filesFound ? 0.99 : 1, share))
}

/** `142 files/s  38.1 MB/s  ETA 3 min 05 s  1,160 imported  40 duplicates  2 problems` */
function totalLine(progress: IngestProgress, columns: number, paint: Paint): string {
  const sum = (key: 'imported' | 'duplicates' | 'failed'): number =>
    progress.exports.reduce((total, one) => total + one[key], 0)
  const failed = sum('failed')
  const took = formatDuration(Math.max(0, progress.now - progress.startedAt))
  const working = progress.exports.some(({ phase }) => ACTIVE.has(phase) || phase === 'waiting')
  // Before the first file a speed would be a row of zeros.
  if (working && progress.exports.every(({ filesDone }) => filesDone === 0))
    return paint.bold(truncate(took, columns))
  const eta = progress.etaMs === undefined || !working ? [] : [`ETA ${formatDuration(progress.etaMs)}`]
  const parts = [
    `${formatRate(progress.filesPerSecond)} files/s`,
    ...eta,
    ...(failed > 0 ? [pluralize(failed, 'problem')] : []),
    `${formatBytes(progress.bytesPerSecond)}/s`,
    `${formatCount(sum('imported'))} imported`,
    ...(sum('duplicates') > 0 ? [pluralize(sum('duplicates'), 'duplicate')] : []),
    took,
  ]
  return paint.bold(fitParts(parts, columns))
}

/** One plain line for a pipe: `Takeout: placing 58%, 1,160 of 2,000 files, 142 files/s, 38.1 MB/s, ETA 3 min 05 s, 2 problems`. */
export function plainLine(one: ExportProgress, progress: IngestProgress): string {
  const name = neutralize(one.name)
  const problems = one.failed > 0 ? `, ${pluralize(one.failed, 'problem')}` : ''
  if (one.phase !== 'placing') return `${name}: ${tailOf({ ...one, failed: 0 }).join(', ')}${problems}`
  if (one.filesDone === 0) {
    const size = one.bytesFound > 0 ? `, ${formatBytes(one.bytesFound)}` : ''
    return `${name}: placing ${pluralize(one.filesFound, 'file')}${size}`
  }
  const eta = progress.etaMs === undefined ? '' : `, ETA ${formatDuration(progress.etaMs)}`
  const files = `${formatCount(one.filesDone)} of ${formatCount(one.filesFound)} files`
  const speed = `${formatRate(progress.filesPerSecond)} files/s, ${formatBytes(progress.bytesPerSecond)}/s`
  return `${name}: placing ${percentOf(shareOf(one))}%, ${files}, ${speed}${eta}${problems}`
}
