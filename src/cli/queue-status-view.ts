/**
 * The state of a queue as text: coordinators, lanes, speed, schedules.
 *
 * Pure. Every name in it comes from a database that strangers may have filled, and is made harmless.
 *
 * @module
 */

import type { Coordinator, StatusCounts, StoredSchedule } from '../queue/backend.ts'
import type { TaskStatus } from '../queue/task.ts'
import {
  type LaneSnapshot,
  openOf,
  type QueuePlace,
  type QueueSnapshot,
  workersOf,
} from '../tasks/queue-snapshot.ts'
import { formatCount, formatDuration, pluralize } from '../units.ts'
import { formatRate } from './gauge.ts'
import type { Paint } from './paint.ts'
import { table } from './table.ts'
import { neutralize, truncate, widthOf, wrap } from './text-width.ts'

export interface TextStyle {
  readonly paint: Paint
  /** Longer lines are cut. */
  readonly columns: number
}

/** A coordinator reports every few seconds; one that was silent for longer is frozen, or gone without a word. */
export const SILENT_AFTER_MS = 15_000

/** Schedules that are shown: the next ones. */
const SHOWN_SCHEDULES = 10

const STATUSES: readonly TaskStatus[] = [
  'waiting',
  'pending',
  'processing',
  'retry',
  'completed',
  'failed',
  'cancelled',
]

/** The whole picture, each line at most `columns` wide. */
export function statusLines(snapshot: QueueSnapshot, { paint, columns }: TextStyle): string[] {
  const cut = (lines: readonly string[]): string[] => lines.map((line) => truncate(line, columns))
  const grid = (found: Grid): string[] => gridLines(found, columns, paint)
  const { lanes } = snapshot
  const sections = [
    [paint.bold(truncate(titleOf(snapshot), columns)), ...cut(coordinatorLines(snapshot))],
    lanes.length === 0 ? cut(['no task was ever added']) : grid(laneGrid(snapshot)),
    grid(speedGrid(snapshot)),
    cut(scheduleLines(snapshot)),
  ].filter((lines) => lines.length > 0)
  return sections.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]))
}

/** Rows of a name, words and numbers under their heads; without rows there is nothing to show. */
interface Grid {
  readonly heads: readonly string[]
  readonly align: readonly ('left' | 'right')[]
  readonly rows: readonly (readonly string[])[]
}

/** A table; where the terminal is too narrow for one, a paragraph a row: the last columns matter most. */
function gridLines({ heads, align, rows }: Grid, columns: number, paint: Paint): string[] {
  if (rows.length === 0) return []
  const [head = '', ...lines] = table([heads, ...rows], align)
  if ([head, ...lines].every((line) => widthOf(line) <= columns)) return [paint.dim(head), ...lines]
  return rows.flatMap(([name = '', ...cells]) => {
    const facts = cells.map((cell, index) => `${(heads[index + 1] ?? '').toLowerCase()} ${cell}`.trim())
    // A label and its number stay in one line.
    const words = facts.filter((fact) => fact !== '').map((fact) => fact.replaceAll(' ', '\u00A0'))
    const text = words.join(', ')
    return [
      truncate(name, columns),
      ...wrap(text, Math.max(1, columns - 2)).map((line) =>
        truncate(`  ${line.replaceAll('\u00A0', ' ')}`, columns),
      ),
    ]
  })
}

/** `library /photos` or `queue /tmp/q.db`. */
export function titleOf({ database, library }: QueuePlace): string {
  return library === undefined ? `queue ${neutralize(database)}` : `library ${neutralize(library)}`
}

function coordinatorLines({ coordinators, counts, now }: QueueSnapshot): string[] {
  if (coordinators.length === 0)
    return [openOf(counts) === 0 ? 'no coordinator' : 'no coordinator: open tasks wait until one starts']
  const workers = workersOf(coordinators)
  return [
    `${pluralize(coordinators.length, 'coordinator')}, ${pluralize(workers, 'worker')}`,
    ...coordinators.map((one) => `  ${coordinatorLine(one, now)}`),
  ]
}

/**
 * `process 4711 on anna, for 3 min 05 s: export 1 of 1, item 3 of 4`, workers of slots. A lane without a process of its own
 * (they have ended for want of work, or are those of worker hosts) is `item up to 2,000`; one that has no place any more
 * is left out.
 */
