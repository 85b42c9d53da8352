/**
 * Every setting: its name, what it accepts, its default, and what it is for.
 *
 * One table for all three sources. A key `parallelExports` is the flag `--parallel-exports`, the variable
 * `HEIRLOOM_PARALLEL_EXPORTS` and the line `parallel-exports:` of the config file.
 *
 * @module
 */

import { LOG_LEVELS, type LogLevel } from '../logger.ts'
import {
  DEFAULT_THUMBNAIL_LIMITS,
  DEFAULT_THUMBNAIL_OPTIONS,
  MAX_THUMBNAIL_SIZE,
  THUMBNAIL_FORMATS,
  THUMBNAIL_TIMEOUT_MS,
  type ThumbnailFormat,
} from '../media/thumbnail/thumbnail.ts'
import { DEFAULT_REDIS_PREFIX } from '../queue/bullmq/redis-options.ts'
import { REMOTE_LANES } from '../tasks/remote-api.ts'
import { bucketAddress, byteSize, hostName, portNumber } from './serve-settings.ts'
import {
  count,
  counts,
  duration,
  either,
  flag,
  list,
  oneOf,
  type ReadValue,
  text,
  webAddress,
  zone,
} from './setting-values.ts'
import { bucketNames, folderMaps, keyPrefix, laneNumbers, redisAddress } from './worker-values.ts'

/** The settings after all sources are merged. Paths are absolute. */
export interface ConfigValues {
  readonly output: string
  readonly parallelExports: number
  readonly workers: number | 'auto'
  readonly processor: string | undefined
  readonly metadata: 'embed' | 'sidecar'
  readonly state: string | undefined
  readonly zone: string | undefined
  readonly immichUrl: string | undefined
  readonly immichKey: string | undefined
  readonly immichKeyFile: string | undefined
  readonly immichConcurrency: number
  /** Globs with commas between them. */
  readonly immichIgnorePatterns: string | undefined
  readonly insecure: boolean
  readonly skipUpload: boolean
  /** Templates with commas between them, or `none`. */
  readonly albumNames: string
  readonly includeTrashed: boolean
  /** Such as `1h`. */
  readonly uploadWait: string
  /** Thumbnails as a step of `ingest`. */
  readonly thumbs: boolean
  /** Longest edges in pixels, largest first. */
  readonly thumbSizes: readonly number[]
  readonly thumbFormat: ThumbnailFormat
  readonly thumbQuality: number
  readonly thumbMozjpeg: boolean
  /** Such as `30s`. */
  readonly thumbTimeout: string
  readonly thumbMaxPixels: number
  readonly port: number
  readonly host: string
  /** Such as `s3://bucket/prefix`. */
  readonly storage: string | undefined
  /** Such as `2GB`. */
  readonly maxUpload: string
  /** With its password, if it has one. */
  readonly redis: string | undefined
  readonly redisPrefix: string
  readonly redisPasswordFile: string | undefined
  readonly redisCa: string | undefined
  readonly redisWindow: number
  /** Such as `item,thumbnail:2`. */
  readonly lanes: string
  /** Each `THERE=HERE`, or a folder that is called the same on both sides. */
  readonly map: readonly string[] | undefined
  /** Each `BUCKET` or `ENDPOINT/BUCKET`. */
  readonly bucket: readonly string[] | undefined
  readonly verbose: boolean
  readonly color: 'auto' | 'always' | 'never'
  readonly logLevel: LogLevel
  readonly logFile: string | undefined
}

export type ConfigKey = keyof ConfigValues

export interface KeySpec<Value> {
  /** From what a flag (text), a variable (text) or YAML (text, number, boolean) holds. */
  readonly read: ReadValue<Value>
  /** Ends the sentence "expected …". */
  readonly expects: string
  readonly fallback: Value
  readonly describes: string
  readonly isPath?: true
  /** Is shown nowhere: not by `config show`, not in an error. */
  readonly isSecret?: true
  /** An address that a password may be part of: `config show` hides that, and an error does not tell a wrong one at all. */
  readonly mayHoldSecret?: true
  /** Another name of the variable, which other programs for the same server use, too. */
  readonly alias?: string
}

/** More would only be a typing error: the widest machines have some hundred cores. */
const MAX_PARALLEL_EXPORTS = 64
const MAX_WORKERS = 256
/** A server takes more at once, but a home server is not faster for it. */
const MAX_IMMICH_CONCURRENCY = 64
const MAX_QUALITY = 100
/** More is only memory in Redis: a thousand worker processes are kept at work by less. */
const MAX_REDIS_WINDOW = 1_000_000
/** What sharp itself can address. */
const MAX_PIXELS = 10_000_000_000

