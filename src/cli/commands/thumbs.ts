/**
 * `heirloom thumbs`: thumbnails of a library, or of plain files and folders.
 *
 * @module
 */

import type { Command } from 'commander'
import type { ThumbsSummary } from '../../tasks/thumbnail-api.ts'
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
import { type ConfigKey, toFileKey } from '../config-keys.ts'
import { readHostLimits } from '../host-limits.ts'
import { EXIT_INTERRUPTED, isBrokenOff, watchInterrupts } from '../interrupt.ts'
import { createThumbsView } from '../live-view.ts'
import { openLog } from '../log-target.ts'
import { columnsOf, hasColor, paintFor } from '../paint.ts'
import { REMOTE_SETTINGS, readRemote, remoteFlags } from '../redis-settings.ts'
import { resolveThumbs } from '../thumbs-inputs.ts'
import { THUMB_SETTINGS, thumbnailSettings } from '../thumbs-settings.ts'
import { haveThumbsFailed, thumbsSummaryLines } from '../thumbs-summary.ts'

export interface ThumbsCommandOptions extends SharedOptions {
  readonly paths: readonly string[]
  /** Not the library: the folder for thumbnails of plain files. */
  readonly output: string | undefined
  readonly retryFailed: boolean
  readonly json: boolean
}

/** Here they need no `thumb-` before them. */
const SHORT_FLAGS: Readonly<Record<string, ConfigKey>> = {
  sizes: 'thumbSizes',
  format: 'thumbFormat',
  quality: 'thumbQuality',
  mozjpeg: 'thumbMozjpeg',
  maxPixels: 'thumbMaxPixels',
}

export function thumbsCommand(run: Run<ThumbsCommandOptions>): Command {
  const command = newCommand('thumbs', 'make thumbnails of a library, or of any files and folders', [
    'heirloom thumbs ~/Photos',
    'heirloom thumbs ~/Pictures -o ~/thumbnails',
    'heirloom thumbs ~/Pictures holiday.mov -o ~/thumbnails --sizes 2048,512,128 --format webp',
    'heirloom thumbs ~/Photos --retry-failed',
  ])
    .argument('[path...]', 'a library, or files and folders with -o (default: the setting output)')
    .option('-o, --output <dir>', 'folder for thumbnails of plain files: DIR/sub/IMG_1-250.jpg')
  setting(command, 'thumbSizes', '--sizes <list>')
  setting(command, 'thumbFormat', '--format <format>')
  setting(command, 'thumbQuality', '--quality <n>')
  setting(command, 'thumbMozjpeg', '--mozjpeg')
  setting(command, 'thumbTimeout', '--thumb-timeout <time>')
  setting(command, 'thumbMaxPixels', '--max-pixels <n>')
  command
    .option('-w, --workers <n>', 'worker processes (default: one a core, 8 at most)')
    .option('--retry-failed', 'try pictures again that could not be decoded before')
  setting(command, 'state', '--state <dir>')
  command.option('--json', 'print the result as one JSON document; progress becomes JSON lines on stderr')
  remoteFlags(command)
  command.action((paths: string[], parsed: Record<string, unknown>) =>
    run({
      ...sharedOptions(withConfigKeys(parsed), [...THUMB_SETTINGS, ...REMOTE_SETTINGS, 'workers', 'state']),
      paths,
      output: typeof parsed['output'] === 'string' ? parsed['output'] : undefined,
      retryFailed: parsed['retryFailed'] === true,
      json: parsed['json'] === true,
    }),
  )
  return withSharedFlags(command)
}

function withConfigKeys(parsed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]) => [
      Object.hasOwn(SHORT_FLAGS, name) ? SHORT_FLAGS[name] : name,
      value,
    ]),
  )
}

export async function runThumbs(context: CommandContext, options: ThumbsCommandOptions): Promise<number> {
  const { io, services } = context
  const resolved = configOf(io, options)
  const config = requireConfig(inOurWords(resolved))
  const target = resolveThumbs(
    { paths: options.paths, output: options.output, library: config.output },
    io.cwd,
  )
  const view = createThumbsView(io, { json: options.json, color: hasColor(io, io.stderr, config.color) })
  using log = openLog(resolved, io, options.json, view.say)
  using interrupt = watchInterrupts(io, view.say)
  for (const warning of resolved.warnings) view.say(`warning: ${warning}`)
  const remote = await readRemote(resolved, io, view.say)
  const { signal, kill } = interrupt
  let summary: ThumbsSummary
  try {
    summary = await services.makeThumbs({
      target,
      state: config.state,
      settings: thumbnailSettings(config, {
        cores: readHostLimits().cores,
        retryFailed: options.retryFailed,
      }),
      ...(remote === undefined ? {} : { remote }),
      signal,
      kill,
      logger: log.logger,
      onProgress: view.update,
    })
  } catch (error) {
    if (isBrokenOff(error, interrupt)) return EXIT_INTERRUPTED
    throw error
  } finally {
    view.stop()
  }
  const { verbose } = config
  const style = { paint: paintFor(io, io.stdout, config.color), verbose, columns: columnsOf(io.stdout) }
  const lines = options.json ? [JSON.stringify(summary)] : thumbsSummaryLines(summary, style)
  io.stdout.write(`${lines.join('\n')}\n`)
  if (summary.status === 'interrupted') return EXIT_INTERRUPTED
  return haveThumbsFailed(summary) ? 1 : 0
}

type Resolved = Parameters<typeof requireConfig>[0]

/** Problems name the flag as it is spelled here. */
function inOurWords(resolved: Resolved): Resolved {
  const problems = resolved.problems.map((problem) => {
    const short = Object.entries(SHORT_FLAGS).find(([, key]) => problem.startsWith(`--${toFileKey(key)}:`))
    return short === undefined ? problem : problem.replace(/^--thumb-/u, '--')
  })
  return { ...resolved, problems }
}
