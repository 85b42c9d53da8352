/**
 * `heirloom queue …`: a queue looked at and steered from outside, while it runs.
 *
 * Here is only the command line; what each verb does is loaded when it is called.
 *
 * @module
 */

import { Command } from 'commander'
import {
  type CommandContext,
  newCommand,
  type Run,
  type SharedOptions,
  setting,
  sharedOptions,
  withSharedFlags,
} from '../command.ts'
import type { QueueVerb } from '../queue-request.ts'

export interface QueueCommandOptions extends SharedOptions {
  readonly verb: QueueVerb
  /** Folder of a library, or a database, as given. */
  readonly target: string
  /** Ids or lanes, as given. */
  readonly names: readonly string[]
  /** The verb's own flags, as commander names them. */
  readonly own: Readonly<Record<string, unknown>>
  readonly json: boolean
}

type AddFlags = (command: Command) => Command

interface VerbSpec {
  readonly summary: string
  readonly examples: readonly string[]
  /** The argument behind the target. */
  readonly names?: readonly [syntax: string, describes: string]
  readonly flags?: AddFlags
  readonly json?: string
}

const LANE = ['--lane <lane>', 'only this lane'] as const
const KIND = ['--kind <kind>', 'only tasks of this kind'] as const
const STATUSES = 'waiting, pending, processing, retry, completed, failed or cancelled'

const VERBS: { readonly [Verb in QueueVerb]: VerbSpec } = {
  status: {
    summary: 'show lanes, counts, speed, workers and schedules',
    examples: ['heirloom queue status ~/Photos', 'heirloom queue status queue.db --json | jq .lanes'],
  },
  list: {
    summary: 'list tasks',
    examples: [
      'heirloom queue list ~/Photos --status failed --newest',
      'heirloom queue list queue.db --lane item --error queue/timeout --limit 100',
    ],
    flags: (command) =>
      command
        .option(...LANE)
        .option('--status <status>', STATUSES)
        .option(...KIND)
        .option('--error <code>', 'only tasks whose last error has this code')
        .option('--limit <n>', 'at most this many (default: 20)')
        .option('--newest', 'newest first (default: oldest first)'),
  },
  show: {
    summary: 'show all that is known of a task',
    examples: ['heirloom queue show ~/Photos 4711'],
    names: ['<id>', 'the task'],
  },
  cancel: {
    summary: 'cancel tasks that are not finished; those that run are ended',
    examples: [
      'heirloom queue cancel ~/Photos 4711 4712',
      'heirloom queue cancel queue.db --lane mail --all',
    ],
    names: ['[id...]', 'the tasks'],
    flags: (command) =>
      command
        .option(...LANE)
        .option(...KIND)
        .option('--all', 'every task that is not finished (of the lane, of the kind)'),
  },
  retry: {
    summary: 'give failed tasks all their attempts again',
    examples: [
      'heirloom queue retry ~/Photos 4711',
      'heirloom queue retry queue.db --failed --kind mail --error system/ENOSPC',
    ],
    names: ['[id...]', 'the tasks'],
    flags: (command) =>
      command
        .option('--failed', 'every failed task (of the lane, of the kind, with the error)')
        .option(...LANE)
        .option(...KIND)
        .option('--error <code>', 'only tasks whose last error has this code'),
  },
  pause: {
    summary: 'hand out no more tasks of a lane, until it is resumed; what runs is finished',
    examples: ['heirloom queue pause ~/Photos item'],
    names: ['<lane...>', 'the lanes'],
  },
  resume: {
    summary: 'hand out tasks of a paused lane again',
    examples: ['heirloom queue resume ~/Photos item'],
    names: ['<lane...>', 'the lanes'],
  },
  drain: {
    summary: 'wait until no task is open; exit code 1 when one failed meanwhile',
    examples: ['heirloom queue drain ~/Photos', 'heirloom queue drain queue.db --lane mail --timeout 10m'],
    flags: (command) =>
      command
        .option(...LANE)
        .option('--timeout <duration>', 'wait no longer than that, such as 10m (default: for ever)'),
    json: 'one JSON document a line: progress, and at last the end',
  },
  prune: {
    summary: 'forget finished tasks; open ones are never touched',
    examples: [
      'heirloom queue prune queue.db --older-than 7d',
      'heirloom queue prune queue.db --older-than 30d --status failed',
    ],
    flags: (command) =>
      command
        .requiredOption('--older-than <duration>', 'only tasks that ended longer ago than that, such as 7d')
        .option('--status <status>', 'completed, failed or cancelled (default: completed and cancelled)')
        .option(...LANE)
        .option(...KIND),
  },
  top: {
    summary: 'watch lanes, running tasks and failures; keys: q quits, p pauses the chosen lane',
    examples: ['heirloom queue top ~/Photos', 'heirloom queue top queue.db --json --count 1'],
    flags: (command) =>
      command
        .option('--interval <duration>', 'how often to look (default: 1s)')
        .option('--count <n>', 'end after this many pictures'),
    json: 'one JSON document a line, one for each look',
  },
}

export const QUEUE_VERBS: readonly QueueVerb[] = Object.freeze(Object.keys(VERBS) as QueueVerb[])

/**
 * @param options.withVerbs - False leaves the verbs out, for a command line that has no use for them: to build ten
 *   commands with all their flags takes milliseconds that every other command would pay at its start.
 */
export function queueCommand(
  run: Run<QueueCommandOptions>,
  { withVerbs = true }: { readonly withVerbs?: boolean } = {},
): Command {
  const command = new Command('queue')
    .description('look at a queue and steer it, also while it runs')
    .helpOption('-h, --help', 'show this help')
    .addHelpText(
      'after',
      '\nExamples:\n  $ heirloom queue status ~/Photos\n  $ heirloom queue top ~/Photos\n  $ heirloom queue pause ~/Photos item',
    )
  if (withVerbs) for (const verb of QUEUE_VERBS) command.addCommand(verbCommand(verb, run))
  return command
}

function verbCommand(verb: QueueVerb, run: Run<QueueCommandOptions>): Command {
  const { summary, examples, names, flags, json = 'print the result as one JSON document' } = VERBS[verb]
  const command = newCommand(verb, summary, examples).argument(
    '<queue>',
    'folder of a library, or a database file of a queue',
  )
  if (names !== undefined) command.argument(...names)
  flags?.(command)
  command.option('--json', json)
  setting(command, 'state', '--state <dir>')
  command.action((target: string, ...rest: unknown[]) => {
    const parsed = command.opts<Record<string, unknown>>()
    return run({
      ...sharedOptions(parsed, ['state']),
      verb,
      target,
      names: names === undefined ? [] : namesOf(rest[0]),
      own: ownFlags(parsed),
      json: parsed['json'] === true,
    })
  })
  return withSharedFlags(command)
}

function namesOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(String)
  return typeof value === 'string' ? [value] : []
}

const SHARED = new Set(['config', 'envFile', 'verbose', 'logLevel', 'logFile', 'color', 'json', 'state'])

function ownFlags(parsed: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(parsed).filter(([name]) => !SHARED.has(name)))
}

export async function runQueue(context: CommandContext, options: QueueCommandOptions): Promise<number> {
  return (await import('./queue-run.ts')).runQueueVerb(context, options)
}
