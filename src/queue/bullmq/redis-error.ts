/**
 * What goes wrong with a Redis server, said so that a person can act on it, and without any password.
 *
 * @module
 */

import { HeirloomError, type Recovery } from '../../errors.ts'

/** The server is not to be had, or not to be used. */
export class RedisError extends HeirloomError {
  readonly code: `redis/${string}`
  readonly recovery: Recovery

  constructor(code: `redis/${string}`, message: string, options: RedisErrorOptions) {
    super(message, options)
    this.code = code
    this.recovery = options.recovery ?? 'discard'
  }
}

interface RedisErrorOptions extends ErrorOptions {
  readonly hint: string
  /** Default `discard`. */
  readonly recovery?: Recovery
}

/** BullMQ and its Redis client are not installed. */
export class RedisPackagesError extends HeirloomError {
  readonly code = 'redis/packages-missing'
  readonly recovery = 'discard'

  constructor(cause: unknown) {
    super('packages bullmq and ioredis are not installed', {
      cause,
      hint: 'Install them: npm install bullmq ioredis',
    })
  }
}

interface Explanation {
  readonly when: RegExp
  readonly code: `redis/${string}`
  readonly says: (place: string) => string
  readonly hint: string
  readonly recovery?: Recovery
}

/** What servers and sockets say, from the most special on. Redis begins its answers with the word in capitals. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    when: /WRONGPASS|invalid password|invalid username-password/iu,
    code: 'redis/wrong-password',
    says: (place) => `redis at ${place} refuses the user or password`,
    hint: 'Check the user in the URL and the password, for instance with redis-cli.',
  },
  {
    when: /NOAUTH|HELLO must be called/u,
    code: 'redis/no-password',
    says: (place) => `redis at ${place} asks for a password`,
    hint: 'Give it with --redis-password-file, or in HEIRLOOM_REDIS.',
  },
  {
    when: /NOPERM/u,
    code: 'redis/not-permitted',
    says: (place) => `redis at ${place} does not let this user run a command or touch a key`,
    hint: 'The line for its ACL is in docs/guides/workers.md.',
  },
  {
    when: /ECONNREFUSED/u,
    code: 'redis/refused',
    says: (place) => `nothing listens at ${place}`,
    hint: 'Start the Redis server, or check host and port.',
    recovery: 'retry',
  },
  {
    when: /ENOTFOUND|EAI_AGAIN/u,
    code: 'redis/unknown-host',
    says: (place) => `host of ${place} is not known`,
    hint: 'Check the name of the host.',
    recovery: 'retry',
  },
  {
    when: /self.signed|certificate|CERT_|ERR_TLS|unable to (?:get|verify)/iu,
    code: 'redis/certificate',
    says: (place) => `certificate of redis at ${place} is not believed`,
    hint: 'Give the authority that signed it with --redis-ca.',
  },
  {
    when: /ERR_SSL|SSL routines|wrong version number|packet length too long/iu,
    code: 'redis/no-tls',
    says: (place) => `redis at ${place} does not speak TLS there, or nothing else`,
    hint: 'Use rediss:// for a TLS port and redis:// for a plain one.',
  },
  {
    when: /ECONNRESET|EPIPE/u,
    code: 'redis/broken-off',
    says: (place) => `redis at ${place} broke off the connection`,
    hint: 'Check that a Redis server listens there, and use rediss:// for a TLS port.',
    recovery: 'retry',
  },
  {
    when: /MISCONF|READONLY/u,
    code: 'redis/read-only',
    says: (place) => `redis at ${place} takes no writes`,
    hint: 'Look into its log: its disk is full, or it is a replica.',
    recovery: 'retry',
  },
  {
    when: /OOM/u,
    code: 'redis/out-of-memory',
    says: (place) => `redis at ${place} has used up its memory`,
    hint: 'Raise its maxmemory, or lower the window of the coordinators.',
    recovery: 'retry',
  },
]

/** The error for a person. What nobody foresaw is told as it is, but for the secrets in it. */
export function explainRedis(error: unknown, place: string, secrets: readonly string[]): HeirloomError {
  if (error instanceof HeirloomError) return error
  const said = withoutSecrets(textOf(error), secrets)
  const found = EXPLANATIONS.find(({ when }) => when.test(said))
  if (found === undefined) {
    const hint = 'Check that the server is up and can be reached from here.'
    return new RedisError('redis/unreachable', `redis at ${place}: ${said}`, { hint, recovery: 'retry' })
  }
  const { code, says, hint, recovery = 'discard' } = found
  return new RedisError(code, says(place), { hint, recovery })
}

/** An error's name, message and code; of an `AggregateError` those of its parts. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join('; ')
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  return [code, error.message].filter((part) => part !== undefined && part !== '').join(' ')
}

export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => (secret === '' ? left : left.replaceAll(secret, '***')), text)
}
