/**
 * What `/metrics` tells, in Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * Durations are counted here, from the events of the queue that this server runs. Everything else is read when somebody
 * asks (`metrics-gauges.ts`), so that it is right also while another process does the work. Labels are lanes, kinds,
 * states and routes, never names of files: their number stays small.
 *
 * @module
 */

import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { QueueEngine } from '../queue/queue-engine.ts'
import { MetricsGauges } from './metrics-gauges.ts'
import type { ServerContext } from './server-context.ts'

/** From a task that does nothing to one that runs into its time limit of minutes. */
const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
const REQUEST_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30]

export interface SeenRequest {
  readonly method: string
  /** As registered, `/api/photos/:id`; one word for all that is unknown. */
  readonly route: string
  readonly status: number
  readonly seconds: number
}

export class ServerMetrics {
  readonly #registry = new Registry()
  readonly #context: ServerContext
  readonly #gauges: MetricsGauges
  readonly #durations: Histogram<'lane' | 'kind' | 'status'>
  readonly #requests: Histogram<'method' | 'route' | 'status'>
  #followed: QueueEngine | undefined
  #unfollow: () => void = () => undefined
  #unsubscribe: () => void = () => undefined

  constructor(context: ServerContext) {
    this.#context = context
    this.#gauges = new MetricsGauges(this.#registry, context)
    const registers = [this.#registry]
    this.#durations = new Histogram({
      name: 'heirloom_task_duration_seconds',
      help: 'Time of one attempt at a task, run by this server.',
      labelNames: ['lane', 'kind', 'status'],
      buckets: DURATION_BUCKETS_S,
      registers,
    })
    this.#requests = new Histogram({
      name: 'heirloom_http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: REQUEST_BUCKETS_S,
      registers,
    })
    // Memory, processor time and event-loop lag of the server's own process, under the client's usual names.
    collectDefaultMetrics({ register: this.#registry })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Begins to count what the queue does, also that of a library that is taken over later. */
  start(): void {
    this.#unsubscribe = this.#context.onRoleChange(() => this.#follow())
    this.#follow()
  }

  seeRequest({ method, route, status, seconds }: SeenRequest): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds)
  }

  /** The whole page. */
  async render(): Promise<string> {
    await this.#gauges.refresh()
    return this.#registry.metrics()
  }

  close(): void {
    this.#unsubscribe()
    this.#unfollow()
    this.#followed = undefined
  }

  #follow(): void {
    const role = this.#context.role()
    const queue = role.kind === 'working' ? role.queue : undefined
    if (queue === this.#followed) return
    this.#unfollow()
    this.#followed = queue
    this.#unfollow =
      queue?.on('task.settled', ({ task: { lane, kind }, status, durationMs }) => {
        this.#durations.observe({ lane, kind, status }, durationMs / 1000)
      }) ?? (() => undefined)
  }
}
