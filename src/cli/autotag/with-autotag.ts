/**
 * A verb's work beside a server: opened, watched for Ctrl-C, and closed whatever happens.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { systemCode } from '../../errors.ts'
import type { Autotag } from '../../immich/autotag/autotag-jobs.ts'
import type { CommandContext } from '../command.ts'
import type { AutotagCommandOptions } from '../commands/autotag.ts'
import { EXIT_INTERRUPTED, isBrokenOff, watchInterrupts } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { UsageError } from '../usage-error.ts'
import { type Session, type SessionStart, startSession } from './session.ts'

/** What `work` answers is the exit code. */
export async function withAutotag(
  context: CommandContext,
  options: AutotagCommandOptions,
  work: (autotag: Autotag, session: Session, signal: AbortSignal) => Promise<number>,
  start?: SessionStart,
): Promise<number> {
  const session = await startSession(context, options, start)
  using interrupt = watchInterrupts(context.io, session.view.say)
  let autotag: Autotag | undefined
  try {
    autotag = await session.open(interrupt)
    return await work(autotag, session, interrupt.signal)
  } catch (error) {
    if (isBrokenOff(error, interrupt)) return EXIT_INTERRUPTED
    throw error
  } finally {
    session.view.stop()
    await autotag?.close()
  }
}

/** @throws {@link UsageError} when it cannot be written. */
export async function writeNamedFile(io: Io, name: string, text: string, flag: 'w' | 'wx'): Promise<void> {
  try {
    await writeFile(resolve(io.cwd, name), text, { flag })
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    if (code === 'EEXIST') throw new UsageError([`${name} is there already and is not overwritten`])
    throw new UsageError([`${name} cannot be written (${code})`])
  }
}

export function print(io: Io, lines: readonly string[]): void {
  for (const line of lines) io.stdout.write(`${line}\n`)
}
