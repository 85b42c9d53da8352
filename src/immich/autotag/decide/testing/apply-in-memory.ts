/**
 * What a server and the memory of runs are after a plan was applied: the other half of the property that a second plan
 * is empty.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { AlbumRef, AppliedFact, AppliedFacts, DateText, Fact, Plan, Step } from '../../plan.ts'
import type { Snapshot, SnapshotAlbum, SnapshotAsset, TakenDate } from '../../snapshot.ts'
import { toZoneText } from '../file-zone.ts'
import { tagId, tagsOf, withParents } from './library.ts'

const MINUTE_MS = 60_000

interface ServerAsset {
  readonly asset: SnapshotAsset
  readonly tags: Set<string>
  readonly albumIds: Set<string>
  taken: TakenDate | undefined
  wallClockMs: number
  isFavourite: boolean
  rating: number | undefined
}

interface Server {
  readonly assets: Map<string, ServerAsset>
  readonly albums: Map<string, SnapshotAlbum>
  readonly tags: Set<string>
}

/** The library after a plan was applied; a step that does not fit what is there fails. */
export function applyInMemory(snapshot: Snapshot, plan: Pick<Plan, 'steps'>): Snapshot {
  const server = toServer(snapshot)
  for (const step of plan.steps) apply(server, step)
  return toSnapshot(snapshot, server)
}

export function madeAlbumId(name: string): string {
  return `made ${name}`
}

function toServer({ assets, albums, tags }: Snapshot): Server {
  const values = new Map([...tags.values()].map(({ id, value }) => [id, value]))
  return {
    assets: new Map([...assets].map(([id, asset]) => [id, toServerAsset(asset, values)])),
    albums: new Map(albums),
    tags: new Set(values.values()),
  }
}

function toServerAsset(asset: SnapshotAsset, values: ReadonlyMap<string, string>): ServerAsset {
  const shown = asset.tagIds.flatMap((id) => values.get(id) ?? [])
  const given = shown.filter((value) => !shown.some((other) => other.startsWith(`${value}/`)))
  const { taken, wallClockMs, isFavourite, rating } = asset
  return {
    asset,
    tags: new Set(given),
    albumIds: new Set(asset.albumIds),
    taken,
    wallClockMs,
    isFavourite,
    rating,
  }
}

function apply(server: Server, step: Step): void {
  switch (step.op) {
    case 'tag.add':
    case 'tag.remove':
      applyTag(server, step)
      break
    case 'album.create':
    case 'album.add':
    case 'album.remove':
      applyAlbum(server, step)
      break
    case 'date.set':
      for (const [index, id] of step.assetIds.entries()) {
        applyDate(server, id, step.to, step.before[index] ?? null)
      }
      break
    case 'asset.set':
      applyWords(server, step)
      break
    case 'album.delete':
      assert.equal(server.albums.get(step.album.id)?.isOwned, true)
      assert.equal(countIn(server, step.album.id), 0, `album ${step.album.name} is not empty`)
      server.albums.delete(step.album.id)
      break
    case 'share.add':
    case 'share.role':
    case 'share.remove':
      applyShare(server, step)
  }
}

function get(server: Server, id: string): ServerAsset {
  const found = server.assets.get(id)
  assert.ok(found, `asset ${id} is not there`)
  return found
}

function applyTag(
  server: Server,
  { op, tag, assetIds }: Extract<Step, { op: 'tag.add' | 'tag.remove' }>,
): void {
  if (op === 'tag.add') for (const value of withParents([tag])) server.tags.add(value)
  for (const id of assetIds) {
    const { tags } = get(server, id)
    const shown = withParents([...tags])
    assert.equal(shown.includes(tag), op === 'tag.remove', `tag ${tag} of ${id}`)
    if (op === 'tag.add') tags.add(tag)
    else assert.ok(tags.delete(tag), `tag ${tag} of ${id} is not its own`)
  }
}

function idOf(ref: AlbumRef): string {
  return 'id' in ref ? ref.id : madeAlbumId(ref.key)
}

function applyAlbum(
  server: Server,
  step: Extract<Step, { op: 'album.create' | 'album.add' | 'album.remove' }>,
): void {
  const id = idOf(step.album)
  if (step.op === 'album.create') {
    assert.ok(!server.albums.has(id), `album ${id} is there`)
    assert.ok(step.assetIds.length > 0)
    server.albums.set(id, emptyAlbum(id, step.album.name))
  }
  assert.ok(server.albums.has(id), `album ${id} is not there`)
  for (const assetId of step.assetIds) {
    const { albumIds } = get(server, assetId)
    assert.equal(albumIds.has(id), step.op === 'album.remove', `${assetId} in ${id}`)
    if (step.op === 'album.remove') albumIds.delete(id)
    else albumIds.add(id)
  }
}

