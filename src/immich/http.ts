/**
 * Calls of an Immich server: exchanges with limits, repeats and checked answers around them.
 *
 * A call takes its place in the limiter, goes through the breaker (is anybody there?), is exchanged, and its status
 * becomes a result or an error. What may be repeated is, after a wait that holds no place. Knows no routes but the
 * sign of life.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import { formatDuration } from '../units.ts'
import { addressOfRedirect, type ServerAddress } from './address.ts'
import { type BreakerOptions, createBreaker, pause } from './breaker.ts'
import type { Answer, ExchangeRequest, Exchanges } from './exchange.ts'
import {
  errorOfStatus,
  ImmichError,
  isOverload,
  isUnreachable,
  RedirectedError,
  UnexpectedAnswerError,
  UnreachableError,
} from './immich-errors.ts'
import { type CallClass, comparableLatencyMs, type Limiter } from './limiter.ts'
import { parseRetryAfter, type Repeat, type RetryOptions, retryDelayMs } from './retry-policy.ts'
import type { Schema } from './schemas.ts'

/** How long a sign of life may take. */
const PING_ANSWER_MS = 10_000

/** Loaded while the first question is on its way: the schemas take longer to load than a server to answer. */
export type Answers = typeof import('./schemas.ts')

function loadAnswers(): Promise<Answers> {
  return import('./schemas.ts')
}

export interface Call<T> extends Omit<ExchangeRequest, 'answerMs' | 'isFresh'> {
  readonly callClass: CallClass
  readonly repeat: Repeat
  /** Of the answer; undefined where nothing is answered. */
  readonly schema: ((answers: Answers) => Schema<T>) | undefined
  /** Default: the stall limit. */
  readonly answerMs?: number
  /** What the call holds in memory. Default: the length of a JSON body. */
  readonly heldBytes?: number
  /** Asked before the call is repeated: a result makes that needless. */
  readonly beforeRepeat?: (error: ImmichError) => Promise<T | undefined>
  /** The latency that tells of the server's load is that of its answer, not of sending the body. */
  readonly judgedByAnswer?: boolean
  /** Of a bulk change: how many ids it changes, so that its latency can be compared with that of others. */
  readonly units?: number
  /** Told what the exchange took, from the limiter's place on, when it ended well. */
  readonly onLatency?: (latencyMs: number) => void
  /** Of a key, that the route asks for: named when the key lacks it. */
  readonly permission?: string
}

/** A question whose answer, any but a failure of the server's own, is a sign of life. */
export interface ProbeCall {
  readonly name: string
  readonly route: string
}

export interface Calls {
  call<T>(call: Call<T>): Promise<T>
}

interface CallsOptions {
  readonly address: ServerAddress
  readonly exchanges: Exchanges
  readonly limiter: Limiter
  readonly retry: Required<RetryOptions>
  readonly breaker?: BreakerOptions | undefined
  /** Asked too, after the ping; with it any overload in a row opens the breaker, since it can tell whether it lasts. */
  readonly alsoProbe?: ProbeCall | undefined
  readonly stallMs: number
  readonly clock: Clock
  readonly random: () => number
  /** Ends every call, under way or waiting, with its reason. */
  readonly closed: AbortSignal
}

export function createCalls(options: CallsOptions): Calls {
  const { address, exchanges, limiter, clock, stallMs, closed } = options
  const door = createDoor(options)
  let known: Answers | undefined

  const exchange = async <T>(call: Call<T>): Promise<T> => {
    const held = call.heldBytes ?? (typeof call.body === 'string' ? call.body.length : 0)
    const once = async (tellLatency: (latencyMs: number) => void): Promise<T> => {
      // With its place already: calls that wait for one while the server goes away do not all run into that.
      await door.enter(call.signal)
      const startedAtMs = clock.now()
      const isFresh = call.repeat === 'never'
      const sending = exchanges.send({ ...call, isFresh, answerMs: call.answerMs ?? stallMs })
      const answers = known ?? loadAnswers()
      const answer = await sending
      const latencyMs = call.judgedByAnswer === true ? answer.answeredInMs : clock.now() - startedAtMs
      tellLatency(comparableLatencyMs(call.callClass, latencyMs, call.units))
      known ??= await answers
      const result = readAnswer(answer, call, {
        address,
        clean: exchanges.clean,
        nowMs: clock.now(),
        answers: known,
      })
      call.onLatency?.(latencyMs)
      return result
    }
    return await limiter.run(call.callClass, held, once, call.signal)
  }

  const attempt = async <T>(call: Call<T>): Promise<{ result: T } | { error: ImmichError }> => {
    try {
      const result = await exchange(call)
      door.tell(undefined)
      return { result }
    } catch (error) {
      if (!(error instanceof ImmichError)) throw error
      door.tell(error)
      return { error }
    }
  }

  const repeated = async <T>(call: Call<T>): Promise<T> => {
    for (let count = 1; ; count += 1) {
      const outcome = await attempt(call)
      if ('result' in outcome) return outcome.result
      const { error } = outcome
      const delayMs = retryDelayMs(error.failure, {
        attempt: count,
        repeat: call.repeat,
        options: options.retry,
        random: options.random,
      })
      if (delayMs === undefined) throw error
      await pause({ clock, untilMs: clock.now() + delayMs, signal: call.signal })
      const known = await call.beforeRepeat?.(error)
      if (known !== undefined) return known
    }
  }

  return {
    call: async (call) => {
      const signal = call.signal === undefined ? closed : AbortSignal.any([call.signal, closed])
      return await repeated({ ...call, name: exchanges.clean(call.name), signal })
    },
  }
}

