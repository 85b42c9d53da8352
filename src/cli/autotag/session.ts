/**
 * What every verb of `heirloom autotag` begins with: the rules file, the server, and the view of what goes on.
 *
 * The server and its key come from flags, environment and settings, else from the rules file. What is wrong with the
 * rules is told with line and column, all of it at once.
 *
 * @module
 */

import { createReadStream } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../../clock.ts'
import { HeirloomError, systemCode } from '../../errors.ts'
import type {
  Autotag,
  AutotagConnection,
  AutotagJobs,
  AutotagProgress,
} from '../../immich/autotag/autotag-jobs.ts'
import type { Locate } from '../../immich/autotag/rules/read-rules.ts'
import type { Rules, RulesProblem } from '../../immich/autotag/rules.ts'
import { pluralize } from '../../units.ts'
import { type CommandContext, configOf } from '../command.ts'
import type { AutotagCommandOptions } from '../commands/autotag.ts'
import { type ResolvedConfig, requireConfig } from '../config.ts'
import type { ConfigValues } from '../config-keys.ts'
import { readConnection } from '../immich-settings.ts'
import type { Interrupt } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { createAutotagView, type ProgressView } from '../live-view.ts'
import { columnsOf, hasColor, paintFor } from '../paint.ts'
import type { SummaryStyle } from '../problem-line.ts'
import { UsageError } from '../usage-error.ts'
import { createSilence } from './silence.ts'

/** A plan that changes 500,000 assets in several ways has less: what is larger is a file of something else. */
const MAX_FILE_BYTES = 128 * 1024 * 1024
/** As many as the reader of rules takes, each of up to four bytes. */
const MAX_RULES_BYTES = 4 * 1024 * 1024

export interface RulesFile {
  readonly path: string
  readonly text: string
}

/** Rules that cannot be used as they are. */
export class RulesError extends HeirloomError {
  readonly code = 'autotag/rules'
  readonly recovery = 'discard'

  constructor(path: string, problems: readonly RulesProblem[]) {
    super(
      `${path}: ${pluralize(problems.filter(({ severity }) => severity === 'error').length, 'mistake')}`,
      {
        hint: 'Nothing was done. `heirloom autotag lint` checks the file again.',
      },
    )
  }
}

/** @throws {@link UsageError} when there is none, or it cannot be read. */
export async function readRulesFile(io: Io, given: unknown): Promise<RulesFile> {
  const config = io.env['XDG_CONFIG_HOME'] || join(homeOf(io), '.config')
  const places =
    typeof given === 'string' ? [given] : ['autotag.yaml', join(config, 'heirloom', 'autotag.yaml')]
  for (const place of places) {
    const path = resolve(io.cwd, place)
    const text = await readTextIfThere(path, MAX_RULES_BYTES)
    if (text !== undefined) return { path, text }
  }
  throw new UsageError(
    [typeof given === 'string' ? `--rules ${given}: no such file` : 'there is no autotag.yaml here'],
    { hint: 'docs/guides/autotag.md shows how to write one; --rules FILE names another.' },
  )
}

function homeOf({ env }: Io): string {
  return env['HOME'] || homedir()
}

async function readTextIfThere(path: string, maxBytes: number): Promise<string | undefined> {
  const parts: Buffer[] = []
  let sizeBytes = 0
  try {
    // Piece by piece: of a pipe or a device nobody knows the size before.
    for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
      sizeBytes += part.length
      if (sizeBytes > maxBytes) throw new UsageError([`${path} is too large`])
      parts.push(part)
    }
    return decodeText(Buffer.concat(parts), path)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    if (code === undefined) throw error
    throw new UsageError([
      code === 'EISDIR' ? `${path} is a folder, and no file` : `${path} cannot be read (${code})`,
    ])
  }
}

/** Bytes that are read wrongly would become other names of tags and albums. @throws {@link UsageError} */
function decodeText(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UsageError([`${path} is not text in UTF-8`], { hint: 'Save it as UTF-8, and try again.' })
  }
}

/** Text of a file that was named. @throws {@link UsageError} */
export async function readNamedFile(io: Io, name: string): Promise<string> {
  const text = await readTextIfThere(resolve(io.cwd, name), MAX_FILE_BYTES)
  if (text === undefined) throw new UsageError([`${name}: no such file`])
  return text
}

/** `autotag.yaml:12:7  error  tga is no word of a rule: did you mean tag?` */
export function problemLines(path: string, problems: readonly RulesProblem[]): string[] {
  return problems.map(({ line, column, severity, message, hint }) => {
    const more = hint === undefined ? '' : ` (${hint})`
    return `${path}:${line}:${column}: ${severity}: ${message}${more}`
  })
}

export interface LoadedRules {
  readonly file: RulesFile
  readonly rules: Rules
  readonly locate: Locate
}

