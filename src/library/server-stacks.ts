/**
 * Stacks as a server shall have them: see `server-albums.ts`, which the rules are the same for.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { IS_THERE, type ServerPage } from './server-albums.ts'
import { prepared } from './statements.ts'

export interface PlannedStackMembers {
  /** The item's primary. */
  readonly assetId: number
  /** Two or more; the shown one first. */
  readonly members: readonly number[]
}

/** Idempotent: a stack that is done is open again only for a member that it has not. */
export function planStacks(db: DatabaseSync, serverId: number, stacks: readonly PlannedStackMembers[]): void {
  const find = prepared(db, 'SELECT members FROM server_stacks WHERE server_id = ? AND asset_id = ?')
  const put = prepared(
    db,
    `INSERT INTO server_stacks (server_id, asset_id, members, state) SELECT ?, id, ?, 'planned' FROM assets WHERE id = ?
     ON CONFLICT (server_id, asset_id) DO UPDATE SET members = excluded.members,
       state = CASE state WHEN 'done' THEN 'planned' ELSE state END`,
  )
  for (const { assetId, members } of stacks) {
    const known = find.get(serverId, assetId)?.['members']
    const before: number[] = known === undefined ? [] : JSON.parse(String(known))
    if (members.every((member) => before.includes(member))) continue
    const kept = before.filter((member) => !members.includes(member))
    put.run(serverId, JSON.stringify([...members, ...kept]), assetId)
  }
}

export interface OpenStackRow {
  readonly assetId: number
  readonly state: 'planned' | 'intended'
  /** Our own one of before, which lacks a member. */
  readonly remoteId?: string
  readonly remoteIds: readonly string[]
  /** We have sent all of them. */
  readonly isFresh: boolean
}

/** A page, by primaries, of the stacks that have yet to be made and have two members on the server. */
export function listOpenStacks(db: DatabaseSync, page: ServerPage): OpenStackRow[] {
  return prepared(
    db,
    // In this order of the tables: by way of all uploads it takes 16 s for 100,000 of them, so 3 ms.
    `SELECT stack.asset_id, stack.state, stack.remote_id,
       json_group_array(uploads.remote_id ORDER BY member.key) AS remote_ids,
       min(uploads.state = 'uploaded') AS is_fresh
     FROM server_stacks AS stack CROSS JOIN json_each(stack.members) AS member
       CROSS JOIN uploads ON uploads.server_id = stack.server_id AND uploads.asset_id = member.value
     WHERE stack.server_id = $serverId AND stack.asset_id > $after AND stack.state IN ('planned', 'intended')
       AND ${IS_THERE}
     GROUP BY stack.asset_id HAVING count(*) > 1 ORDER BY stack.asset_id LIMIT $limit`,
  )
    .all({ ...page })
    .map((row) => ({
      assetId: Number(row['asset_id']),
      state: row['state'] as OpenStackRow['state'],
      remoteIds: JSON.parse(String(row['remote_ids'])),
      isFresh: row['is_fresh'] === 1,
      ...(row['remote_id'] === null ? {} : { remoteId: String(row['remote_id']) }),
    }))
}

/** The server is about to be asked to make it. */
export function intendStack(db: DatabaseSync, serverId: number, assetId: number): void {
  prepared(db, "UPDATE server_stacks SET state = 'intended' WHERE server_id = ? AND asset_id = ?").run(
    serverId,
    assetId,
  )
}

/** `left`: its pictures are in another stack, or not to be stacked; nobody asks again. */
export function settleStack(
  db: DatabaseSync,
  serverId: number,
  assetId: number,
  end: { readonly state: 'done'; readonly remoteId: string } | { readonly state: 'left' },
): void {
  prepared(
    db,
    // What could not be sent is not in it: the next plan finds it missing, and opens the stack again.
    `UPDATE server_stacks SET state = $state, remote_id = $remoteId,
       members = (SELECT json_group_array(value ORDER BY key) FROM json_each(members) JOIN uploads
         ON uploads.server_id = $serverId AND uploads.asset_id = value WHERE ${IS_THERE})
     WHERE server_id = $serverId AND asset_id = $assetId`,
  ).run({
    state: end.state,
    remoteId: end.state === 'done' ? end.remoteId : null,
    serverId,
    assetId,
  })
}
