/**
 * Sharing: who is a member of which album, by words and names of albums.
 *
 * Taking somebody's access away is the one change here that hurts, so it needs every rule of the album to be sound: while
 * an address of any of them belongs to nobody, members stay who they are. Albums of others are never touched.
 *
 * @module
 */

import type { Fact, Override, Remark } from '../plan.ts'
import type { Grant, SharingRule, SharingRules } from '../rules.ts'
import type { AlbumRole, SnapshotUser } from '../snapshot.ts'
import { type AlbumDraft, toAlbumRef } from './album-register.ts'
import type { ShareChange } from './decision.ts'
import { byNameThenKey, compareText, type LibraryDraft } from './library-draft.ts'

export interface SharingDecision {
  readonly changes: readonly ShareChange[]
  readonly overrides: readonly Override[]
  readonly remarks: readonly Remark[]
}

/** Which albums will be there. */
export interface AlbumFate {
  isDeleted(album: AlbumDraft): boolean
  /** Of one that is not there yet: whether the plan makes it. */
  isMade(album: AlbumDraft): boolean
}

/** Of one user in one album. */
interface Wish {
  readonly role: AlbumRole | null
  readonly rule: string
}

const NOTHING: SharingDecision = { changes: [], overrides: [], remarks: [] }

export function decideSharing(library: LibraryDraft, fate: AlbumFate): SharingDecision {
  const { sharing } = library.rules
  if (sharing === undefined || sharing.list.length === 0) return NOTHING
  const resolved = sharing.list.map((rule) => resolve(library, rule, sharing))
  const found = [...library.albums.all()]
    .filter((album) => (album.existing === undefined ? fate.isMade(album) : !fate.isDeleted(album)))
    .sort(byNameThenKey)
    .map((album) => ({ album, rules: resolved.filter(({ rule }) => isMeant(rule, album.name)) }))
    .filter(({ rules }) => rules.length > 0)
  const shared = found
    .filter(({ album }) => album.isOwned)
    .map(({ album, rules }) => share(library, album, rules, sharing))
  return {
    changes: shared.flatMap(({ changes }) => changes),
    overrides: shared.flatMap(({ overrides }) => overrides),
    remarks: [
      ...resolved.flatMap(({ remarks }) => remarks),
      ...notOwned(found.filter(({ album }) => !album.isOwned)),
    ],
  }
}

interface ResolvedRule {
  readonly rule: SharingRule
  readonly grants: readonly { readonly user: SnapshotUser; readonly role: AlbumRole }[]
  /** Every address belongs to somebody. */
  readonly isSound: boolean
  readonly remarks: readonly Remark[]
}

function resolve({ snapshot }: LibraryDraft, rule: SharingRule, { unresolved }: SharingRules): ResolvedRule {
  const users = new Map(snapshot.users.map((user) => [user.email.toLowerCase(), user]))
  const known = rule.grants.flatMap(({ email, role }: Grant) => {
    const user = users.get(email)
    return user === undefined ? [] : [{ user, role }]
  })
  const unknown = rule.grants.filter(({ email }) => !users.has(email)).map(({ email }) => email)
  const isStopped = unknown.length > 0 && unresolved === 'stop'
  const remarks = unknown.sort(compareText).map((email): Remark => {
    const effect = isStopped ? 'the rule is not applied' : 'nobody is removed'
    return {
      rule: nameOf(rule),
      kind: 'user-unknown',
      says: `nobody has the address ${email}: ${effect}`,
      assetIds: [],
    }
  })
  return { rule, grants: isStopped ? [] : known, isSound: unknown.length === 0, remarks }
}

function nameOf({ id }: SharingRule): string {
  return `sharing/${id}`
}

function isMeant({ words, names }: SharingRule, albumName: string): boolean {
  const own = new Set(wordsOf(albumName))
  return (
    words.some((word) => own.has(word)) || names.some((pattern) => pattern.match(albumName) !== undefined)
  )
}