export const CONFIG_KEYS: { readonly [Key in ConfigKey]: KeySpec<ConfigValues[Key]> } = {
  output: {
    read: text,
    expects: 'a folder',
    fallback: 'library',
    describes: 'folder of the library; made when it is not there',
    isPath: true,
  },
  parallelExports: {
    read: count(MAX_PARALLEL_EXPORTS),
    expects: `a whole number from 1 to ${MAX_PARALLEL_EXPORTS}`,
    fallback: 1,
    describes: 'how many exports are read side by side',
  },
  workers: {
    read: either(oneOf(['auto']), count(MAX_WORKERS)),
    expects: `a whole number from 1 to ${MAX_WORKERS}, or auto`,
    fallback: 'auto',
    describes: 'worker processes per export; auto: cores - 1 for all exports together, at least 2',
  },
  processor: {
    read: text,
    expects: 'a name from heirloom list-processors',
    fallback: undefined,
    describes: 'the only platform to look for',
  },
  metadata: {
    read: oneOf(['embed', 'sidecar']),
    expects: 'embed or sidecar',
    fallback: 'embed',
    describes: 'write dates, places and captions into the files, or beside them as .xmp',
  },
  state: {
    read: text,
    expects: 'a folder',
    fallback: undefined,
    describes: 'folder for the database, when the library lies on a network share',
    isPath: true,
  },
  zone: {
    read: zone,
    expects: 'an IANA time zone such as Europe/Berlin',
    fallback: undefined,
    describes: 'time zone of photos whose zone nothing else tells',
  },
  immichUrl: {
    read: webAddress,
    expects: 'an address such as http://192.168.1.5:2283',
    fallback: undefined,
    describes: 'Immich server that is uploaded to',
    alias: 'IMMICH_INSTANCE_URL',
  },
  immichKey: {
    read: text,
    expects: 'an API key',
    fallback: undefined,
    describes: 'API key; better in a file, in IMMICH_API_KEY, or typed when asked: others see a command line',
    isSecret: true,
    alias: 'IMMICH_API_KEY',
  },
  immichKeyFile: {
    read: text,
    expects: 'a file',
    fallback: undefined,
    describes: 'file with the API key in its first line',
    isPath: true,
  },
  immichConcurrency: {
    read: count(MAX_IMMICH_CONCURRENCY),
    expects: `a whole number from 1 to ${MAX_IMMICH_CONCURRENCY}`,
    fallback: 4,
    describes: 'files uploaded at once, at most; fewer when the server gets slow',
    alias: 'IMMICH_UPLOAD_CONCURRENCY',
  },
  immichIgnorePatterns: {
    read: list,
    expects: 'globs with commas between them',
    fallback: undefined,
    describes: 'globs, with commas between them, of library files that are not uploaded',
    alias: 'IMMICH_IGNORE_PATTERNS',
  },
  insecure: {
    read: flag,
    expects: 'true or false',
    fallback: false,
    describes: 'accept any certificate of the Immich server, such as a self-signed one',
  },
  skipUpload: {
    read: flag,
    expects: 'true or false',
    fallback: false,
    describes: 'upload nothing, though an Immich server is set',
  },
  albumNames: {
    read: list,
    expects: 'templates with commas between them, or none',
    fallback: '{album}',
    describes:
      'names of the albums on the server, from {album}, {user}, {export}, {platform}; none: no albums',
  },
  includeTrashed: {
    read: flag,
    expects: 'true or false',
    fallback: false,
    describes: 'upload what was in the trash of the platform, too',
  },
  uploadWait: {
    read: duration,
    expects: 'a length of time such as 1h',
    fallback: '1h',
    describes: 'how long uploads may stand still before they are left for later',
  },
  thumbs: {
    read: flag,
    expects: 'true or false',
    fallback: false,
    describes: 'make thumbnails of what is taken in, too',
  },
  thumbSizes: {
    read: counts(MAX_THUMBNAIL_SIZE),
    expects: `whole numbers from 1 to ${MAX_THUMBNAIL_SIZE} with commas between them`,
    fallback: DEFAULT_THUMBNAIL_OPTIONS.sizes,
    describes: 'longest edges in pixels; a picture is never enlarged',
  },
  thumbFormat: {
    read: oneOf(THUMBNAIL_FORMATS),
    expects: THUMBNAIL_FORMATS.join(', '),
    fallback: DEFAULT_THUMBNAIL_OPTIONS.format,
    describes: `format of thumbnails: ${THUMBNAIL_FORMATS.join(', ')}`,
  },
  thumbQuality: {
    read: count(MAX_QUALITY),
    expects: `a whole number from 1 to ${MAX_QUALITY}`,
    fallback: DEFAULT_THUMBNAIL_OPTIONS.quality,
    describes: 'quality of thumbnails, 1 to 100',
  },
  thumbMozjpeg: {
    read: flag,
    expects: 'true or false',
    fallback: DEFAULT_THUMBNAIL_OPTIONS.mozjpeg,
    describes: 'JPEG by mozjpeg: smaller thumbnails for twice the time',
  },
  thumbTimeout: {
    read: duration,
    expects: 'a length of time such as 30s',
    fallback: `${THUMBNAIL_TIMEOUT_MS / 1000}s`,
    describes: 'time for one picture; then its process is killed',
  },
  thumbMaxPixels: {
    read: count(MAX_PIXELS),
    expects: `a whole number from 1 to ${MAX_PIXELS}`,
    fallback: DEFAULT_THUMBNAIL_LIMITS.maxPixels,
    describes: 'larger pictures are refused before they are decoded',
  },
  port: {
    read: portNumber,
    expects: 'a port from 0 (any that is free) to 65535',
    fallback: 5000,
    describes: 'port that the server listens on',
  },
  host: {
    read: hostName,
    expects: 'an address of this machine, such as 0.0.0.0 for all of them',
    fallback: '127.0.0.1',
    describes: 'address that the server listens on; any but this machine alone asks for a token',
  },
  storage: {
    read: bucketAddress,
    expects: 'a bucket such as s3://bucket/prefix',
    fallback: undefined,
    describes:
      'bucket for uploads and thumbnails (S3_ENDPOINT, AWS_REGION and credentials from the environment)',
  },
  maxUpload: {
    read: byteSize,
    expects: 'a size such as 2GB',
    fallback: '2GB',
    describes: 'largest file that the server takes',
  },
  redis: {
    read: redisAddress,
    expects:
      'an address such as redis://localhost:6379/0, or rediss://user@host for TLS (special characters of a password are written as %40, or it is put into a file)',
    fallback: undefined,
    describes:
      'Redis or Valkey server between the coordinator and its worker hosts: redis://host:6379, rediss:// for TLS',
    mayHoldSecret: true,
  },
  redisPrefix: {
    read: keyPrefix,
    expects: 'letters, digits and any of .:_-{}',
    fallback: DEFAULT_REDIS_PREFIX,
    describes: 'stands before every key in Redis; coordinators and worker hosts need the same',
  },
  redisPasswordFile: {
    read: text,
    expects: 'a file',
    fallback: undefined,
    describes: 'file with the password for Redis in its first line',
    isPath: true,
  },
  redisCa: {
    read: text,
    expects: 'a file',
    fallback: undefined,
    describes: 'certificates (PEM) of the authority that the certificate of a rediss:// server is signed by',
    isPath: true,
  },
  redisWindow: {
    read: count(MAX_REDIS_WINDOW),
    expects: `a whole number from 1 to ${MAX_REDIS_WINDOW}`,
    fallback: 2_000,
    describes: 'tasks of a lane that are in Redis at a time, at most',
  },
  lanes: {
    read: laneNumbers,
    expects: `${REMOTE_LANES.join(' or ')}, with commas between several, each with its number of processes if you like: item:6,thumbnail:2`,
    fallback: REMOTE_LANES.join(','),
    describes: 'lanes that this worker host works on; item:6,thumbnail:2 gives each its number of processes',
  },
  map: {
    read: folderMaps,
    expects: 'absolute folders: THERE=HERE, or one folder that both sides call the same',
    fallback: undefined,
    describes:
      'folder that the coordinator calls THERE and this worker host HERE; nothing outside is touched',
  },
  bucket: {
    read: bucketNames,
    expects: 'the name of a bucket, or https://ENDPOINT/BUCKET',
    fallback: undefined,
    describes: 'bucket that this worker host may read and write (credentials from the environment)',
  },
  verbose: {
    read: flag,
    expects: 'true or false',
    fallback: false,
    describes: 'say more: log level info, more problems in the summary',
  },
  color: {
    read: oneOf(['auto', 'always', 'never']),
    expects: 'auto, always or never',
    fallback: 'auto',
    describes: 'colours; auto: on a terminal',
  },
  logLevel: {
    read: oneOf(LOG_LEVELS),
    expects: LOG_LEVELS.join(', '),
    fallback: 'warn',
    describes: 'least severe log lines that are written',
  },
  logFile: {
    read: text,
    expects: 'a file',
    fallback: undefined,
    describes: 'file that log lines are appended to, instead of the terminal',
    isPath: true,
  },
}

export const CONFIG_KEY_NAMES: readonly ConfigKey[] = Object.freeze(Object.keys(CONFIG_KEYS) as ConfigKey[])

/** `parallelExports` → `parallel-exports`, as in flags and files. */
export function toFileKey(key: ConfigKey): string {
  return key.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)
}

/** `parallelExports` → `HEIRLOOM_PARALLEL_EXPORTS`. */
export function toVariable(key: ConfigKey): string {
  return `HEIRLOOM_${toFileKey(key).replaceAll('-', '_').toUpperCase()}`
}
