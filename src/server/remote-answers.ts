/**
 * What is asked about lanes that worker hosts work on: which hosts live, and how much lies in Redis.
 *
 * Everything that is asked of a Redis that is away waits for it. Who asks here does not: there is no answer by then, and
 * Redis is asked again only when the last question was answered.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { Coordinator } from '../queue/backend.ts'
import type { OpenRemoteLanes, QueueDepth } from '../queue/bullmq/remote-lanes.ts'

export type RemoteView = Pick<OpenRemoteLanes, 'workerHosts' | 'queueDepths'>

export interface RemoteAnswer {
  readonly hosts: readonly Coordinator[]
  readonly depths: readonly QueueDepth[]
}

/** A scrape of Prometheus has ten seconds, unless configured. */
const ANSWER_MS = 2_000

export class RemoteAnswers {
  readonly #clock: Clock
  readonly #waitMs: number
  #asked: { readonly view: RemoteView; readonly answer: Promise<RemoteAnswer | undefined> } | undefined

  /** @param waitMs - For how long an answer is waited for. */
  constructor(clock: Clock, waitMs: number = ANSWER_MS) {
    this.#clock = clock
    this.#waitMs = waitMs
  }

  /** Undefined when Redis does not answer in time. */
  async of(view: RemoteView): Promise<RemoteAnswer | undefined> {
    const late = Promise.withResolvers<undefined>()
    const cancel = this.#clock.after(this.#waitMs, () => late.resolve(undefined))
    try {
      return await Promise.race([this.#ask(view), late.promise])
    } finally {
      cancel()
    }
  }

  #ask(view: RemoteView): Promise<RemoteAnswer | undefined> {
    if (this.#asked?.view === view) return this.#asked.answer
    const answer = Promise.all([view.workerHosts(), view.queueDepths()]).then(
      ([hosts, depths]) => ({ hosts, depths }),
      () => undefined,
    )
    const asked = { view, answer }
    this.#asked = asked
    void answer.then(() => {
      if (this.#asked === asked) this.#asked = undefined
    })
    return answer
  }
}

/** Hosts that work on the lane, and the tasks that they run at a time, all together. */
export function capacityOf(
  hosts: readonly Coordinator[],
  lane: string,
): { readonly hosts: number; readonly concurrency: number } {
  const shares = hosts.map(({ lanes }) => lanes[lane]?.concurrency ?? 0).filter((share) => share > 0)
  return { hosts: shares.length, concurrency: shares.reduce((sum, share) => sum + share, 0) }
}
