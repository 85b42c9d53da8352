/**
 * Where log lines go: the log file, or the user's eyes.
 *
 * In the file each line is JSON. On stderr they are sentences, because a person reads them between other
 * sentences; with `--json` they are JSON there too.
 *
 * @module
 */

import { closeSync, openSync, writeSync } from 'node:fs'
import { systemCode } from '../errors.ts'
import { createLogger, type Logger } from '../logger.ts'
import type { ResolvedConfig } from './config.ts'
import type { Io } from './io.ts'
import { UsageError } from './usage-error.ts'

export interface LogTarget extends Disposable {
  readonly logger: Logger
}

/** Opens the target. `say` puts a line where the user sees it. @throws {@link UsageError} for a file that cannot be written. */
export function openLog(
  { values, origins }: ResolvedConfig,
  io: Io,
  json: boolean,
  say: (line: string) => void,
): LogTarget {
  const level = values.verbose && origins.logLevel.source === 'default' ? 'info' : values.logLevel
  const now = (): number => io.clock.now()
  if (values.logFile === undefined) {
    const write = json
      ? (line: string) => io.stderr.write(`${line}\n`)
      : (line: string) => say(toSentence(line))
    return { logger: createLogger({ level, write, now }), [Symbol.dispose]: () => undefined }
  }
  const file = openForAppending(values.logFile)
  // Synchronous: the line is there whatever happens next, and lines are rare.
  const write = (line: string): void => {
    writeSync(file, `${line}\n`)
  }
  return { logger: createLogger({ level, write, now }), [Symbol.dispose]: () => closeSync(file) }
}

function openForAppending(path: string): number {
  try {
    return openSync(path, 'a', 0o600)
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    throw new UsageError([`--log-file ${path}: cannot be written (${code})`])
  }
}

/**
 * `{"level":"warn","message":"worker died","pid":7,…}` → `warn: worker died (pid 7)`. An error is its code and words,
 * and a number has no more digits than a person reads; the log file has all of it.
 */
export function toSentence(line: string): string {
  const { time: _time, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>
  const facts = Object.entries(fields).map(([name, value]) => `${name} ${spell(value)}`)
  return `${String(level)}: ${String(message)}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`
}

function spell(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(Math.round(value * 10) / 10)
  if (typeof value === 'object' && value !== null && 'code' in value && 'message' in value)
    return `${String(value.code)}: ${String(value.message)}`
  return JSON.stringify(value)
}
