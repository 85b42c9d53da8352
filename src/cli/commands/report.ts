/**
 * `heirloom report`: what is in a library, and what went wrong on the way.
 *
 * @module
 */

import type { Command } from 'commander'
import {
  type CommandContext,
  configOf,
  newCommand,
  type Run,
  type SharedOptions,
  setting,
  sharedOptions,
  withSharedFlags,
} from '../command.ts'
import { requireConfig } from '../config.ts'
import { requireLibrary } from '../inputs.ts'
import { columnsOf, paintFor } from '../paint.ts'
import { reportLines } from '../summary-view.ts'

export interface ReportCommandOptions extends SharedOptions {
  readonly library: string
  readonly json: boolean
}

export function reportCommand(run: Run<ReportCommandOptions>): Command {
  const command = newCommand('report', 'write the report of a library, as JSON and as a page to read', [
    'heirloom report ~/Photos',
    'heirloom report ~/Photos --json | jq .exports',
  ])
    .argument('<library>', 'folder of the library')
    .option('--json', 'print the whole report as one JSON document; write no file')
  setting(command, 'state', '--state <dir>')
  command.action((library: string, parsed: Record<string, unknown>) =>
    run({ ...sharedOptions(parsed, ['state']), library, json: parsed['json'] === true }),
  )
  return withSharedFlags(command)
}

export async function runReport(
  { io, services }: CommandContext,
  options: ReportCommandOptions,
): Promise<number> {
  const config = requireConfig(configOf(io, options))
  const library = requireLibrary(options.library, io.cwd)
  const summary = await services.reportLibrary({ library, state: config.state, json: options.json })
  if (options.json) {
    io.stdout.write(`${JSON.stringify(summary.document)}\n`)
    return 0
  }
  const paint = paintFor(io, io.stdout, config.color)
  for (const line of reportLines(summary, { paint, verbose: config.verbose, columns: columnsOf(io.stdout) }))
    io.stdout.write(`${line}\n`)
  return 0
}