function emptyAlbum(id: string, name: string): SnapshotAlbum {
  return {
    id,
    name,
    description: '',
    isOwned: true,
    assetCount: 0,
    startMs: undefined,
    endMs: undefined,
    members: [],
    fingerprint: id,
  }
}

function countIn(server: Server, albumId: string): number {
  return [...server.assets.values()].filter(({ albumIds }) => albumIds.has(albumId)).length
}

function applyDate(server: Server, id: string, to: DateText, before: DateText | null): void {
  const asset = get(server, id)
  const now = asset.taken?.atMs ?? null
  assert.equal(before === null ? null : Date.parse(before.dateTimeOriginal), now, `date of ${id}`)
  const atMs = Date.parse(to.dateTimeOriginal)
  const offset = offsetOf(to.dateTimeOriginal)
  asset.taken = { atMs, zone: to.timeZone ?? toZoneText(offset) }
  asset.wallClockMs = atMs + offset * MINUTE_MS
}

function offsetOf(text: string): number {
  const { sign, hours, minutes } = /(?<sign>[+-])(?<hours>\d\d):(?<minutes>\d\d)$/u.exec(text)?.groups ?? {}
  assert.ok(sign, `${text} has no offset`)
  return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
}

function applyWords(server: Server, step: Extract<Step, { op: 'asset.set' }>): void {
  for (const [index, id] of step.assetIds.entries()) {
    const asset = get(server, id)
    const before = step.before[index] ?? null
    if ('rating' in step.to) {
      assert.equal(asset.rating ?? null, before)
      asset.rating = step.to.rating ?? undefined
    } else {
      assert.equal(asset.isFavourite, before)
      asset.isFavourite = step.to.isFavourite
    }
  }
}

function applyShare(
  server: Server,
  step: Extract<Step, { op: 'share.add' | 'share.role' | 'share.remove' }>,
): void {
  const album = server.albums.get(idOf(step.album))
  assert.ok(album?.isOwned, 'only own albums are shared')
  const member = album.members.find(({ userId }) => userId === step.userId)
  assert.equal(member?.role, step.op === 'share.add' ? undefined : step.before)
  const others = album.members.filter(({ userId }) => userId !== step.userId)
  const members = step.op === 'share.remove' ? others : [...others, { userId: step.userId, role: step.role }]
  server.albums.set(album.id, { ...album, members: members.sort((a, b) => (a.userId < b.userId ? -1 : 1)) })
}

function toSnapshot(before: Snapshot, server: Server): Snapshot {
  const values = new Map([...before.tags.values()].map((tag) => [tag.value, tag.id]))
  const tags = tagsOf([...server.tags]).map((tag) => ({ ...tag, id: values.get(tag.value) ?? tag.id }))
  const tagIds = new Map(tags.map(({ id, value }) => [value, id]))
  const assets = new Map<string, SnapshotAsset>()
  for (const [id, { asset, ...now }] of server.assets) {
    assets.set(id, {
      ...asset,
      taken: now.taken,
      wallClockMs: now.wallClockMs,
      isFavourite: now.isFavourite,
      rating: now.rating,
      tagIds: withParents([...now.tags]).map((value) => tagIds.get(value) ?? tagId(value)),
      albumIds: [...now.albumIds],
    })
  }
  return {
    ...before,
    assets,
    tags: new Map(tags.map((tag) => [tag.id, tag])),
    albums: new Map([...server.albums].map(([id, album]) => [id, recount(before, server, album)])),
  }
}

/** What of an album's count is not among the assets that were read stays. */
function recount(before: Snapshot, server: Server, album: SnapshotAlbum): SnapshotAlbum {
  const known = before.albums.get(album.id)
  const read = [...before.assets.values()].filter(({ albumIds }) => albumIds.includes(album.id)).length
  const others = known === undefined ? 0 : known.assetCount - read
  return { ...album, assetCount: countIn(server, album.id) + others }
}

