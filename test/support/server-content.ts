/**
 * What should be on a server after the upload of a library, read from its catalog, and what is there.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { FakeAsset, FakeStack, FakeState } from './fake-immich/fake-state.ts'

export interface ServerContent {
  /** SHA-1 of each file, sorted: one that is there twice stands here twice. */
  readonly files: readonly string[]
  /** SHA-1s by album, sorted. */
  readonly albums: Readonly<Record<string, readonly string[]>>
  /** SHA-1s of each stack, the one that is shown first, the others sorted. */
  readonly stacks: readonly (readonly string[])[]
}

/** What is looked at of a server. */
export type ServerTables = Pick<FakeState, 'assets' | 'albums' | 'stacks' | 'violations'>

const FILES = `
  SELECT lower(hex(written_sha1)) AS sha1 FROM assets
  WHERE trashed = 0 AND role NOT IN ('overlay', 'edit-instructions') ORDER BY sha1`

/** An album gets the picture that is shown of an item: the edited one, where there is one. */
const ALBUMS = `
  SELECT DISTINCT albums.title, lower(hex(coalesce(edited.written_sha1, head.written_sha1))) AS sha1
  FROM albums JOIN album_assets ON album_id = albums.id JOIN assets AS member ON member.id = album_assets.asset_id
    JOIN assets AS head ON head.id = coalesce(member.primary_asset_id, member.id)
    LEFT JOIN assets AS edited ON edited.primary_asset_id = head.id AND edited.role = 'edited'
  WHERE head.trashed = 0 ORDER BY albums.title, sha1`

/** The edited one is shown of a stack; no library of the tests has two of one picture, or a RAW file. */
const STACKS = `
  SELECT lower(hex(edited.written_sha1)) AS shown, lower(hex(head.written_sha1)) AS below
  FROM assets AS edited JOIN assets AS head ON head.id = edited.primary_asset_id
  WHERE edited.role = 'edited' AND head.trashed = 0 ORDER BY shown`

export function expectedContent(library: string): ServerContent {
  const db = new DatabaseSync(join(library, '.heirloom/library.db'), { readOnly: true })
  try {
    const albums: Record<string, string[]> = {}
    for (const { title, sha1 } of db.prepare(ALBUMS).all()) {
      const members = albums[String(title)] ?? []
      albums[String(title)] = [...members, String(sha1)]
    }
    const files = db
      .prepare(FILES)
      .all()
      .map(({ sha1 }) => String(sha1))
    const stacks = db
      .prepare(STACKS)
      .all()
      .map(({ shown, below }) => [String(shown), String(below)])
    return { files, albums, stacks }
  } finally {
    db.close()
  }
}

export function serverContent(state: ServerTables): ServerContent {
  const assets = [...state.assets.values()]
  const sha1s = new Map(assets.map(({ id, sha1 }) => [id, sha1]))
  const albums = [...state.albums.values()].map(({ id, name, assetIds }) => ({
    // Two of one name would hide each other.
    name: [...state.albums.values()].some((other) => other.name === name && other.id !== id)
      ? `${name} (${id})`
      : name,
    members: [...assetIds].map((assetId) => sha1s.get(assetId) ?? 'unknown').toSorted(),
  }))
  return {
    files: assets.map(({ sha1 }) => sha1).toSorted(),
    albums: Object.fromEntries(
      albums.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, members }) => [name, members]),
    ),
    stacks: [...state.stacks.values()].map((stack) => stackOf(stack, assets)).toSorted(byFirst),
  }
}

function stackOf({ id, primaryAssetId }: FakeStack, assets: readonly FakeAsset[]): string[] {
  const members = assets.filter(({ stackId }) => stackId === id)
  const others = members.filter((asset) => asset.id !== primaryAssetId).map(({ sha1 }) => sha1)
  return [assets.find((asset) => asset.id === primaryAssetId)?.sha1 ?? 'unknown', ...others.toSorted()]
}

function byFirst([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return a < b ? -1 : 1
}

/** Every file once, every album and stack exactly, and nothing that a correct client never does. */
export function assertUploaded(library: string, state: ServerTables, why = ''): void {
  const expected = expectedContent(library)
  const found = serverContent(state)
  assert.deepEqual(found.files, expected.files, why)
  assert.deepEqual(sorted(found.albums), sorted(expected.albums), why)
  assert.deepEqual(found.stacks, expected.stacks, why)
  assert.deepEqual(state.violations, [], why)
}

function sorted(albums: ServerContent['albums']): unknown {
  return Object.entries(albums).toSorted(([a], [b]) => (a < b ? -1 : 1))
}
