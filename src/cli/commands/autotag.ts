/**
 * `heirloom autotag …`: keeps an Immich library in order by the rules of a file.
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
  sharedOptions,
  withSharedFlags,
} from '../command.ts'
import { SERVER_SETTINGS } from '../immich-settings.ts'
import { serverFlags } from './upload.ts'

export type AutotagVerb = 'plan' | 'apply' | 'undo' | 'explain' | 'lint' | 'watch' | 'import' | 'report'

export interface AutotagCommandOptions extends SharedOptions {
  readonly verb: AutotagVerb
  /** A plan, a run, an asset or a file to be converted, as given. */
  readonly subject: string | undefined
  /** The verb's own flags, as commander names them. */
  readonly own: Readonly<Record<string, unknown>>
  readonly json: boolean
}

interface VerbSpec {
  readonly summary: string
  readonly examples: readonly string[]
  readonly subject?: readonly [syntax: string, describes: string]
  readonly flags?: (command: Command) => Command
  /** Whether it talks to a server. */
  readonly server: boolean
  /** Whether it reads rules. */
  readonly rules: boolean
}

const YES = ['-y, --yes', 'do not ask'] as const

const VERBS: { readonly [Verb in AutotagVerb]: VerbSpec } = {
  plan: {
    summary: 'show what the rules would change; change nothing',
    examples: [
      'heirloom autotag plan',
      'heirloom autotag plan --rules family.yaml -o plan.json --html plan.html',
    ],
    flags: (command) =>
      command
        .option('-o, --out <file>', 'save the plan, to apply just that')
        .option('--html <file>', 'write the plan as a page to read')
        .option('--forget-overrides', 'forget what somebody has taken back, and plan it again'),
    server: true,
    rules: true,
  },
  apply: {
    summary: 'apply a saved plan, or make one, show it, ask, and apply it',
    examples: [
      'heirloom autotag apply plan.json',
      'heirloom autotag apply',
      'heirloom autotag apply --auto   # from cron: no question, within max-changes',
    ],
    subject: ['[plan]', 'a plan saved by `autotag plan -o` (default: makes a new one)'],
    flags: (command) =>
      command
        .option(...YES)
        .option('--auto', 'make a plan and apply it without a question, unless it exceeds max-changes')
        .option('--yes-really', 'apply also what exceeds max-changes'),
    server: true,
    rules: true,
  },
  undo: {
    summary: 'take back what a run did, where it is still as the run left it',
    examples: ['heirloom autotag undo', 'heirloom autotag undo 2026-11-22T09-15-00Z-4f2a --rule dates'],
    subject: [
      '[run]',
      'the run, as `autotag report` names it (default: the last of which something is left)',
    ],
    flags: (command) =>
      command
        .option('--rule <id>', 'only what this rule did')
        .option('--asset <asset>', 'only this asset: its id, or its address in the browser')
        .option('-n, --dry-run', 'show what would be taken back; change nothing')
        .option(...YES),
    server: true,
    rules: true,
  },
  explain: {
    summary: 'tell of one asset which rules hold, why, and what they would change',
    examples: ['heirloom autotag explain https://pics.example.org/photos/6b1f0c4e-…'],
    subject: ['<asset>', 'its id, or its address in the browser'],
    server: true,
    rules: true,
  },
  lint: {
    summary: 'find mistakes in the rules, also beside the library on the server',
    examples: ['heirloom autotag lint', 'heirloom autotag lint --offline'],
    flags: (command) => command.option('--offline', 'look at the file only, ask no server'),
    server: true,
    rules: true,
  },
  watch: {
    summary: 'apply the rules again and again: every so often, by a schedule, or when the server calls',
    examples: [
      'heirloom autotag watch --every 15m',
      "heirloom autotag watch --cron '0 2 * * *'",
      'heirloom autotag watch --every 6h --webhook 5050',
    ],
    flags: (command) =>
      command
        .option('--every <time>', 'how often (default: 15m, without --cron and --webhook)')
        .option('--cron <schedule>', 'five fields, in the time zone of this machine')
        .option('--webhook <port>', 'also when anything calls this port, once it has been quiet for a minute')
        .option('--webhook-host <address>', 'where that listens (default: 127.0.0.1)')
        .option('--yes-really', 'apply also what exceeds max-changes'),
    server: true,
    rules: true,
  },
  import: {
    summary: 'convert the config.yaml of immich-autotag into rules',
    examples: ['heirloom autotag import ~/.config/immich_autotag/config.yaml -o autotag.yaml'],
    subject: ['<file>', 'the config.yaml'],
    flags: (command) =>
      command.option('-o, --out <file>', 'where to write the rules (default: print them); never overwritten'),
    server: false,
    rules: false,
  },
  report: {
    summary: 'list the runs, what they changed, and where to look at the results',
    examples: ['heirloom autotag report', 'heirloom autotag report --html autotag.html'],
    flags: (command) => command.option('--html <file>', 'write it as a page to read'),
    server: true,
    rules: true,
  },
}

export function autotagCommand(run: Run<AutotagCommandOptions>): Command {
  const parent = new Command('autotag')
    .description('keep an Immich library in order by rules: plan, apply, undo')
    .helpOption('-h, --help', 'show this help')
    .addHelpText(
      'after',
      '\nExamples:\n  $ heirloom autotag lint\n  $ heirloom autotag plan\n  $ heirloom autotag apply',
    )
  for (const verb of Object.keys(VERBS) as AutotagVerb[]) parent.addCommand(verbCommand(verb, run))
  return parent
}

function verbCommand(verb: AutotagVerb, run: Run<AutotagCommandOptions>): Command {
  const { summary, examples, subject, flags, server, rules } = VERBS[verb]
  const command = newCommand(verb, summary, examples)
  if (subject !== undefined) command.argument(...subject)
  if (rules) {
    command.option(
      '-r, --rules <file>',
      'the rules (default: autotag.yaml here, or heirloom/autotag.yaml in the config folder)',
    )
  }
  flags?.(command)
  command.option('--json', 'print the result as one JSON document')
  if (server) {
    command.optionsGroup('Immich (the rules can name them too):')
    serverFlags(command)
    command.option('--nice', 'few calls at a time, for a server that others use now')
    command.option('--state <dir>', 'folder of the journal and the memory (default: that of the rules)')
  }
  command.action((...args: unknown[]) => {
    const parsed = args[subject === undefined ? 0 : 1] as Record<string, unknown>
    const given = subject === undefined ? undefined : args[0]
    return run({
      ...sharedOptions(parsed, [...SERVER_SETTINGS, 'state']),
      verb,
      subject: typeof given === 'string' ? given : undefined,
      own: parsed,
      json: parsed['json'] === true,
    })
  })
  return withSharedFlags(command)
}

export async function runAutotag(context: CommandContext, options: AutotagCommandOptions): Promise<number> {
  const { runVerb } = await import('../autotag/run-verb.ts')
  return await runVerb(context, options)
}
