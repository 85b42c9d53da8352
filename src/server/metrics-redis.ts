/**
 * The metrics of what is carried by Redis: jobs by lane and state, worker hosts, and whether it answers.
 *
 * @module
 */

import { Gauge, type Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import { REMOTE_LANES } from '../tasks/remote-api.ts'
import { capacityOf, RemoteAnswers, type RemoteView } from './remote-answers.ts'

export class RedisGauges {
  readonly #answers: RemoteAnswers
  readonly #up: Gauge
  readonly #jobs: Gauge<'lane' | 'state'>
  readonly #hosts: Gauge<'lane'>
  readonly #places: Gauge<'lane'>

  constructor(registry: Registry, clock: Clock) {
    this.#answers = new RemoteAnswers(clock)
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
    const answer = view === undefined ? undefined : await this.#answers.of(view)
    this.#clear()
    if (view === undefined) return
    this.#up.set(answer === undefined ? 0 : 1)
    if (answer === undefined) return
    for (const { lane, ...states } of answer.depths) {
      for (const [state, count] of Object.entries(states)) this.#jobs.set({ lane, state }, count)
    }
    for (const lane of REMOTE_LANES) {
      const { hosts, concurrency } = capacityOf(answer.hosts, lane)
      this.#hosts.set({ lane }, hosts)
      this.#places.set({ lane }, concurrency)
    }
  }

  #clear(): void {
    for (const metric of [this.#jobs, this.#hosts, this.#places]) metric.reset()
    // A metric without labels would begin with a 0, which says that there is one that does not answer.
    this.#up.remove()
  }
}
