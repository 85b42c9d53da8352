/**
 * The client that keeps a library in order, for servers 2.5 to 3.2: it knows routes, shapes and versions, and decides
 * nothing.
 *
 * Which of the ways of a server is taken is found by asking it (`capabilities.ts`), never by its version alone, and no
 * version is asked to be equal to anything. No call needs an administrator.
 *
 * @module
 */

import { systemClock } from '../../../clock.ts'
import { DEFAULT_BREAKER } from '../../breaker.ts'
import { accountMethods } from '../../client-account.ts'
import { connect, type ImmichClientOptions } from '../../connection.ts'
import { isOverload } from '../../immich-errors.ts'
import { type CallClass, createLimiter } from '../../limiter.ts'
import type { AutotagApi, BulkKind } from '../autotag-api.ts'
import { albumReads } from './album-reads.ts'
import { albumWrites } from './album-writes.ts'
import { assetWrites } from './asset-methods.ts'
import { createBulkChunks } from './bulk-chunks.ts'
import { createCapabilities } from './capabilities.ts'
import { libraryReads } from './library-methods.ts'
import { once } from './once.ts'
import { searchMethods } from './search.ts'
import { syncMemberships } from './sync-memberships.ts'
import { tagMethods } from './tag-methods.ts'

export interface AutotagClientOptions extends ImmichClientOptions {
  /** Leaves the server to others. */
  readonly isNice?: boolean
  /** So many calls at a time; undefined: it adapts. */
  readonly concurrency?: number | undefined
}

/** Failures in a row that look like nobody being there. */
const BREAKER_THRESHOLD = 5

/**
 * A ping stays green while the database has no connection left (immich #31415). This reads the key or session in it
 * first; what it answers then, even a refusal, is a sign of life.
 */
const DATABASE_PROBE = { name: 'asking the database for a sign of life', route: '/api-keys/me' }

const CLASS_OF: Readonly<Record<BulkKind, CallClass>> = {
  tag: 'tag',
  untag: 'tag',
  album: 'album-write',
  asset: 'asset',
}

export function createAutotagClient(options: AutotagClientOptions): AutotagApi {
  const breaker = { ...DEFAULT_BREAKER, threshold: BREAKER_THRESHOLD, ...options.breaker }
  const { clock = systemClock, isNice = false, concurrency } = options
  const limiter =
    options.limiter ??
    createLimiter({ isOverload, isNice, concurrency, startsQuickly: true, now: () => clock.now() })
  const {
    context: shared,
    traffic,
    version,
    close,
  } = connect({ ...options, breaker, limiter }, DATABASE_PROBE)
  const context = { ...shared, chunks: createBulkChunks() }
  const { me, permissions } = accountMethods(context)
  const account = { me: once(() => me()) }
  const capabilities = createCapabilities(context)
  const api: AutotagApi = {
    address: context.base,
    traffic,
    chunkSize: (kind) => context.chunks[kind].size,
    room: (kind) => limiter.look(CLASS_OF[kind]).limit,
    version,
    permissions,
    capabilities: capabilities.read,
    ...libraryReads(context, account),
    ...tagMethods(context),
    ...albumReads(context, account),
    ...albumWrites(context),
    ...assetWrites(context),
    ...searchMethods(context, capabilities),
    syncMemberships: (signal) => syncMemberships(context, signal),
    close,
  }
  return Object.freeze(api)
}