/** In lower case: `Lake_House-Reunion 2024` → lake, house, reunion, 2024. */
export function wordsOf(albumName: string): readonly string[] {
  return albumName
    .normalize('NFC')
    .toLowerCase()
    .split(/[\s\-_.]+/u)
    .filter((word) => word !== '')
}

function notOwned(
  found: readonly { readonly album: AlbumDraft; readonly rules: readonly ResolvedRule[] }[],
): readonly Remark[] {
  const counts = new Map<string, number>()
  for (const { rules } of found) {
    for (const { rule } of rules) counts.set(nameOf(rule), (counts.get(nameOf(rule)) ?? 0) + 1)
  }
  return [...counts].map(([rule, count]) => ({
    rule,
    kind: 'not-owned',
    says: `${count} ${count === 1 ? 'album belongs' : 'albums belong'} to others, who share it`,
    assetIds: [],
  }))
}

function share(
  library: LibraryDraft,
  album: AlbumDraft,
  rules: readonly ResolvedRule[],
  { merge }: SharingRules,
): Omit<SharingDecision, 'remarks'> {
  const members = new Map((album.existing?.members ?? []).map(({ userId, role }) => [userId, role]))
  const isSound = rules.every((one) => one.isSound)
  const wishes = new Map([...(isSound ? removals(members, rules) : []), ...grantsOf(rules, merge)])
  wishes.delete(library.snapshot.userId)
  const changes: ShareChange[] = []
  const overrides: Override[] = []
  for (const [userId, wish] of [...wishes].sort(([one], [other]) => compareText(one, other))) {
    const before = members.get(userId) ?? null
    if (wish.role === before || (!isSound && isLess(wish.role, before))) continue
    const override = overrideOf(library, album, userId, wish)
    if (override === undefined) changes.push(toChange(library, album, { userId, before, ...wish }))
    else overrides.push(override)
  }
  return { changes, overrides }
}

/** Everybody, where a rule says who exactly: those who are granted something are put back by that. */
function removals(members: ReadonlyMap<string, AlbumRole>, rules: readonly ResolvedRule[]): [string, Wish][] {
  const exact = rules.find(({ rule }) => rule.exact)
  if (exact === undefined) return []
  return [...members.keys()].map((userId) => [userId, { role: null, rule: nameOf(exact.rule) }])
}

/** What all rules together grant: the strongest role, or the one of the last rule. */
function grantsOf(rules: readonly ResolvedRule[], merge: SharingRules['merge']): Map<string, Wish> {
  const wishes = new Map<string, Wish>()
  for (const { rule, grants } of rules) {
    for (const { user, role } of grants) {
      const known = wishes.get(user.id)
      const isWeaker = known?.role === 'editor' || known?.role === role
      if (known === undefined || merge === 'last' || !isWeaker)
        wishes.set(user.id, { role, rule: nameOf(rule) })
    }
  }
  return wishes
}

function isLess(role: AlbumRole | null, before: AlbumRole | null): boolean {
  return before === 'editor' && role === 'viewer'
}

function overrideOf(
  { facts, snapshot }: LibraryDraft,
  { existing, name }: AlbumDraft,
  userId: string,
  { role, rule }: Wish,
): Override | undefined {
  if (existing === undefined) return undefined
  const applied = facts
    .of(existing.id, 'share')
    .find((fact) => fact.kind === 'share' && fact.value === userId)
  if (applied?.kind !== 'share' || applied.role !== role) return undefined
  const fact: Fact = { kind: 'share', value: userId, role }
  const who = snapshot.users.find(({ id }) => id === userId)?.email ?? userId
  const did = role === null ? `invited ${who} to` : `changed ${who} in`
  return { rule, fact, subjectId: existing.id, says: `user ${did} album "${name}"` }
}

function toChange(
  { snapshot }: LibraryDraft,
  album: AlbumDraft,
  { userId, role, before, rule }: Wish & { readonly userId: string; readonly before: AlbumRole | null },
): ShareChange {
  const email = snapshot.users.find(({ id }) => id === userId)?.email ?? ''
  return { kind: 'share', rule, album: toAlbumRef(album), userId, email, role, before }
}
