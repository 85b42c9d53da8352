/**
 * The command line's only way to the outside: streams, environment, signals, exit.
 *
 * Everything above takes an {@link Io}, so tests run whole commands in memory. This is the one file that may
 * touch `process.stdout` and its kin. A reader that went away (`heirloom report … | head`) is no error: what is
 * written after that is dropped, quietly. A result that cannot be written, to a full disk, is one: exit code 1.
 *
 * @module
 */

import { createInterface } from 'node:readline'
import { type Clock, systemClock } from '../clock.ts'
import { systemCode } from '../errors.ts'

/** One output stream. */
export interface Output {
  readonly isTerminal: boolean
  /** Size in cells, as it is now; 80 × 24 when it is not a terminal. */
  size(): { readonly columns: number; readonly rows: number }
  write(text: string): void
  /** Calls back when the terminal's size changes; the returned function ends that. */
  onResize(callback: () => void): () => void
}

export interface Io {
  /** Data: results, summaries, `--json`. */
  readonly stdout: Output
  /** Talk: progress, warnings, errors, logs. */
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly clock: Clock
  /** Calls back at each Ctrl-C, SIGTERM or closed terminal; the returned function ends that. */
  onInterrupt(callback: () => void): () => void
  /** Calls back while the process ends, however it ends but for SIGKILL: only synchronous work gets done there. */
  onExit(callback: () => void): () => void
  /** Ends the process at once. */
  exit(code: number): void
  /** Asks the user for something that is not shown while it is typed; undefined when nobody can be asked. */
  askSecret(question: string): Promise<string | undefined>
  /** Asks for a yes or no; anything but a yes is a no. Undefined when nobody can be asked. */
  confirm(question: string): Promise<boolean | undefined>
  /**
   * Takes secrets away from those who have no business with them: these variables from the environment of child
   * processes, and, where the system allows it, the arguments from the list of processes.
   */
  hideSecrets(variables: readonly string[]): void
}

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The real thing. */
export function processIo(): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    onInterrupt: (callback) => {
      for (const name of INTERRUPTS) process.on(name, callback)
      return () => {
        for (const name of INTERRUPTS) process.off(name, callback)
      }
    },
    onExit: (callback) => {
      process.on('exit', callback)
      return () => process.off('exit', callback)
    },
    exit: (code) => process.exit(code),
    askSecret: (question) => askSecret(question),
    confirm: (question) => confirm(question),
    hideSecrets: (variables) => {
      for (const name of variables) delete process.env[name]
      // Node has the system write the title over the arguments.
      process.title = 'heirloom'
    },
  }
}

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'

async function confirm(question: string): Promise<boolean | undefined> {
  const { stdin, stderr } = process
  if (!stdin.isTTY || !stderr.isTTY) return undefined
  const lines = createInterface({ input: stdin, output: stderr })
  try {
    const { promise, resolve } = Promise.withResolvers<string>()
    // Ctrl-C and Ctrl-D close it without an answer.
    lines.once('close', () => resolve(''))
    lines.question(question, resolve)
    return /^\s*y(?:es)?\s*$/iu.test(await promise)
  } finally {
    lines.close()
    stdin.unref()
  }
}

async function askSecret(question: string): Promise<string | undefined> {
  const { stdin, stderr } = process
  if (!stdin.isTTY || !stderr.isTTY) return undefined
  stderr.write(question)
  stdin.setRawMode(true)
  let typed = ''
  try {
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      const [keys = '', ...rest] = String(chunk)
        .replaceAll(CTRL_D, '\n')
        .split(/[\r\n]/u)
      typed = erase(typed + keys)
      // In raw mode, Ctrl-C is a key like any other.
      if (typed.includes(CTRL_C)) return undefined
      if (rest.length > 0) break
    }
  } finally {
    stdin.setRawMode(false)
    // Else it would hold the process open.
    stdin.pause()
    stdin.unref()
    stderr.write('\n')
  }
  return typed.trim() === '' ? undefined : typed.trim()
}

/** Each backspace takes away what stands before it. */
function erase(typed: string): string {
  let kept = ''
  for (const key of typed) kept = key === '\u007F' || key === '\b' ? kept.slice(0, -1) : kept + key
  return kept
}

/** The error comes when the job may be through already: only then is the exit code decided. */
function failLate(code: string): void {
  process.stderr.write(`error: the result cannot be written (${code})\n`)
  process.once('exit', () => {
    process.exitCode ||= 1
  })
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let gone = false
  // EPIPE: the reader has left. EIO: the terminal was closed. In both cases nobody is there to be told.
  stream.on('error', (error) => {
    const code = systemCode(error) ?? error.message
    if (!gone && stream === process.stdout && code !== 'EPIPE' && code !== 'EIO') failLate(code)
    gone = true
  })
  return {
    isTerminal: stream.isTTY === true,
    size: () => ({ columns: stream.columns || 80, rows: stream.rows || 24 }),
    write: (text) => {
      if (!gone) stream.write(text)
    },
    onResize: (callback) => {
      stream.on('resize', callback)
      return () => stream.off('resize', callback)
    },
  }
}
