/**
 * Shows a running job: redrawn in place on a terminal, as plain lines in a pipe, as JSON lines for machines.
 *
 * All of it is talk and goes to stderr. The cursor is hidden while drawing is on and always comes back: at
 * `stop`, and before the process leaves. What others write in between goes through `say`, above the picture.
 *
 * @module
 */

import type { AutotagProgress } from '../immich/autotag/autotag-jobs.ts'
import type { IngestProgress } from '../tasks/ingest-api.ts'
import type { ThumbsProgress } from '../tasks/thumbnail-api.ts'
import type { UploadProgress } from '../tasks/upload-api.ts'
import { plainAutotag, renderAutotag, subjectsOf } from './autotag/progress-view.ts'
import type { ViewSize } from './gauge.ts'
import type { Io } from './io.ts'
import { createPaint, type Paint } from './paint.ts'
import { plainLine, renderProgress } from './progress-view.ts'
import { neutralize, widthOf } from './text-width.ts'
import { plainThumbs, renderThumbs } from './thumbs-view.ts'
import { plainUploads, renderUploads } from './upload-view.ts'
import { plainWorker, renderWorker, type WorkerProgress, workerPhase } from './worker-view.ts'

export interface ProgressView<Progress = IngestProgress> {
  update(progress: Progress): void
  /** A line for the user, written above what is drawn. */
  say(line: string): void
  /** Draws the last state, gives the terminal back, and writes nothing more. Safe twice. */
  stop(): void
}

/** At most ten pictures a second: more is not seen, and a terminal over a slow line would lag behind. */
const REDRAW_MS = 100
/** The queue's `progressUpdateInterval`: how often a pipe hears of the same phase. */
const PLAIN_INTERVAL_MS = 10_000

const HIDE_CURSOR = '\u001B[?25l'
/** Before the line is written: after it, at the last column, it would take the last character along. */
const CLEAR_LINE = '\u001B[2K'
const CLEAR_BELOW = '\u001B[J'
const SHOW_CURSOR = '\u001B[?25h'

/** One of the things that are worked on, each with its own phase. */
export interface Subject {
  readonly name: string
  readonly phase: string
}

/** How the progress of one kind of job looks. */
export interface Pictures<Progress> {
  /** For a terminal. */
  render(progress: Progress, size: ViewSize, paint: Paint): string[]
  subjects(progress: Progress): readonly Subject[]
  /** For a pipe: of these subjects, by their names. */
  plain(progress: Progress, names: readonly string[]): string[]
}

/** Phases in which nothing moves. */
const RESTING: ReadonlySet<string> = new Set(['waiting', 'idle', 'finished', 'failed'])

const INGEST: Pictures<IngestProgress> = {
  render: renderProgress,
  // An export is taken in, and after that it is uploaded: two subjects.
  subjects: ({ exports, upload }) => [...exports, ...(upload?.exports ?? []).map(asUpload)],
  plain: (progress, names) => [
    ...progress.exports.filter(({ name }) => names.includes(name)).map((one) => plainLine(one, progress)),
    ...(progress.upload === undefined
      ? []
      : plainUploads(
          progress.upload,
          progress.upload.exports
            .map(({ name }) => name)
            .filter((name) => names.includes(asUpload({ name, phase: '' }).name)),
        )),
  ],
}

const UPLOAD: Pictures<UploadProgress> = {
  render: renderUploads,
  subjects: ({ exports }) => exports,
  plain: plainUploads,
}

const THUMBS: Pictures<ThumbsProgress> = {
  render: renderThumbs,
  subjects: ({ isFinished }) => [{ name: 'thumbnails', phase: isFinished ? 'finished' : 'making' }],
  plain: plainThumbs,
}

const AUTOTAG: Pictures<AutotagProgress> = {
  render: renderAutotag,
  subjects: subjectsOf,
  plain: plainAutotag,
}

const WORKER: Pictures<WorkerProgress> = {
  render: renderWorker,
  subjects: (progress) => [{ name: 'worker', phase: workerPhase(progress) }],
  plain: plainWorker,
}

function asUpload({ name, phase }: Subject): Subject {
  return { name: `upload of ${name}`, phase }
}

interface ViewOptions {
  readonly json: boolean
  readonly color: boolean
}

export function createProgressView(io: Io, options: ViewOptions): ProgressView {
  return createView(io, options, INGEST)
}

export function createUploadView(io: Io, options: ViewOptions): ProgressView<UploadProgress> {
  return createView(io, options, UPLOAD)
}

export function createThumbsView(io: Io, options: ViewOptions): ProgressView<ThumbsProgress> {
  return createView(io, options, THUMBS)
}

export function createAutotagView(io: Io, options: ViewOptions): ProgressView<AutotagProgress> {
  return createView(io, options, AUTOTAG)
}

