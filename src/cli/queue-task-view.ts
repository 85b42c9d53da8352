/**
 * Tasks as text: many in a table, or one with all that is known of it.
 *
 * Pure. Payloads, messages and names come from strangers: they are made harmless, and cut where they are long.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import { FINAL_STATUSES, type Task } from '../queue/task.ts'
import { formatBytes, formatDuration } from '../units.ts'
import type { Paint } from './paint.ts'
import { formatInstant, type TextStyle } from './queue-status-view.ts'
import { table } from './table.ts'
import { neutralize, truncate } from './text-width.ts'

/** Characters of a payload or result that are shown; `--json` has all. */
const SHOWN_JSON = 600

/** One line a task, each at most `columns` wide. */
export function listLines(tasks: readonly Task[], now: number, { paint, columns }: TextStyle): string[] {
  if (tasks.length === 0) return ['no such task']
  const rows = tasks.map((task) => [
    String(task.id),
    statusOf(task),
    neutralize(task.lane),
    neutralize(task.kind),
    String(task.attempt),
    ageOf(task, now),
    noteOf(task),
  ])
  const lines = table(
    [['ID', 'STATUS', 'LANE', 'KIND', 'ATTEMPT', 'AGE', ''], ...rows],
    ['right', 'left', 'left', 'left', 'right', 'right', 'left'],
  )
  return lines.map((line, index) => {
    const cut = truncate(line, columns)
    return index === 0 ? paint.dim(cut) : paintStatus(tasks[index - 1], cut, paint)
  })
}

function paintStatus(task: Task | undefined, line: string, paint: Paint): string {
  if (task?.status === 'failed') return paint.red(line)
  return task?.status === 'retry' ? paint.yellow(line) : line
}

/** The status; `cancelling` while a running task has been asked to end. */
export function statusOf({ status, cancelRequested }: Task): string {
  return cancelRequested === true && status === 'processing' ? 'cancelling' : neutralize(status)
}

/** How long it has been what it is: since it ended, since it began to run, or since it was added. */
function ageOf(task: Task, now: number): string {
  const since =
    task.finishedAt ?? (task.status === 'processing' ? task.startedAt : undefined) ?? task.createdAt
  return formatDuration(Math.max(0, now - since))
}

/** Of a running task its progress; of any other that did not go well, the last error. */
export function noteOf({ error, progress, status }: Task): string {
  if (status === 'processing') return progress === undefined ? '' : formatProgress(progress)
  if (error === undefined || status === 'completed') return ''
  return neutralize(`${error.code}: ${error.message}`)
}

/** `40%` of a share or `{percent}`, `3/10` of `{done, total}`, text as it is, anything else as short JSON. */
export function formatProgress(value: unknown): string {
  if (typeof value === 'number') return value > 0 && value < 1 ? `${Math.floor(value * 100)}%` : String(value)
  if (typeof value === 'string') return neutralize(value)
  const { done, total, percent } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (typeof done === 'number' && typeof total === 'number') return `${done}/${total}`
  if (typeof percent === 'number') return `${Math.floor(percent)}%`
  return shorten(value, 80)
}

/** Everything known of one task. Nothing is cut to the terminal: one looks at it for the details. */
export function taskLines(task: Task, now: number, { paint }: Pick<TextStyle, 'paint'>): string[] {
  const facts = factsOf(task, now)
  const columns = Math.max(...facts.map(([name]) => name.length))
  return [
    paint.bold(`task ${task.id}: ${neutralize(task.kind)}, ${statusOf(task)}`),
    ...facts.map(([name, value]) => `  ${name.padEnd(columns)}  ${value}`),
  ]
}

type Fact = readonly [name: string, value: string]

function factsOf(task: Task, now: number): Fact[] {
  return [
    ['lane', neutralize(task.lane)],
    ['priority', String(task.priority)],
    ...timesOf(task, now),
    ['attempts', attemptsOf(task)],
    ...given('timeout', task.timeoutMs, formatDuration),
    ...given('memory', task.memoryBytes, formatBytes),
    ...given('group', task.group, neutralize),
    ...given('dedupe key', task.dedupeKey, neutralize),
    ...given('concurrency key', task.concurrencyKey, neutralize),
    ...given('worker', task.workerId, neutralize),
    ...given('progress', task.progress, formatProgress),
    ...errorOf(task.error),
    ['payload', shorten(task.payload, SHOWN_JSON)],
    ...given('result', task.result, (result) => shorten(result, SHOWN_JSON)),
  ]
}

function timesOf({ status, createdAt, startedAt, finishedAt, runAt }: Task, now: number): Fact[] {
  const isFinal = FINAL_STATUSES.includes(status)
  const isDueLater = !isFinal && status !== 'processing' && runAt > now
  const took = finishedAt !== undefined && startedAt !== undefined ? finishedAt - startedAt : undefined
  return [
    ['added', instantOf(createdAt, now)],
    ...(isDueLater ? [['due', instantOf(runAt, now)] as const] : []),
    ...given('started', startedAt, (at) => instantOf(at, now)),
    ...given('ended', finishedAt, (at) => instantOf(at, now)),
    ...given('last attempt took', took, (ms) => formatDuration(Math.max(0, ms))),
  ]
}

/** Released attempts are not charged, so that there may be more of them than may fail. */
function attemptsOf({ attempt, failures, maxRetries }: Task): string {
  return `${attempt}, ${failures} of them failed; given up after ${maxRetries + 1}`
}

function errorOf(error: ErrorRecord | undefined): Fact[] {
  if (error === undefined) return []
  const outlook = error.recovery === 'retry' ? 'another attempt may help' : 'no other attempt can help'
  return [
    ['error', `${neutralize(error.code)}: ${neutralize(error.message)}`],
    ['', outlook],
    ...given('hint', error.hint, neutralize),
  ]
}

function given<Value>(name: string, value: Value | undefined, show: (value: Value) => string): Fact[] {
  return value === undefined ? [] : [[name, show(value)]]
}

function instantOf(at: number, now: number): string {
  const distance = formatDuration(Math.abs(now - at))
  return `${formatInstant(at)}, ${at > now ? `in ${distance}` : `${distance} ago`}`
}

function shorten(value: unknown, length: number): string {
  const text = neutralize(JSON.stringify(value) ?? String(value))
  return text.length > length ? `${text.slice(0, length)}… (${text.length} characters)` : text
}
