/**
 * What the settings of worker hosts, and of the Redis server between them and the coordinator, accept.
 *
 * @module
 */

import { isAbsolute, posix, resolve, win32 } from 'node:path'
import { verifyS3Config } from '../storage/object-store-address.ts'
import { type AllowedBucket, type PathMap, REMOTE_LANES, type RemoteLane } from '../tasks/remote-api.ts'
import { type ReadValue, text } from './setting-values.ts'

/** A lane, and how many worker processes it was given: undefined for its share of all. */
export interface LaneRequest {
  readonly lane: RemoteLane
  readonly workers?: number
}

/** As of `--workers`: more would only be a typing error. */
const MAX_LANE_WORKERS = 256

/** An absolute path, with or without `unix://`; nothing in it that an address would take for something else. */
const SOCKET = /^(?:unix:\/\/)?(?:\/[\w.@+-]+){2,}$/u

/** What Redis itself takes: its databases are numbered, 16 unless configured. */
const DATABASE = /^\/?\d{0,5}$/u

/**
 * `redis://user@host:6379/0`, or `rediss://` for TLS; or a socket of this machine, `/run/redis/redis.sock`. Kept as it is
 * given, password and all.
 */
export const redisAddress: ReadValue<string> = (raw) => {
  const given = text(raw)
  if (given !== undefined && SOCKET.test(given)) return given
  const url = URL.parse(given ?? '')
  if (given === undefined || url === null || !/^rediss?:$/u.test(url.protocol)) return undefined
  // What stands behind a `?` would be options of a library, passwords among them.
  const isPlain = url.hostname !== '' && DATABASE.test(url.pathname) && url.search === '' && url.hash === ''
  return isPlain && isDecodable(url) ? given : undefined
}

function isDecodable({ username, password }: URL): boolean {
  try {
    return decodeURIComponent(username + password).isWellFormed()
  } catch {
    return false
  }
}

/** What stands before every key: `heirloom`, or `{heirloom}` to keep a cluster's keys together. */
export const keyPrefix: ReadValue<string> = (raw) => {
  const given = text(raw)
  return given !== undefined && /^[\w.:{}-]{1,100}$/u.test(given) ? given : undefined
}

/** `item`, or `item:6,thumbnail:2`; in YAML a list, too. Kept as text. */
export const laneNumbers: ReadValue<string> = (raw) => {
  const words = wordsOf(raw)?.map((word) => word.replaceAll(/\s/gu, ''))
  const lanes = words?.map(parseLane)
  if (words === undefined || lanes === undefined || !lanes.every((lane) => lane !== undefined))
    return undefined
  return new Set(lanes.map(({ lane }) => lane)).size === lanes.length ? words.join(',') : undefined
}

/** Of what {@link laneNumbers} has accepted. */
export function parseLanes(setting: string): readonly LaneRequest[] {
  return setting
    .split(',')
    .map(parseLane)
    .filter((lane) => lane !== undefined)
}

function parseLane(word: string): LaneRequest | undefined {
  const { name, digits } = /^(?<name>[a-z]+)(?::(?<digits>\d{1,3}))?$/u.exec(word)?.groups ?? {}
  const lane = REMOTE_LANES.find((one) => one === name)
  if (lane === undefined) return undefined
  if (digits === undefined) return { lane }
  const workers = Number(digits)
  return workers >= 1 && workers <= MAX_LANE_WORKERS ? { lane, workers } : undefined
}

/** `THERE=HERE`, or one folder that is called the same on both sides; several as a list, or with commas. */
export const folderMaps: ReadValue<readonly string[]> = (raw) => {
  const maps = wordsOf(raw)
  return maps?.every((map) => parseMap(map) !== undefined) ? maps : undefined
}

/** Of one part of what {@link folderMaps} has accepted. */
export function parseMap(map: string): PathMap | undefined {
  const whole = folderHere(map)
  if (whole !== undefined && !map.includes('=')) return { there: whole, here: whole }
  // A folder's name may have a `=`: the one is meant that has an absolute path on both sides.
  const splits = [...map.matchAll(/=/gu)]
    .map(({ index }) => ({ there: folderThere(map.slice(0, index)), here: folderHere(map.slice(index + 1)) }))
    .filter(({ there, here }) => there !== undefined && here !== undefined)
  const [{ there, here } = {}, ...others] = splits
  return there !== undefined && here !== undefined && others.length === 0 ? { there, here } : undefined
}

/** The coordinator's system may be another one. */
function folderThere(path: string): string | undefined {
  const trimmed = path.trim()
  if (posix.isAbsolute(trimmed)) return posix.resolve(trimmed)
  return win32.isAbsolute(trimmed) ? win32.resolve(trimmed) : undefined
}

function folderHere(path: string): string | undefined {
  const trimmed = path.trim()
  return isAbsolute(trimmed) ? resolve(trimmed) : undefined
}

/** `BUCKET`, or `ENDPOINT/BUCKET`; several as a list, or with commas. */
export const bucketNames: ReadValue<readonly string[]> = (raw) => {
  const buckets = wordsOf(raw)
  return buckets?.every((bucket) => parseBucket(bucket) !== undefined) ? buckets : undefined
}

/** Of one part of what {@link bucketNames} has accepted: `https://minio.local:9000/photos`. */
export function parseBucket(word: string): AllowedBucket | undefined {
  const { endpoint, bucket = '' } =
    /^(?:(?<endpoint>https?:\/\/[^/?#@]+)\/)?(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$/u.exec(word)
      ?.groups ?? {}
  const found = { bucket, ...(endpoint === undefined ? {} : { endpoint }) }
  try {
    verifyS3Config({ kind: 's3', prefix: '', ...found })
    return found
  } catch {
    return undefined
  }
}

/** Text with commas between its parts; or a list, whose parts may have commas. None that is empty. */
function wordsOf(raw: unknown): readonly string[] | undefined {
  const parts: readonly unknown[] = Array.isArray(raw) ? raw : typeof raw === 'string' ? raw.split(',') : []
  const words = parts.map((part) => text(part))
  return words.length > 0 && words.every((word) => word !== undefined) ? words : undefined
}
