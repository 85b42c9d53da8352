/**
 * What holds for a lane whoever claims from it: whether it is paused, and how many tokens its rate limit has left.
 *
 * @module
 */

import type { RateLimit } from '../backend.ts'
import { believable, freeTokens, nextTokenAt, type TakenTokens, tokenBackAt } from '../rate-window.ts'
import type { Statements } from './statements.ts'

export class LaneRules {
  readonly #sql: Statements

  constructor(sql: Statements) {
    this.#sql = sql
  }

  setPaused(lane: string, paused: boolean): void {
    this.#sql.setPaused.run(lane, Number(paused))
  }

  isPaused(lane: string): boolean {
    return this.#sql.isPaused.get(lane) !== undefined
  }

  pausedLanes(): readonly string[] {
    return this.#sql.pausedLanes.all().map(({ lane }) => String(lane))
  }

  /** How many tasks may be claimed now, by a claim that is about to be made. */
  allowance(lane: string, rate: RateLimit | undefined, now: number): number {
    if (this.isPaused(lane)) return 0
    if (rate === undefined) return Number.MAX_SAFE_INTEGER
    this.#recall(lane, tokenBackAt(rate, now))
    return freeTokens(rate, this.#taken(lane, now))
  }

  take(lane: string, rate: RateLimit | undefined, tasks: number, now: number): void {
    if (rate === undefined || tasks === 0) return
    this.#sql.returnTokens.run(lane, now)
    this.#sql.takeTokens.run(lane, tokenBackAt(rate, now), tasks)
  }

  /** From when on a due task of the lane may be claimed; undefined when only a resumption can tell. */
  opensAt(lane: string, rate: RateLimit | undefined, now: number): number | undefined {
    if (this.isPaused(lane)) return undefined
    return rate === undefined ? now : nextTokenAt(rate, believable(rate, this.#taken(lane, now), now), now)
  }

  /** Lets no token come back after `latest`; see `believable`. */
  #recall(lane: string, latest: number): void {
    const late = this.#sql.recallTokens.all(lane, latest)
    for (const { tokens } of late) this.#sql.takeTokens.run(lane, latest, Number(tokens))
  }

  #taken(lane: string, now: number): TakenTokens {
    return this.#sql.takenTokens
      .all(lane, now)
      .map((row) => ({ backAt: Number(row['back_at']), tokens: Number(row['tokens']) }))
  }
}
