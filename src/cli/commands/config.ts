/**
 * `heirloom config show`: every setting, and where it comes from.
 *
 * @module
 */

import { Command } from 'commander'
import {
  type CommandContext,
  configOf,
  newCommand,
  type Run,
  type SharedOptions,
  sharedOptions,
  withSharedFlags,
} from '../command.ts'
import type { ResolvedConfig } from '../config.ts'
import { CONFIG_KEY_NAMES, CONFIG_KEYS, toFileKey } from '../config-keys.ts'
import { table } from '../table.ts'
import { neutralize } from '../text-width.ts'

export interface ConfigShowOptions extends SharedOptions {
  readonly json: boolean
}

export function configCommand(run: Run<ConfigShowOptions>): Command {
  const show = newCommand('show', 'show every setting and where it comes from', [
    'heirloom config show',
    'heirloom config show --config ~/other.yaml --json',
  ])
    .option('--json', 'one JSON document')
    .action((parsed: Record<string, unknown>) =>
      run({ ...sharedOptions(parsed), json: parsed['json'] === true }),
    )
  return new Command('config')
    .description('show the settings: flag over environment over .env over config file over default')
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', '\nExamples:\n  $ heirloom config show')
    .addCommand(withSharedFlags(show))
}

/** Shows everything even when something is wrong; then says what, and answers 2. */
export async function runConfigShow({ io }: CommandContext, options: ConfigShowOptions): Promise<number> {
  const resolved = configOf(io, options)
  const settings = settingsOf(resolved)
  if (options.json) {
    io.stdout.write(
      `${JSON.stringify({ settings, problems: resolved.problems, warnings: resolved.warnings })}\n`,
    )
  } else {
    const rows = settings.map(({ key, value, origin }) => [key, neutralize(value ?? '-'), neutralize(origin)])
    for (const line of table([['KEY', 'VALUE', 'FROM'], ...rows], ['left', 'left', 'left']))
      io.stdout.write(`${line}\n`)
  }
  for (const warning of resolved.warnings) io.stderr.write(`warning: ${neutralize(warning)}\n`)
  for (const problem of resolved.problems) io.stderr.write(`error: ${neutralize(problem)}\n`)
  return resolved.problems.length > 0 ? 2 : 0
}

interface ShownSetting {
  readonly key: string
  readonly value: string | null
  readonly origin: string
}

function settingsOf({ values, origins }: ResolvedConfig): ShownSetting[] {
  return CONFIG_KEY_NAMES.map((key) => {
    const value = values[key]
    const name = toFileKey(key)
    return {
      key: name,
      value: value === undefined ? null : CONFIG_KEYS[key].isSecret ? MASK : mask(name, String(value)),
      origin: origins[key].detail,
    }
  })
}

const MASK = '********'

const SECRET = /(?:^|-)(?:key|token|secret|password)$/u

/** Hides what must not get into a bug report: the whole of a secret, and the password in a URL. */
export function mask(key: string, value: string): string {
  if (SECRET.test(key)) return MASK
  return value.replace(/^(?<start>[a-z][a-z\d+.-]*:\/\/)[^/?#]*@/iu, '$<start>********@')
}
