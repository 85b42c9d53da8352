/**
 * `heirloom queue drain`: waits until nothing is open. It only looks; that something is done is others' business.
 *
 * @module
 */

import { type QueueSnapshot, readSnapshot } from '../../tasks/queue-snapshot.ts'
import { RecentRate } from '../../tasks/recent-rate.ts'
import { EXIT_INTERRUPTED } from '../interrupt.ts'
import type { Io } from '../io.ts'
import {
  beginDrain,
  continueDrain,
  type DrainProgress,
  drainEndLine,
  drainLine,
  drainObstacles,
} from '../queue-drain-view.ts'
import { jsonLine } from '../queue-json.ts'
import type { QueueRequest } from '../queue-request.ts'
import { truncate } from '../text-width.ts'
import { abortOnInterrupt, waitFor } from '../wait.ts'
import type { QueueWork } from './queue-run.ts'

/** The counters are a handful of rows, so that looking often costs nothing. */
const LOOK_MS = 500

/** How often a pipe hears of it; a terminal at each look, a machine when something has changed. */
const PLAIN_INTERVAL_MS = 10_000

/** 0 drained, 1 a task failed meanwhile or the time is over, 130 left with Ctrl-C. */
export async function runDrain(
  { backend, place, io, json }: QueueWork,
  { lane, timeoutMs = Number.POSITIVE_INFINITY }: Extract<QueueRequest, { verb: 'drain' }>,
): Promise<number> {
  using interrupt = abortOnInterrupt(io)
  const { signal } = interrupt
  const view = json ? createJsonView(io) : createTextView(io)
  const rate = new RecentRate()
  const look = async (): Promise<QueueSnapshot> => {
    const snapshot = rate.see(await readSnapshot(backend, place, io.clock.now(), lane))
    view.warn(drainObstacles(snapshot))
    return snapshot
  }
  let progress = beginDrain(await look())
  const leftMs = (): number => progress.startedAt + timeoutMs - progress.now
  while (progress.open > 0 && leftMs() > 0 && !signal.aborted) {
    view.update(progress)
    await waitFor(io.clock, Math.min(LOOK_MS, leftMs()), signal)
    progress = continueDrain(progress, await look())
  }
  view.end(progress)
  if (progress.open === 0) return progress.failed > 0 ? 1 : 0
  return signal.aborted ? EXIT_INTERRUPTED : 1
}

interface DrainView {
  warn(lines: readonly string[]): void
  update(progress: DrainProgress): void
  end(progress: DrainProgress): void
}

function createJsonView(io: Io): DrainView {
  const warn = createWarner(io, () => undefined)
  let last: string | undefined
  return {
    warn,
    update: (progress) => {
      const state = JSON.stringify(progress.counts)
      if (state === last) return
      last = state
      io.stdout.write(jsonLine({ type: 'progress', ...progress }))
    },
    end: (progress) => {
      io.stdout.write(jsonLine({ type: 'end', drained: progress.open === 0, ...progress }))
    },
  }
}

/** One line that is written over itself; in a pipe, a line now and then. */
function createTextView(io: Io): DrainView {
  const live = io.stderr.isTerminal && io.env['TERM'] !== 'dumb'
  let writtenAt = Number.NEGATIVE_INFINITY
  const clear = (): void => {
    if (live && writtenAt > Number.NEGATIVE_INFINITY) io.stderr.write('\r\u001B[K')
  }
  return {
    warn: createWarner(io, clear),
    update: (progress) => {
      if (!live && io.clock.now() - writtenAt < PLAIN_INTERVAL_MS) return
      clear()
      writtenAt = io.clock.now()
      const line = drainLine(progress)
      io.stderr.write(live ? truncate(line, io.stderr.size().columns - 1) : `${line}\n`)
    },
    end: (progress) => {
      clear()
      io.stdout.write(`${drainEndLine(progress)}\n`)
    },
  }
}

/** Says each line once. */
function createWarner(io: Io, clear: () => void): (lines: readonly string[]) => void {
  const said = new Set<string>()
  return (lines) => {
    for (const line of lines.filter((one) => !said.has(one))) {
      said.add(line)
      clear()
      io.stderr.write(`warning: ${line}\n`)
    }
  }
}
