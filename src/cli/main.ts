/**
 * From arguments to exit code: the one place where an error becomes a message and a number.
 *
 * 0 all well · 1 something failed, and it was said what · 2 the command line cannot be run as given ·
 * 130 interrupted. A bug is 1 too, with its stack.
 *
 * @module
 */

import { Command, CommanderError } from 'commander'
import { HeirloomError, systemCode } from '../errors.ts'
import type { CommandContext } from './command.ts'
import { autotagCommand, runAutotag } from './commands/autotag.ts'
import { checkCommand, runCheck } from './commands/check.ts'
import { completionCommand, runCompletion } from './commands/completion.ts'
import { configCommand, runConfigShow } from './commands/config.ts'
import { doctorCommand, runDoctor } from './commands/doctor.ts'
import { immichCommand, runImmichCheck } from './commands/immich.ts'
import { ingestCommand, runIngest } from './commands/ingest.ts'
import { listProcessorsCommand, runListProcessors } from './commands/list-processors.ts'
import { queueCommand, runQueue } from './commands/queue.ts'
import { reportCommand, runReport } from './commands/report.ts'
import { runServe, serveCommand } from './commands/serve.ts'
import { runThumbs, thumbsCommand } from './commands/thumbs.ts'
import { runUpload, uploadCommand } from './commands/upload.ts'
import { runWorker, workerCommand } from './commands/worker.ts'
import { type Io, processIo } from './io.ts'
import { jobs, type Services } from './services.ts'
import { neutralize } from './text-width.ts'
import { UsageError } from './usage-error.ts'
import { packageVersion } from './version.ts'

export const EXIT_OK = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2

/** `completion` prints what is known of all commands. */
const NEEDS_VERBS: ReadonlySet<string> = new Set(['queue', 'completion'])

/** What runs when a command was parsed; tests put in functions that only take note. */
export interface Runners {
  readonly ingest: Parameters<typeof ingestCommand>[0]
  readonly listProcessors: Parameters<typeof listProcessorsCommand>[0]
  readonly report: Parameters<typeof reportCommand>[0]
  readonly check: Parameters<typeof checkCommand>[0]
  readonly upload: Parameters<typeof uploadCommand>[0]
  readonly thumbs: Parameters<typeof thumbsCommand>[0]
  readonly serve: Parameters<typeof serveCommand>[0]
  readonly worker: Parameters<typeof workerCommand>[0]
  readonly autotag: Parameters<typeof autotagCommand>[0]
  readonly immichCheck: Parameters<typeof immichCommand>[0]
  readonly queue: Parameters<typeof queueCommand>[0]
  readonly doctor: Parameters<typeof doctorCommand>[0]
  readonly configShow: Parameters<typeof configCommand>[0]
  readonly completion: Parameters<typeof completionCommand>[0]
}

/** Runs one command line. Never throws; `argv` is without the program's name. */
export async function main(
  argv: readonly string[],
  io: Io = processIo(),
  services: Services = jobs,
): Promise<number> {
  let exitCode = EXIT_OK
  const settle =
    <Options>(run: (context: CommandContext, options: Options) => Promise<number>) =>
    async (options: Options): Promise<void> => {
      exitCode = await run({ io, services }, options)
    }
  const program = buildProgram(
    io,
    {
      ingest: settle(runIngest),
      listProcessors: settle(runListProcessors),
      report: settle(runReport),
      check: settle(runCheck),
      upload: settle(runUpload),
      thumbs: settle(runThumbs),
      serve: settle(runServe),
      worker: settle(runWorker),
      autotag: settle(runAutotag),
      immichCheck: settle(runImmichCheck),
      queue: settle(runQueue),
      doctor: settle(runDoctor),
      configShow: settle(runConfigShow),
      completion: settle(runCompletion),
    },
    argv,
  )
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    return explain(error, io)
  }
}

/**
 * The whole command line, parse only. It throws instead of leaving the process.
 *
 * @param argv - The line to be parsed, where it is known: what it cannot be about is left out.
 */
export function buildProgram(io: Io, run: Runners, argv?: readonly string[]): Command {
  const program = new Command('heirloom')
    .description(
      'Turns exports of photo platforms into one dated, deduplicated library. Inputs are never altered.',
    )
    .version(packageVersion(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText(
      'after',
      '\nStart here:\n  $ heirloom ingest takeout-*.zip -o ~/Photos\n\nExit codes: 0 all well, 1 something failed, 2 wrong usage, 130 interrupted',
    )
  program.addCommand(ingestCommand(run.ingest))
  program.addCommand(reportCommand(run.report))
  program.addCommand(checkCommand(run.check))
  program.addCommand(uploadCommand(run.upload))
  program.addCommand(thumbsCommand(run.thumbs))
  program.addCommand(serveCommand(run.serve))
  program.addCommand(workerCommand(run.worker))
  program.addCommand(autotagCommand(run.autotag))
  program.addCommand(immichCommand(run.immichCheck))
  program.addCommand(
    queueCommand(run.queue, { withVerbs: argv?.some((word) => NEEDS_VERBS.has(word)) ?? true }),
  )
  program.addCommand(listProcessorsCommand(run.listProcessors))
  program.addCommand(doctorCommand(run.doctor))
  program.addCommand(configCommand(run.configShow))
  program.addCommand(completionCommand(run.completion))
  throwInsteadOfExit(program, io)
  return program
}

function throwInsteadOfExit(command: Command, io: Io): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    getOutHelpWidth: () => Math.min(io.stdout.size().columns, 100),
    getErrHelpWidth: () => Math.min(io.stderr.size().columns, 100),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
    outputError: (text, write) => write(neutralize(text, { keepLineFeeds: true })),
  })
  for (const child of command.commands) throwInsteadOfExit(child, io)
}

/** Says what went wrong, and answers with the exit code for it. */
function explain(error: unknown, io: Io): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
  }
  for (const line of linesOf(error)) io.stderr.write(`${neutralize(line)}\n`)
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED
}

function linesOf(error: unknown): string[] {
  if (error instanceof UsageError) {
    return [...error.problems.map((problem) => `error: ${problem}`), ...(error.hint ? [error.hint] : [])]
  }
  const hint = hintOf(error)
  const isExplained = error instanceof HeirloomError || systemCode(error) !== undefined || hint !== undefined
  if (error instanceof Error && isExplained) return [`error: ${error.message}`, ...(hint ? [hint] : [])]
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return ['error: this is a bug in heirloom, please report it with the lines below', ...stack.split('\n')]
}

function hintOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const own = error instanceof HeirloomError ? error.hint : undefined
  return own ?? hintFor(systemCode(error), error.message)
}

/** What to do about an error of the system. SQLite has one code for all of its own errors, but stable words. */
function hintFor(code: string | undefined, message: string): string | undefined {
  if (code === 'ENOSPC' || code === 'EDQUOT' || /database or disk is full/u.test(message)) {
    return 'Free some space and run the same command again: what was done stays.'
  }
  if (/^(?:EACCES|EPERM|EROFS)$/u.test(code ?? '') || /attempt to write a readonly database/u.test(message)) {
    return 'Check that you may read and write there, or choose another folder.'
  }
  if (/database disk image is malformed|file is not a database/u.test(message)) {
    return 'The database is damaged: keep a copy of it, and put a backup in its place.'
  }
  if (code === 'EIO' || /disk I\/O error/u.test(message)) return 'See that the disk is connected and healthy.'
  return undefined
}