/** The rules; what is wrong goes to `say`. @throws {@link RulesError}, {@link UsageError} */
async function loadRules(
  jobs: AutotagJobs,
  io: Io,
  given: unknown,
  say: (line: string) => void,
): Promise<LoadedRules> {
  const file = await readRulesFile(io, given)
  const { rules, problems, locate } = jobs.readRules(file.text, { fileName: file.path, env: io.env })
  for (const line of problemLines(file.path, problems)) say(line)
  if (rules === undefined) throw new RulesError(file.path, problems)
  return { file, rules, locate }
}

export type AutotagView = ProgressView<AutotagProgress>

/** What a verb works with. */
export interface Session {
  readonly io: Io
  readonly config: ConfigValues
  readonly jobs: AutotagJobs
  readonly rules: Rules
  /** `stop` gives the terminal back, for what is printed or asked; what goes on after it is shown again. */
  readonly view: AutotagView
  readonly style: SummaryStyle
  open(interrupt: Pick<Interrupt, 'signal'>): Promise<Autotag>
}

/** What a verb has already, or wants to be otherwise. */
export interface SessionStart {
  readonly loaded?: LoadedRules
  readonly createView?: () => AutotagView
}

export async function startSession(
  { io, services }: CommandContext,
  options: AutotagCommandOptions,
  start: SessionStart = {},
): Promise<Session> {
  const resolved = configOf(io, options)
  const config = requireConfig(resolved)
  const color = hasColor(io, io.stderr, config.color)
  const view = createSessionView(
    io.clock,
    start.createView ?? (() => createAutotagView(io, { json: options.json, color })),
  )
  for (const warning of resolved.warnings) view.say(`warning: ${warning}`)
  const jobs = await services.autotag()
  const { file, rules, locate } = start.loaded ?? (await loadRules(jobs, io, options.own['rules'], view.say))
  const connection = await connectionOf(resolved, rules, io, view.say)
  const paint = paintFor(io, io.stdout, config.color)
  return {
    io,
    config,
    jobs,
    rules,
    view,
    style: { paint, verbose: config.verbose, columns: columnsOf(io.stdout) },
    open: async ({ signal }) =>
      await view.whileOpening(() =>
        jobs.open({
          connection,
          rules,
          locate,
          stateFolder: stateFolderOf(options, { file, rules, config }, io),
          nice: options.own['nice'] === true || rules.run.nice,
          signal,
          onProgress: view.update,
          clock: io.clock,
        }),
      ),
  }
}

interface SessionView extends AutotagView {
  /** What is done after it has no progress at once either, so silence is listened for from here on. */
  whileOpening<Result>(work: () => Promise<Result>): Promise<Result>
}

/** A view that begins anew after it was stopped, and says so when nothing comes. */
function createSessionView(clock: Clock, create: () => AutotagView): SessionView {
  let view: AutotagView | undefined
  const current = (): AutotagView => {
    view ??= create()
    return view
  }
  const silence = createSilence(clock, (line) => current().say(line))
  return {
    update: (progress) => {
      if (progress.stage === 'deciding') silence.end()
      else silence.heard()
      current().update(progress)
    },
    say: (line) => current().say(line),
    stop: () => {
      silence.end()
      view?.stop()
      view = undefined
    },
    whileOpening: async (work) => {
      silence.heard()
      try {
        return await work()
      } catch (error) {
        silence.end()
        throw error
      }
    },
  }
}

/** What the settings say comes first, then the rules; a session of the rules is used where no key was given. */
async function connectionOf(
  resolved: ResolvedConfig,
  rules: Rules,
  io: Io,
  say: (line: string) => void,
): Promise<AutotagConnection> {
  const { immichUrl, immichKey, immichKeyFile } = resolved.values
  const { url, key, session } = rules.server
  const address = immichUrl ?? url
  const isKeyGiven = immichKey !== undefined || immichKeyFile !== undefined
  if (address !== undefined && !isKeyGiven && (session ?? key) !== undefined) {
    const credentials = session === undefined ? (key ?? '') : { session }
    return { address, credentials, insecure: resolved.values.insecure }
  }
  const values = { ...resolved.values, immichUrl: address }
  const connection = await readConnection({ ...resolved, values }, io, say)
  return { address: connection.address, credentials: connection.key, insecure: connection.insecure }
}

/** The flag, else what the rules say (from where they lie), else the settings. */
function stateFolderOf(
  { flags }: AutotagCommandOptions,
  { file, rules, config }: Pick<LoadedRules, 'file' | 'rules'> & { readonly config: ConfigValues },
  io: Io,
): string {
  const { journal } = rules.run
  if (journal !== undefined && flags.state === undefined) {
    return resolve(dirname(file.path), journal.replace(/^~(?=\/|$)/u, homeOf(io)))
  }
  if (config.state !== undefined) return config.state
  return join(io.env['XDG_STATE_HOME'] || join(homeOf(io), '.local', 'state'), 'heirloom', 'autotag')
}
