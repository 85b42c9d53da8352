/**
 * `heirloom check`: is every byte safe, may the export be deleted?
 *
 * @module
 */

import type { Command } from 'commander'
import type { CheckProgress } from '../../tasks/ingest-api.ts'
import { formatBytes, formatCount } from '../../units.ts'
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
import { requireLibrary, resolveExports } from '../inputs.ts'
import { EXIT_INTERRUPTED, watchInterrupts } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { columnsOf, paintFor } from '../paint.ts'
import { checkLines, isCheckFine } from '../summary-view.ts'
import { neutralize, truncate } from '../text-width.ts'

export interface CheckCommandOptions extends SharedOptions {
  readonly library: string
  readonly exports: readonly string[]
  readonly json: boolean
}

export function checkCommand(run: Run<CheckCommandOptions>): Command {
  const command = newCommand(
    'check',
    're-read the library, and say of each export whether it may be deleted',
    ['heirloom check ~/Photos', 'heirloom check ~/Photos ~/Downloads/takeout-20240101T000000Z-*.zip'],
  )
    .argument('<library>', 'folder of the library')
    .argument('[export...]', 'exports whose every byte is looked for in the library')
    .option('--json', 'print the result as one JSON document')
  setting(command, 'state', '--state <dir>')
  command.action((library: string, exports: string[], parsed: Record<string, unknown>) =>
    run({ ...sharedOptions(parsed, ['state']), library, exports, json: parsed['json'] === true }),
  )
  return withSharedFlags(command)
}

export async function runCheck(
  { io, services }: CommandContext,
  options: CheckCommandOptions,
): Promise<number> {
  const config = requireConfig(configOf(io, options))
  const library = requireLibrary(options.library, io.cwd)
  const { exports } = await resolveExports(options.exports, io.cwd)
  const line = createProgressLine(io, options.json)
  using interrupt = watchInterrupts(io, line.say)
  // Nothing is written, so the first Ctrl-C may end it at once.
  const { signal } = interrupt
  const summary = await services
    .checkLibrary({ library, state: config.state, exports, signal, onProgress: line.update })
    .finally(line.clear)
  if (options.json) io.stdout.write(`${JSON.stringify(summary)}\n`)
  else {
    const paint = paintFor(io, io.stdout, config.color)
    io.stdout.write(
      `${checkLines(summary, { paint, verbose: config.verbose, columns: columnsOf(io.stdout) }).join('\n')}\n`,
    )
  }
  if (summary.status === 'interrupted') return EXIT_INTERRUPTED
  return isCheckFine(summary) ? 0 : 1
}

/** One line that is written over itself, at most ten times a second; nothing at all in a pipe. */
function createProgressLine(
  io: Io,
  json: boolean,
): { update(progress: CheckProgress): void; say(line: string): void; clear(): void } {
  const live = io.stderr.isTerminal && io.env['TERM'] !== 'dumb' && !json
  let drawnAt = Number.NEGATIVE_INFINITY
  const clear = (): void => {
    if (live && drawnAt > Number.NEGATIVE_INFINITY) io.stderr.write('\r\u001B[K')
  }
  return {
    clear,
    say: (line) => {
      clear()
      io.stderr.write(`${line}\n`)
    },
    update: ({ subject, filesDone, filesTotal, bytesDone, bytesTotal }) => {
      if (!live || io.clock.now() - drawnAt < 100) return
      drawnAt = io.clock.now()
      const text = `checking ${neutralize(subject)}: ${formatCount(filesDone)}/${formatCount(filesTotal)} files, ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`
      io.stderr.write(`\r\u001B[K${truncate(text, io.stderr.size().columns - 1)}`)
    },
  }
}
