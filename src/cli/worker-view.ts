/**
 * The picture of a running `heirloom worker`: one line.
 *
 * Pure, but for {@link RateMeter}, which remembers a few seconds; the cursor and the clock are the business of
 * `live-view.ts`.
 *
 * @module
 */

import type { WorkerStatusReport } from '../tasks/remote-api.ts'
import { formatCount } from '../units.ts'
import { fitParts, formatRate, type ViewSize } from './gauge.ts'
import type { Paint } from './paint.ts'
import { widthOf } from './text-width.ts'

export interface WorkerProgress extends WorkerStatusReport {
  /** Tasks that ended completed or failed, over the last seconds; absent until there are two looks. */
  readonly perSecond?: number
}

type LaneStatus = WorkerStatusReport['lanes'][number]

/** `connected  item 2/6, 1,204 done, 1 failed  thumbnail 0/2, 0 done  12 tasks/s` */
export function renderWorker(progress: WorkerProgress, { columns }: ViewSize, paint: Paint): string[] {
  const width = Math.max(10, columns - 1)
  const state = stateOf(progress)
  const isNarrow = widthOf([state, ...partsOf(progress)].join('  ')) > width
  const parts = isNarrow ? shortPartsOf(progress) : partsOf(progress)
  const rest = fitParts(parts, width - state.length - 2)
  const painted = progress.isConnected ? paint.green(state) : paint.yellow(state)
  return [rest === '' ? painted : `${painted}  ${rest}`]
}

/** One line for a pipe. */
export function plainWorker(progress: WorkerProgress): string[] {
  return [`worker: ${[stateOf(progress), ...partsOf(progress)].join('; ')}`]
}

/** Idle is who has had nothing to do for the time of the rate: a pipe is told so once. */
export function workerPhase({ isConnected, lanes, perSecond = 0 }: WorkerProgress): string {
  if (!isConnected) return 'disconnected'
  return lanes.some(({ running }) => running > 0) || perSecond > 0 ? 'working' : 'idle'
}

function stateOf({ isConnected }: WorkerProgress): string {
  return isConnected ? 'connected' : 'waiting for Redis'
}

function partsOf({ lanes, perSecond }: WorkerProgress): string[] {
  return [...lanes.map(longLane), ...rateOf(perSecond)]
}

/** Where the line is short, the rate is worth more than words. */
function shortPartsOf({ lanes, perSecond }: WorkerProgress): string[] {
  return [...lanes.map(shortLane), ...rateOf(perSecond).map((rate) => rate.replace(' tasks', ''))]
}

function rateOf(perSecond: number | undefined): string[] {
  return perSecond === undefined ? [] : [`${formatRate(perSecond)} tasks/s`]
}

function longLane({ lane, running, concurrency, completed, failed }: LaneStatus): string {
  const failures = failed > 0 ? [`${formatCount(failed)} failed`] : []
  return [`${lane} ${running}/${concurrency} running`, `${formatCount(completed)} done`, ...failures].join(
    ', ',
  )
}

function shortLane({ lane, running, concurrency, completed, failed }: LaneStatus): string {
  return `${lane} ${running}/${concurrency} ✓${formatCount(completed)}${failed > 0 ? ` ✗${formatCount(failed)}` : ''}`
}

/** What a rate is taken over: long enough to be read, short enough to show that work has ended. */
const WINDOW_MS = 10_000

/** Tasks a second from the counts of several looks. */
export class RateMeter {
  readonly #looks: { readonly now: number; readonly ended: number }[] = []

  /** Takes one look, and answers with what is known by it. */
  note(status: WorkerStatusReport): WorkerProgress {
    const { now } = status
    const ended = status.lanes.reduce((sum, { completed, failed }) => sum + completed + failed, 0)
    this.#looks.push({ now, ended })
    // The oldest one that is kept is the first outside of the window, so that the window is always full.
    while ((this.#looks[1]?.now ?? now) <= now - WINDOW_MS) this.#looks.shift()
    const [first = { now, ended }] = this.#looks
    const elapsedMs = now - first.now
    return elapsedMs <= 0 ? status : { ...status, perSecond: ((ended - first.ended) / elapsedMs) * 1000 }
  }
}
