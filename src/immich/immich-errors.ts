/**
 * Why a call to an Immich server did not do what was asked.
 *
 * Messages are shown to people and stored. Whoever makes one from the words of a server has taken the key out before
 * (`exchange.ts`). No error carries the thrown cause: undici's can hold raw bytes of an answer.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'

/** How the call ended, for whoever decides about repeating it. */
export type CallFailure =
  /** The server, or a proxy before it, answered. `retryAfterMs` is its wish. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterMs?: number }
  /** No whole answer came. `wasSent` is false only when certainly no byte of the call left. */
  | { readonly kind: 'connection'; readonly wasSent: boolean }
  /** Nothing moved for too long. */
  | { readonly kind: 'stalled' }
  /** Anything that another attempt at once cannot change. */
  | { readonly kind: 'final' }

const FINAL: CallFailure = { kind: 'final' }

/** Insufficient Storage. */
const FULL = 507

const OVERLOAD: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])

/** Base of all errors of this folder. */
export abstract class ImmichError extends HeirloomError {
  readonly failure: CallFailure

  constructor(message: string, options: { readonly hint?: string; readonly failure?: CallFailure } = {}) {
    super(message, options.hint === undefined ? {} : { hint: options.hint })
    this.failure = options.failure ?? FINAL
  }
}

export class BadAddressError extends ImmichError {
  readonly code = 'immich/bad-address'
  readonly recovery = 'discard'

  constructor(reason: string) {
    super(`the server address ${reason}`, { hint: 'Give an address such as http://nas.local:2283.' })
  }
}

/** The key cannot even be sent; the message does not show it. */
export class BadKeyError extends ImmichError {
  readonly code = 'immich/bad-key'
  readonly recovery = 'discard'

  constructor(reason: string) {
    super(`the API key ${reason}`, {
      hint: 'Copy the key again from Account Settings > API Keys of the Immich web page.',
    })
  }
}

export class UnauthorizedError extends ImmichError {
  readonly code = 'immich/unauthorized'
  readonly recovery = 'discard'

  constructor(address: string, said: string) {
    super(`${address} does not accept the key: ${said}`, {
      hint: 'Make a new key in Account Settings > API Keys of the Immich web page.',
      failure: { kind: 'status', status: 401 },
    })
  }
}

export class ForbiddenError extends ImmichError {
  readonly code = 'immich/forbidden'
  readonly recovery = 'discard'

  constructor(call: string, said: string, permission?: string) {
    const missing = permission === undefined ? 'missing permission' : `permission ${permission}`
    super(`${call} is not permitted: ${said}`, {
      hint: `Give the API key the ${missing}.`,
      failure: { kind: 'status', status: 403 },
    })
  }
}

/** The server does not know the id, or does not say that it does: both are one answer. */
export class NotFoundError extends ImmichError {
  readonly code = 'immich/not-found'
  readonly recovery = 'discard'

  constructor(call: string, said: string, status: number) {
    super(`${call}: ${said}`, { failure: { kind: 'status', status } })
  }
}

/** The server understood the call and will never do it. */
export class RejectedError extends ImmichError {
  readonly code = 'immich/rejected'
  readonly recovery = 'discard'

  constructor(call: string, said: string, status: number) {
    super(`${call} was rejected (${status}): ${said}`, { failure: { kind: 'status', status } })
  }
}

/** Immich has no limit of its own on an upload: something before it has. */
export class TooLargeError extends ImmichError {
  readonly code = 'immich/too-large'
  readonly recovery = 'discard'

  constructor(call: string) {
    super(`${call} is too large for a proxy before the server (413)`, {
      hint: 'Raise the body limit of the proxy, such as client_max_body_size of nginx, or use the address of the server itself.',
      failure: { kind: 'status', status: 413 },
    })
  }
}

/** Whatever the status of the answer was, it counts as 507: another attempt at once cannot help. */
export class ServerFullError extends ImmichError {
  readonly code = 'immich/server-full'
  readonly recovery = 'retry'

  constructor(address: string, said: string) {
    super(`${address} has no space left: ${said}`, {
      hint: 'Free space on the server or raise the quota of the user, then start again.',
      failure: { kind: 'status', status: FULL },
    })
  }
}

/** The server or a proxy is overloaded or broken for now. */
export class ServerFailedError extends ImmichError {
  readonly code = 'immich/server-failed'
  readonly recovery = 'retry'

  constructor(call: string, said: string, failure: CallFailure & { readonly kind: 'status' }) {
    super(`${call} got no result (${failure.status}): ${said}`, { failure })
  }
}

