/**
 * Shows a running ingest: redrawn in place on a terminal, as plain lines in a pipe, as JSON lines for machines.
 *
 * All of it is talk and goes to stderr. The cursor is hidden while drawing is on and always comes back: at
 * `stop`, and before the process leaves. What others write in between goes through `say`, above the picture.
 *
 * @module
 */

import type { IngestProgress } from '../tasks/ingest-api.ts'
import type { Io } from './io.ts'
import { createPaint } from './paint.ts'
import { plainLine, renderProgress } from './progress-view.ts'
import { neutralize } from './text-width.ts'

export interface ProgressView {
  update(progress: IngestProgress): void
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
const SHOW_CURSOR = '\u001B[?25h'

/** Picks the view: JSON lines when asked for, a live picture on a capable terminal, else plain lines. */
export function createProgressView(
  io: Io,
  options: { readonly json: boolean; readonly color: boolean },
): ProgressView {
  if (options.json)
    return createLineView(io, jsonLines, (line) => JSON.stringify({ type: 'message', message: line }))
  if (io.stderr.isTerminal && io.env['TERM'] !== 'dumb') return createLiveView(io, options.color)
  return createLineView(io, plainLines, (line) => line)
}

function createLiveView(io: Io, color: boolean): ProgressView {
  const paint = createPaint(color)
  const { stderr, clock } = io
  let latest: IngestProgress | undefined
  let drawn: readonly string[] = []
  let drawnColumns = stderr.size().columns
  let cancelRedraw: (() => void) | undefined
  let stopped = false

  const erase = (): string => {
    // After the window became narrower, a drawn line may fill several: those have to be cleared as well.
    const { columns } = stderr.size()
    const wraps = columns < drawnColumns ? Math.ceil(drawnColumns / Math.max(1, columns)) : 1
    const up = drawn.length * wraps
    return up === 0 ? '' : `\r\u001B[${up}A\u001B[J`
  }
  const draw = (): void => {
    if (latest === undefined) return
    const size = stderr.size()
    const lines = renderProgress(latest, size, paint)
    stderr.write(
      `${erase()}${drawn.length === 0 ? HIDE_CURSOR : ''}${lines.map((line) => `${line}\n`).join('')}`,
    )
    drawn = lines
    drawnColumns = size.columns
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
      stderr.write(`${erase()}${neutralize(line, { keepLineFeeds: true })}\n`)
      drawn = []
      if (!stopped) draw()
    },
    stop,
  }
}

type LinesOf = (progress: IngestProgress, changed: readonly string[]) => string[]

/** Lines at each change of a phase, and every ten seconds for what is at work. */
function createLineView(io: Io, linesOf: LinesOf, sayAs: (line: string) => string): ProgressView {
  const phases = new Map<string, string>()
  let latest: IngestProgress | undefined
  let writtenAt = io.clock.now()
  let stopped = false
  const write = (progress: IngestProgress, names: readonly string[]): void => {
    for (const line of linesOf(progress, names)) io.stderr.write(`${line}\n`)
  }
  return {
    update: (progress) => {
      if (stopped) return
      latest = progress
      const changed = progress.exports.filter(({ name, phase }) => phases.get(name) !== phase)
      for (const { name, phase } of changed) phases.set(name, phase)
      const due = io.clock.now() - writtenAt >= PLAIN_INTERVAL_MS
      const working = progress.exports.filter(
        ({ phase }) => phase !== 'waiting' && phase !== 'finished' && phase !== 'failed',
      )
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
      const cut = latest.exports.filter(({ phase }) => phase === 'placing').map(({ name }) => name)
      if (cut.length > 0) write(latest, cut)
    },
  }
}

function plainLines(progress: IngestProgress, names: readonly string[]): string[] {
  return progress.exports.filter(({ name }) => names.includes(name)).map((one) => plainLine(one, progress))
}

function jsonLines(progress: IngestProgress): string[] {
  return [JSON.stringify({ type: 'progress', ...progress })]
}
