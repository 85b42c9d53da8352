/**
 * The named transactions of uploads: plans, records and intents of one server.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { ErrorRecord } from '../errors.ts'
import type { UploadFamily, UploadSettlement, UploadState, Words } from '../immich/upload-asset.ts'
import type {
  AlbumCount,
  MemberState,
  OpenAlbum,
  OpenChange,
  OpenStack,
  StackEnd,
} from '../immich/upload-journal.ts'
import type { PlannedMember, PlannedStack } from '../immich/upload-plan.ts'
import { listExports } from '../library/ledger.ts'
import {
  countAlbums,
  intendAlbum,
  linkAlbum,
  listMembers,
  listOpenAlbums,
  planMembers,
  type RemoteMember,
  type ServerPage,
  settleMembers,
} from '../library/server-albums.ts'
import { intendStack, listOpenStacks, planStacks, settleStack } from '../library/server-stacks.ts'
import { type FamilyPage, listFamilies } from '../library/upload-families.ts'
import {
  countUploads,
  failUploads,
  forgetUploads,
  listFailedUploads,
  listUntold,
  openServer,
  recordTold,
  recordUploads,
} from '../library/uploads.ts'
import type { Transaction } from '../queue/commit.ts'

export interface PlanRecord {
  readonly serverId: number
  readonly settled: readonly UploadSettlement[]
  readonly members: readonly PlannedMember[]
  readonly stacks: readonly PlannedStack[]
  /** Recorded as being there, and not there any more. */
  readonly gone: readonly number[]
}

interface MemberPage {
  readonly albumId: number
  readonly state: 'planned' | 'done'
  readonly after: number
  readonly limit: number
}

/** Request and answer of each named transaction. */
export interface UploadCalls {
  /** The row of a user on a server, for all other calls. */
  'upload.server': { request: { address: string; userId?: string }; response: { serverId: number } }
  /** In the order in which they came into the library. `hasFailed`: as a whole. */
  'upload.exports': {
    request: null
    response: readonly { readonly name: string; readonly hasFailed: boolean }[]
  }
  /** A page of items, by the ids of their first assets. */
  'upload.page': { request: FamilyPage; response: readonly UploadFamily[] }
  /** What a page's plan says beside its units; idempotent. */
  'upload.plan': { request: PlanRecord; response: null }
  'upload.record': {
    request: { serverId: number; settled: readonly UploadSettlement[] }
    response: null
  }
  /** After the last attempt of a unit. */
  'upload.fail': {
    request: { serverId: number; assetIds: readonly number[]; error: ErrorRecord }
    response: null
  }
  'upload.counts': {
    request: { serverId: number; exportName?: string }
    response: Readonly<Record<UploadState, number>>
  }
  'upload.failed': {
    request: ServerPage
    response: readonly { readonly assetId: number; readonly path: string; readonly error?: ErrorRecord }[]
  }
  'upload.albums': { request: ServerPage; response: readonly OpenAlbum[] }
  'upload.album.intend': { request: { albumId: number }; response: null }
  'upload.album.link': { request: { albumId: number; remoteId: string }; response: null }
  'upload.album.counts': { request: ServerPage & { exportName?: string }; response: readonly AlbumCount[] }
  'upload.members': { request: MemberPage; response: readonly RemoteMember[] }
  'upload.members.settle': {
    request: {
      albumId: number
      members: readonly { readonly assetId: number; readonly state: MemberState }[]
    }
    response: null
  }
  'upload.stacks': { request: ServerPage; response: readonly OpenStack[] }
  'upload.stack.intend': { request: { serverId: number; assetId: number }; response: null }
  'upload.stack.settle': { request: { serverId: number; assetId: number; end: StackEnd }; response: null }
  'upload.changes': { request: ServerPage; response: readonly OpenChange[] }
  'upload.changes.settle': {
    request: {
      serverId: number
      changes: readonly { readonly assetId: number; readonly told: Words }[]
    }
    response: null
  }
}

type TypedCalls = {
  readonly [Name in keyof UploadCalls]: (
    transaction: Transaction<DatabaseSync>,
    request: UploadCalls[Name]['request'],
  ) => UploadCalls[Name]['response']
}

export const UPLOAD_CALLS: TypedCalls = {
  'upload.server': ({ db, now }, server) => ({ serverId: openServer(db, { ...server, now }) }),
  'upload.exports': ({ db }) =>
    listExports(db).map(({ name, problems }) => ({ name, hasFailed: problems.length > 0 })),
  'upload.page': ({ db }, page) => listFamilies(db, page),
  'upload.plan': ({ db, now }, { serverId, settled, members, stacks, gone }) => {
    forgetUploads(db, serverId, gone)
    recordUploads(db, serverId, settled, now)
    planMembers(db, serverId, members)
    planStacks(db, serverId, stacks)
    return null
  },
  'upload.record': ({ db, now }, { serverId, settled }) => {
    recordUploads(db, serverId, settled, now)
    return null
  },
  'upload.fail': ({ db, now }, failed) => {
    failUploads(db, failed, now)
    return null
  },
  'upload.counts': ({ db }, request) => countUploads(db, request),
  'upload.failed': ({ db }, page) => listFailedUploads(db, page),
  'upload.albums': ({ db }, page) => listOpenAlbums(db, page),
  'upload.album.intend': ({ db }, { albumId }) => {
    intendAlbum(db, albumId)
    return null
  },
  'upload.album.link': ({ db }, { albumId, remoteId }) => {
    linkAlbum(db, albumId, remoteId)
    return null
  },
  'upload.album.counts': ({ db }, page) => countAlbums(db, page),
  'upload.members': ({ db }, page) => listMembers(db, page),
  'upload.members.settle': ({ db }, { albumId, members }) => {
    settleMembers(db, albumId, members)
    return null
  },
  'upload.stacks': ({ db }, page) => listOpenStacks(db, page),
  'upload.stack.intend': ({ db }, { serverId, assetId }) => {
    intendStack(db, serverId, assetId)
    return null
  },
  'upload.stack.settle': ({ db }, { serverId, assetId, end }) => {
    settleStack(db, serverId, assetId, end)
    return null
  },
  'upload.changes': ({ db }, page) => listUntold(db, page),
  'upload.changes.settle': ({ db }, { serverId, changes }) => {
    recordTold(db, serverId, changes)
    return null
  },
}
