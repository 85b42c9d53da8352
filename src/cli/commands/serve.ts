/**
 * `heirloom serve`: the library over HTTP, with uploads, thumbnails and a dashboard.
 *
 * @module
 */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { RunningServer, ServeOptions } from '../../server/serve.ts'
import { parseStorageAddress } from '../../storage/object-store-address.ts'
import { parseBytes, pluralize } from '../../units.ts'
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
import type { ConfigKey, ConfigValues } from '../config-keys.ts'
import { readHostLimits } from '../host-limits.ts'
import { findEnclosingLibrary, findObstacle } from '../inputs.ts'
import { EXIT_INTERRUPTED, type Interrupt, watchInterrupts } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { openLog } from '../log-target.ts'
import { REMOTE_SETTINGS, readRemote, remoteFlags } from '../redis-settings.ts'
import { THUMB_SETTINGS, thumbFlags, thumbnailSettings } from '../thumbs-settings.ts'
import { UsageError } from '../usage-error.ts'

export interface ServeCommandOptions extends SharedOptions {
  readonly library: string | undefined
  readonly newToken: boolean
  readonly bullBoard: boolean
  readonly json: boolean
}

const SETTINGS: readonly ConfigKey[] = [
  'output',
  'state',
  'port',
  'host',
  'storage',
  'maxUpload',
  'workers',
  ...THUMB_SETTINGS,
  ...REMOTE_SETTINGS,
]

export function serveCommand(run: Run<ServeCommandOptions>): Command {
  const command = newCommand('serve', 'serve a library over HTTP: uploads, photos, thumbnails, dashboard', [
    'heirloom serve --library ~/Photos',
    'heirloom serve --library ~/Photos --host 0.0.0.0',
    'heirloom serve --library ~/Photos --storage s3://my-bucket/photos',
  ])
  command.option(
    '--library <dir>',
    'folder of the library; made when it is not there (default: the setting output)',
  )
  setting(command, 'port', '-p, --port <n>')
  setting(command, 'host', '--host <address>')
  setting(command, 'storage', '--storage <address>')
  setting(command, 'maxUpload', '--max-upload <size>')
  command
    .option('-w, --workers <n>', 'worker processes (default: one a core, 8 at most)')
    .option('--new-token', 'make a new token; the old one and all logins end')
  thumbFlags(command)
  setting(command, 'state', '--state <dir>')
  command.option('--json', 'print where it listens as one JSON document, and the log as JSON lines on stderr')
  remoteFlags(command)
  command
    .option('--bull-board', 'show the jobs in Redis at /bull-board, to look at only')
    .action((parsed: Record<string, unknown>) =>
      run({
        ...sharedOptions(parsed, SETTINGS),
        library: typeof parsed['library'] === 'string' ? parsed['library'] : undefined,
        newToken: parsed['newToken'] === true,
        bullBoard: parsed['bullBoard'] === true,
        json: parsed['json'] === true,
      }),
    )
  return withSharedFlags(command)
}

export async function runServe(
  { io, services }: CommandContext,
  options: ServeCommandOptions,
): Promise<number> {
  const resolved = configOf(io, options)
  const config = requireConfig(resolved)
  const say = (line: string): void => io.stderr.write(`${line}\n`)
  for (const warning of resolved.warnings) say(`warning: ${warning}`)
  using log = openLog(resolved, io, options.json, say)
  using interrupt = watchInterrupts(io, say)
  const remote = await readRemote(resolved, io, say)
  if (options.bullBoard && remote === undefined) {
    throw new UsageError(['--bull-board shows what is in Redis, and none is given'], {
      hint: 'Name it: --redis redis://SERVER:6379 (or HEIRLOOM_REDIS)',
    })
  }
  const server = await services.startServer({
    ...serverOptions(io, config, options),
    ...(remote === undefined ? {} : { remote, bullBoard: options.bullBoard }),
    logger: log.logger,
  })
  announce(io, server, options.json)
  return await untilEnd(server, interrupt)
}

function serverOptions(
  io: Io,
  config: ConfigValues,
  { library: given, newToken }: ServeCommandOptions,
): Omit<ServeOptions, 'logger'> {
  if (given === '') throw new UsageError(['--library is empty: is a variable without a value?'])
  const library = given === undefined ? config.output : resolve(io.cwd, given)
  const obstacle = findObstacle(library, true)
  if (obstacle !== undefined) throw new UsageError([obstacle])
  const enclosing = findEnclosingLibrary(library)
  if (enclosing !== undefined) {
    throw new UsageError([`the library ${library} lies inside the library ${enclosing}`])
  }
  const storage = config.storage === undefined ? undefined : parseStorageAddress(config.storage, io.env)
  const { host, port, state } = config
  return {
    library,
    state,
    host,
    port,
    newToken,
    storage: storage?.kind === 's3' ? storage : undefined,
    maxUploadBytes: parseBytes(config.maxUpload) ?? 0,
    thumbnails: thumbnailSettings(config, { cores: readHostLimits().cores, retryFailed: false }),
  }
}

/** The address is the result; the token is talk, so that a pipe to a file does not keep it. */
function announce(io: Io, server: RunningServer, json: boolean): void {
  const { address, newToken, context } = server
  const role = context.role()
  if (json) {
    const token = newToken === undefined ? {} : { token: newToken }
    io.stdout.write(
      `${JSON.stringify({ address, role: role.kind, library: context.paths.root, ...token })}\n`,
    )
    return
  }
  io.stdout.write(`Heirloom is at ${address}\n`)
  const lines = [
    `library    ${context.paths.root}`,
    `uploads    ${context.photos.address === 'local' ? 'in the library' : context.photos.address}`,
    `API        ${address}/api/docs`,
    ...(role.kind === 'working' ? [`thumbnails ${workersOf(server)}`] : watchingLines(server)),
    ...(newToken === undefined
      ? []
      : ['', `token      ${newToken}`, 'It is shown only now: keep it. A new one: --new-token.']),
    '',
    'Ctrl-C ends it.',
  ]
  io.stderr.write(`${lines.join('\n')}\n`)
}

function workersOf({ context }: RunningServer): string {
  const role = context.role()
  if (role.kind !== 'working') return '-'
  const lanes = role.queue.lanes()
  // What is under way elsewhere has a window, which is no number of workers.
  if (lanes.some(({ runsIn }) => runsIn === 'remote')) return 'by worker hosts, through Redis'
  return pluralize(
    lanes.reduce((sum, { concurrency }) => sum + concurrency, 0),
    'worker',
  )
}

function watchingLines({ context }: RunningServer): string[] {
  const role = context.role()
  const holder = role.kind === 'watching' ? role.holder : undefined
  const who = holder === undefined ? 'another process' : `heirloom ${holder.command} (process ${holder.pid})`
  return [`watching   ${who} works on the library; uploads are refused until it is done`]
}

/** A server that is told to end has done its work: 0, unless it was told twice. */
async function untilEnd(server: RunningServer, { signal, kill }: Interrupt): Promise<number> {
  const told = new Promise<undefined>((done) => {
    if (signal.aborted) done(undefined)
    else signal.addEventListener('abort', () => done(undefined))
  })
  const failure = await Promise.race([told, server.failed])
  const breakOff = (): void => void server.close({ graceful: false })
  if (kill.aborted) breakOff()
  else kill.addEventListener('abort', breakOff)
  await server.close()
  if (failure !== undefined) throw failure.error
  return kill.aborted ? EXIT_INTERRUPTED : 0
}
