/**
 * Log lines: one JSON object a line, constant message, variables as fields.
 *
 * error = a person must act; warn = it healed itself, but tell someone; info = lifecycle of the process;
 * debug = each task. No file contents, tokens or full home paths go in here.
 *
 * @module
 */

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** Most severe first: a logger at a level writes that level and all before it. */
export const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']

export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
}

/** A logger that hands each line, without its line feed, to `write`. */
export function createLogger(options: {
  readonly level: LogLevel
  readonly write: (line: string) => void
  readonly now: () => number
}): Logger {
  const limit = LOG_LEVELS.indexOf(options.level)
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(level) > limit) return
      options.write(
        JSON.stringify({ time: new Date(options.now()).toISOString(), level, message, ...fields }),
      )
    }
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

/** A logger that writes nothing. */
export const silentLogger: Logger = createLogger({ level: 'error', write: () => undefined, now: () => 0 })
