/**
 * The picture of running uploads: one export is sent at a time, so a few lines are enough.
 *
 * Pure; the cursor and the clock are the business of `live-view.ts`.
 *
 * @module
 */

import type { ExportUpload, UploadPhase, UploadProgress } from '../tasks/upload-api.ts'
import { formatBytes, formatCount, formatDuration, pluralize } from '../units.ts'
import { bar, fitParts, formatRate, percentOf, type ViewSize } from './gauge.ts'
import type { Paint } from './paint.ts'
import { neutralize, pad, truncate, widthOf } from './text-width.ts'

const WORDS: Readonly<Record<UploadPhase, string>> = {
  waiting: 'waiting',
  checking: 'asking the server what it has',
  sending: 'sending',
  arranging: 'filling albums',
  finished: 'uploaded',
  failed: 'upload failed',
}

/** Of `heirloom upload`: every export whose turn has come, the newest at the end. */
export function renderUploads(progress: UploadProgress, size: ViewSize, paint: Paint): string[] {
  const columns = Math.max(10, size.columns - 1)
  const shown = progress.exports.slice(-Math.max(1, size.rows - 4))
  const lines = shown.map((one) => exportLine(one, columns, paint))
  return [
    ...lines,
    paint.bold(fitParts(rateParts(progress), columns)),
    ...troubleLine(progress, columns, paint),
  ]
}

/** Below the picture of an ingest: the export that is on its way, with the speed of the line. */
export function uploadLines(progress: UploadProgress, columns: number, paint: Paint): string[] {
  const current = progress.exports.find(({ phase }) => phase !== 'finished' && phase !== 'failed')
  const last = current ?? progress.exports.at(-1)
  if (last === undefined) return []
  const rate = current === undefined ? [] : [paint.bold(fitParts(rateParts(progress), columns))]
  return [exportLine(last, columns, paint), ...rate, ...troubleLine(progress, columns, paint)]
}

/** `↑ Takeout  ███████░░░░░  58%  1,160/2,000 files  2 problems`, with as much of it as fits. */
function exportLine(one: ExportUpload, columns: number, paint: Paint): string {
  const name = `↑ ${truncate(neutralize(one.name), Math.max(6, Math.floor(columns * 0.35)))}`
  const rest = columns - widthOf(name) - 2
  // No room for a bar: the share of it says the most.
  if (one.phase === 'sending' && rest < 8) return truncate(`${name} ${percentOf(shareOf(one))}%`, columns)
  if (one.phase !== 'sending') return `${name}  ${paintPhase(one, truncate(restingText(one), rest), paint)}`
  const share = shareOf(one)
  const percent = `${percentOf(share)}%`.padStart(4)
  const tail = [...problemsOf(one), `${formatCount(one.filesDone)}/${formatCount(one.filesFound)} files`]
  const fitting = fitParts(tail, rest - percent.length - 12)
  const barColumns = Math.min(24, rest - percent.length - 2 - (fitting === '' ? 0 : widthOf(fitting) + 2))
  const painted = one.failed > 0 ? paint.yellow(fitting) : fitting
  return `${name}  ${bar(share, barColumns, paint)}${barColumns > 0 ? ' ' : ''}${pad(percent, 4)}${fitting === '' ? '' : `  ${painted}`}`
}

function restingText(one: ExportUpload): string {
  const why = one.message === undefined ? '' : `: ${neutralize(one.message)}`
  if (one.phase !== 'finished') return `${WORDS[one.phase]}${why}`
  const present = one.present > 0 ? [`${formatCount(one.present)} were there`] : []
  return [`${WORDS.finished}: ${formatCount(one.created)} new`, ...present, ...problemsOf(one)].join(', ')
}

function paintPhase(one: ExportUpload, text: string, paint: Paint): string {
  if (one.phase === 'failed') return paint.red(text)
  if (one.phase === 'finished') return one.failed > 0 ? paint.yellow(text) : paint.green(text)
  return paint.dim(text)
}

function problemsOf({ failed }: ExportUpload): string[] {
  return failed > 0 ? [pluralize(failed, 'problem')] : []
}

/** Never 100 % before the end. */
function shareOf({ bytesDone, bytesFound, filesDone, filesFound }: ExportUpload): number {
  const share = bytesFound > 0 ? bytesDone / bytesFound : filesDone / Math.max(1, filesFound)
  return Math.max(0, Math.min(filesDone < filesFound ? 0.99 : 1, share))
}

function rateParts({ filesPerSecond, bytesPerSecond, etaMs, startedAt, now }: UploadProgress): string[] {
  return [
    `${formatRate(filesPerSecond)} files/s sent`,
    `${formatBytes(bytesPerSecond)}/s`,
    ...(etaMs === undefined ? [] : [`ETA ${formatDuration(etaMs)}`]),
    formatDuration(Math.max(0, now - startedAt)),
  ]
}

function troubleLine({ trouble }: UploadProgress, columns: number, paint: Paint): string[] {
  return trouble === undefined ? [] : [paint.yellow(truncate(neutralize(trouble), columns))]
}

/** Lines for a pipe: `upload of Takeout: 58%, 1,160 of 2,000 files, 12 files/s, 3.1 MB/s, ETA 3 min 05 s`. */
export function plainUploads(progress: UploadProgress, names: readonly string[]): string[] {
  const { filesPerSecond, bytesPerSecond, etaMs, trouble } = progress
  const lines = progress.exports
    .filter(({ name }) => names.includes(name))
    .map((one) => {
      const start = `upload of ${neutralize(one.name)}: `
      if (one.phase !== 'sending') return start + restingText(one)
      if (one.filesDone === 0)
        return `${start}sending ${pluralize(one.filesFound, 'file')}, ${formatBytes(one.bytesFound)}`
      return [
        `${start}${percentOf(shareOf(one))}%`,
        `${formatCount(one.filesDone)} of ${formatCount(one.filesFound)} files`,
        `${formatRate(filesPerSecond)} files/s`,
        `${formatBytes(bytesPerSecond)}/s`,
        ...(etaMs === undefined ? [] : [`ETA ${formatDuration(etaMs)}`]),
        ...problemsOf(one),
      ].join(', ')
    })
  return trouble === undefined || lines.length === 0 ? lines : [...lines, neutralize(trouble)]
}
