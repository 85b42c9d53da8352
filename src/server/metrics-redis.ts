/**
 * The metrics of what is carried by Redis: jobs by lane and state, worker hosts, and whether it answers.
 *
 * Everything that is asked of a Redis that is away waits for it. A scrape does not: it takes what it knows by then, and
 * asks again only when the last question was answered.
 *
 * @module
 */

import { Gauge, type Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import type { Coordinator } from '../queue/backend.ts'
import type { OpenRemoteLanes, QueueDepth } from '../queue/bullmq/remote-lanes.ts'
import { REMOTE_LANES } from '../tasks/remote-api.ts'

/** What is asked of the lanes that worker hosts work on. */
export type RemoteView = Pick<OpenRemoteLanes, 'workerHosts' | 'queueDepths'>

/** A scrape of Prometheus has ten seconds, unless configured. */
const ANSWER_MS = 2_000

interface Answer {
  readonly hosts: readonly Coordinator[]
  readonly depths: readonly QueueDepth[]
}

export class RedisGauges {
  readonly #clock: Clock
  readonly #up: Gauge
  readonly #jobs: Gauge<'lane' | 'state'>
  readonly #hosts: Gauge<'lane'>
  readonly #places: Gauge<'lane'>
  #asked: { readonly view: RemoteView; readonly answer: Promise<Answer | undefined> } | undefined

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock
    const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]): Gauge<Label> =>
      new Gauge({ name, help, labelNames, registers: [registry] })
    this.#up = gauge('heirloom_redis_up', '1 while Redis answers this server; absent where none is used.')
    this.#jobs = gauge('heirloom_redis_jobs', 'Jobs in Redis, of all coordinators.', 'lane', 'state')
    this.#hosts = gauge('heirloom_worker_hosts', 'Worker hosts that work on the lane.', 'lane')
    this.#places = gauge(
      'heirloom_worker_host_concurrency',
      'Tasks that the worker hosts of the lane run at a time, all together.',
      'lane',
    )
    this.#clear()
  }

  /** @param view - Undefined where no Redis is used, or another process has the library. */
  async refresh(view: RemoteView | undefined): Promise<void> {
    const answer = view === undefined ? undefined : await this.#within(this.#ask(view))
    this.#clear()
    if (view === undefined) return
    this.#up.set(answer === undefined ? 0 : 1)
    if (answer === undefined) return
    for (const { lane, ...states } of answer.depths) {
      for (const [state, count] of Object.entries(states)) this.#jobs.set({ lane, state }, count)
    }
    for (const lane of REMOTE_LANES) {
      const working = answer.hosts.filter(({ lanes }) => (lanes[lane]?.concurrency ?? 0) > 0)
      this.#hosts.set({ lane }, working.length)
      this.#places.set(
        { lane },
        working.reduce((sum, { lanes }) => sum + (lanes[lane]?.concurrency ?? 0), 0),
      )
    }
  }

  #clear(): void {
    for (const metric of [this.#jobs, this.#hosts, this.#places]) metric.reset()
    // A metric without labels would begin with a 0, which says that there is one that does not answer.
    this.#up.remove()
  }

  #ask(view: RemoteView): Promise<Answer | undefined> {
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

  async #within(answer: Promise<Answer | undefined>): Promise<Answer | undefined> {
    const late = Promise.withResolvers<undefined>()
    const cancel = this.#clock.after(ANSWER_MS, () => late.resolve(undefined))
    try {
      return await Promise.race([answer, late.promise])
    } finally {
      cancel()
    }
  }
}
