/**
 * How far a run of thumbnails is.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import type { ThumbsProgress } from './thumbnail-api.ts'
import type { ThumbnailLane } from './thumbnail-lane.ts'
import type { PictureSource } from './thumbnail-sources.ts'

const INTERVAL_MS = 250

/** Rates are over this long, so that they follow what happens now without flickering. */
const WINDOW_MS = 10_000

/** Before that, an estimate would be a guess from a handful of pictures. */
const ESTIMATE_AFTER_MS = 3_000

export interface ThumbnailMeterOptions {
  readonly lane: ThumbnailLane
  readonly source: PictureSource
  readonly startedAt: number
  readonly signal: AbortSignal
  readonly report: (progress: ThumbsProgress) => void
}

export class ThumbnailMeter {
  readonly #options: ThumbnailMeterOptions
  #total: number | undefined
  #samples: { readonly at: number; readonly made: number; readonly done: number }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(options: ThumbnailMeterOptions) {
    this.#options = options
  }

  start(): void {
    const { source, signal, report } = this.#options
    report(this.read(systemClock.now()))
    this.#timer = setInterval(() => report(this.read(systemClock.now())), INTERVAL_MS)
    // What cannot be counted is told as a problem where it is walked.
    void source.count(signal).then(
      (total) => {
        this.#total = total
      },
      () => undefined,
    )
  }

  /** Tells the last state; safe before `start`. */
  stop(): void {
    clearInterval(this.#timer)
    this.#options.report({ ...this.read(systemClock.now()), isFinished: true })
  }

  read(now: number): ThumbsProgress {
    const { lane, source, startedAt } = this.#options
    const { counts } = lane.tally
    const done = counts.made + counts.there + counts.unsupported + counts.failed + source.ignored
    this.#samples = [
      ...this.#samples.filter(({ at }) => at > now - WINDOW_MS),
      { at: now, made: counts.made, done },
    ]
    const first = this.#samples[0] ?? { at: now, made: counts.made, done }
    const seconds = (now - first.at) / 1000
    const donePerSecond = seconds > 0 ? (done - first.done) / seconds : 0
    const total = this.#total
    const isKnown = total !== undefined && donePerSecond > 0 && now - first.at >= ESTIMATE_AFTER_MS
    return {
      ...counts,
      ...(total === undefined ? {} : { total: Math.max(total, done) }),
      done,
      startedAt,
      now,
      madePerSecond: seconds > 0 ? (counts.made - first.made) / seconds : 0,
      ...(isKnown ? { etaMs: (Math.max(0, total - done) / donePerSecond) * 1000 } : {}),
      isFinished: false,
    }
  }
}
