/**
 * The picture of `heirloom queue top`: lines for a terminal of any size.
 *
 * Pure; the cursor, the keys and the clock are the business of `queue-top-screen.ts`. What does not fit is left out
 * from the least important on: details at the end of a line, older failures, running tasks beyond the rows.
 *
 * @module
 */

import type { Task } from '../queue/task.ts'
import { finalOf, type LaneSnapshot, openOf, type QueueSnapshot, workersOf } from '../tasks/queue-snapshot.ts'
import { formatCount, formatDuration, pluralize } from '../units.ts'
import { bar, fitParts, formatRate, percentOf, type ViewSize } from './gauge.ts'
import type { Paint } from './paint.ts'
import { SILENT_AFTER_MS, titleOf } from './queue-status-view.ts'
import { noteOf, statusOf } from './queue-task-view.ts'
import { neutralize, pad, truncate, widthOf } from './text-width.ts'

/** What one picture is drawn from. */
export interface TopData {
  readonly snapshot: QueueSnapshot
  /** Oldest first. */
  readonly running: readonly Task[]
  /** Newest first. */
  readonly failures: readonly Task[]
}

export interface TopChoice {
  /** The lane that the keys act on. */
  readonly lane: string | undefined
  /** Shown in place of the keys: what a key has just done, or why it could not. */
  readonly notice?: string
  /** False where no keys can be read. */
  readonly keys: boolean
}

/** As many lines as the terminal has rows, each at most `columns` wide; the keys are on the last one. */
export function renderTop(data: TopData, choice: TopChoice, size: ViewSize, paint: Paint): string[] {
  const columns = Math.max(10, size.columns)
  const rows = Math.max(3, size.rows)
  const head = [
    paint.bold(truncate(titleOf(data.snapshot), columns)),
    summaryLine(data.snapshot, columns, paint),
  ]
  const foot = paint.dim(truncate(footOf(choice), columns))
  const room = rows - head.length - 1
  const lanes = laneLines(data.snapshot.lanes, choice.lane, { columns, rows: Math.max(0, room - 1) }, paint)
  const body = lanes.length === 0 ? [] : ['', ...lanes].slice(0, room)
  const rest = taskSections(data, { columns, rows: room - body.length }, paint)
  const filled = Math.max(0, room - body.length - rest.length)
  return [...head, ...body, ...rest, ...Array.from({ length: filled }, () => ''), foot]
}

/** `2 coordinators  7 workers  45.2/s  1,234 open  ETA 3 min 05 s  2 failed` */
function summaryLine(snapshot: QueueSnapshot, columns: number, paint: Paint): string {
  const { coordinators, counts, throughput, etaMs, now } = snapshot
  const open = openOf(counts)
  const silent = coordinators.filter(({ seenAt }) => now - seenAt > SILENT_AFTER_MS).length
  const parts = [
    `${formatCount(open)} open`,
    ...(coordinators.length === 0 ? ['no coordinator'] : [`${formatRate(throughput.m1)}/s`]),
    ...(open > 0 && etaMs !== undefined ? [`ETA ${formatDuration(etaMs)}`] : []),
    ...(counts.failed > 0 ? [`${formatCount(counts.failed)} failed`] : []),
    ...(silent > 0 ? [`${silent} silent`] : []),
    ...(coordinators.length === 0
      ? []
      : [pluralize(workersOf(coordinators), 'worker'), pluralize(coordinators.length, 'coordinator')]),
  ]
  const line = fitParts(parts, columns)
  return coordinators.length === 0 || counts.failed > 0 || silent > 0 ? paint.yellow(line) : line
}

function footOf({ lane, notice, keys }: TopChoice): string {
  if (notice !== undefined) return neutralize(notice)
  if (!keys) return 'Ctrl-C quits'
  return lane === undefined ? 'q quit' : `q quit  ↑↓ lane  p pause or resume ${neutralize(lane)}`
}

/** The selected lane is always among those that are shown. */
function laneLines(
  lanes: readonly LaneSnapshot[],
  selected: string | undefined,
  size: ViewSize,
  paint: Paint,
): string[] {
  if (size.rows === 0) return []
  const at = Math.max(
    0,
    lanes.findIndex(({ lane }) => lane === selected),
  )
  const first = Math.max(0, Math.min(at - size.rows + 1, lanes.length - size.rows))
  const shown = lanes.slice(first, first + size.rows)
  // Two for the mark, two before the bar, four for the percentage.
  const nameColumns = Math.min(
    Math.max(1, Math.floor(size.columns * 0.3)),
    size.columns - 8,
    Math.max(1, ...shown.map(({ lane }) => widthOf(neutralize(lane)))),
  )
  return shown.map((lane) =>
    laneLine(lane, lane.lane === selected, { nameColumns, columns: size.columns }, paint),
  )
}

