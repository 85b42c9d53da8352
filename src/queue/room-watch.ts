/**
 * Lets those wait who could not add a task.
 *
 * They are not woken for each task that ends, or a full queue would be filled up by additions of one task each: but
 * when a good part of it has ended, or a moment after the first.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { Backend } from './backend.ts'

/** So long after the first end who waits looks, however few have ended. */
const LINGER_MS = 20

/** They look after this long in any case: another process may have made room. */
const POLL_MS = 1_000

export class RoomWatch {
  readonly #clock: Clock
  readonly #enough: number
  readonly #looks = new Set<() => void>()
  #ended = 0
  #cancelLinger: () => void = () => undefined

  /** `enough` ends are worth a look at once. */
  constructor(clock: Clock, enough: number) {
    this.#clock = clock
    this.#enough = enough
  }

  /** Resolves when there may be room again. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        this.#looks.delete(look)
        cancel()
        resolve()
      }
      const cancel = this.#clock.after(POLL_MS, look)
      this.#looks.add(look)
    })
  }

  /** A task has ended. */
  ended(): void {
    if (this.#looks.size === 0) return
    this.#ended += 1
    if (this.#ended >= this.#enough) this.wake()
    else if (this.#ended === 1) this.#cancelLinger = this.#clock.after(LINGER_MS, () => this.wake())
  }

  /** Everybody looks now. */
  wake(): void {
    this.#cancelLinger()
    this.#ended = 0
    for (const look of [...this.#looks]) look()
  }
}

/**
 * Waits for what other processes do about the queue.
 *
 * @param ownId - Coordinator that is not another one.
 * @returns false at once when there is none that could make room.
 */
export async function waitForOthers(
  backend: Pick<Backend, 'coordinators' | 'watch'>,
  room: RoomWatch,
  ownId: string,
): Promise<boolean> {
  const others = (await backend.coordinators()).filter(({ id }) => id !== ownId)
  if (others.length === 0) return false
  const next = room.next()
  const end = backend.watch(() => room.ended())
  await next
  end()
  return true
}
