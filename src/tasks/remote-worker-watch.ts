/**
 * Looks now and then whether the mapped folders are there: shares go away, and come back.
 *
 * @module
 */

import type { Logger } from '../logger.ts'
import type { HostRoot } from './remote-payload-paths.ts'
import { inTime, whyUnreachable } from './remote-worker-roots.ts'

export class RemoteRootWatch {
  readonly #roots: readonly HostRoot[]
  readonly #logger: Logger
  readonly #onChange: () => void
  readonly #limitMs: number | undefined
  /** Why, by folder. */
  readonly #away = new Map<string, string>()
  /** Looks that have not come back, by folder: a dead share blocks a thread with each. */
  readonly #looks = new Map<string, Promise<string | undefined>>()
  #looking: Promise<void> | undefined

  constructor(roots: readonly HostRoot[], logger: Logger, onChange: () => void, limitMs?: number) {
    this.#roots = roots
    this.#logger = logger
    this.#onChange = onChange
    this.#limitMs = limitMs
  }

  get isAway(): boolean {
    return this.#away.size > 0
  }

  /** Looks at all folders; joins a look that is under way. Never rejects. */
  runOnce(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #lookAtAll(): Promise<void> {
    const whys = await Promise.all(this.#roots.map((root) => this.#lookAt(root)))
    let hasChanged = false
    for (const [index, { here }] of this.#roots.entries()) {
      const why = whys[index]
      if (this.#away.has(here) === (why !== undefined)) continue
      hasChanged = true
      if (why === undefined) {
        this.#away.delete(here)
        this.#logger.info('folder is back', { folder: here })
      } else {
        this.#away.set(here, why)
        this.#logger.warn('folder is away, nothing is taken until it is back', { folder: here, why })
      }
    }
    if (hasChanged) this.#onChange()
  }

  #lookAt(root: HostRoot): Promise<string | undefined> {
    const { here } = root
    const look = this.#looks.get(here) ?? whyUnreachable(root).finally(() => this.#looks.delete(here))
    this.#looks.set(here, look)
    return inTime(look, this.#limitMs)
  }
}