/** `> item  ██████░░░░  58%  1,160/2,000  45.2/s  3 processing  2 failed  …`, with as much of it as fits. */
function laneLine(
  lane: LaneSnapshot,
  isSelected: boolean,
  { nameColumns, columns }: { readonly nameColumns: number; readonly columns: number },
  paint: Paint,
): string {
  const done = finalOf(lane.counts)
  const all = done + openOf(lane.counts)
  const share = all === 0 ? 1 : Math.min(done < all ? 0.99 : 1, done / all)
  const name = pad(truncate(neutralize(lane.lane), nameColumns), nameColumns)
  const percent = `${percentOf(share)}%`.padStart(4)
  const rest = columns - nameColumns - 2 - 2 - percent.length
  const barColumns = Math.max(0, Math.min(20, Math.floor(rest / 3) - 1))
  const details = fitParts(detailsOf(lane, done, all), rest - barColumns - 1 - 2)
  const painted = lane.counts.failed > 0 || lane.paused ? paint.yellow(details) : details
  const start = `${isSelected ? '>' : ' '} ${isSelected ? paint.bold(name) : name}  `
  return `${start}${bar(share, barColumns, paint)}${barColumns > 0 ? ' ' : ''}${percent}${details === '' ? '' : `  ${painted}`}`
}

/** Most important first. */
function detailsOf(
  { paused, counts, throughput, durations, etaMs, retries }: LaneSnapshot,
  done: number,
  all: number,
): string[] {
  const some = (count: number, word: string): string[] => (count > 0 ? [`${formatCount(count)} ${word}`] : [])
  return [
    ...(paused ? ['paused'] : []),
    `${formatCount(done)}/${formatCount(all)}`,
    ...some(counts.failed, 'failed'),
    ...(throughput.m1 > 0 ? [`${formatRate(throughput.m1)}/s`] : []),
    ...some(counts.processing, 'processing'),
    ...some(counts.retry, 'in retry'),
    ...(done < all && etaMs !== undefined ? [`ETA ${formatDuration(etaMs)}`] : []),
    ...(durations.count > 0
      ? [
          `p50 ${formatDuration(durations.p50Ms)}`,
          `p95 ${formatDuration(durations.p95Ms)}`,
          `p99 ${formatDuration(durations.p99Ms)}`,
        ]
      : []),
    ...some(counts.waiting, 'waiting'),
    ...some(counts.cancelled, 'cancelled'),
    ...some(retries, 'retries'),
  ]
}

/** Running tasks and the last failures share the rows that are left; each list needs three to be worth its title. */
function taskSections(
  { snapshot, running, failures }: TopData,
  { columns, rows }: ViewSize,
  paint: Paint,
): string[] {
  const wanted = failures.length === 0 ? 0 : Math.min(failures.length + 2, Math.max(3, Math.floor(rows / 2)))
  const forFailures = rows >= wanted + Math.min(3, running.length + 2) || running.length === 0 ? wanted : 0
  const runningLines = running.map((task) => runningLine(task, snapshot.now))
  const failureLines = failures.map((task) => failureLine(task, snapshot.now))
  const { processing } = snapshot.counts
  const upper = section(
    `processing (${formatCount(processing)})`,
    runningLines,
    rows - forFailures,
    columns,
    paint,
  )
  const { failed } = snapshot.counts
  return [
    ...upper,
    ...section(`last failures (${formatCount(failed)})`, failureLines, rows - upper.length, columns, paint),
  ]
}

function section(
  title: string,
  lines: readonly string[],
  rows: number,
  columns: number,
  paint: Paint,
): string[] {
  if (lines.length === 0 || rows < 3) return []
  const shown = lines.slice(0, rows - 2)
  return ['', paint.dim(truncate(title, columns)), ...shown.map((line) => truncate(line, columns))]
}

/** `#12  item  3.2 s  40%` */
function runningLine(task: Task, now: number): string {
  const status = statusOf(task)
  const parts = [
    `  #${task.id}`,
    neutralize(task.kind),
    formatDuration(Math.max(0, now - (task.startedAt ?? now))),
    ...(status === 'processing' ? [] : [status]),
    ...(task.attempt > 1 ? [`attempt ${task.attempt}`] : []),
    noteOf(task),
  ]
  return parts.join('  ').trimEnd()
}

/** `#9  item  2 min 05 s ago  media/unreadable: …` */
function failureLine(task: Task, now: number): string {
  const age = formatDuration(Math.max(0, now - (task.finishedAt ?? now)))
  return `  #${task.id}  ${neutralize(task.kind)}  ${age} ago  ${noteOf(task)}`.trimEnd()
}
