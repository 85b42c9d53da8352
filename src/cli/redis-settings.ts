/**
 * From settings to what the jobs need to reach Redis: address, password and authorities, each from wherever it is.
 *
 * The password leaves the address here and goes to the connection on its own: what is logged and shown from now on
 * has none.
 *
 * @module
 */

import { readFile, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { systemCode } from '../errors.ts'
import type { RedisOptions } from '../queue/bullmq/redis-options.ts'
import type { RemoteSettings } from '../tasks/remote-api.ts'
import { setting } from './command.ts'
import type { ResolvedConfig } from './config.ts'
import { type ConfigKey, toVariable } from './config-keys.ts'
import type { Io } from './io.ts'
import { UsageError } from './usage-error.ts'

/** For every command that talks to Redis. */
export const REDIS_SETTINGS: readonly ConfigKey[] = ['redis', 'redisPrefix', 'redisPasswordFile', 'redisCa']

/** For those whose tasks are carried by it. */
export const REMOTE_SETTINGS: readonly ConfigKey[] = [...REDIS_SETTINGS, 'redisWindow']

/** Bits of a file's mode that let others than its owner read it. */
const READABLE_BY_OTHERS = 0o044

export function redisFlags(command: Command): void {
  setting(command, 'redis', '--redis <address>')
  setting(command, 'redisPrefix', '--redis-prefix <text>')
  setting(command, 'redisPasswordFile', '--redis-password-file <file>')
  setting(command, 'redisCa', '--redis-ca <file>')
}

/** For a coordinator: its own heading, so that nobody takes them for something that everybody needs. */
export function remoteFlags(command: Command): void {
  command.optionsGroup('Worker hosts (see heirloom worker):')
  redisFlags(command)
  setting(command, 'redisWindow', '--redis-window <n>')
}

/**
 * Where a coordinator's tasks are carried to; undefined when no Redis is named. `say` gets warnings.
 *
 * @throws {@link UsageError} for a file that cannot be used.
 */
export async function readRemote(
  resolved: ResolvedConfig,
  io: Io,
  say: (line: string) => void,
): Promise<RemoteSettings | undefined> {
  const redis = await readRedis(resolved, io, say)
  return redis === undefined ? undefined : { redis, window: resolved.values.redisWindow }
}

/** @throws {@link UsageError} as {@link readRemote}. */
export async function readRedis(
  { values, origins }: ResolvedConfig,
  io: Io,
  say: (line: string) => void,
): Promise<RedisOptions | undefined> {
  const { redis, redisPrefix, redisPasswordFile, redisCa } = values
  if (redis === undefined) return undefined
  const url = new URL(redis.startsWith('/') ? `unix://${redis}` : redis)
  const written = decodeURIComponent(url.password)
  url.password = ''
  if (written !== '') hidePassword(io, origins.redis.source === 'flag', say)
  if (url.protocol === 'redis:' && !isThisMachine(url.hostname)) {
    say(
      `warning: the traffic with ${url.host} is not encrypted: whoever is on the way reads names of files and the password, and may change them; use rediss:// outside of a network that is your own`,
    )
  }
  const password = redisPasswordFile === undefined ? written : await readPasswordFile(redisPasswordFile, say)
  const ca = await readAuthorities(redisCa, url, say)
  return {
    url: url.href,
    prefix: redisPrefix,
    ...(password === '' ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  }
}

function hidePassword(io: Io, isOnCommandLine: boolean, say: (line: string) => void): void {
  io.hideSecrets([toVariable('redis')])
  if (isOnCommandLine) {
    say(
      `warning: the password of --redis was on the command line, where other users of this machine can see it and the shell remembers it; use --redis-password-file or ${toVariable('redis')}`,
    )
  }
}

function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/u.test(hostname)
}

async function readPasswordFile(path: string, say: (line: string) => void): Promise<string> {
  const [line = ''] = (await read(path, '--redis-password-file')).split(/\r?\n/u)
  if (process.platform !== 'win32' && ((await stat(path)).mode & READABLE_BY_OTHERS) !== 0)
    say(`warning: others can read the password file ${path} (chmod 600 keeps it yours)`)
  if (line === '') throw new UsageError([`the first line of ${path} has no password`])
  return line
}

async function readAuthorities(
  path: string | undefined,
  { protocol }: URL,
  say: (line: string) => void,
): Promise<string | undefined> {
  if (path === undefined) return undefined
  const pem = await read(path, '--redis-ca')
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw new UsageError([`--redis-ca ${path}: there is no certificate in it`], {
      hint: 'It is the PEM file of the authority: it begins with -----BEGIN CERTIFICATE-----.',
    })
  }
  if (protocol === 'rediss:') return pem
  say('warning: --redis-ca is for TLS, and redis:// has none: write rediss://')
  return undefined
}

async function read(path: string, flag: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    throw new UsageError([
      `${flag} ${path}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}`,
    ])
  }
}
