/**
 * One sentence on what is going on, and the numbers below it. Pure.
 *
 * @module
 */

import { formatCount, formatDuration } from '../../units.ts'
import type { SnapshotView } from '../dashboard-events.ts'

/** What is done in a lane, as a person would say it; and what its tasks are. */
const LANES: Readonly<Record<string, { readonly doing: string; readonly title: string }>> = {
  export: { doing: 'Reading exports', title: 'Read exports' },
  item: { doing: 'Placing photos', title: 'Place photos' },
  'export-finish': { doing: 'Finishing exports', title: 'Finish exports' },
  thumbnail: { doing: 'Making thumbnails', title: 'Make thumbnails' },
  upload: { doing: 'Uploading', title: 'Plan uploads' },
  'upload-file': { doing: 'Uploading', title: 'Upload files' },
}

export function laneTitle(lane: string): string {
  return LANES[lane]?.title ?? lane
}

export type Mood = 'busy' | 'paused' | 'stuck' | 'idle' | 'done'

export interface Headline {
  readonly mood: Mood
  readonly title: string
  /** One more sentence, where there is something to do or to know. */
  readonly hint?: string
  /** From 0 to 1; 1 only when nothing is open. */
  readonly share: number
  readonly done: number
  readonly total: number
  readonly failed: number
  /** Tasks a second. */
  readonly rate: number
  readonly etaMs?: number
}

export function headlineOf(snapshot: SnapshotView): Headline {
  const { counts, run, throughput, etaMs } = snapshot
  const open = counts.waiting + counts.pending + counts.processing + counts.retry
  const total = run.done + open
  const mood = moodOf(snapshot, open)
  return {
    ...mood,
    share: open === 0 ? Number(mood.mood === 'done') : Math.min(0.999, run.done / total),
    done: run.done,
    total,
    failed: counts.failed,
    rate: throughput.m1,
    ...(etaMs === undefined || open === 0 ? {} : { etaMs }),
  }
}

function moodOf(snapshot: SnapshotView, open: number): Pick<Headline, 'mood' | 'title' | 'hint'> {
  const { counts, lanes, coordinators, run } = snapshot
  if (open === 0) {
    if (counts.completed + counts.failed + counts.cancelled + run.done === 0)
      return {
        mood: 'idle',
        title: 'Nothing to do yet',
        hint: 'Add photos below, or run heirloom ingest on an export.',
      }
    const left = counts.failed
    if (left === 0) return { mood: 'done', title: 'All done' }
    return {
      mood: 'done',
      title: `Done, but for ${formatCount(left)} that failed`,
      hint: 'See below why, and try them again.',
    }
  }
  const busy = lanes.filter(({ counts: { processing } }) => processing > 0)
  if (busy.length > 0) return { mood: 'busy', title: doingOf(busy.map(({ lane }) => lane)) }
  const waiting = lanes.filter(({ counts: { pending, retry } }) => pending + retry > 0)
  if (waiting.length > 0 && waiting.every(({ paused }) => paused))
    return { mood: 'paused', title: 'Paused', hint: 'Resume a lane to go on.' }
  return unattended(
    snapshot,
    waiting.map(({ lane }) => lane),
    coordinators.length,
  )
}

/** Tasks wait, and nothing runs. */
function unattended(
  { coordinators, counts }: SnapshotView,
  waiting: readonly string[],
  processes: number,
): Pick<Headline, 'mood' | 'title' | 'hint'> {
  const worked = new Set(coordinators.flatMap(({ lanes }) => Object.keys(lanes)))
  if (processes > 0 && (waiting.length === 0 || waiting.some((lane) => worked.has(lane)))) {
    return counts.retry > 0 && counts.pending === 0
      ? { mood: 'busy', title: 'Waiting to try again' }
      : { mood: 'busy', title: 'About to begin' }
  }
  const lane = waiting[0] ?? ''
  const command = lane.startsWith('upload') ? 'heirloom upload' : 'heirloom ingest'
  return {
    mood: 'stuck',
    title: 'Waiting for somebody to work on it',
    hint: `No process works on ${lane === '' ? 'these tasks' : `the lane ${lane}`}: run ${command} again, and it goes on where it stopped.`,
  }
}

/** `Placing photos and making thumbnails`. */
function doingOf(lanes: readonly string[]): string {
  const all = [...new Set(lanes.map((lane) => LANES[lane]?.doing ?? `Working on ${lane}`))]
  const [first = '', ...others] = all
  const rest = others.map((one) => one.charAt(0).toLowerCase() + one.slice(1))
  const last = rest.pop()
  if (last === undefined) return first
  return `${[first, ...rest].join(', ')} and ${last}`
}

/** `3.4`, `45`, `1,204`: three digits at most below a thousand. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return '0'
  if (perSecond < 0.01) return '<0.01'
  if (perSecond < 1) return perSecond.toFixed(2)
  return perSecond < 10 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond))
}

/** Coarser the farther away: nobody believes the seconds of an hour. */
export function formatEta(ms: number): string {
  if (ms < 10_000) return 'a moment'
  if (ms < 60_000) return `${Math.ceil(ms / 5_000) * 5} s`
  const minutes = Math.round(ms / 60_000)
  if (minutes < 60) return `${minutes} min`
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
  return `${Math.round(minutes / 60 / 24)} days`
}

/** `12 s`, `3 min`: since something was so. */
export function formatAge(ms: number): string {
  if (ms < 1_000) return 'now'
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s`
  return ms < 3_600_000 ? `${Math.floor(ms / 60_000)} min` : formatDuration(ms)
}

/** `just now`, `12 s ago`. */
export function agoOf(ms: number): string {
  const age = formatAge(Math.max(0, ms))
  return age === 'now' ? 'just now' : `${age} ago`
}

/** Whole percents, 100 only for all of it. */
export function formatPercent(share: number): string {
  return `${share >= 1 ? 100 : Math.min(99, Math.floor(share * 100))} %`
}

/** A path's last part, and the folder that it is in. */
export function splitPath(path: string): { readonly name: string; readonly folder: string } {
  const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return { name: path.slice(at + 1), folder: path.slice(0, Math.max(0, at)) }
}