function coordinatorLine({ pid, host, startedAt, seenAt, lanes }: Coordinator, now: number): string {
  const silentMs = now - seenAt
  const silent = silentMs > SILENT_AFTER_MS ? `, silent for ${formatDuration(silentMs)}` : ''
  const open = Object.entries(lanes).filter(([, { concurrency, workers }]) => concurrency + workers > 0)
  const shares = open.map(([lane, { concurrency, workers }]) => {
    const share = workers === 0 ? `up to ${formatCount(concurrency)}` : `${workers} of ${concurrency}`
    return `${neutralize(lane)} ${share}`
  })
  const age = formatDuration(Math.max(0, now - startedAt))
  return `process ${pid} on ${neutralize(host)}, for ${age}${silent}${shares.length > 0 ? `: ${shares.join(', ')}` : ''}`
}

/** Counts by status; a status that no lane has is left out. */
function laneGrid({ lanes, counts }: QueueSnapshot): Grid {
  const shown = STATUSES.filter(
    (status) => counts[status] !== 0 || status === 'pending' || status === 'completed',
  )
  const isAnyPaused = lanes.some(({ paused }) => paused)
  const row = (name: string, paused: boolean, numbers: StatusCounts): string[] => [
    name,
    ...(isAnyPaused ? [paused ? 'paused' : ''] : []),
    ...shown.map((status) => formatCount(numbers[status])),
  ]
  return {
    heads: ['LANE', ...(isAnyPaused ? [''] : []), ...shown.map((status) => status.toUpperCase())],
    align: ['left', ...(isAnyPaused ? (['left'] as const) : []), ...shown.map(() => 'right' as const)],
    rows: [
      ...lanes.map((lane) => row(neutralize(lane.lane), lane.paused, lane.counts)),
      ...(lanes.length > 1 ? [row('all', false, counts)] : []),
    ],
  }
}

/** No row for a lane of which nothing has ended yet. */
function speedGrid({ lanes }: QueueSnapshot): Grid {
  const shown = lanes.filter(
    ({ durations, throughput, retries }) => durations.count > 0 || throughput.m15 > 0 || retries > 0,
  )
  return {
    heads: ['LANE', '/S 1 MIN', '5 MIN', '15 MIN', 'P50', 'P95', 'P99', 'MAX', 'RETRIES', 'ETA'],
    align: ['left', ...Array.from({ length: 9 }, () => 'right' as const)],
    rows: shown.map(speedRow),
  }
}

function speedRow({ lane, throughput, durations, retries, counts, etaMs }: LaneSnapshot): string[] {
  const took = (ms: number): string => (durations.count === 0 ? '-' : formatDuration(ms))
  return [
    neutralize(lane),
    formatRate(throughput.m1),
    formatRate(throughput.m5),
    formatRate(throughput.m15),
    took(durations.p50Ms),
    took(durations.p95Ms),
    took(durations.p99Ms),
    took(durations.maxMs),
    formatCount(retries),
    openOf(counts) === 0 || etaMs === undefined ? '-' : formatDuration(etaMs),
  ]
}

function scheduleLines({ schedules, now }: QueueSnapshot): string[] {
  if (schedules.length === 0) return []
  const shown = schedules.slice(0, SHOWN_SCHEDULES)
  const more = schedules.length - shown.length
  return [
    'next schedules:',
    ...table(
      shown.map((one) => [`  ${neutralize(one.name)}`, neutralize(cronOf(one)), nextOf(one, now)]),
      ['left', 'left', 'left'],
    ),
    ...(more > 0 ? [`  and ${formatCount(more)} more`] : []),
  ]
}

function cronOf({ cron, timeZone }: StoredSchedule): string {
  return timeZone === undefined ? cron : `${cron} (${timeZone})`
}

function nextOf({ nextAt }: StoredSchedule, now: number): string {
  if (nextAt === undefined) return 'never again'
  return nextAt <= now ? 'due now' : `in ${formatDuration(nextAt - now)}, ${formatInstant(nextAt)}`
}

/** ISO 8601 in UTC; a number that is no instant is shown as it is, since a database may hold anything. */
export function formatInstant(at: number): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at)
}