/** What is remembered after a plan was applied, the newest last. */
export function factsAfter(before: AppliedFacts, plan: Pick<Plan, 'steps'>): AppliedFacts {
  const table = new Map<string, AppliedFact[]>()
  const madeAlbums = new Map(before.madeAlbums)
  let seq = 1_000_000
  const add = (subjectId: string, fact: Fact, rule: string): void => {
    seq += 1
    const key = `${subjectId} ${fact.kind}`
    const known = table.get(key) ?? [...before.of(subjectId, fact.kind)]
    const others = known.filter((one) => valueKey(one) !== valueKey(fact))
    table.set(key, [...others, { ...fact, rule, seq }])
  }
  for (const step of plan.steps) {
    if (step.op === 'album.create') madeAlbums.set(madeAlbumId(step.album.key), step.rule)
    if (step.op === 'album.delete') madeAlbums.delete(step.album.id)
    for (const { subjectId, fact } of factsOf(step)) add(subjectId, fact, step.rule)
  }
  return {
    of: (subjectId, kind) => table.get(`${subjectId} ${kind}`) ?? before.of(subjectId, kind),
    madeAlbums,
  }
}

/** A subject has many tags, albums and members, but one date, one rating, and is a favourite or not. */
function valueKey(fact: Fact): string {
  return fact.kind === 'tag' || fact.kind === 'album' || fact.kind === 'share' ? fact.value : ''
}

function factsOf(step: Step): readonly { readonly subjectId: string; readonly fact: Fact }[] {
  if ('assetIds' in step) {
    const fact = assetFact(step)
    return step.assetIds.map((subjectId) => ({ subjectId, fact }))
  }
  if (step.op === 'album.delete') return []
  const role = step.op === 'share.remove' ? null : step.role
  return [{ subjectId: idOf(step.album), fact: { kind: 'share', value: step.userId, role } }]
}

function assetFact(step: Extract<Step, { readonly assetIds: readonly string[] }>): Fact {
  switch (step.op) {
    case 'tag.add':
    case 'tag.remove':
      return { kind: 'tag', value: step.tag, is: step.op === 'tag.add' }
    case 'date.set':
      return { kind: 'date', value: step.to.dateTimeOriginal }
    case 'asset.set':
      return 'rating' in step.to
        ? { kind: 'rating', value: step.to.rating ?? 0 }
        : { kind: 'favorite', is: step.to.isFavourite }
    case 'album.create':
    case 'album.add':
    case 'album.remove':
      return { kind: 'album', value: idOf(step.album), name: step.album.name, is: step.op !== 'album.remove' }
  }
}

/** The library as it was before a plan: each step taken back, the last one first. */
export function undoInMemory(after: Snapshot, plan: Pick<Plan, 'steps'>): Snapshot {
  const server = toServer(after)
  for (const step of plan.steps.toReversed()) undo(server, step)
  return toSnapshot(after, server)
}

function undo(server: Server, step: Step): void {
  switch (step.op) {
    case 'tag.add':
    case 'tag.remove':
      applyTag(server, { ...step, op: step.op === 'tag.add' ? 'tag.remove' : 'tag.add' })
      break
    case 'album.create':
      applyAlbum(server, { ...step, op: 'album.remove' })
      server.albums.delete(idOf(step.album))
      break
    case 'album.add':
    case 'album.remove':
      applyAlbum(server, { ...step, op: step.op === 'album.add' ? 'album.remove' : 'album.add' })
      break
    case 'date.set':
      undoDates(server, step)
      break
    case 'asset.set':
      undoWords(server, step)
      break
    case 'album.delete':
      server.albums.set(step.album.id, {
        ...emptyAlbum(step.album.id, step.album.name),
        members: step.before.members,
      })
      break
    case 'share.add':
    case 'share.role':
    case 'share.remove':
      undoShare(server, step)
  }
}

function undoDates(server: Server, { assetIds, before }: Extract<Step, { op: 'date.set' }>): void {
  for (const [index, id] of assetIds.entries()) {
    const old = before[index]
    const zone = old?.timeZone ?? undefined
    get(server, id).taken = old ? { atMs: Date.parse(old.dateTimeOriginal), zone } : undefined
  }
}

function undoWords(server: Server, step: Extract<Step, { op: 'asset.set' }>): void {
  for (const [index, id] of step.assetIds.entries()) {
    const before = step.before[index]
    if ('rating' in step.to) get(server, id).rating = typeof before === 'number' ? before : undefined
    else get(server, id).isFavourite = before === true
  }
}

function undoShare(
  server: Server,
  step: Extract<Step, { op: 'share.add' | 'share.role' | 'share.remove' }>,
): void {
  if (step.op === 'share.add') applyShare(server, { ...step, op: 'share.remove', before: step.role })
  else if (step.op === 'share.remove') applyShare(server, { ...step, op: 'share.add', role: step.before })
  else applyShare(server, { ...step, role: step.before, before: step.role })
}
