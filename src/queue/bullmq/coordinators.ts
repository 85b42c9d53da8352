/**
 * Who works on this queue, and who of them is dead.
 *
 * @module
 */

import type { Coordinator, CoordinatorReport } from '../backend.ts'
import { COORDINATOR_GONE_MS, COORDINATOR_KEPT_MS } from '../coordinator-life.ts'
import { isProvablyDead, ownSpace } from '../process-identity.ts'
import type { BullmqContext } from './context.ts'

export class CoordinatorTable {
  readonly #context: BullmqContext
  /** Hash: id -> JSON of a {@link Coordinator}. */
  readonly #key: string

  constructor(context: BullmqContext) {
    this.#context = context
    this.#key = context.key('coordinators')
  }

  async report(coordinator: CoordinatorReport): Promise<void> {
    const stored: Coordinator = { ...coordinator, seenAt: this.#context.clock.now() }
    await this.#context.redis.hset(this.#key, coordinator.id, JSON.stringify(stored))
  }

  async leave(id: string): Promise<void> {
    await this.#context.redis.hdel(this.#key, id)
  }

  /** Those that live, as far as is known, in order of their start. */
  async alive(): Promise<readonly Coordinator[]> {
    const since = this.#context.clock.now() - COORDINATOR_GONE_MS
    const alive = (await this.#all()).filter(
      ({ seenAt, identity }) => seenAt > since && !isProvablyDead(identity),
    )
    return alive.sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1))
  }

  /** Those of this host that are dead for certain. Forgets those that nobody has heard of for a day. */
  async dead(): Promise<readonly Coordinator[]> {
    const all = await this.#all()
    const oldest = this.#context.clock.now() - COORDINATOR_KEPT_MS
    const old = all.filter(({ seenAt }) => seenAt < oldest).map(({ id }) => id)
    if (old.length > 0) await this.#context.redis.hdel(this.#key, ...old)
    return all.filter(({ identity }) => identity.space === ownSpace() && isProvablyDead(identity))
  }

  async #all(): Promise<Coordinator[]> {
    const stored = await this.#context.redis.hvals(this.#key)
    return stored.map((text) => JSON.parse(text) as Coordinator)
  }
}
