/**
 * How a task is written as a BullMQ job, and read back: pure.
 *
 * BullMQ knows fewer states and other numbers than a {@link Task}, so a job carries a little more in fields of its own
 * (two letters each: a million jobs wait in memory). What BullMQ keeps anyway is not written twice: its `atm` counts the
 * failures, its `ats` the attempts, its sets are the states.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { ErrorRecord } from '../../errors.ts'
import { DEFAULT_MAX_RETRIES, type PreparedTask } from '../new-task.ts'
import type { RemoteEnvelope } from '../remote.ts'
import type { Task, TaskStatus } from '../task.ts'

/** Lanes that one prefix can have: the low byte of every task id tells its lane. */
export const MAX_LANES = 256

/** BullMQ runs low numbers first, from 1 to 2^21 - 1; a task's priority 0 lies in the middle. */
const PRIORITY_ZERO = 2 ** 20
const LAST_PRIORITY = 2 ** 21 - 1

/** Longer lane names become a hash: every key of a lane carries its name. */
const MAX_QUEUE_NAME = 80

/** The name of a lane's BullMQ queue: BullMQ refuses colons, and every name must be one that a key can hold. */
export function queueNameOf(lane: string): string {
  const name = encodeURIComponent(lane).replaceAll('~', '%7E')
  if (name.length <= MAX_QUEUE_NAME) return name
  return `~${createHash('sha256').update(lane).digest('hex')}`
}

/** BullMQ refuses ids that are numbers. All ids of our time have the same length, so that they sort as numbers do. */
export function jobIdOf(taskId: number): string {
  return `t${taskId}`
}

/** NaN for a job that this package did not add. */
export function taskIdOf(jobId: string): number {
  return /^t\d+$/u.test(jobId) ? Number(jobId.slice(1)) : Number.NaN
}

export function taskIdFor(counter: number, laneIndex: number): number {
  return counter * MAX_LANES + laneIndex
}

/** The index that {@link taskIdFor} was given; undefined for what is no task id. */
export function laneIndexOf(taskId: number): number | undefined {
  return Number.isSafeInteger(taskId) && taskId > 0 ? taskId % MAX_LANES : undefined
}

/** BullMQ's priority of a task's: what lies beyond what BullMQ can tell apart becomes equal. */
export function jobPriority(priority: number): number {
  return Math.min(LAST_PRIORITY, Math.max(1, PRIORITY_ZERO - priority))
}

export function taskPriority(priority: number): number {
  return PRIORITY_ZERO - priority
}

/** What travels in a job's options beside BullMQ's own, as `h`; everything that has its default is left out. */
export interface HeirloomOptions {
  /** Attempts after the first, when not the default. */
  readonly mr?: number
  /** Limit of an attempt, ms. */
  readonly to?: number
  /** Group. */
  readonly gr?: string
  /** Dedupe key. */
  readonly dk?: string
  /** Expected memory, bytes. */
  readonly mb?: number
  /** 1: alone. 2: a job of a remote lane (see {@link isRemote}). */
  readonly fl?: number
  /** When it is due, epoch ms, when not at once. */
  readonly at?: number
}

const ALONE = 1
const REMOTE = 2

/**
 * A job of a remote lane: its coordinator's store retries, so that every error is final; a stall costs nothing; its result
 * is never cut; and it is forgotten soon after its end.
 */
export function isRemote({ fl = 0 }: HeirloomOptions): boolean {
  return (fl & REMOTE) !== 0
}

/** How long ended jobs of remote lanes are kept: their coordinator has heard of them long before. */
export const REMOTE_KEPT: { readonly age: number; readonly count: number } = Object.freeze({
  age: 3_600,
  count: 10_000,
})

/** How often a job of a remote lane may stall before it fails: five dead workers in a row are no accident. */
export const MAX_REMOTE_STALLS = 5

/** What BullMQ's `addJobToTransaction` needs of a job. */
export interface WireJob {
  readonly name: string
  /** JSON text of the payload. */
  readonly data: string
  readonly opts: {
    readonly priority: number
    /** Ms from `timestamp` on. */
    readonly delay?: number
    readonly h?: HeirloomOptions
  }
  /** When it was created, epoch ms. */
  readonly timestamp: number
}

