/**
 * The token of a server that others can reach: made once, shown once, kept as a hash.
 *
 * A browser trades it for a cookie that says until when it holds, signed with a key of its own: so neither the token
 * nor a list of sessions is kept, and a new token ends all of them.
 *
 * @module
 */

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { HeirloomError, systemCode } from '../errors.ts'

const FILE_NAME = 'server-access.json'

/** 256 bits: cannot be guessed, and short enough to be typed once. */
const TOKEN_BYTES = 32

/** A month: long for a browser at home, and a new token ends it at any time. */
const SESSION_MS = 30 * 24 * 60 * 60_000

export const SESSION_COOKIE = 'heirloom_session'

/** Thrown when the file is there and is not ours: it is not replaced without being asked. */
export class AccessFileError extends HeirloomError {
  readonly code = 'server/access-file'
  readonly recovery = 'discard'

  constructor(file: string, options: ErrorOptions = {}) {
    super(`${file} cannot be read as the access file of a server`, {
      ...options,
      hint: 'Start the server once with --new-token: all browsers have to log in again.',
    })
  }
}

interface Secrets {
  /** SHA-256, hex. */
  readonly tokenHash: string
  /** Signs cookies; hex. */
  readonly sessionKey: string
}

export class AccessGate {
  readonly #tokenHash: Buffer
  readonly #sessionKey: Buffer
  readonly #clock: Clock

  constructor({ tokenHash, sessionKey }: Secrets, clock: Clock) {
    this.#tokenHash = Buffer.from(tokenHash, 'hex')
    this.#sessionKey = Buffer.from(sessionKey, 'hex')
    this.#clock = clock
  }

  /** Hashes are compared, so that neither the time nor the length tells anything. */
  isToken(text: string): boolean {
    return timingSafeEqual(sha256(text), this.#tokenHash)
  }

  /** The value of a cookie, and how long it holds. */
  newSession(): { readonly value: string; readonly maxAgeS: number } {
    const until = String(this.#clock.now() + SESSION_MS)
    return { value: `${until}.${this.#sign(until)}`, maxAgeS: SESSION_MS / 1000 }
  }

  isSession(value: string): boolean {
    const { until, signature } = /^(?<until>\d{1,15})\.(?<signature>[\w-]{43})$/u.exec(value)?.groups ?? {}
    if (until === undefined || signature === undefined) return false
    const isSigned = timingSafeEqual(Buffer.from(signature), Buffer.from(this.#sign(until)))
    return isSigned && Number(until) > this.#clock.now()
  }

  /**
   * What a request's headers prove. `none`: they claim nothing. `wrong`: they claim what is not so, which counts as a
   * failure; a cookie that is out of date does not.
   */
  judge(headers: { readonly authorization?: string; readonly cookie?: string }): 'in' | 'none' | 'wrong' {
    if (headers.authorization !== undefined) {
      const token = /^Bearer +(?<token>[!-~]{1,200}) *$/iu.exec(headers.authorization)?.groups?.['token']
      return token !== undefined && this.isToken(token) ? 'in' : 'wrong'
    }
    const session = cookieOf(headers.cookie, SESSION_COOKIE)
    return session !== undefined && this.isSession(session) ? 'in' : 'none'
  }

  #sign(until: string): string {
    return createHmac('sha256', this.#sessionKey).update(`session:${until}`).digest('base64url')
  }
}

/**
 * Opens the gate of a library, and makes its token when there is none yet, or a new one is asked for.
 *
 * @returns `newToken` only when it was made now: it is nowhere else.
 * @throws {@link AccessFileError}
 */
export async function openAccessGate(
  stateFolder: string,
  { clock, renew }: { readonly clock: Clock; readonly renew: boolean },
): Promise<{ readonly gate: AccessGate; readonly newToken?: string }> {
  const file = join(stateFolder, FILE_NAME)
  const known = renew ? undefined : await readSecrets(file)
  if (known !== undefined) return { gate: new AccessGate(known, clock) }
  const newToken = randomBytes(TOKEN_BYTES).toString('base64url')
  const secrets = {
    tokenHash: sha256(newToken).toString('hex'),
    sessionKey: randomBytes(TOKEN_BYTES).toString('hex'),
  }
  await writeFile(`${file}.new`, `${JSON.stringify(secrets)}\n`, { mode: 0o600, flush: true })
  // The mode above is only for a file that was not there.
  await chmod(`${file}.new`, 0o600)
  await rename(`${file}.new`, file)
  return { gate: new AccessGate(secrets, clock), newToken }
}

async function readSecrets(file: string): Promise<Secrets | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  return parseSecrets(text, file)
}

function parseSecrets(text: string, file: string): Secrets {
  let value: Partial<Secrets>
  try {
    value = JSON.parse(text) as Partial<Secrets>
  } catch (cause) {
    throw new AccessFileError(file, { cause })
  }
  const { tokenHash, sessionKey } = value ?? {}
  if (isKey(tokenHash) && isKey(sessionKey)) return { tokenHash, sessionKey }
  throw new AccessFileError(file)
}

function isKey(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{64}$/u.test(text)
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** The first cookie of that name. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const [key = '', ...value] = pair.split('=')
    if (key.trim() === name) return value.join('=').trim()
  }
  return undefined
}
