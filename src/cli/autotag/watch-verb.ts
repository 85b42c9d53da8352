/**
 * `heirloom autotag watch`: the rules applied again and again, without a question, within `max-changes`.
 *
 * A round that fails is told and the next one tries again: a server that restarts at night is no reason to end. The
 * rules are read anew for each round, so a change of the file is followed.
 *
 * @module
 */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { systemCode, toErrorRecord } from '../../errors.ts'
import type { ApplySummary, Autotag } from '../../immich/autotag/autotag-jobs.ts'
import { pluralize } from '../../units.ts'
import { type CommandContext, configOf } from '../command.ts'
import type { AutotagCommandOptions } from '../commands/autotag.ts'
import { requireConfig } from '../config.ts'
import { type Interrupt, watchInterrupts } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { createAutotagView } from '../live-view.ts'
import { hasColor } from '../paint.ts'
import { neutralize } from '../text-width.ts'
import { UsageError } from '../usage-error.ts'
import { waitFor } from '../wait.ts'
import { isHarmless } from './apply-verb.ts'
import { type AutotagView, RulesError, startSession } from './session.ts'
import { type Called, nextRoundAt, readSchedule, type WatchSchedule } from './watch-plan.ts'

export async function runWatch(
  { io: outside, services }: CommandContext,
  options: AutotagCommandOptions,
): Promise<number> {
  const io = keepingSecrets(outside)
  const context = { io, services }
  const schedule = readSchedule(options.own, Intl.DateTimeFormat().resolvedOptions().timeZone)
  const voice = createVoice(context, options)
  using interrupt = watchInterrupts(io, voice.say)
  const bell = createBell()
  const server = await listen(schedule, bell, () => io.clock.now(), voice.say)
  try {
    for (let isFirst = true; !interrupt.signal.aborted; isFirst = false) {
      // Calls that come while the round reads may tell of what it has not seen: they count for the next one.
      bell.take()
      await round({ context, options, interrupt, voice, isFirst })
      await untilNextRound(schedule, bell, context, interrupt.signal)
    }
  } finally {
    voice.stop()
    server?.close()
    server?.closeAllConnections()
  }
  return 0
}

/** Each round asks for the key again, and whoever reads it takes it out of the environment of this process. */
function keepingSecrets(io: Io): Io {
  let typed: Promise<string | undefined> | undefined
  return {
    ...io,
    env: { ...io.env },
    askSecret: (question) => {
      typed ??= io.askSecret(question)
      return typed
    },
  }
}

/** What a watch says, each line with its time; also above the picture of a round that is drawn now. */
interface Voice {
  say(line: string): void
  beginRound(): void
  /** The view of this round: drawn on a terminal; elsewhere a log has a line of each round, and no progress. */
  createView(): AutotagView
  stop(): void
}

function createVoice(context: CommandContext, options: AutotagCommandOptions): Voice {
  const { io } = context
  const isDrawn = io.stderr.isTerminal && !options.json
  let drawn: AutotagView | undefined
  /** Of the round before: what is wrong with a file is told once, and again when it was mended meanwhile. */
  let toldBefore = new Set<string>()
  let told = new Set<string>()
  const say = (line: string): void => {
    const at = new Date(io.clock.now()).toISOString().slice(0, 19)
    const text = options.json
      ? JSON.stringify({ type: 'message', at, message: line })
      : `${at}  ${neutralize(line)}`
    if (drawn === undefined) io.stderr.write(`${text}\n`)
    else drawn.say(text)
  }
  const stop = (): void => {
    drawn?.stop()
    drawn = undefined
  }
  const { color } = requireConfig(configOf(io, options))
  return {
    say,
    beginRound: () => {
      toldBefore = told
      told = new Set()
    },
    createView: () => {
      stop()
      if (isDrawn) drawn = createAutotagView(io, { json: false, color: hasColor(io, io.stderr, color) })
      const update = drawn?.update ?? ((): void => undefined)
      const sayOnce = (line: string): void => {
        told.add(line)
        if (!toldBefore.has(line)) say(line)
      }
      return { update, say: sayOnce, stop }
    },
    stop,
  }
}

interface Round {
  readonly context: CommandContext
  readonly options: AutotagCommandOptions
  readonly interrupt: Interrupt
  readonly voice: Voice
  readonly isFirst: boolean
}