export function createWorkerView(io: Io, options: ViewOptions): ProgressView<WorkerProgress> {
  return createView(io, options, WORKER)
}

/** Picks the view: JSON lines when asked for, a live picture on a capable terminal, else plain lines. */
function createView<Progress extends object>(
  io: Io,
  options: ViewOptions,
  pictures: Pictures<Progress>,
): ProgressView<Progress> {
  if (options.json) {
    const json = (progress: Progress): string[] => [JSON.stringify({ type: 'progress', ...progress })]
    const say = (line: string): string => JSON.stringify({ type: 'message', message: line })
    return createLineView(io, { ...pictures, plain: json }, say)
  }
  if (io.stderr.isTerminal && io.env['TERM'] !== 'dumb') return createLiveView(io, options.color, pictures)
  return createLineView(io, pictures, (line) => line)
}

function createLiveView<Progress>(
  io: Io,
  color: boolean,
  pictures: Pictures<Progress>,
): ProgressView<Progress> {
  const paint = createPaint(color)
  const { stderr, clock } = io
  let latest: Progress | undefined
  let drawn: readonly string[] = []
  let cancelRedraw: (() => void) | undefined
  let stopped = false

  const backToTop = (): string => {
    // After the window became narrower, a drawn line may fill several: those are to be cleared too, and nothing above.
    const columns = Math.max(1, stderr.size().columns)
    const rowsOf = (line: string): number => Math.max(1, Math.ceil(widthOf(line) / columns))
    const up = drawn.reduce((rows, line) => rows + rowsOf(line), 0)
    return up === 0 ? '' : `\r\u001B[${up}A`
  }
  const draw = (): void => {
    if (latest === undefined) return
    const size = stderr.size()
    const lines = pictures.render(latest, size, paint)
    // Line over line, and what is left of the old picture last: a picture that is cleared first flickers, and tmux
    // keeps each one in its history when it began at the top of the window.
    stderr.write(
      drawn.length === 0
        ? `${HIDE_CURSOR}${lines.map((line) => `${line}\n`).join('')}`
        : `${backToTop()}${lines.map((line) => `${CLEAR_LINE}${line}\n`).join('')}${CLEAR_BELOW}`,
    )
    drawn = lines
  }
  const redrawSoon = (): void => {
    cancelRedraw ??= clock.after(REDRAW_MS, () => {
      cancelRedraw = undefined
      draw()
    })
  }
  const endResize = stderr.onResize(redrawSoon)
  const stop = (): void => {
    if (stopped) return
    stopped = true
    cancelRedraw?.()
    endResize()
    endExit()
    draw()
    drawn = []
    stderr.write(SHOW_CURSOR)
  }
  const endExit = io.onExit(stop)

  return {
    update: (progress) => {
      if (stopped) return
      const first = latest === undefined
      latest = progress
      if (first) draw()
      else redrawSoon()
    },
    say: (line) => {
      stderr.write(
        `${backToTop()}${drawn.length === 0 ? '' : CLEAR_BELOW}${neutralize(line, { keepLineFeeds: true })}\n`,
      )
      drawn = []
      if (!stopped) draw()
    },
    stop,
  }
}

/** Lines at each change of a phase, and every ten seconds for what is at work. */
function createLineView<Progress>(
  io: Io,
  { subjects, plain }: Pictures<Progress>,
  sayAs: (line: string) => string,
): ProgressView<Progress> {
  const phases = new Map<string, string>()
  let latest: Progress | undefined
  let writtenAt = io.clock.now()
  let stopped = false
  const write = (progress: Progress, names: readonly string[]): void => {
    for (const line of plain(progress, names)) io.stderr.write(`${line}\n`)
  }
  return {
    update: (progress) => {
      if (stopped) return
      latest = progress
      const all = subjects(progress)
      const changed = all.filter(({ name, phase }) => phases.get(name) !== phase)
      for (const { name, phase } of changed) phases.set(name, phase)
      const due = io.clock.now() - writtenAt >= PLAIN_INTERVAL_MS
      const working = all.filter(({ phase }) => !RESTING.has(phase))
      const names = (due ? [...changed, ...working] : changed)
        .filter(({ phase }) => phase !== 'waiting')
        .map(({ name }) => name)
      if (due) writtenAt = io.clock.now()
      if (names.length > 0) write(progress, names)
    },
    say: (line) => {
      io.stderr.write(`${sayAs(neutralize(line, { keepLineFeeds: true }))}\n`)
    },
    stop: () => {
      if (stopped) return
      stopped = true
      if (latest === undefined) return
      const cut = subjects(latest).filter(({ phase }) => phase === 'placing' || phase === 'sending')
      if (cut.length > 0)
        write(
          latest,
          cut.map(({ name }) => name),
        )
    },
  }
}
