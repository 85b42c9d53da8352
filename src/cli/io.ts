/**
 * The command line's only way to the outside: streams, environment, signals, exit.
 *
 * Everything above takes an {@link Io}, so tests run whole commands in memory. This is the one file that may
 * touch `process.stdout` and its kin. A reader that went away (`heirloom report … | head`) is no error: what is
 * written after that is dropped, quietly.
 *
 * @module
 */

import { type Clock, systemClock } from '../clock.ts'

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
  }
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let gone = false
  // EPIPE: the reader has left. EIO: the terminal was closed. In both cases nobody is there to be told.
  stream.on('error', () => {
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