/** The job of a new task. `dependsOn`, `afterGroup` and `concurrencyKey` are not in it. */
export function jobOf(task: PreparedTask, now: number): WireJob {
  const { kind, payload, priority, runAt, maxRetries, timeoutMs, group, dedupeKey, memoryBytes } = task
  return wireJob(kind, payload, priority, now, {
    ...(maxRetries === DEFAULT_MAX_RETRIES ? {} : { mr: maxRetries }),
    ...(timeoutMs === undefined ? {} : { to: timeoutMs }),
    ...(group === undefined ? {} : { gr: group }),
    ...(dedupeKey === undefined ? {} : { dk: dedupeKey }),
    ...(memoryBytes === undefined ? {} : { mb: memoryBytes }),
    ...(runAt === now ? {} : { at: runAt }),
  })
}

/** What a coordinator asks a worker of another process to run. */
export interface RemoteJob {
  readonly kind: string
  readonly envelope: RemoteEnvelope
  readonly priority: number
  readonly timeoutMs?: number
  readonly memoryBytes?: number
  /** In no batch: its last attempt killed a worker. */
  readonly alone: boolean
}

export function remoteJobOf(job: RemoteJob, now: number): WireJob {
  const { kind, envelope, priority, timeoutMs, memoryBytes, alone } = job
  return wireJob(kind, JSON.stringify(envelope), priority, now, {
    mr: 0,
    fl: REMOTE | (alone ? ALONE : 0),
    ...(timeoutMs === undefined ? {} : { to: timeoutMs }),
    ...(memoryBytes === undefined ? {} : { mb: memoryBytes }),
  })
}

function wireJob(kind: string, data: string, priority: number, now: number, h: HeirloomOptions): WireJob {
  const delay = h.at === undefined || h.at <= now ? {} : { delay: h.at - now }
  const own = Object.keys(h).length === 0 ? {} : { h }
  return { name: kind, data, timestamp: now, opts: { priority: jobPriority(priority), ...delay, ...own } }
}

/** The fields of a job's hash, as `HGETALL` answers them. */
export type JobHash = Readonly<Record<string, string>>

/**
 * Fields of ours in a job's hash; all but `pg` are there only when something out of the ordinary has happened.
 *
 * `at`: when it is due, epoch ms, since that was changed. `er`: JSON of the last error. `rt`: the attempt that was put to
 * `retry`. `al`: 1 when the next attempt runs alone. `cr`: 1 when its end is asked for. `gr`, `mr`, `to`, `mb`: replace what
 * the options say (an empty text: nothing). `dg`: 1 when it gave up its dedupe key.
 */
export const OWN_FIELDS = ['at', 'er', 'rt', 'al', 'cr', 'gr', 'mr', 'to', 'mb', 'dg'] as const

/** BullMQ's states of a job; `cancelled` is a set of ours beside `failed`. */
export type JobState =
  | 'wait'
  | 'waiting'
  | 'paused'
  | 'prioritized'
  | 'delayed'
  | 'waiting-children'
  | 'active'
  | 'completed'
  | 'failed'
  | 'cancelled'

export function attemptOf(hash: JobHash): number {
  return Number(hash['ats'] ?? 0)
}

/** Charged attempts that have ended, as far as they are counted while the job is open. */
export function failuresOf(hash: JobHash): number {
  return Number(hash['atm'] ?? 0)
}

/** Our options, with what was changed since; what cannot be read is none. */
export function optionsOf(hash: JobHash): HeirloomOptions {
  const own = record(parse(hash['opts']))?.['h']
  const { mr, to, gr, dk, mb, fl, at } = record(own) ?? {}
  return withoutUndefined({
    mr: override(hash['mr'], mr),
    to: override(hash['to'], to),
    gr: hash['gr'] === undefined ? textOf(gr) : hash['gr'] === '' ? undefined : hash['gr'],
    dk: hash['dg'] === undefined ? textOf(dk) : undefined,
    mb: override(hash['mb'], mb),
    fl: numberOf(fl),
    at: override(hash['at'], at),
  })
}

export function maxRetriesOf({ mr = DEFAULT_MAX_RETRIES }: HeirloomOptions): number {
  return mr
}

/** Whether the next attempt runs in no batch. */
export function isAlone(hash: JobHash, options: HeirloomOptions): boolean {
  return hash['al'] === undefined ? ((options.fl ?? 0) & ALONE) !== 0 : hash['al'] === '1'
}

export function statusOf(hash: JobHash, state: JobState): TaskStatus {
  switch (state) {
    case 'completed':
    case 'failed':
    case 'cancelled':
      return state
    case 'active':
      return 'processing'
    case 'waiting-children':
      return 'waiting'
    case 'wait':
    case 'waiting':
    case 'paused':
    case 'prioritized':
    case 'delayed':
      return hash['rt'] !== undefined && Number(hash['rt']) === attemptOf(hash) ? 'retry' : 'pending'
  }
}

