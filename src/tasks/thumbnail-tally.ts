/**
 * What became of the pictures of a run: counts, and the reasons of those without thumbnails.
 *
 * @module
 */

import type { Problem } from './problem.ts'
import type { ThumbnailCounts, UnsupportedReason } from './thumbnail-api.ts'

/** How many problems, and reasons, are kept to be told. */
const SHOWN = 20

export class ThumbnailTally {
  made = 0
  there = 0
  unsupported = 0
  failed = 0
  damaged = 0
  /** The first {@link SHOWN}. */
  readonly problems: Problem[] = []
  problemCount = 0
  readonly #reasons = new Map<string, UnsupportedReason>()

  get counts(): ThumbnailCounts {
    const { made, there, unsupported, failed, damaged } = this
    return { made, there, unsupported, failed, damaged }
  }

  /** Most frequent first. */
  get reasons(): readonly UnsupportedReason[] {
    return [...this.#reasons.values()].sort((a, b) => b.files - a.files).slice(0, SHOWN)
  }

  addUnsupported({ code, message, hint }: Problem): void {
    this.unsupported += 1
    const known = this.#reasons.get(message)
    // Messages are few: they name formats. Were they not, memory must not grow with them.
    if (known === undefined && this.#reasons.size >= 10 * SHOWN) return
    const reason = { code, message, ...(hint === undefined ? {} : { hint }) }
    this.#reasons.set(message, { ...reason, files: (known?.files ?? 0) + 1 })
  }

  addFailed(problem: Problem): void {
    this.failed += 1
    this.addProblem(problem)
  }

  addProblem(problem: Problem): void {
    this.problemCount += 1
    if (this.problems.length < SHOWN) this.problems.push(problem)
  }
}