export class UnreachableError extends ImmichError {
  readonly code = 'immich/unreachable'
  readonly recovery = 'retry'
  /** Without the address. */
  readonly reason: string

  constructor(address: string, reason: string, failure: CallFailure = FINAL) {
    super(`${address} cannot be reached: ${reason}`, {
      hint: 'Check that the server runs and that its address is right.',
      failure,
    })
    this.reason = reason
  }
}

/** This program closed the client while the call was under way. */
export class ClientClosedError extends ImmichError {
  readonly code = 'immich/client-closed'
  readonly recovery = 'retry'

  constructor(address: string) {
    super(`the connections to ${address} were closed`)
  }
}

export class CertificateError extends ImmichError {
  readonly code = 'immich/certificate'
  readonly recovery = 'discard'

  constructor(address: string, reason: string) {
    super(`the certificate of ${address} cannot be trusted: ${reason}`, {
      hint: 'Give --insecure if the certificate is your own, or use a name that it is valid for.',
    })
  }
}

export class StalledError extends ImmichError {
  readonly code = 'immich/stalled'
  readonly recovery = 'retry'

  constructor(call: string, waitedFor: string) {
    super(`${call} stalled: ${waitedFor}`, { failure: { kind: 'stalled' } })
  }
}

export class RedirectedError extends ImmichError {
  readonly code = 'immich/redirected'
  readonly recovery = 'discard'

  constructor(address: string, target: string, suggestion: string | undefined) {
    super(`${address} redirects to ${target}`, {
      hint:
        suggestion === undefined
          ? 'Use an address that leads to the server itself, without a login page of a proxy before it.'
          : `Use ${suggestion} as the address.`,
    })
  }
}

/** An answer that is not Immich's: a web page, another service, or a version that speaks differently. */
export class UnexpectedAnswerError extends ImmichError {
  readonly code = 'immich/unexpected-answer'
  readonly recovery = 'retry'

  constructor(call: string, reason: string) {
    super(`${call} was answered in a way Immich does not: ${reason}`, {
      hint: 'Check that the address is that of an Immich server.',
    })
  }
}

export class UnsupportedServerError extends ImmichError {
  readonly code = 'immich/unsupported-server'
  readonly recovery = 'discard'

  constructor(address: string, version: string, supported: string) {
    super(`${address} runs Immich ${version}; supported are ${supported}`, {
      hint: 'Update the older of the two: the server or this program.',
    })
  }
}

/** The file is not what it was when it was hashed. No short or mixed body was finished. */
export class FileChangedError extends ImmichError {
  readonly code = 'immich/file-changed'
  readonly recovery = 'discard'

  constructor(path: string, reason: string) {
    super(`${path} ${reason}`, { hint: 'Run the command again when nothing writes to the file.' })
  }
}

/** Whether less at a time could help: too many requests, a server error, nothing moving. */
export function isOverload(error: unknown): boolean {
  if (!(error instanceof ImmichError)) return false
  const { failure } = error
  if (failure.kind === 'status') return OVERLOAD.has(failure.status)
  return failure.kind === 'stalled' || (failure.kind === 'connection' && failure.wasSent)
}

/** Whether it looks as if no Immich is there at all: no answer, or a proxy that says so. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof ImmichError)) return false
  const { failure } = error
  if (failure.kind === 'status') return [502, 503, 504].includes(failure.status)
  return failure.kind !== 'final'
}

/** For a failure by its status; `said` is the server's text without the key. */
export function errorOfStatus(context: {
  readonly address: string
  readonly call: string
  readonly status: number
  readonly said: string
  /** That the route asks for. */
  readonly permission?: string | undefined
  readonly retryAfterMs?: number | undefined
}): ImmichError {
  const { address, call, status, said, permission, retryAfterMs } = context
  if (status === FULL || /ENOSPC|no space left|quota has been exceeded/iu.test(said)) {
    return new ServerFullError(address, said)
  }
  if (status === 401) return new UnauthorizedError(address, said)
  if (status === 403) return new ForbiddenError(call, said, permission)
  if (status === 413) return new TooLargeError(call)
  if (status === 404 || (status === 400 && /^not found or no \S+ access/iu.test(said))) {
    return new NotFoundError(call, said, status)
  }
  if (status >= 500 || TRANSIENT.has(status)) {
    const failure = {
      kind: 'status',
      status,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    } as const
    return new ServerFailedError(call, said, failure)
  }
  return new RejectedError(call, said, status)
}

/** Client statuses that pass by themselves: request timeout, too early, too many requests. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429])
