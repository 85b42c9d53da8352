/**
 * A closed network of servers, simulated event by event: tasks go from station to station, each station serves so many at
 * a time and lets the others wait in line.
 *
 * Small on purpose: no priorities, no failures. It answers where tasks queue up when everything else is idle.
 *
 * @module
 */

export interface Station {
  readonly name: string
  /** Tasks that are served at a time. */
  readonly servers: number
}

/** One stop of a task's way. */
export interface Stop {
  readonly station: number
  /** Milliseconds of service; drawn anew for each task by `spread`. */
  readonly serviceMs: number
  /** Coefficient of variation: 0 always the same, 1 exponential. */
  readonly spread: number
}

export interface Simulated {
  readonly tasks: number
  readonly durationMs: number
  /** Share of the time that each station's servers were busy, 0 to 1, over the steady part. */
  readonly utilization: readonly number[]
  /** Mean number of tasks in line before each station. */
  readonly waiting: readonly number[]
  /** Tasks a second over the steady part: the first and the last tenth are left out. */
  readonly perSecond: number
}

interface Line {
  free: number
  /** Waiting tasks: a queue that is read from `head`. */
  readonly queue: number[]
  head: number
  busyMs: number
  waitingMs: number
  changedAt: number
}

/**
 * @param window - Tasks under way at a time.
 * @param random - From [0, 1).
 */
export function simulate(
  stations: readonly Station[],
  way: readonly Stop[],
  {
    tasks,
    window,
    random,
  }: { readonly tasks: number; readonly window: number; readonly random: () => number },
): Simulated {
  const network = new Network(stations, way, random)
  const [from, until] = [Math.floor(tasks / 10), Math.floor((tasks * 9) / 10)]
  let [begun, ended, steadyFrom, steadyUntil] = [0, 0, 0, 0]
  const begin = (): void => {
    if (begun < tasks) network.arrive(begun, 0)
    begun += 1
  }
  for (let index = 0; index < Math.min(window, tasks); index += 1) begin()
  while (ended < tasks) {
    if (!network.step()) continue
    ended += 1
    if (ended === from) {
      steadyFrom = network.now
      network.measureFromHere()
    }
    if (ended === until) {
      steadyUntil = network.now
      network.stopMeasuring()
    }
    begin()
  }
  const steadyMs = steadyUntil - steadyFrom
  return {
    tasks,
    durationMs: network.now,
    perSecond: ((until - from) * 1_000) / steadyMs,
    utilization: network.lines.map((line, index) => line.busyMs / steadyMs / (stations[index]?.servers ?? 1)),
    waiting: network.lines.map(({ waitingMs }) => waitingMs / steadyMs),
  }
}

class Network {
  now = 0
  readonly lines: readonly Line[]
  readonly #servers: readonly number[]
  readonly #way: readonly Stop[]
  readonly #random: () => number
  /** Binary heap of end times; `#stopOf` has where the slot is. */
  readonly #heap: { at: number; slot: number }[] = []
  readonly #stopOf: number[] = []
  #isMeasuring = false

  constructor(stations: readonly Station[], way: readonly Stop[], random: () => number) {
    this.#way = way
    this.#random = random
    this.lines = stations.map(({ servers }) => ({
      free: servers,
      queue: [],
      head: 0,
      busyMs: 0,
      waitingMs: 0,
      changedAt: 0,
    }))
    this.#servers = stations.map(({ servers }) => servers)
  }

  /** The task in `slot` comes to its stop number `stop`. */
  arrive(slot: number, stop: number): void {
    this.#stopOf[slot] = stop
    const station = this.#way[stop]?.station ?? 0
    const line = this.lines[station]
    if (line === undefined) throw new RangeError(`no station ${station}`)
    this.#account(station)
    if (line.free > 0) {
      line.free -= 1
      this.#serve(slot, stop)
    } else line.queue.push(slot)
  }

  /** The next event. True when a task has reached the end of its way. */
  step(): boolean {
    const event = this.#pop()
    if (event === undefined) throw new RangeError('nothing is under way')
    this.now = event.at
    const { slot } = event
    const stop = this.#stopOf[slot] ?? 0
    const station = this.#way[stop]?.station ?? 0
    this.#account(station)
    this.#release(station)
    if (stop + 1 === this.#way.length) return true
    this.arrive(slot, stop + 1)
    return false
  }

  measureFromHere(): void {
    for (const [index, line] of this.lines.entries()) {
      this.#account(index)
      line.busyMs = 0
      line.waitingMs = 0
    }
    this.#isMeasuring = true
  }

  stopMeasuring(): void {
    for (const index of this.lines.keys()) this.#account(index)
    this.#isMeasuring = false
  }

  #release(station: number): void {
    const line = this.lines[station]
    if (line === undefined) return
    const next = line.queue[line.head]
    if (next === undefined) {
      line.free += 1
      return
    }
    line.head += 1
    if (line.head > 65_536) {
      line.queue.splice(0, line.head)
      line.head = 0
    }
    this.#serve(next, this.#stopOf[next] ?? 0)
  }

  #serve(slot: number, stop: number): void {
    const { serviceMs, spread } = this.#way[stop] ?? { serviceMs: 0, spread: 0 }
    // A constant part and an exponential one have the wanted mean and variation.
    const drawn = serviceMs * (1 - spread - spread * Math.log(1 - this.#random()))
    this.#push({ at: this.now + drawn, slot })
  }

  #account(station: number): void {
    const line = this.lines[station]
    if (line === undefined) return
    const ms = this.now - line.changedAt
    line.changedAt = this.now
    if (!this.#isMeasuring) return
    line.busyMs += ms * ((this.#servers[station] ?? 0) - line.free)
    line.waitingMs += ms * (line.queue.length - line.head)
  }

  #push(event: { at: number; slot: number }): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (above === undefined || above.at <= event.at) break
      heap[index] = above
      index = parent
    }
    heap[index] = event
  }

  #pop(): { at: number; slot: number } | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      const [left, right] = [heap[child], heap[child + 1]]
      if (right !== undefined && left !== undefined && right.at < left.at) child += 1
      const smaller = heap[child]
      if (smaller === undefined || smaller.at >= last.at) break
      heap[index] = smaller
      index = child
    }
    heap[index] = last
    return first
  }
}
