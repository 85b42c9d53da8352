/**
 * Tasks as a page shows them: a line each, and found by what people know of them (a file's name, an error's code).
 *
 * A search walks the newest tasks in slices on a connection that only reads, and lets others have their turn between
 * the slices; so it stops nobody, however many tasks there are. It walks {@link MAX_WALKED} of them at most and says
 * where it stopped, so that it can be continued.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { prepared, type Row } from '../library/statements.ts'
import { type TaskRow, taskOfRow } from '../queue/sqlite/task-row.ts'
import type { Task, TaskStatus } from '../queue/task.ts'

/** A task without what it was given and what came of it, which may be long. */
export interface TaskSummary
  extends Pick<
    Task,
    | 'id'
    | 'kind'
    | 'lane'
    | 'status'
    | 'priority'
    | 'attempt'
    | 'failures'
    | 'maxRetries'
    | 'createdAt'
    | 'runAt'
    | 'startedAt'
    | 'finishedAt'
    | 'group'
    | 'workerId'
    | 'progress'
    | 'error'
    | 'cancelRequested'
  > {
  /** What it is about: a file's or an export's name; empty when the payload does not tell. */
  readonly title: string
}

export interface TaskQuery {
  readonly status?: TaskStatus
  readonly lane?: string
  readonly kind?: string
  /** Found in id, kind, group, the words of the error, and every text of the payload; letter case is ignored. */
  readonly text?: string
  readonly limit: number
  /** Ids from here on are left out. */
  readonly before?: number
}

export interface TaskPage {
  /** Newest first. */
  readonly tasks: readonly TaskSummary[]
  /** Where the next page begins; absent when all tasks were walked. */
  readonly nextBefore?: number
  /** Tasks that were looked at. */
  readonly walked: number
}

/** Of one search: 0.2 s of walking, in slices; 1.5 s for a text that is in every payload. */
export const MAX_WALKED = 50_000

/** Rows of a slice: with payloads of two kilobytes 1 ms, or 8 ms when all of them have to be read (Node 24, 2026-11). */
const SLICE = 250

const MAX_TITLE_LENGTH = 300

const RARE = `status <> 'pending' AND status <> 'processing' AND status <> 'completed'`

/**
 * @param reading - Asked anew for every slice: the connection changes when the server takes its library over.
 * @param signal - Ends the walk early; what was found until then is answered.
 */
export async function findTasks(
  reading: () => DatabaseSync,
  query: TaskQuery,
  signal?: AbortSignal,
): Promise<TaskPage> {
  const tasks: TaskSummary[] = []
  let before = query.before ?? Number.MAX_SAFE_INTEGER
  let walked = 0
  while (walked < MAX_WALKED && !signal?.aborted) {
    const slice = findSlice(reading(), query.status, before)
    walked += slice.count
    for (const task of matchesIn(reading(), query, { before, from: slice.from })) {
      tasks.push(summarize(task))
      if (tasks.length === query.limit) return { tasks, walked, ...rest(task.id) }
    }
    before = slice.from
    if (slice.count < SLICE) return { tasks, walked }
    await setImmediate()
  }
  return { tasks, walked, ...rest(before) }
}

function rest(before: number): { readonly nextBefore?: number } {
  return before > 1 ? { nextBefore: before } : {}
}

/** The ids of a slice, `[from, before)`, and how many of them there are. */
function findSlice(
  db: DatabaseSync,
  status: TaskStatus | undefined,
  before: number,
): { readonly from: number; readonly count: number } {
  const { from, conditions } = accessOf(status)
  const row = prepared(
    db,
    `SELECT min(id) AS first, count(*) AS count FROM
       (SELECT id FROM ${from} WHERE id < :before AND ${conditions} ORDER BY id DESC LIMIT ${SLICE})`,
  ).get({ before, ...(status === undefined ? {} : { status }) })
  return { from: Number(row?.['first'] ?? 0), count: Number(row?.['count'] ?? 0) }
}

/** Most states are found by an index that leads through these tasks only; the others by walking all. */
function accessOf(status: TaskStatus | undefined): { readonly from: string; readonly conditions: string } {
  if (status === undefined) return { from: 'queue_tasks', conditions: 'true' }
  // That a task matches is for the slice's rows to say: else the slice would walk on until it is full.
  if (status === 'pending' || status === 'completed')
    return { from: 'queue_tasks', conditions: ':status IS NOT NULL' }
  const index = status === 'processing' ? 'queue_tasks_lease' : 'queue_tasks_rare'
  const own = status === 'processing' ? `status = 'processing'` : RARE
  return { from: `queue_tasks INDEXED BY ${index}`, conditions: `${own} AND status = :status` }
}

