/**
 * Members of albums, kept between runs in the state file.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { ALL_EVER, type MembershipCache } from '../state.ts'
import { inTransaction } from './in-transaction.ts'
import { packIds, unpackIds } from './packed-ids.ts'

/**
 * `flushed` albums are written together: a first run reads 3,400 of them, and a transaction each would cost more than
 * the reading. What a crash loses of them is read again.
 */
const WRITE_TOGETHER = 200

export interface OpenMembershipCache extends MembershipCache {
  /** Writes what waits. */
  flush(): void
}

interface Row {
  readonly fingerprint: string
  readonly ids: Uint8Array
  readonly listing: string | null
}

export function createMembershipCache(db: DatabaseSync): OpenMembershipCache {
  const select = db.prepare('SELECT fingerprint, ids, listing FROM members WHERE album_id = ?')
  const upsert = db.prepare(
    `INSERT INTO members (album_id, fingerprint, ids, listing) VALUES (?, ?, ?, ?)
     ON CONFLICT (album_id)
     DO UPDATE SET fingerprint = excluded.fingerprint, ids = excluded.ids, listing = excluded.listing`,
  )
  const remove = db.prepare('DELETE FROM members WHERE album_id = ?')
  const waiting = new Map<string, Row>()

  const flush = (): void => {
    if (waiting.size === 0) return
    inTransaction(db, () => {
      for (const [albumId, { fingerprint, ids, listing }] of waiting) {
        upsert.run(albumId, fingerprint, ids, listing)
      }
    })
    waiting.clear()
  }
  const rowOf = (albumId: string): Row | undefined =>
    waiting.get(albumId) ?? (select.get(albumId) as Row | undefined)
  return {
    read: (albumId, fingerprint) => {
      const row = rowOf(albumId)
      return row?.fingerprint === fingerprint ? unpackIds(row.ids) : undefined
    },
    last: (albumId) => {
      const row = rowOf(albumId)
      if (row === undefined) return undefined
      const { fingerprint, ids, listing } = row
      return { fingerprint, assetIds: unpackIds(ids), listing: listing ?? undefined }
    },
    write: (albumId, fingerprint, assetIds, listing) => {
      waiting.set(albumId, { fingerprint, ids: packIds(assetIds), listing: listing ?? null })
      if (waiting.size >= WRITE_TOGETHER) flush()
    },
    keepOnly: (albumIds) => {
      flush()
      const known = db.prepare('SELECT album_id FROM members').all()
      const gone = known.map((row) => String(row['album_id'])).filter((id) => !albumIds.has(id))
      if (gone.length === 0) return
      inTransaction(db, () => {
        for (const id of gone) remove.run(id)
      })
    },
    ...listingOf(db, flush),
    flush,
  }
}

function listingOf(db: DatabaseSync, flush: () => void): Pick<MembershipCache, 'listing' | 'confirm'> {
  // Only what still is as it was read: another process may have read an album again.
  const mark = db.prepare(
    'UPDATE members SET listing = ? WHERE album_id = ? AND fingerprint = ? AND listing IS NOT ?',
  )
  return {
    listing: () => {
      const row = db.prepare('SELECT id, ended_at, ids FROM listing').get()
      if (row === undefined) return undefined
      return {
        id: String(row['id']),
        endedAtMs: Number(row['ended_at']),
        assetIds: unpackIds(row['ids'] as Uint8Array),
      }
    },
    confirm: ({ id, endedAtMs, assetIds }, fingerprints) => {
      flush()
      inTransaction(db, () => {
        db.prepare(
          `INSERT INTO listing VALUES (1, ?, ?, ?)
           ON CONFLICT (one) DO UPDATE SET id = excluded.id, ended_at = excluded.ended_at, ids = excluded.ids`,
        ).run(id, endedAtMs, packIds(assetIds))
        for (const [albumId, fingerprint] of fingerprints) mark.run(id, albumId, fingerprint, ALL_EVER)
      })
    },
  }
}
