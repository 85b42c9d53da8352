/**
 * `heirloom upload`: sends what the server does not have yet, from the library's catalog alone.
 *
 * @module
 */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { UploadSummary } from '../../tasks/upload-api.ts'
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
import type { ConfigKey } from '../config-keys.ts'
import { readUploadSettings, SERVER_SETTINGS, UPLOAD_SETTINGS } from '../immich-settings.ts'
import { EXIT_INTERRUPTED, isBrokenOff, watchInterrupts } from '../interrupt.ts'
import { createUploadView } from '../live-view.ts'
import { openLog } from '../log-target.ts'
import { columnsOf, hasColor, paintFor } from '../paint.ts'
import { hasUploadFailed, uploadSummaryLines } from '../upload-summary.ts'

export interface UploadCommandOptions extends SharedOptions {
  readonly library: string | undefined
  readonly only: readonly string[]
  readonly dryRun: boolean
  readonly recheck: boolean
  readonly json: boolean
}

/** Flags of the server and of the uploads, for this command and for `ingest`. */
export function uploadFlags(command: Command): Command {
  command.optionsGroup('Immich:')
  serverFlags(command)
  setting(command, 'immichConcurrency', '--immich-concurrency <n>')
  setting(command, 'immichIgnorePatterns', '--immich-ignore-patterns <globs>')
  setting(command, 'albumNames', '--album-names <template>')
  setting(command, 'includeTrashed', '--include-trashed')
  return setting(command, 'uploadWait', '--upload-wait <time>')
}

export function serverFlags(command: Command): Command {
  setting(command, 'immichUrl', '--immich-url <address>')
  setting(command, 'immichKeyFile', '--immich-key-file <file>')
  setting(command, 'immichKey', '--immich-key <key>')
  return setting(command, 'insecure', '--insecure')
}

const SETTINGS: readonly ConfigKey[] = ['output', 'state', ...SERVER_SETTINGS, ...UPLOAD_SETTINGS]

export function uploadCommand(run: Run<UploadCommandOptions>): Command {
  const command = newCommand(
    'upload',
    'send the library to an Immich server: what is there already is not sent',
    [
      'heirloom upload ~/Photos --immich-url http://nas.local:2283 --immich-key-file ~/.immich-key',
      'heirloom upload ~/Photos --only Takeout --dry-run',
    ],
  )
    .argument('[library]', 'folder of the library (default: the setting output)')
    .option('--only <export>', 'only this export, by its name in the report; may be repeated', collect, [])
  setting(command, 'state', '--state <dir>')
  command
    .option('--dry-run', 'show what would be sent and how many calls that takes; change nothing')
    .option(
      '--recheck',
      'ask about everything again: what was deleted on the server is sent again, its trash is left alone',
    )
    .option('--json', 'print the result as one JSON document; progress becomes JSON lines on stderr')
  uploadFlags(command)
  command.action((library: string | undefined, parsed: Record<string, unknown>) =>
    run({
      ...sharedOptions(parsed, SETTINGS),
      library,
      only: parsed['only'] as readonly string[],
      dryRun: parsed['dryRun'] === true,
      recheck: parsed['recheck'] === true,
      json: parsed['json'] === true,
    }),
  )
  return withSharedFlags(command)
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

export async function runUpload(context: CommandContext, options: UploadCommandOptions): Promise<number> {
  const { io, services } = context
  const resolved = configOf(io, options)
  const config = requireConfig(resolved)
  const library = options.library === undefined ? config.output : resolve(io.cwd, options.library)
  const view = createUploadView(io, { json: options.json, color: hasColor(io, io.stderr, config.color) })
  for (const warning of resolved.warnings) view.say(`warning: ${warning}`)
  const read = await readUploadSettings(resolved, io, view.say)
  const settings = options.recheck ? { ...read, recheck: true } : read
  using log = openLog(resolved, io, options.json, view.say)
  using interrupt = watchInterrupts(io, view.say)
  const { state } = config
  const { only, dryRun } = options
  const { signal, kill } = interrupt
  let summary: UploadSummary
  try {
    summary = await services.uploadLibrary({
      library,
      state,
      only,
      dryRun,
      settings,
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
  const lines = options.json ? [JSON.stringify(summary)] : uploadSummaryLines(summary, style)
  io.stdout.write(`${lines.join('\n')}\n`)
  if (summary.status === 'interrupted') return EXIT_INTERRUPTED
  return hasUploadFailed(summary) ? 1 : 0
}
