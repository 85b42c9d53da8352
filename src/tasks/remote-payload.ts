/**
 * Checks what comes out of Redis before anything of it is used: whoever can write there must not get more of a worker
 * host than thumbnails and temporary files in the folders that it was given.
 *
 * Every field is checked, unknown ones are refused, and paths and buckets only get through when they are mapped or
 * allowed. Pure: what lies on the disk behind a path is looked at in the worker process (`remote-worker-module.ts`).
 *
 * @module
 */

import { en } from 'zod/locales'
import * as z from 'zod/mini'
import { HeirloomError } from '../errors.ts'
import { MAX_THUMBNAIL_SIZE, THUMBNAIL_FORMATS } from '../media/thumbnail/thumbnail.ts'
import { REMOTE_PROTOCOL } from '../queue/remote.ts'
import { STATE_FOLDER } from '../storage/local-storage.ts'
import type { ObjectStoreConfig } from '../storage/object-store.ts'
import { verifyS3Config } from '../storage/object-store-address.ts'
import { segmentsOf } from '../storage/storage.ts'
import type { ItemPayload } from './item.ts'
import type { AllowedBucket } from './remote-api.ts'
import type { MappedPaths } from './remote-paths.ts'
import type { HostedTask, HostRoot, RemoteKind, RemotePayload } from './remote-payload-paths.ts'
import { mapItemPaths, mapThumbnailPaths } from './remote-payload-paths.ts'
import type { ThumbnailPayload } from './thumbnail-task.ts'

/** Thrown for a task of a kind that is not run remotely. */
export class UnknownRemoteKindError extends HeirloomError {
  readonly code = 'remote/unknown-kind'
  readonly recovery = 'discard'

  constructor(kind: string) {
    super(`tasks of kind ${JSON.stringify(kind.slice(0, 100))} are not run by worker hosts`)
  }
}

/** Thrown for a payload that no coordinator of this version writes. */
export class InvalidPayloadError extends HeirloomError {
  readonly code = 'remote/invalid-payload'
  readonly recovery = 'discard'

  constructor(problem: string) {
    super(`payload is not that of a task: ${problem}`, {
      hint: 'See who else can write into this Redis, and that all hosts have the same version of heirloom.',
    })
  }
}

/** Thrown for a task whose coordinator is of another version: another host may understand it. */
export class RemoteVersionError extends HeirloomError {
  readonly code = 'remote/version'
  readonly recovery = 'retry'

  constructor(version: number) {
    super(`coordinator speaks version ${version} of the protocol, this worker host ${REMOTE_PROTOCOL}`, {
      hint: 'Install the same version of heirloom on the coordinator and on all worker hosts.',
    })
  }
}

/** Thrown for a bucket that this host was not told of: another one may have been. */
export class BucketNotAllowedError extends HeirloomError {
  readonly code = 'remote/bucket-not-allowed'
  readonly recovery = 'retry'

  constructor({ bucket, endpoint }: AllowedBucket) {
    const name = endpoint === undefined ? bucket : `${endpoint.replace(/\/+$/u, '')}/${bucket}`
    super(`bucket ${name} is not one that this worker may use`, {
      hint: `Start the worker with --bucket ${name}, and its credentials in the environment.`,
    })
  }
}

/** What a worker host lets its tasks reach. */
export interface HostLimits {
  readonly paths: MappedPaths
  readonly roots: readonly HostRoot[]
  readonly buckets: readonly AllowedBucket[]
  /** Absolute: a folder of this host's own. */
  readonly scratch: string
}

/**
 * A task as a worker process of this host gets it: checked, and with the paths of this host.
 *
 * @param envelope - As it was found in Redis.
 * @throws {@link UnknownRemoteKindError}, {@link InvalidPayloadError}, {@link RemoteVersionError},
 *   {@link BucketNotAllowedError}, PathNotMappedError
 */
export function toHostedTask(kind: string, envelope: unknown, limits: HostLimits): HostedTask {
  requireBounded(envelope)
  const { origin, taskId, attempt, payload, version } = parse(ENVELOPE, envelope)
  if (version !== REMOTE_PROTOCOL) throw new RemoteVersionError(version)
  if (!isRemoteKind(kind)) throw new UnknownRemoteKindError(kind)
  const { roots, scratch } = limits
  return { origin, taskId, attempt, roots, scratch, payload: PAYLOADS[kind](payload, limits) }
}

