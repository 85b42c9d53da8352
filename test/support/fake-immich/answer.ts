/**
 * What a route of the fake answers, and the errors it throws, in the words of the real server.
 *
 * @module
 */

export interface Answer {
  readonly status: number
  /** Undefined: no body. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Answered before the body was read; the connection is then closed hard. */
  readonly reset?: boolean
  /** When the connection or the answer has ended, the answer wholly sent or not. */
  readonly onClosed?: (wasSent: boolean) => void
}

const ERROR_NAMES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
}

/** Becomes an answer with `message`, `error`, `statusCode`. */
export class HttpError extends Error {
  readonly status: number
  readonly more: Readonly<Record<string, unknown>>

  constructor(status: number, message: string, more: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.status = status
    this.more = more
  }

  toAnswer(): Answer {
    const error = ERROR_NAMES[this.status] ?? 'Error'
    return {
      status: this.status,
      body: { message: this.message, error, statusCode: this.status, ...this.more },
    }
  }
}

/** The connection is destroyed instead of an answer. */
export class ConnectionDrop extends Error {}

export function noAccess(permission: string): HttpError {
  return new HttpError(400, `Not found or no ${permission} access`)
}

export const INTERNAL_ERROR: HttpError = new HttpError(500, 'Internal server error')

export function ok(body: unknown): Answer {
  return { status: 200, body }
}

export function created(body: unknown): Answer {
  return { status: 201, body }
}

export const NO_CONTENT: Answer = { status: 204 }
