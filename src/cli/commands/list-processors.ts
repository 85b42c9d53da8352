/**
 * `heirloom list-processors`: the platforms that exports are recognised as.
 *
 * @module
 */

import type { Command } from 'commander'
import {
  type CommandContext,
  newCommand,
  type Run,
  type SharedOptions,
  sharedOptions,
  withSharedFlags,
} from '../command.ts'
import { table } from '../table.ts'

export interface ListProcessorsOptions extends SharedOptions {
  readonly json: boolean
}

export function listProcessorsCommand(run: Run<ListProcessorsOptions>): Command {
  const command = newCommand('list-processors', 'list the platforms that exports are recognised as', [
    'heirloom list-processors',
    'heirloom ingest ~/Downloads/Takeout --processor "google photos"',
  ])
    .option('--json', 'one JSON document')
    .action((parsed: Record<string, unknown>) =>
      run({ ...sharedOptions(parsed), json: parsed['json'] === true }),
    )
  return withSharedFlags(command)
}

export async function runListProcessors(
  { io, services }: CommandContext,
  { json }: ListProcessorsOptions,
): Promise<number> {
  const processors = await services.listProcessors()
  if (json) {
    io.stdout.write(`${JSON.stringify(processors)}\n`)
    return 0
  }
  const rows = processors.map(({ name, folder, priority }) => [name, folder, String(priority)])
  for (const line of table([['NAME', 'FOLDER', 'PRIORITY'], ...rows], ['left', 'left', 'right']))
    io.stdout.write(`${line}\n`)
  io.stdout.write(`${processors.length} in all\n`)
  return 0
}