function isRemoteKind(kind: string): kind is RemoteKind {
  return Object.hasOwn(PAYLOADS, kind)
}

const PAYLOADS: Readonly<Record<RemoteKind, (payload: unknown, limits: HostLimits) => RemotePayload>> = {
  item: hostItem,
  thumbnail: hostThumbnail,
}

function hostItem(raw: unknown, { paths }: HostLimits): ItemPayload {
  const payload = parse(ITEM, raw)
  const { tempFolder } = payload.options
  // The only places that are written to: so nothing that lies anywhere else can be in danger.
  if (!tempFolder.endsWith(TEMP_FOLDER))
    throw new InvalidPayloadError(
      `temporary folder ${JSON.stringify(tempFolder.slice(0, 300))} is not a library's`,
    )
  const copies = payload.parts.flatMap((part) => part.copies)
  const stray = copies.find(({ facts }) => facts >= payload.facts.length)
  if (stray !== undefined)
    throw new InvalidPayloadError(`a copy has facts ${stray.facts}, which are not there`)
  return mapItemPaths(payload, paths.toHere)
}

function hostThumbnail(raw: unknown, { paths, buckets }: HostLimits): ThumbnailPayload {
  const payload = parse(THUMBNAIL, raw)
  const { source, store } = payload
  if (source.kind === 'object') {
    requireAllowed(source.store, buckets)
    requireObjectName(source.name)
  }
  requireAllowed(store, buckets)
  return mapThumbnailPaths(payload, paths.toHere)
}

function requireObjectName(name: string): void {
  try {
    segmentsOf(name)
  } catch (error) {
    throw new InvalidPayloadError(error instanceof Error ? error.message : String(error))
  }
}

function requireAllowed(store: ObjectStoreConfig, buckets: readonly AllowedBucket[]): void {
  if (store.kind === 'local') return
  try {
    verifyS3Config(store)
  } catch (error) {
    throw new InvalidPayloadError(error instanceof Error ? error.message : String(error))
  }
  const { bucket, endpoint } = store
  const wanted = normalEndpoint(endpoint)
  const isAllowed = buckets.some((one) => one.bucket === bucket && normalEndpoint(one.endpoint) === wanted)
  if (!isAllowed) throw new BucketNotAllowedError(endpoint === undefined ? { bucket } : { bucket, endpoint })
}

/** Host names in lower case, default ports left out, no slash at the end. */
function normalEndpoint(endpoint: string | undefined): string | undefined {
  return endpoint === undefined ? undefined : (URL.parse(endpoint)?.href.replace(/\/+$/u, '') ?? endpoint)
}

// # Size

/** Of an envelope: an item of ten thousand copies has 150,000 values and 5 MB of text. */
const MAX_DEPTH = 24
const MAX_VALUES = 1_000_000
const MAX_CHARS = 32 * 1024 * 1024

/** Without recursion: what comes from outside may be nested deeper than any stack. */
function requireBounded(envelope: unknown): void {
  let level: readonly unknown[] = [envelope]
  let values = 0
  let chars = 0
  for (let depth = 0; level.length > 0; depth += 1) {
    values += level.length
    chars += level.reduce<number>((sum, value) => sum + charsOf(value), 0)
    if (depth > MAX_DEPTH) throw new InvalidPayloadError(`it is nested more than ${MAX_DEPTH} deep`)
    if (values > MAX_VALUES || chars > MAX_CHARS) throw new InvalidPayloadError('it is too large')
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    )
  }
}

function charsOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 0
  return Object.keys(value).reduce((sum, name) => sum + name.length, 0)
}

// # Shape

/** Without a language, each issue says "Invalid input" and no more. */
z.config(en())

const PROBLEM_CHARS = 300

function parse<Value>(schema: z.ZodMiniType<Value>, value: unknown): Value {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const [issue] = error.issues
  const problem = `${issue?.path.join('.') || 'value'}: ${issue?.message ?? 'invalid'}`
  throw new InvalidPayloadError(problem.slice(0, PROBLEM_CHARS))
}

const TEMP_FOLDER = `/${STATE_FOLDER}/tmp`

const text = z.string()
const flag = z.optional(z.boolean())
const count = z.int().check(z.nonnegative())
const sha1 = z.string().check(z.regex(/^[0-9a-f]{40}$/u))

/** So that the attempt that goes into temporary names is exact: see `toRunAttempt`. */
const MAX_ATTEMPT = 2 ** 21 - 1

const MAX_ORIGIN_CHARS = 1_000

