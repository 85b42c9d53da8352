/**
 * `heirloom ingest`: the main job.
 *
 * @module
 */

import type { Command } from 'commander'
import type { IngestOptions, IngestSummary, ProcessorInfo } from '../../tasks/ingest-api.ts'
import type { UploadSettings } from '../../tasks/upload-api.ts'
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
import { type ResolvedConfig, requireConfig } from '../config.ts'
import type { ConfigKey, ConfigValues } from '../config-keys.ts'
import { readHostLimits } from '../host-limits.ts'
import { readUploadSettings, SERVER_SETTINGS, UPLOAD_SETTINGS } from '../immich-settings.ts'
import {
  findEnclosingLibrary,
  findObstacle,
  findOverlaps,
  type ResolvedExports,
  resolveExports,
  resolveOriginals,
} from '../inputs.ts'
import { EXIT_INTERRUPTED, isBrokenOff, watchInterrupts } from '../interrupt.ts'
import { createProgressView } from '../live-view.ts'
import { openLog } from '../log-target.ts'
import { columnsOf, hasColor, paintFor } from '../paint.ts'
import { REMOTE_SETTINGS, readRemote, remoteFlags } from '../redis-settings.ts'
import { didYouMean } from '../suggest.ts'
import { hasFailed, isUnfinished, planLines, summaryLines } from '../summary-view.ts'
import { THUMB_SETTINGS, thumbFlags, thumbnailSettings } from '../thumbs-settings.ts'
import { hasUploadFailed } from '../upload-summary.ts'
import { UsageError } from '../usage-error.ts'
import { planWorkers } from '../workers.ts'
import { uploadFlags } from './upload.ts'

export interface IngestCommandOptions extends SharedOptions {
  /** One by one; empty when `originals` is given. */
  readonly exports: readonly string[]
  readonly originals: string | undefined
  readonly dryRun: boolean
  readonly json: boolean
}

const SETTINGS: readonly ConfigKey[] = [
  'output',
  'parallelExports',
  'workers',
  'processor',
  'metadata',
  'zone',
  'state',
  'thumbs',
  ...THUMB_SETTINGS,
  'skipUpload',
  ...SERVER_SETTINGS,
  ...UPLOAD_SETTINGS,
  ...REMOTE_SETTINGS,
]

export function ingestCommand(run: Run<IngestCommandOptions>): Command {
  const command = newCommand('ingest', 'take exports into the library: dated, named, without duplicates', [
    'heirloom ingest ~/Downloads/takeout-20240101T000000Z-*.zip -o ~/Photos',
    'heirloom ingest ~/Downloads/Takeout ~/old-phone --zone Europe/Berlin',
    'heirloom ingest --originals ~/exports -o ~/Photos --parallel-exports 2',
    'heirloom ingest ~/Downloads/Takeout --dry-run',
  ])
    .argument(
      '[export...]',
      'folders or archives (.zip, .tgz, .tar); the parts of one takeout are put together',
    )
    .option('--originals <dir>', 'take each sub-folder and archive in this folder as an export')
  setting(command, 'output', '-o, --output <library>')
  setting(command, 'parallelExports', '--parallel-exports <n>')
  setting(command, 'workers', '-w, --workers <n>')
  setting(command, 'processor', '--processor <name>')
  setting(command, 'metadata', '--metadata <mode>')
  setting(command, 'zone', '--zone <zone>')
  setting(command, 'state', '--state <dir>')
  command
    .option('--dry-run', 'show what would become of each file, write nothing')
    .option('--json', 'print the result as one JSON document; progress becomes JSON lines on stderr')
  command.optionsGroup('Thumbnails:')
  setting(command, 'thumbs', '--thumbs')
  thumbFlags(command)
  uploadFlags(command)
  setting(command, 'skipUpload', '--skip-upload')
  remoteFlags(command)
  command.action((exports: string[], parsed: Record<string, unknown>) =>
    run({
      ...sharedOptions(parsed, SETTINGS),
      exports,
      originals: typeof parsed['originals'] === 'string' ? parsed['originals'] : undefined,
      dryRun: parsed['dryRun'] === true,
      json: parsed['json'] === true,
    }),
  )
  return withSharedFlags(command)
}

