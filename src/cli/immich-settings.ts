/**
 * From settings to what the uploads need: the server's address, the key from wherever it is, and how to upload.
 *
 * The key is the one secret of this program. It goes from here to the client and nowhere else.
 *
 * @module
 */

import { readFile, stat } from 'node:fs/promises'
import { systemCode, toErrorRecord } from '../errors.ts'
import { verifyAlbumNames } from '../immich/album-names.ts'
import { parseIgnorePatterns } from '../immich/ignore-patterns.ts'
import type { ImmichConnection, UploadSettings } from '../tasks/upload-api.ts'
import { parseDurationMs } from '../units.ts'
import type { ResolvedConfig, Source } from './config.ts'
import { CONFIG_KEYS, type ConfigKey, toVariable } from './config-keys.ts'
import type { Io } from './io.ts'
import { UsageError } from './usage-error.ts'

/** Settings of the server, for commands that talk to it. */
export const SERVER_SETTINGS: readonly ConfigKey[] = ['immichUrl', 'immichKey', 'immichKeyFile', 'insecure']

/** Settings of the uploads besides those. */
export const UPLOAD_SETTINGS: readonly ConfigKey[] = [
  'immichConcurrency',
  'immichIgnorePatterns',
  'albumNames',
  'includeTrashed',
  'uploadWait',
]

const STRENGTH: readonly Source[] = ['flag', 'environment', 'env-file', 'file', 'default']

/** Bits of a file's mode that let others than its owner read it. */
const READABLE_BY_OTHERS = 0o044

/**
 * The server and its key: from `--immich-key` or `--immich-key-file`, whichever was said closer to this call, else
 * typed by the user. `say` gets warnings.
 *
 * @throws {@link UsageError} when no server is named, or there is no key to be had.
 */
export async function readConnection(
  resolved: ResolvedConfig,
  io: Io,
  say: (line: string) => void,
): Promise<ImmichConnection> {
  const { immichUrl, insecure } = resolved.values
  if (immichUrl === undefined) {
    throw new UsageError(['no Immich server given'], {
      hint: 'Name it: --immich-url http://SERVER:2283 (or IMMICH_INSTANCE_URL)',
    })
  }
  const key = await readKey(resolved, io, say)
  const { alias } = CONFIG_KEYS.immichKey
  io.hideSecrets([toVariable('immichKey'), ...(alias === undefined ? [] : [alias])])
  return { address: immichUrl, key, insecure }
}

async function readKey(
  { values, origins }: ResolvedConfig,
  io: Io,
  say: (line: string) => void,
): Promise<string> {
  const { immichKey, immichKeyFile, immichUrl } = values
  const strengthOf = (key: ConfigKey): number => STRENGTH.indexOf(origins[key].source)
  if (immichKeyFile !== undefined && strengthOf('immichKeyFile') < strengthOf('immichKey'))
    return readKeyFile(immichKeyFile, say)
  if (immichKey !== undefined) {
    if (origins.immichKey.source === 'flag') {
      say(
        'warning: --immich-key was on the command line, where other users of this machine can see it and the shell remembers it; use --immich-key-file or IMMICH_API_KEY',
      )
    }
    return requireKey(immichKey, origins.immichKey.detail)
  }
  if (immichKeyFile !== undefined) return readKeyFile(immichKeyFile, say)
  const typed = await io.askSecret(`API key for ${immichUrl}: `)
  if (typed !== undefined) return requireKey(typed, 'the key')
  throw new UsageError(['no API key given'], {
    hint: 'Put it into a file and name that (--immich-key-file FILE), or into IMMICH_API_KEY.',
  })
}

async function readKeyFile(path: string, say: (line: string) => void): Promise<string> {
  try {
    const [line = ''] = (await readFile(path, 'utf8')).split(/\r?\n/u)
    if (process.platform !== 'win32' && ((await stat(path)).mode & READABLE_BY_OTHERS) !== 0)
      say(`warning: others can read the key file ${path} (chmod 600 keeps it yours)`)
    return requireKey(line.trim(), `the first line of ${path}`)
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    throw new UsageError([
      `--immich-key-file ${path}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}`,
    ])
  }
}

/** What can stand in a header of a request. The key itself is in no message. */
function requireKey(key: string, where: string): string {
  if (/^[\u0021-\u007E]+$/u.test(key)) return key
  const what = key === '' ? 'no key' : 'blanks or characters that no key has'
  throw new UsageError([`${where} has ${what}`])
}

/** @throws {@link UsageError} as {@link readConnection}. */
export async function readUploadSettings(
  resolved: ResolvedConfig,
  io: Io,
  say: (line: string) => void,
): Promise<UploadSettings> {
  const connection = await readConnection(resolved, io, say)
  const { immichConcurrency, immichIgnorePatterns, albumNames, includeTrashed, uploadWait } = resolved.values
  return {
    connection,
    concurrency: immichConcurrency,
    waitMs: parseDurationMs(uploadWait) ?? Number.POSITIVE_INFINITY,
    albumNames: readAlbumNames(albumNames),
    includeTrashed,
    ignorePatterns: parseIgnorePatterns(immichIgnorePatterns ?? ''),
  }
}

/** @throws {@link UsageError} for a placeholder that means nothing. */
function readAlbumNames(setting: string): readonly string[] {
  if (setting === 'none') return []
  const templates = setting.split(',').map((template) => template.trim())
  try {
    verifyAlbumNames(templates)
  } catch (error) {
    const { message, hint } = toErrorRecord(error)
    throw new UsageError([`--album-names: ${message}`], hint === undefined ? {} : { hint })
  }
  return templates
}