/** Whether anybody is there: the breaker, with what it needs to know of calls and servers. */
interface Door {
  enter(signal?: AbortSignal): Promise<void>
  /** How a call ended: undefined is well. */
  tell(error: ImmichError | undefined): void
}

function createDoor({ address, exchanges, clock, closed, breaker: options, alsoProbe }: CallsOptions): Door {
  let lastFailure = ''
  const ask = async (question: ProbeCall): Promise<Answer> =>
    await exchanges.send({ ...question, method: 'GET', answerMs: PING_ANSWER_MS, signal: closed })
  const probe = async (): Promise<boolean> => {
    try {
      const answer = await ask({ name: 'asking for a sign of life', route: '/server/ping' })
      const { pingAnswer, parseJson } = await loadAnswers()
      if (!pingAnswer.safeParse(parseJson(answer.text)).success) return false
      return alsoProbe === undefined || (await ask(alsoProbe)).status < 500
    } catch {
      return false
    }
  }
  const breaker = createBreaker({
    clock,
    ...(options === undefined ? {} : { options }),
    probe,
    refusal: (sinceMs) => {
      const silence = `no answer for ${formatDuration(clock.now() - sinceMs)}`
      return new UnreachableError(address.base, `${silence}, at last: ${lastFailure}`)
    },
  })
  return {
    enter: (signal) => breaker.enter(signal),
    tell: (error) => {
      if (error === undefined) {
        breaker.report('reached')
      } else if (isUnreachable(error) || (alsoProbe !== undefined && isOverload(error))) {
        lastFailure = error instanceof UnreachableError ? error.reason : error.message
        breaker.report('unreachable')
      } else if (error.failure.kind === 'status') {
        breaker.report('reached')
      }
    },
  }
}

interface AnswerContext {
  readonly address: ServerAddress
  readonly clean: (text: string) => string
  readonly nowMs: number
  readonly answers: Answers
}

/** The checked result of an answer; throws what its status means. */
function readAnswer<T>(answer: Answer, call: Call<T>, context: AnswerContext): T {
  const { status } = answer
  const { failureText, parseJson } = context.answers
  if (status >= 300 && status < 400) throw redirected(answer, call.route, context)
  if (status >= 400) {
    throw errorOfStatus({
      address: context.address.base,
      call: call.name,
      status,
      said: context.clean(failureText(answer.text)) || `status ${status}`,
      permission: call.permission,
      retryAfterMs: parseRetryAfter(answer.headers['retry-after'], context.nowMs),
    })
  }
  if (call.schema === undefined) return undefined as T
  const json = parseJson(answer.text)
  if (json === undefined)
    throw new UnexpectedAnswerError(call.name, `no JSON: ${context.clean(answer.text).slice(0, 80)}`)
  const parsed = call.schema(context.answers).safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue?.path.join('.') ?? ''
  throw new UnexpectedAnswerError(call.name, context.clean(`${where}: ${issue?.message ?? 'invalid'}`))
}

function redirected(answer: Answer, route: string, { address, clean }: AnswerContext): RedirectedError {
  const url = URL.parse(answer.headers['location'] ?? '', address.urlOf(route))
  const [path = ''] = route.split('?')
  const target = url === null ? 'somewhere' : `${url.origin}${url.pathname}`
  const suggestion = url === null ? undefined : addressOfRedirect(url.href, path)
  return new RedirectedError(
    address.base,
    clean(target),
    suggestion === undefined ? undefined : clean(suggestion),
  )
}
