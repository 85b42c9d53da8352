/**
 * `heirloom immich check`: is the server there, does it take the key, and may the key do all that uploads need?
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
import { requireConfig } from '../config.ts'
import { readConnection, SERVER_SETTINGS } from '../immich-settings.ts'
import { paintFor } from '../paint.ts'
import { neutralize } from '../text-width.ts'
import { printFindings } from './doctor.ts'
import { serverFlags } from './upload.ts'

export interface ImmichCheckOptions extends SharedOptions {
  readonly json: boolean
}

export function immichCommand(run: Run<ImmichCheckOptions>): Command {
  const check = newCommand('check', 'check an Immich server and what the key may do there', [
    'heirloom immich check --immich-url http://nas.local:2283 --immich-key-file ~/.immich-key',
  ]).option('--json', 'one JSON document')
  serverFlags(check).action((parsed: Record<string, unknown>) =>
    run({ ...sharedOptions(parsed, SERVER_SETTINGS), json: parsed['json'] === true }),
  )
  return new Command('immich')
    .description('look at the Immich server that uploads go to')
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', '\nExamples:\n  $ heirloom immich check --immich-url http://nas.local:2283')
    .addCommand(withSharedFlags(check))
}

export async function runImmichCheck(
  { io, services }: CommandContext,
  options: ImmichCheckOptions,
): Promise<number> {
  const resolved = configOf(io, options)
  const { color } = requireConfig(resolved)
  const say = (line: string): void => io.stderr.write(`${neutralize(line)}\n`)
  for (const warning of resolved.warnings) say(`warning: ${warning}`)
  const result = await services.checkServer(await readConnection(resolved, io, say))
  if (options.json) io.stdout.write(`${JSON.stringify(result)}\n`)
  else printFindings(result.findings, paintFor(io, io.stdout, color), (line) => io.stdout.write(`${line}\n`))
  return result.ok ? 0 : 1
}