/** A job as a task. `lane` and `state` are not in its hash. */
export function taskOf(id: number, lane: string, hash: JobHash, state: JobState): Task {
  const options = optionsOf(hash)
  const status = statusOf(hash, state)
  const createdAt = Number(hash['timestamp'] ?? 0)
  const isOver = status === 'completed' || status === 'cancelled'
  return withoutUndefined({
    id,
    lane,
    kind: hash['name'] ?? '',
    payload: parse(hash['data']) ?? null,
    status,
    priority: taskPriority(Number(hash['priority'] ?? PRIORITY_ZERO)),
    runAt: options.at ?? createdAt,
    attempt: attemptOf(hash),
    failures: Math.max(0, failuresOf(hash) - (isOver ? 1 : 0)),
    maxRetries: maxRetriesOf(options),
    timeoutMs: options.to,
    group: options.gr,
    dedupeKey: options.dk,
    memoryBytes: options.mb,
    cancelRequested: status === 'processing' && hash['cr'] === '1' ? true : undefined,
    createdAt,
    startedAt: numberOf(hash['processedOn']),
    finishedAt: numberOf(hash['finishedOn']),
    workerId: status === 'processing' ? hash['pb'] : undefined,
    progress: progressOf(hash),
    result: status === 'completed' ? readReturnValue(hash['returnvalue'] ?? '').result : undefined,
    error: errorOf(hash, status),
  })
}

function errorOf(hash: JobHash, status: TaskStatus): ErrorRecord | undefined {
  if (status === 'completed') return undefined
  const reason = hash['failedReason']
  if (status === 'failed' || status === 'cancelled') return readFailedReason(reason ?? '').error
  return hash['er'] === undefined ? undefined : readFailedReason(hash['er']).error
}

/** Progress is told with its attempt: that of an earlier one is none. */
export interface WireProgress {
  readonly attempt: number
  readonly value: unknown
}

function progressOf(hash: JobHash): unknown {
  const { attempt, value } = readProgress(hash['progress'] ?? '') ?? {}
  return attempt === attemptOf(hash) ? value : undefined
}

export function readProgress(text: string): WireProgress | undefined {
  const { attempt, value } = record(parse(text)) ?? {}
  return typeof attempt === 'number' ? { attempt, value } : undefined
}

/** What a job returns: BullMQ stores and tells its JSON. */
export interface ReturnValue {
  readonly result: unknown
  /** How long the handler took. */
  readonly durationMs?: number
}

/** Reads what a job of this package returned; null for what another program wrote. */
export function readReturnValue(text: string): ReturnValue {
  const { result = null, durationMs } = record(parse(text)) ?? {}
  return withoutUndefined({ result, durationMs: numberOf(durationMs) })
}

/** The JSON of how a job failed. */
export function failedReason(error: ErrorRecord, durationMs?: number): string {
  return JSON.stringify(durationMs === undefined ? error : { ...error, durationMs })
}

/** Reads {@link failedReason}, or what BullMQ itself has written there, which is plain text. */
export function readFailedReason(text: string): {
  readonly error: ErrorRecord
  readonly durationMs?: number
} {
  const { code, message, hint, recovery, durationMs } = record(parse(text)) ?? {}
  const error: ErrorRecord = withoutUndefined({
    code: textOf(code) ?? foreignCode(text),
    message: textOf(message) ?? text,
    hint: textOf(hint),
    recovery: recovery === 'retry' ? ('retry' as const) : ('discard' as const),
  })
  return withoutUndefined({ error, durationMs: numberOf(durationMs) })
}

/** BullMQ's own words for a parent whose child failed, see `moveChildFromDependenciesIfNeeded.lua`. */
function foreignCode(text: string): string {
  return /^child .* failed$/su.test(text) ? 'queue/dependency-failed' : 'redis/failed'
}

function override(changed: string | undefined, given: unknown): number | undefined {
  if (changed === undefined) return numberOf(given)
  return changed === '' ? undefined : numberOf(changed)
}

function numberOf(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined || text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

type Defined<Value> = { [Key in keyof Value]: Exclude<Value[Key], undefined> }

/** `exactOptionalPropertyTypes`: a field is there with a value, or not there. */
function withoutUndefined<Value extends object>(value: Value): Defined<Value> {
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => field !== undefined),
  ) as Defined<Value>
}