function* matchesIn(
  db: DatabaseSync,
  { status, lane, kind, text }: TaskQuery,
  { before, from }: { readonly before: number; readonly from: number },
): Generator<Task> {
  const access = accessOf(status)
  const needle = text?.normalize('NFC').toLowerCase()
  const pattern = needle === undefined ? '%' : `%${needle.replaceAll(/[^ -~]+|["\\%]+/gu, '%')}%`
  const rows = prepared(
    db,
    `SELECT * FROM ${access.from}
     WHERE id < :before AND id >= :from AND ${access.conditions}
       AND (:status IS NULL OR status = :status)
       AND (:lane IS NULL OR lane = :lane)
       AND (:kind IS NULL OR kind = :kind)
       AND (:pattern = '%' OR id = :id OR kind LIKE :pattern OR task_group LIKE :pattern
         OR error LIKE :pattern OR payload LIKE :pattern)
     ORDER BY id DESC`,
  ).iterate({
    before,
    from,
    status: status ?? null,
    lane: lane ?? null,
    kind: kind ?? null,
    pattern,
    id: /^\d{1,15}$/u.test(needle ?? '') ? Number(needle) : null,
  })
  for (const row of rows) {
    const task = taskOfRow(row as unknown as TaskRow)
    // The database compares roughly, and the names of fields too: here it is exact.
    if (needle === undefined || isAbout(task, needle)) yield task
  }
}

function isAbout({ id, kind, group = '', error, payload }: Task, needle: string): boolean {
  const has = (text: string): boolean => text.normalize('NFC').toLowerCase().includes(needle)
  if (String(id) === needle || has(kind) || has(group)) return true
  if (error !== undefined && (has(error.code) || has(error.message))) return true
  return someText(payload, has)
}

/** Nested deeper than any payload of ours. */
const MAX_DEPTH = 12

function someText(value: unknown, is: (text: string) => boolean, depth = 0): boolean {
  if (typeof value === 'string') return is(value)
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return false
  return Object.values(value).some((inner) => someText(inner, is, depth + 1))
}

/** What runs, the last failures, and what has ended last. */
export interface LiveTasks {
  /** Longest first. */
  readonly running: readonly TaskSummary[]
  /** Of the newest failed tasks, the one that failed last first. */
  readonly failures: readonly TaskSummary[]
  /** Newest first; only those that ended since the given time. */
  readonly settled: readonly TaskSummary[]
}

const RUNNING_SHOWN = 40
const FAILURES_SHOWN = 50
const SETTLED_SHOWN = 12

/**
 * By indexes only: some fractions of a millisecond, however many tasks there are.
 *
 * @param counts - From the counters: what there is none of is not looked for.
 * @param since - Epoch milliseconds, for {@link LiveTasks.settled}.
 */
export function readLiveTasks(
  db: DatabaseSync,
  counts: { readonly processing: number; readonly failed: number },
  since: number,
): LiveTasks {
  const running =
    counts.processing === 0
      ? []
      : summaries(
          prepared(
            db,
            `SELECT * FROM queue_tasks INDEXED BY queue_tasks_lease WHERE status = 'processing'
             ORDER BY started_at, id LIMIT ${RUNNING_SHOWN}`,
          ).all(),
        )
  const failures =
    counts.failed === 0
      ? []
      : summaries(
          prepared(
            db,
            `SELECT * FROM queue_tasks INDEXED BY queue_tasks_rare WHERE ${RARE} AND status = 'failed'
             ORDER BY id DESC LIMIT ${FAILURES_SHOWN}`,
          ).all(),
        )
  const settled = summaries(
    prepared(
      db,
      `SELECT * FROM queue_tasks INDEXED BY queue_tasks_ended
       WHERE finished_at IS NOT NULL AND finished_at > ?
       ORDER BY finished_at DESC LIMIT ${SETTLED_SHOWN}`,
    ).all(since),
  )
  return { running, failures: failures.toSorted(byEnd), settled }
}

function byEnd(a: TaskSummary, b: TaskSummary): number {
  return (b.finishedAt ?? 0) - (a.finishedAt ?? 0) || b.id - a.id
}

function summaries(rows: readonly Row[]): TaskSummary[] {
  return rows.map((row) => summarize(taskOfRow(row as unknown as TaskRow)))
}

export function summarize({ payload, result: _result, ...task }: Task): TaskSummary {
  const {
    timeoutMs: _timeoutMs,
    dedupeKey: _key,
    concurrencyKey: _other,
    memoryBytes: _bytes,
    ...shown
  } = task
  return { ...shown, title: titleOf(payload) }
}

/** Fields that say what a task is about, the best first. */
const TITLE_FIELDS = ['fileName', 'title', 'name', 'path', 'file', 'exportName', 'source'] as const

/** Fields that lead to one: the parts of an item, the copies of a part, the files of an upload. */
const INNER_FIELDS = ['parts', 'copies', 'unit', 'files', 'upload'] as const

/** What a payload is about, as one line: the name of its file or export. */
export function titleOf(payload: unknown, depth = 0): string {
  if (typeof payload === 'string') return payload.slice(0, MAX_TITLE_LENGTH)
  if (typeof payload !== 'object' || payload === null || depth > MAX_DEPTH) return ''
  const fields = payload as Readonly<Record<string, unknown>>
  for (const name of TITLE_FIELDS) {
    const value = fields[name]
    if (typeof value === 'string' && value !== '') return value.slice(0, MAX_TITLE_LENGTH)
  }
  for (const name of INNER_FIELDS) {
    const value = fields[name]
    const title = titleOf(Array.isArray(value) ? value[0] : value, depth + 1)
    if (title !== '') return title
  }
  return ''
}
