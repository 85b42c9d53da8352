/**
 * What a `heirloom queue` command line asks for: the words of the user, checked and typed.
 *
 * Pure. Every problem of a line is gathered and told at once.
 *
 * @module
 */

import type { TaskFilter } from '../queue/backend.ts'
import { FINAL_STATUSES, type TaskStatus } from '../queue/task.ts'
import { parseDurationMs } from '../units.ts'
import { didYouMean } from './suggest.ts'
import { UsageError } from './usage-error.ts'

export type QueueVerb = QueueRequest['verb']

/** As commander parsed it: names behind the target, and flags by name. */
export interface QueueWords {
  readonly verb: QueueVerb
  readonly names: readonly string[]
  readonly flags: Readonly<Record<string, unknown>>
}

type Where = Pick<TaskFilter, 'lane' | 'kind' | 'errorCode' | 'status'>

export type QueueRequest =
  | { readonly verb: 'status' }
  | { readonly verb: 'list'; readonly where: Where; readonly newestFirst: boolean; readonly limit: number }
  | { readonly verb: 'show'; readonly id: number }
  /** Either the tasks of these ids, or all that `where` tells. */
  | { readonly verb: 'cancel' | 'retry'; readonly ids: readonly number[]; readonly where: Where }
  | { readonly verb: 'pause' | 'resume'; readonly lanes: readonly string[] }
  | { readonly verb: 'drain'; readonly lane?: string; readonly timeoutMs?: number }
  | {
      readonly verb: 'prune'
      readonly olderThanMs: number
      readonly where: Where
      readonly statuses: readonly TaskStatus[]
    }
  | { readonly verb: 'top'; readonly intervalMs: number; readonly count?: number }

const STATUSES: readonly TaskStatus[] = [
  'waiting',
  'pending',
  'processing',
  'retry',
  'completed',
  'failed',
  'cancelled',
]

/** Failed tasks stay unless they are named: they can still be retried. */
const PRUNED: readonly TaskStatus[] = ['completed', 'cancelled']

const DEFAULT_LIMIT = 20
/** A page that still is read at once; all of a queue is the database's business. */
const MAX_LIMIT = 10_000

const DEFAULT_INTERVAL_MS = 1_000
/** Faster than that nobody reads, and the queue has better things to do. */
const MIN_INTERVAL_MS = 100

/** @throws {@link UsageError} with every problem of the line. */
export function parseQueueRequest({ verb, names, flags }: QueueWords): QueueRequest {
  const words = new Words(flags)
  const request = REQUESTS[verb](words, names)
  if (words.problems.length > 0)
    throw new UsageError(words.problems, { hint: `See: heirloom queue ${verb} --help` })
  return request
}

const REQUESTS: { readonly [Verb in QueueVerb]: (words: Words, names: readonly string[]) => QueueRequest } = {
  status: () => ({ verb: 'status' }),
  list: (words) => ({
    verb: 'list',
    where: words.where(),
    newestFirst: words.is('newest'),
    limit: words.count('limit', MAX_LIMIT) ?? DEFAULT_LIMIT,
  }),
  show: (words, names) => ({ verb: 'show', id: words.ids(names)[0] ?? 0 }),
  cancel: (words, names) => chosen(words, 'cancel', names, 'all'),
  retry: (words, names) => chosen(words, 'retry', names, 'failed'),
  pause: (_words, lanes) => ({ verb: 'pause', lanes }),
  resume: (_words, lanes) => ({ verb: 'resume', lanes }),
  drain: (words) => {
    const lane = words.text('lane')
    const timeoutMs = words.duration('timeout')
    return {
      verb: 'drain',
      ...(lane === undefined ? {} : { lane }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }
  },
  prune: (words) => {
    const { status, ...where } = words.where(FINAL_STATUSES)
    return {
      verb: 'prune',
      olderThanMs: words.duration('olderThan') ?? 0,
      where,
      statuses: status === undefined ? PRUNED : [status],
    }
  },
  top: (words) => {
    const intervalMs = words.duration('interval') ?? DEFAULT_INTERVAL_MS
    if (intervalMs < MIN_INTERVAL_MS) words.problems.push(`--interval: at least ${MIN_INTERVAL_MS}ms`)
    const count = words.count('count')
    return { verb: 'top', intervalMs, ...(count === undefined ? {} : { count }) }
  },
}

/** Tasks by id, or all that the flags tell: never both, and never all without the word for it. */
function chosen(
  words: Words,
  verb: 'cancel' | 'retry',
  names: readonly string[],
  allFlag: 'all' | 'failed',
): QueueRequest {
  const where = words.where()
  const ids = words.ids(names)
  const isNarrowed = Object.keys(where).length > 0
  if (names.length > 0 && (words.is(allFlag) || isNarrowed))
    words.problems.push(`give ids, or --${allFlag} with flags that narrow it: not both`)
  if (names.length === 0 && !words.is(allFlag)) {
    words.problems.push(
      isNarrowed ? `add --${allFlag} to ${verb} every such task` : `no task given: name ids, or --${allFlag}`,
    )
  }
  return { verb, ids, where }
}

/** The flags of a line, each read as what it has to be; what is wrong with one is noted. */
class Words {
  readonly #flags: Readonly<Record<string, unknown>>
  readonly problems: string[] = []

  constructor(flags: Readonly<Record<string, unknown>>) {
    this.#flags = flags
  }

  is(name: string): boolean {
    return this.#flags[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#flags[name]
    return typeof value === 'string' ? value : undefined
  }

  count(name: string, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const count = /^\d{1,15}$/u.test(text) ? Number(text) : 0
    if (count >= 1 && count <= max) return count
    const limit = max === Number.MAX_SAFE_INTEGER ? 'of at least 1' : `from 1 to ${max}`
    this.problems.push(`--${name}: expected a whole number ${limit}, got ${quote(text)}`)
    return undefined
  }

  duration(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    // A bare number would be milliseconds to the parser, and days or minutes to whoever wrote it.
    const durationMs = /[a-z]\s*$/iu.test(text) ? parseDurationMs(text) : undefined
    if (durationMs === undefined)
      this.problems.push(
        `--${toFlag(name)}: expected a duration such as 30s, 10m, 12h or 7d, got ${quote(text)}`,
      )
    return durationMs
  }

  ids(names: readonly string[]): readonly number[] {
    const wrong = names.filter((name) => !/^[1-9]\d{0,14}$/u.test(name))
    for (const name of wrong) this.problems.push(`${quote(name)} is no task id: a whole number from 1 on`)
    return wrong.length > 0 ? [] : [...new Set(names.map(Number))]
  }

  where(statuses: readonly TaskStatus[] = STATUSES): Where {
    const lane = this.text('lane')
    const kind = this.text('kind')
    const errorCode = this.text('error')
    const status = this.#status(statuses)
    return {
      ...(lane === undefined ? {} : { lane }),
      ...(kind === undefined ? {} : { kind }),
      ...(errorCode === undefined ? {} : { errorCode }),
      ...(status === undefined ? {} : { status }),
    }
  }

  #status(statuses: readonly TaskStatus[]): TaskStatus | undefined {
    const text = this.text('status')
    if (text === undefined) return undefined
    const status = statuses.find((known) => known === text.toLowerCase())
    if (status === undefined)
      this.problems.push(
        `--status: expected ${statuses.join(', ')}, got ${quote(text)}${didYouMean(text, statuses)}`,
      )
    return status
  }
}

function quote(text: string): string {
  return JSON.stringify(text)
}

function toFlag(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)
}
