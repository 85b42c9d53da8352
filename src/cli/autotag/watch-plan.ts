/**
 * When a watch looks again: a pure decision about schedules, calls of the webhook and the quiet after them.
 *
 * @module
 */

import { nextFireAt } from '../../queue/cron.ts'
import { parseDurationMs } from '../../units.ts'
import { UsageError } from '../usage-error.ts'

export interface WatchSchedule {
  /** Milliseconds from the end of one round to the begin of the next; undefined without `--every`. */
  readonly everyMs: number | undefined
  readonly cron: { readonly expression: string; readonly zone: string } | undefined
  /** Port of the webhook. */
  readonly webhook: { readonly port: number; readonly host: string } | undefined
}

/** Immich calls for every asset of an upload: the round waits until it has been quiet for so long. */
export const QUIET_MS = 60_000
/** An upload that goes on for hours does not put it off for ever. */
export const LONGEST_QUIET_MS: number = 15 * 60_000

const DEFAULT_EVERY_MS = 15 * 60_000
/** A round takes some hundred calls; more often would load the server for nothing. */
const SHORTEST_EVERY_MS = 10_000

/** @throws {@link UsageError} with every flag that cannot be read. */
export function readSchedule(own: Readonly<Record<string, unknown>>, zone: string): WatchSchedule {
  const [every, cron, webhook] = ['every', 'cron', 'webhook'].map((name) => textOf(own[name]))
  const problems = [
    ...(every === undefined ? [] : everyProblems(every)),
    ...(cron === undefined ? [] : cronProblems(cron, zone)),
    ...(webhook === undefined ? [] : portProblems(webhook)),
  ]
  if (problems.length > 0) throw new UsageError(problems)
  const isUnscheduled = cron === undefined && webhook === undefined
  const host = textOf(own['webhookHost']) ?? '127.0.0.1'
  return {
    everyMs: every === undefined ? (isUnscheduled ? DEFAULT_EVERY_MS : undefined) : parseDurationMs(every),
    cron: cron === undefined ? undefined : { expression: cron, zone },
    webhook: webhook === undefined ? undefined : { port: Number(webhook), host },
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function everyProblems(every: string): string[] {
  const isLongEnough = (parseDurationMs(every) ?? 0) >= SHORTEST_EVERY_MS
  return isLongEnough ? [] : [`--every ${every}: a time of 10s or more, such as 15m or 6h`]
}

function portProblems(port: string): string[] {
  return /^\d{1,5}$/u.test(port) && Number(port) <= 65_535
    ? []
    : [`--webhook ${port}: a port from 1 to 65535, or 0 for a free one`]
}

function cronProblems(cron: string, zone: string): string[] {
  try {
    return nextFireAt(cron, zone, 0) === undefined ? [`--cron ${cron}: never comes`] : []
  } catch (error) {
    return [`--cron ${cron}: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/** Calls of the webhook since the last round began. */
export interface Called {
  readonly firstAtMs: number
  readonly lastAtMs: number
}

/** Epoch milliseconds of the next round, or undefined: only a call can bring one. */
export function nextRoundAt(
  { everyMs, cron }: WatchSchedule,
  state: { readonly endedAtMs: number; readonly called: Called | undefined },
): number | undefined {
  const { endedAtMs, called } = state
  const times = [
    ...(everyMs === undefined ? [] : [endedAtMs + everyMs]),
    ...(called === undefined
      ? []
      : [Math.min(called.lastAtMs + QUIET_MS, called.firstAtMs + LONGEST_QUIET_MS)]),
  ]
  const fire = cron === undefined ? undefined : nextFireAt(cron.expression, cron.zone, endedAtMs)
  if (fire !== undefined) times.push(fire)
  return times.length === 0 ? undefined : Math.min(...times)
}
