/**
 * The metrics that are read when somebody asks: the queue as the store counts it, and the machine.
 *
 * They are set all together before the page is written. A metric that reads for itself is not waited for by its
 * neighbours: those it sets would tell the numbers of the scrape before.
 *
 * @module
 */

import { Counter, Gauge, type Registry } from 'prom-client'
import type { Coordinator, LaneStatistics } from '../queue/backend.ts'
import { readMemorySample, readResidentBytes } from '../queue/memory/index.ts'
import { RedisGauges } from './metrics-redis.ts'
import { packageFacts } from './package-facts.ts'
import type { ServerContext } from './server-context.ts'

export class MetricsGauges {
  readonly #context: ServerContext
  readonly #tasks: Gauge<'lane' | 'status'>
  readonly #throughput: Gauge<'lane' | 'window'>
  readonly #paused: Gauge<'lane'>
  readonly #retries: Counter<'lane'>
  readonly #percentiles: Gauge<'lane' | 'percentile'>
  readonly #concurrency: Gauge<'lane'>
  readonly #workers: Gauge<'lane'>
  readonly #running: Gauge<'lane'>
  readonly #workerMemory: Gauge<'lane' | 'of'>
  readonly #memory: Gauge<'of'>
  readonly #working: Gauge
  readonly #redis: RedisGauges

  constructor(registry: Registry, context: ServerContext) {
    this.#context = context
    const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]): Gauge<Label> =>
      new Gauge({ name, help, labelNames, registers: [registry] })
    this.#tasks = gauge('heirloom_queue_tasks', 'Tasks that the store holds.', 'lane', 'status')
    this.#throughput = gauge(
      'heirloom_lane_throughput_tasks_per_second',
      'Tasks that ended completed or failed, in all processes.',
      'lane',
      'window',
    )
    this.#paused = gauge('heirloom_lane_paused', '1 while no task of the lane is handed out.', 'lane')
    this.#retries = new Counter({
      name: 'heirloom_lane_retries_total',
      help: 'Attempts that were followed by another one, ever, in all processes.',
      labelNames: ['lane'],
      registers: [registry],
    })
    this.#percentiles = gauge(
      'heirloom_lane_task_seconds',
      'Percentiles of the time of attempts, ever, in all processes.',
      'lane',
      'percentile',
    )
    this.#concurrency = gauge(
      'heirloom_lane_concurrency',
      'Tasks that may run at a time, in all processes.',
      'lane',
    )
    this.#workers = gauge('heirloom_lane_workers', 'Worker processes of all coordinators.', 'lane')
    this.#running = gauge('heirloom_lane_running', 'Tasks that this server runs now.', 'lane')
    this.#workerMemory = gauge(
      'heirloom_worker_memory_bytes',
      'Memory of this server’s worker processes, their children included: sum and largest.',
      'lane',
      'of',
    )
    this.#memory = gauge(
      'heirloom_memory_bytes',
      'Memory of the container or the machine: what there is, and what is free.',
      'of',
    )
    this.#working = gauge(
      'heirloom_server_working',
      '1 while this server holds the library, 0 while it watches another process.',
    )
    this.#redis = new RedisGauges(registry, context.clock)
    gauge('heirloom_build_info', 'Always 1; the label tells the version.', 'version').set(
      { version: packageFacts().version },
      1,
    )
  }

  async refresh(): Promise<void> {
    const backend = this.#context.backend()
    const [lanes, coordinators] = await Promise.all([backend.statistics(), backend.coordinators()])
    this.#setLanes(lanes)
    this.#setCoordinators(coordinators)
    const { limitBytes, freeBytes } = readMemorySample()
    this.#memory.set({ of: 'limit' }, limitBytes)
    this.#memory.set({ of: 'free' }, freeBytes)
    await Promise.all([this.#setOwn(), this.#setRedis()])
  }

  #setRedis(): Promise<void> {
    const role = this.#context.role()
    return this.#redis.refresh(role.kind === 'working' ? role.remote : undefined)
  }

  #setLanes(lanes: readonly LaneStatistics[]): void {
    // A lane that is gone from the store is to be gone from the page.
    for (const metric of [this.#tasks, this.#throughput, this.#paused, this.#retries, this.#percentiles])
      metric.reset()
    for (const { lane, counts, throughput, paused, retries, durations } of lanes) {
      for (const [status, count] of Object.entries(counts)) this.#tasks.set({ lane, status }, count)
      for (const [window, rate] of Object.entries(throughput)) this.#throughput.set({ lane, window }, rate)
      this.#paused.set({ lane }, paused ? 1 : 0)
      this.#retries.inc({ lane }, retries)
      this.#percentiles.set({ lane, percentile: '50' }, durations.p50Ms / 1000)
      this.#percentiles.set({ lane, percentile: '95' }, durations.p95Ms / 1000)
      this.#percentiles.set({ lane, percentile: '99' }, durations.p99Ms / 1000)
    }
  }

  #setCoordinators(coordinators: readonly Coordinator[]): void {
    this.#concurrency.reset()
    this.#workers.reset()
    for (const { lanes } of coordinators) {
      for (const [lane, { concurrency, workers }] of Object.entries(lanes)) {
        this.#concurrency.inc({ lane }, concurrency)
        this.#workers.inc({ lane }, workers)
      }
    }
  }

  async #setOwn(): Promise<void> {
    const role = this.#context.role()
    this.#running.reset()
    this.#workerMemory.reset()
    this.#working.set(role.kind === 'working' ? 1 : 0)
    if (role.kind !== 'working') return
    for (const { name, running } of role.queue.lanes()) this.#running.set({ lane: name }, running)
    const alive = role.queue.workers()
    const sizes = await readResidentBytes(alive.map(({ pid }) => pid))
    for (const [lane, workers] of Map.groupBy(alive, (worker) => worker.lane)) {
      const bytes = workers.map(({ pid }) => sizes.get(pid) ?? 0)
      this.#workerMemory.set(
        { lane, of: 'sum' },
        bytes.reduce((sum, one) => sum + one, 0),
      )
      this.#workerMemory.set({ lane, of: 'largest' }, Math.max(...bytes))
    }
  }
}
