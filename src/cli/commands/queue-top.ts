/**
 * `heirloom queue top`: a queue, looked at again and again.
 *
 * On a terminal a picture with keys; in a pipe a page of text at each look; with `--json` a document a line.
 *
 * @module
 */

import { explainSqlite, QueueDatabaseError } from '../../queue/sqlite/database-error.ts'
import type { Task } from '../../queue/task.ts'
import { readSnapshot } from '../../tasks/queue-snapshot.ts'
import { RecentRate } from '../../tasks/recent-rate.ts'
import { EXIT_INTERRUPTED } from '../interrupt.ts'
import { jsonLine } from '../queue-json.ts'
import type { QueueRequest } from '../queue-request.ts'
import { statusLines } from '../queue-status-view.ts'
import { listLines } from '../queue-task-view.ts'
import { openScreen, type Screen } from '../queue-top-screen.ts'
import { renderTop, type TopChoice, type TopData } from '../queue-top-view.ts'
import { type Key, processTerminal, type Terminal } from '../terminal.ts'
import { neutralize } from '../text-width.ts'
import { abortOnInterrupt, waitFor } from '../wait.ts'
import type { QueueWork } from './queue-run.ts'

/** More than the tallest terminal shows. */
const MAX_RUNNING = 100
/** Of the newest tasks that failed, those that failed last are shown. */
const MAX_FAILURES = 50

type TopRequest = Extract<QueueRequest, { verb: 'top' }>

export async function runTop(
  work: QueueWork,
  request: TopRequest,
  terminal: Terminal = processTerminal(),
): Promise<number> {
  const { io, json } = work
  const isLive = !json && io.stdout.isTerminal && io.env['TERM'] !== 'dumb'
  return isLive
    ? await new TopSession(work, request, terminal).run()
    : await runPages(work, request, terminal)
}

/** One page or line at each look, until there were enough of them, Ctrl-C, or the reader has left. */
async function runPages(work: QueueWork, request: TopRequest, terminal: Terminal): Promise<number> {
  const { io } = work
  const { intervalMs, count = Number.POSITIVE_INFINITY } = request
  using interrupt = abortOnInterrupt(io)
  const gone = new AbortController()
  const endGone = terminal.onReaderGone(() => gone.abort())
  const signal = AbortSignal.any([interrupt.signal, gone.signal])
  try {
    for (let page = 1; !signal.aborted; page += 1) {
      await writePage(work, page)
      if (page >= count) break
      await waitFor(io.clock, intervalMs, signal)
    }
  } finally {
    endGone()
  }
  return interrupt.signal.aborted ? EXIT_INTERRUPTED : 0
}

async function writePage(work: QueueWork, page: number): Promise<void> {
  const data = await readTop(work)
  if (work.json) work.io.stdout.write(jsonOf(data))
  else work.io.stdout.write(`${page === 1 ? '' : '\n'}${pageOf(data, work)}`)
}

function jsonOf({ snapshot, running, failures }: TopData): string {
  // What a task was given and what came of it may be long; `show` has both.
  const brief = ({ payload: _payload, result: _result, ...task }: Task): object => task
  return jsonLine({ ...snapshot, running: running.map(brief), failures: failures.map(brief) })
}

/** As `status`, with the tasks that run and the last failures below. */
function pageOf({ snapshot, running, failures }: TopData, { style }: QueueWork): string {
  const list = (title: string, tasks: readonly Task[]): string[] =>
    tasks.length === 0 ? [] : ['', `${title}:`, ...listLines(tasks, snapshot.now, style)]
  const lines = [
    ...statusLines(snapshot, style),
    ...list('processing', running),
    ...list('last failures', failures.slice(0, 10)),
  ]
  return `${lines.join('\n')}\n`
}

/** Tasks are looked for only where the counters say that there are any: among a million others that takes a while. */
async function readTop({ backend, place, io }: QueueWork): Promise<TopData> {
  const snapshot = await readSnapshot(backend, place, io.clock.now())
  const { processing, failed } = snapshot.counts
  const running = processing === 0 ? [] : await backend.list({ status: 'processing', limit: MAX_RUNNING })
  const failures =
    failed === 0 ? [] : await backend.list({ status: 'failed', newestFirst: true, limit: MAX_FAILURES })
  return {
    snapshot,
    running: running.toSorted((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0)),
    failures: failures.toSorted((a, b) => (b.finishedAt ?? 0) - (a.finishedAt ?? 0)),
  }
}