const ENVELOPE = z.object({
  origin: text.check(z.maxLength(MAX_ORIGIN_CHARS)),
  taskId: count,
  attempt: count.check(z.maximum(MAX_ATTEMPT)),
  payload: z.unknown(),
  // Whoever says nothing was there before anybody asked.
  version: z._default(count, 1),
})

const position = z.strictObject({
  latitude: z.number(),
  longitude: z.number(),
  altitudeM: z.optional(z.number()),
})

const evidence = z.strictObject({
  source: z.enum(['export', 'embedded', 'xmp-sidecar', 'file-name', 'folder-name', 'file-time']),
  detail: text,
  at: z.optional(z.number()),
  local: z.optional(text),
  offsetMinutes: z.optional(z.number()),
  precision: z.enum(['second', 'minute', 'day', 'month', 'year']),
})

const facts = z.strictObject({
  taken: z.array(evidence),
  isUndated: flag,
  position: z.optional(position),
  caption: z.optional(text),
  people: z.array(text),
  keywords: z.optional(z.array(text)),
  rating: z.optional(z.number()),
  albums: z.array(text),
  title: z.optional(text),
  favourite: flag,
  archived: flag,
  trashed: flag,
  shared: flag,
})

const entrySource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), file: text }),
  z.strictObject({
    kind: z.literal('zip'),
    file: text,
    headerOffset: count,
    compressedSize: count,
    method: z.literal([0, 8]),
    crc32: count.check(z.maximum(0xffff_ffff)),
  }),
  z.strictObject({ kind: z.literal('stream'), file: text, ordinal: count }),
])

const kept = { path: text, sizeBytes: count, source: entrySource, spooled: flag }

const copy = z.strictObject({
  ...kept,
  fileId: count,
  facts: count,
  sha1: z.optional(sha1),
  xmp: z.optional(z.strictObject(kept)),
})

const part = z.strictObject({
  role: z.enum(['primary', 'edited', 'live-video', 'motion-video', 'raw', 'overlay', 'edit-instructions']),
  copies: z.array(copy),
})

const placement = z.strictObject({
  exportId: count,
  exportName: text,
  exportFolder: text,
  account: z.optional(text),
  platform: z.strictObject({ name: text, folder: text, stem: text }),
})

const itemShape = z.strictObject({
  placement,
  options: z.strictObject({
    tempFolder: text,
    metadata: z.enum(['embed', 'sidecar']),
    zone: z.optional(text),
  }),
  facts: z.array(facts),
  albumTitles: z.record(text, text),
  parts: z.array(part),
})

const store = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('local'), root: text, durable: flag }),
  z.strictObject({
    kind: z.literal('s3'),
    bucket: text,
    prefix: text,
    region: z.optional(text),
    endpoint: z.optional(text),
  }),
])

/** More sizes than anybody has use for. */
const MAX_SIZES = 32

const thumbnailShape = z.strictObject({
  source: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('file'), path: text }),
    z.strictObject({ kind: z.literal('object'), store, name: text }),
  ]),
  sha1: z.optional(sha1),
  fileName: text,
  options: z.strictObject({
    sizes: z.array(z.int().check(z.minimum(1), z.maximum(MAX_THUMBNAIL_SIZE))).check(z.maxLength(MAX_SIZES)),
    format: z.enum(THUMBNAIL_FORMATS),
    quality: z.int().check(z.minimum(1), z.maximum(100)),
    mozjpeg: z.boolean(),
  }),
  maxPixels: z.number().check(z.positive()),
  store,
  tempFolder: z.optional(text),
})

/** Every field is there and may be undefined nowhere, so that two types can be compared. */
type Whole<Type> = Type extends readonly (infer One)[]
  ? readonly Whole<One>[]
  : Type extends object
    ? { readonly [Name in keyof Type]-?: Whole<Exclude<Type[Name], undefined>> }
    : Type

/** The schema of exactly that type, or what cannot be used: a field that is in one of them only shows when compiled. */
type SchemaOf<Type, Shape> = [Whole<Type>] extends [Whole<Shape>]
  ? [Whole<Shape>] extends [Whole<Type>]
    ? z.ZodMiniType<Type>
    : never
  : never

const ITEM = itemShape as unknown as SchemaOf<ItemPayload, z.infer<typeof itemShape>>
const THUMBNAIL = thumbnailShape as unknown as SchemaOf<ThumbnailPayload, z.infer<typeof thumbnailShape>>