export async function runIngest(context: CommandContext, options: IngestCommandOptions): Promise<number> {
  const { io, services } = context
  const resolved = configOf(io, options)
  const config = requireConfig(resolved)
  const { exports, warnings } = await findExports(options, config, io.cwd)
  const processor = config.processor && findProcessor(config.processor, await services.listProcessors())
  const { cores } = readHostLimits()
  const plan = planWorkers({
    cores,
    parallelExports: config.parallelExports,
    exportCount: exports.length,
    workers: config.workers,
  })
  const view = createProgressView(io, { json: options.json, color: hasColor(io, io.stderr, config.color) })
  using log = openLog(resolved, io, options.json, view.say)
  using interrupt = watchInterrupts(io, view.say)
  for (const warning of [...resolved.warnings, ...warnings]) view.say(`warning: ${warning}`)
  if (plan.warnings.length > 0) view.say(plan.warnings.join('\n'))

  const upload = await uploadOf(resolved, options, io, view.say)
  const remote = options.dryRun ? undefined : await readRemote(resolved, io, view.say)
  const jobOptions: IngestOptions = {
    exports,
    library: config.output,
    state: config.state,
    parallelExports: plan.parallelExports,
    workers: plan.pool,
    processor: processor || undefined,
    dryRun: options.dryRun,
    metadata: config.metadata,
    zone: config.zone,
    ...(upload === undefined ? {} : { upload }),
    ...(config.thumbs
      ? { thumbnails: thumbnailSettings({ ...config, workers: 'auto' }, { cores, retryFailed: false }) }
      : {}),
    ...(remote === undefined ? {} : { remote }),
    signal: interrupt.signal,
    kill: interrupt.kill,
    logger: log.logger,
    onProgress: view.update,
  }
  let summary: IngestSummary
  try {
    summary = await services.ingest(jobOptions)
  } catch (error) {
    // A job that is killed while it works may break in any way; what it had committed is safe.
    if (isBrokenOff(error, interrupt)) {
      log.logger.debug('the job ended with an error after the interruption', { error: String(error) })
      return EXIT_INTERRUPTED
    }
    throw error
  } finally {
    view.stop()
  }
  printSummary(context, options, config, summary)
  return exitCodeOf(summary)
}

function exitCodeOf({ status, exports, upload }: IngestSummary): number {
  if (status === 'interrupted') return EXIT_INTERRUPTED
  const isUploadFine = upload === undefined || !hasUploadFailed(upload)
  return isUploadFine && !exports.some((one) => hasFailed(one) || isUnfinished(one)) ? 0 : 1
}

/** Where to upload to, when a server is named and this is no dry run. */
async function uploadOf(
  resolved: ResolvedConfig,
  { dryRun }: IngestCommandOptions,
  io: CommandContext['io'],
  say: (line: string) => void,
): Promise<UploadSettings | undefined> {
  const { immichUrl, skipUpload } = resolved.values
  if (immichUrl === undefined || skipUpload || dryRun) return undefined
  return readUploadSettings(resolved, io, say)
}

function printSummary(
  { io }: CommandContext,
  options: IngestCommandOptions,
  config: ConfigValues,
  summary: IngestSummary,
): void {
  if (options.json) {
    io.stdout.write(`${JSON.stringify(summary)}\n`)
    return
  }
  const style = {
    paint: paintFor(io, io.stdout, config.color),
    verbose: config.verbose,
    columns: columnsOf(io.stdout),
  }
  const lines = options.dryRun ? planLines(summary, style) : summaryLines(summary, style)
  io.stdout.write(`${lines.join('\n')}\n`)
}

/** @throws {@link UsageError} when there is no export, or both ways of naming them, or one that will not do. */
async function findExports(
  options: IngestCommandOptions,
  config: ConfigValues,
  cwd: string,
): Promise<ResolvedExports> {
  const { exports, originals } = options
  if (originals !== undefined && exports.length > 0) {
    throw new UsageError(['exports and --originals exclude each other'], {
      hint: 'Name the exports one by one, or the folder that holds them.',
    })
  }
  if (originals === undefined && exports.length === 0) {
    throw new UsageError(['no export given'], {
      hint: 'Name a folder or archive: heirloom ingest EXPORT… or heirloom ingest --originals DIR',
    })
  }
  const found = await (originals === undefined
    ? resolveExports(exports, cwd)
    : resolveOriginals(originals, cwd))
  const obstacle = findObstacle(config.output, !options.dryRun)
  const problems = obstacle === undefined ? findOverlaps(found, config.output) : [obstacle]
  if (problems.length > 0) throw new UsageError(problems, { hint: 'Choose another folder: --output LIBRARY' })
  const outer = findEnclosingLibrary(config.output)
  if (outer !== undefined) {
    throw new UsageError([`the library ${config.output} lies inside the library ${outer}`], {
      hint: `Take the exports into that one (--output ${outer}), or choose a folder outside it.`,
    })
  }
  return found
}

/** The platform's name as it is spelled. @throws {@link UsageError} with the list. */
function findProcessor(wanted: string, processors: readonly ProcessorInfo[]): string {
  const names = processors.map(({ name }) => name)
  const found = names.find((name) => name.toLowerCase() === wanted.toLowerCase())
  if (found !== undefined) return found
  throw new UsageError([`no processor is called ${wanted}${didYouMean(wanted, names)}`], {
    hint: `There are: ${names.join(', ')}`,
  })
}
