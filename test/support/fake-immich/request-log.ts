/**
 * Every request that the fake saw, and a way to wait for them without polling.
 *
 * @module
 */

import type { FakeRequest } from './exchange.ts'
import { patternOf } from './faults.ts'

export class RequestLog {
  readonly requests: FakeRequest[] = []
  readonly #inFlight: Map<string, number> = new Map()
  readonly #waiters: Set<() => void> = new Set()

  start(request: FakeRequest): void {
    this.requests.push(request)
    this.#inFlight.set(request.route, this.inFlightOf(request.route) + 1)
  }

  end(request: FakeRequest): void {
    this.#inFlight.set(request.route, this.inFlightOf(request.route) - 1)
    for (const check of this.#waiters) check()
  }

  forget(): void {
    const running = this.requests.filter(({ durationMs }) => durationMs === undefined)
    this.requests.splice(0, this.requests.length, ...running)
  }

  inFlightOf(route: string): number {
    return this.#inFlight.get(route) ?? 0
  }

  /** @throws {Error} when the limit passes before. */
  async untilEnded(route: string, count: number, limitMs: number): Promise<void> {
    const pattern = patternOf(route)
    const ended = (): number =>
      this.requests.filter((request) => request.durationMs !== undefined && pattern.test(request.route))
        .length
    await new Promise<void>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer)
        this.#waiters.delete(check)
        settle()
      }
      const check = (): void => {
        if (ended() >= count) finish(resolve)
      }
      const timer = setTimeout(() => {
        finish(() => reject(new Error(`${ended()} of ${count} calls of ${route} after ${limitMs} ms`)))
      }, limitMs)
      this.#waiters.add(check)
      check()
    })
  }
}
