/**
 * What every command is made of: the flags that all share, and what a running command is handed.
 *
 * @module
 */

import { Command } from 'commander'
import { type ConfigSources, loadConfig, type ResolvedConfig } from './config.ts'
import { CONFIG_KEYS, type ConfigKey } from './config-keys.ts'
import type { Io } from './io.ts'
import type { Services } from './services.ts'

/** What a running command needs from the outside. */
export interface CommandContext {
  readonly io: Io
  readonly services: Services
}

/** Runs a parsed command. */
export type Run<Options> = (options: Options) => Promise<void>

/** The flags of every command, as parsed: raw settings, and where the files are. */
export interface SharedOptions {
  /** Only what was given on the command line; {@link loadConfig} adds the rest. */
  readonly flags: ConfigSources['flags']
  readonly configFile: string | undefined
  readonly envFile: string | undefined
}

/** A flag for a setting: its text, and its help, come from the table of settings. */
export function setting(command: Command, key: ConfigKey, syntax: string): Command {
  const { describes, fallback } = CONFIG_KEYS[key]
  const shown = fallback === undefined || fallback === false ? '' : ` (default: ${fallback})`
  return command.option(syntax, `${describes}${shown}`)
}

/** Adds the flags that every command has, under their own heading. */
export function withSharedFlags(command: Command): Command {
  command.optionsGroup('Settings and messages:')
  command
    .option(
      '--config <file>',
      'config file (default: heirloom.yaml, or heirloom/config.yaml in the config folder)',
    )
    .option('--env-file <file>', 'file of HEIRLOOM_… variables (default: .env)')
  setting(command, 'verbose', '-v, --verbose')
  setting(command, 'logLevel', '--log-level <level>')
  setting(command, 'logFile', '--log-file <file>')
  return command.option('--no-color', 'no colours').helpOption('-h, --help', 'show this help')
}

/** A command with its help text below: examples first of all. */
export function newCommand(name: string, summary: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(summary)
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}`)
}

/** Splits what commander parsed into the shared part; `keys` are the command's own settings. */
export function sharedOptions(
  parsed: Readonly<Record<string, unknown>>,
  keys: readonly ConfigKey[] = [],
): SharedOptions {
  const flags: Partial<Record<ConfigKey, unknown>> = {}
  for (const key of [...keys, 'verbose', 'logLevel', 'logFile'] as const) {
    if (parsed[key] !== undefined) flags[key] = parsed[key]
  }
  // commander gives `--no-color` a default of true, so only false was said by the user.
  if (parsed['color'] === false) flags.color = 'never'
  return { flags, configFile: textOf(parsed['config']), envFile: textOf(parsed['envFile']) }
}

/** The settings of a command, from all sources. */
export function configOf(io: Io, { flags, configFile, envFile }: SharedOptions): ResolvedConfig {
  return loadConfig(flags, { cwd: io.cwd, env: io.env, configFile, envFile })
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