/** The picture and its keys. */
class TopSession {
  readonly #work: QueueWork
  readonly #request: TopRequest
  readonly #terminal: Terminal
  readonly #ended = new AbortController()
  /** Aborted to look at once: a key has changed something. */
  #hurry = new AbortController()
  readonly #rate = new RecentRate()
  #exitCode = 0
  #data: TopData | undefined
  #lane: string | undefined
  #notice: string | undefined
  #screen: Screen | undefined
  #failure: unknown

  constructor(work: QueueWork, request: TopRequest, terminal: Terminal) {
    this.#work = work
    this.#request = request
    this.#terminal = terminal
  }

  async run(): Promise<number> {
    const { io, style } = this.#work
    using interrupt = abortOnInterrupt(io)
    interrupt.signal.addEventListener('abort', () => this.#end(EXIT_INTERRUPTED))
    // Read before the screen is taken: an error then stands where it can be read.
    await this.#read()
    const screen = openScreen(io, this.#terminal, style.paint, (key) => this.#press(key))
    this.#screen = screen
    try {
      for (let picture = 1; !this.#ended.signal.aborted; picture += 1) {
        if (picture > 1) await this.#look()
        this.#draw()
        if (picture === this.#request.count) break
        this.#hurry = new AbortController()
        const signal = AbortSignal.any([this.#ended.signal, this.#hurry.signal])
        await waitFor(io.clock, this.#request.intervalMs, signal)
      }
    } finally {
      screen.close()
    }
    if (this.#failure !== undefined) throw this.#failure
    return this.#exitCode
  }

  #end(exitCode: number): void {
    this.#exitCode = exitCode
    this.#ended.abort()
  }

  async #read(): Promise<void> {
    const data = await readTop(this.#work)
    this.#data = { ...data, snapshot: this.#rate.see(data.snapshot) }
  }

  /** A database that is busy for a while is no reason to leave: the picture is older then, and says so. */
  async #look(): Promise<void> {
    try {
      await this.#read()
    } catch (error) {
      this.#noteOrEnd(error)
    }
  }

  #draw(): void {
    const data = this.#data
    if (data === undefined) return
    const lanes = data.snapshot.lanes.map(({ lane }) => lane)
    if (this.#lane === undefined || !lanes.includes(this.#lane)) this.#lane = lanes[0]
    const notice = this.#notice
    const choice: TopChoice = {
      lane: this.#lane,
      keys: this.#terminal.hasKeys,
      ...(notice === undefined ? {} : { notice }),
    }
    this.#screen?.draw((size, paint) => renderTop(data, choice, size, paint))
    // Shown until the next look.
    this.#notice = undefined
  }

  #press(key: Key): void {
    switch (key) {
      case 'quit':
        this.#end(0)
        return
      case 'interrupt':
        this.#end(EXIT_INTERRUPTED)
        return
      case 'toggle':
        void this.#toggle()
        return
      case 'up':
        this.#move(-1)
        return
      case 'down':
        this.#move(1)
    }
  }

  #move(by: number): void {
    const lanes = this.#data?.snapshot.lanes.map(({ lane }) => lane) ?? []
    const at = lanes.indexOf(this.#lane ?? '')
    this.#lane = lanes[Math.max(0, Math.min(lanes.length - 1, at + by))]
    this.#draw()
  }

  async #toggle(): Promise<void> {
    const lane = this.#data?.snapshot.lanes.find((one) => one.lane === this.#lane)
    if (lane === undefined) return
    try {
      await this.#work.backend.setPaused(lane.lane, !lane.paused)
      this.#notice = `lane ${neutralize(lane.lane)} ${lane.paused ? 'resumed' : 'paused: what runs is finished'}`
      this.#hurry.abort()
    } catch (error) {
      this.#noteOrEnd(error)
    }
  }

  #noteOrEnd(error: unknown): void {
    const explained = explainSqlite(error, this.#work.place.database)
    if (explained instanceof QueueDatabaseError) {
      this.#notice = explained.message
      return
    }
    this.#failure = explained
    this.#ended.abort()
  }
}