/** Never rejects for what another round can find cured. */
async function round({ context, options, interrupt, voice, isFirst }: Round): Promise<void> {
  voice.beginRound()
  try {
    const session = await startSession(context, options, { createView: voice.createView })
    const autotag = await session.open(interrupt)
    try {
      voice.say(await keepInOrder(autotag, options, voice.say))
    } finally {
      session.view.stop()
      await autotag.close()
    }
  } catch (error) {
    voice.stop()
    if (interrupt.signal.aborted) return
    // Later it is a file that is just being written, or will be put right.
    if (isFirst && (error instanceof UsageError || error instanceof RulesError)) throw error
    const { message, hint } = toErrorRecord(error)
    voice.say(`failed: ${message}${hint === undefined ? '' : ` (${hint})`}; trying again later`)
  }
}

/** One line about what was done. */
async function keepInOrder(
  autotag: Autotag,
  { own }: AutotagCommandOptions,
  say: (line: string) => void,
): Promise<string> {
  const left = autotag.unfinished()
  if (left !== undefined) {
    const { done } = await autotag.resume(left)
    say(`the run ${left.id} was broken off and is finished now: ${pluralize(done, 'change')} made`)
  }
  const { plan, tooMany, calls } = await autotag.plan()
  if (plan.steps.length === 0) return `nothing to change (${pluralize(calls, 'call')})`
  if (tooMany !== undefined && own['yesReally'] !== true) {
    return `not applied: ${pluralize(tooMany.assets, 'asset')} would change, max-changes allows ${tooMany.allowed}; look at it with: heirloom autotag plan`
  }
  return roundWords(await autotag.apply(plan))
}

function roundWords({ done, undone, differences, run }: ApplySummary): string {
  const state = run.status === 'completed' ? '' : `${run.status}: `
  const problems = undone.filter((one) => !isHarmless(one)).length + differences.length
  const trouble = problems === 0 ? '' : `, ${pluralize(problems, 'problem')}`
  return `${state}${pluralize(done, 'change')} made${trouble} (run ${run.id})`
}

/** Calls of the webhook, and who waits for them. */
interface Bell {
  ring(nowMs: number): void
  look(): Called | undefined
  /** Forgets them. */
  take(): void
  /** Aborted by the next call. */
  next(): AbortSignal
}

function createBell(): Bell {
  let called: Called | undefined
  let waiting = new AbortController()
  return {
    ring: (nowMs) => {
      called = { firstAtMs: called?.firstAtMs ?? nowMs, lastAtMs: nowMs }
      waiting.abort()
    },
    look: () => called,
    take: () => {
      called = undefined
    },
    next: () => {
      if (waiting.signal.aborted) waiting = new AbortController()
      return waiting.signal
    },
  }
}

async function untilNextRound(
  schedule: WatchSchedule,
  bell: Bell,
  { io }: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = io
  const endedAtMs = clock.now()
  while (!signal.aborted) {
    const atMs = nextRoundAt(schedule, { endedAtMs, called: bell.look() })
    const leftMs = atMs === undefined ? Number.POSITIVE_INFINITY : atMs - clock.now()
    if (leftMs <= 0) return
    await waitFor(clock, Math.min(leftMs, LONGEST_WAIT_MS), AbortSignal.any([signal, bell.next()]))
  }
}

/** A clock that is set meanwhile is noticed within it. */
const LONGEST_WAIT_MS = 60 * 60_000

/** Anything that asks anything rings; nothing of it is read. */
async function listen(
  { webhook }: WatchSchedule,
  bell: Bell,
  now: () => number,
  say: (line: string) => void,
): Promise<Server | undefined> {
  if (webhook === undefined) return undefined
  const server = createServer((request, response) => {
    request.resume()
    bell.ring(now())
    response.writeHead(202, { connection: 'close' }).end()
  })
  server.maxHeadersCount = 100
  server.requestTimeout = 10_000
  try {
    server.listen(webhook.port, webhook.host)
    await once(server, 'listening')
  } catch (error) {
    throw new UsageError([
      `--webhook: cannot listen on ${webhook.host}:${webhook.port} (${systemCode(error) ?? 'unknown'})`,
    ])
  }
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : webhook.port
  say(`listening for calls on http://${webhook.host}:${port}/`)
  return server
}
