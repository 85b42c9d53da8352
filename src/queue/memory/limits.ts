/**
 * The numbers that the memory governor decides by.
 *
 * @module
 */

import { HeirloomError } from '../../errors.ts'
import { formatBytes } from '../../units.ts'
import { InvalidQueueOptionsError } from '../queue-errors.ts'
import type { MemorySample } from './sample.ts'

export interface MemoryLimits {
  /**
   * From this share of the memory on, the pool halves. Too low, and memory lies idle; too high, and the system swaps or
   * kills before we act. Default 85, the seed's.
   */
  readonly memoryThresholdPercent: number
  /**
   * From here on a worker beyond its limit is killed, and halving does not wait for its effect. Default 95, or the
   * threshold when that is higher.
   */
  readonly criticalPercent: number
  /** The pool grows again when use is this far below the threshold, so that it does not swing. Default 10 points. */
  readonly hysteresisPercent: number
  /**
   * Everything stood still for want of memory for this share of the last 10 s: counts like the threshold, whatever is
   * in use. Default 10; a choice, well below the 60 at which systemd-oomd begins to kill.
   */
  readonly stalledPercent: number
  /**
   * What a worker may keep, beside what was admitted for the task that it runs. Above it, it is replaced after the
   * task; above twice as much, killed. Infinity for none. Default 256 MB, the seed's.
   */
  readonly workerMemoryBytes: number
  /** What must be free to start a worker, or the queue. 0 for none. Default 300 MB, the seed's. */
  readonly minFreeBytes: number
  /** A halving has this long to show (workers finish their tasks first) before the next. Default 5 s. */
  readonly shrinkCooldownMs: number
  /** From one added worker to the next. Default 10 s: a new worker has then grown to its usual size. */
  readonly growCooldownMs: number
}

export const DEFAULT_MEMORY_LIMITS: MemoryLimits = Object.freeze({
  memoryThresholdPercent: 85,
  criticalPercent: 95,
  hysteresisPercent: 10,
  stalledPercent: 10,
  workerMemoryBytes: 256e6,
  minFreeBytes: 300e6,
  shrinkCooldownMs: 5_000,
  growCooldownMs: 10_000,
})

/** There is not enough free memory to start. */
export class InsufficientMemoryError extends HeirloomError {
  readonly code = 'queue/insufficient-memory'
  readonly recovery = 'retry'

  constructor({ freeBytes, limitBytes, source }: MemorySample, minFreeBytes: number) {
    const whose = source === 'host' ? 'machine' : 'container'
    super(
      `${whose} has ${formatBytes(freeBytes)} of ${formatBytes(limitBytes)} memory free, ` +
        `a worker needs ${formatBytes(minFreeBytes)} to start`,
      { hint: `Close other programs, or give the ${whose} more memory.` },
    )
  }
}

/**
 * Refuses when not even one worker could be started.
 *
 * @throws {@link InsufficientMemoryError}
 */
export function verifyFreeMemory(
  sample: MemorySample,
  { minFreeBytes }: Pick<MemoryLimits, 'minFreeBytes'>,
): void {
  if (sample.freeBytes < minFreeBytes) throw new InsufficientMemoryError(sample, minFreeBytes)
}

/**
 * Fills in the defaults and checks what the types cannot.
 *
 * @throws {@link InvalidQueueOptionsError} with every problem in one message.
 */
export function toMemoryLimits(given: Partial<MemoryLimits>): MemoryLimits {
  const merged = { ...DEFAULT_MEMORY_LIMITS, ...given }
  const { memoryThresholdPercent: threshold, hysteresisPercent } = merged
  const limits = Object.freeze({ ...merged, criticalPercent: Math.max(threshold, merged.criticalPercent) })
  const problems = Object.entries(limits)
    .filter(([, value]) => !(value >= 0))
    .map(([name, value]) => `${name} is not a number from 0 up: ${value}`)
  if (!(threshold > hysteresisPercent && threshold <= 100)) {
    problems.push(`memoryThresholdPercent is not between ${hysteresisPercent} and 100: ${threshold}`)
  }
  if (limits.workerMemoryBytes === 0) problems.push('workerMemoryBytes is 0: no worker could be kept')
  if (problems.length > 0) throw new InvalidQueueOptionsError(problems)
  return limits
}
