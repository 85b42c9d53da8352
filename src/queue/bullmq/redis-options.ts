/**
 * How to reach the Redis or Valkey server that carries tasks.
 *
 * @module
 */

export interface RedisOptions {
  /** `redis://[user@]host[:port][/database]`, or `rediss://` for TLS. Told in errors and logs without its password. */
  readonly url: string
  /** Goes before one in the URL. Told nowhere. */
  readonly password?: string
  /** PEM of the authorities that a TLS server is believed by. Default: those of Node. */
  readonly ca?: string
  /** Before every key. Default `heirloom`. */
  readonly prefix?: string
}

export const DEFAULT_REDIS_PREFIX = 'heirloom'
