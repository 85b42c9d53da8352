/**
 * Finds the items of one export that are the same picture, such as a photo and its copies in album folders, and
 * merges what their metadata says.
 *
 * Hard because items have parts: the video of a live photo may lie alone in an album, two live photos may
 * share a clip of a second of darkness, and what is a companion here may be a primary there. So items join by
 * their primary files only; a shared companion joins nothing. An item whose every file is also a file of
 * another joins that one as a companion. Keys are hints (a CRC, a sample): whether copies are really equal is
 * verified when they are read, and only then is their metadata merged ({@link mergeFacts}).
 *
 * Most items share nothing with any other: of those only the index is kept until their group is asked for.
 *
 * Near-linear, and independent of the order of the items.
 *
 * @module
 */

import type { TakenEvidence } from '../media/metadata.ts'
import type { ArchiveEntry } from './archive/archive.ts'
import type { ItemList } from './item-list.ts'
import type { CompanionRole, MediaItem, Pairing } from './media-item.ts'

/** One file of the export, and the item that tells of it. */
export interface GroupCopy {
  readonly entry: ArchiveEntry
  readonly item: MediaItem
  readonly pairing?: Pairing
  /** As in `MediaFile`. */
  readonly xmp?: ArchiveEntry
}

/** Files that are believed to be equal; the first is the one to take the bytes from. */
export interface GroupPart {
  readonly role: 'primary' | CompanionRole
  readonly copies: readonly GroupCopy[]
}

/** One picture or clip with its companions and all their copies. */
export interface ItemGroup {
  /** The primary first, the companions in the order of their first copies' paths. */
  readonly parts: readonly GroupPart[]
}

/** What an item's metadata says; of the model only the files are left out. */
export type ItemFacts = Omit<MediaItem, 'primary' | 'companions'>

/** Sorted by the path of the primary's first copy. */
export interface ItemGroups extends Iterable<ItemGroup> {
  readonly length: number
  /** One copy of each part. */
  readonly sizeBytes: number
}

/** A file of an item: what grouping needs to know of it. */
interface Member {
  readonly role: 'primary' | CompanionRole
  readonly entry: ArchiveEntry
  /** Index of the item. */
  readonly item: number
  /** 0 for the item's primary, then its companions. */
  readonly place: number
  readonly key: string
  /** Key of the item's primary. */
  readonly owner: string
  /** See {@link weightOf}. */
  readonly weight: number
}

/** Items with one primary content. */
interface Cluster {
  readonly key: string
  /** Sorted: the best copy of the primary first. */
  readonly members: Member[]
  readonly keys: Set<string>
}

type KeyOf = (entry: ArchiveEntry) => string | undefined

/**
 * Groups items by content. Every file of every item is in exactly one part of one group.
 *
 * @param keyOf - Equal for entries believed to be of equal content; undefined when that is not known, or when there
 *   is none. Empty files are never equal to anything.
 */
export function groupItems(items: ItemList, keyOf: KeyOf): ItemGroups {
  const contentKey: KeyOf = (entry) => (entry.sizeBytes === 0 ? undefined : keyOf(entry))
  const lone: number[] = []
  const others: number[] = []
  for (let index = 0; index < items.length; index += 1) {
    const isLone = items.filesOf(index).every((entry) => contentKey(entry) === undefined)
    const list = isLone ? lone : others
    list.push(index)
  }
  return new Groups(items, lone, joinClusters(others.flatMap((index) => membersOf(items, index, contentKey))))
}

/** Makes each group when it is its turn. */
class Groups implements ItemGroups {
  readonly #items: ItemList
  /** Of a lone item its index. */
  readonly #sorted: readonly (number | Joined)[]

  constructor(items: ItemList, lone: readonly number[], joined: readonly Joined[]) {
    this.#items = items
    const path = (group: number | Joined): string =>
      (typeof group === 'number' ? items.filesOf(group)[0] : firstPrimary(group))?.path ?? ''
    this.#sorted = [...lone, ...joined].sort((a, b) => comparePaths(path(a), path(b)))
  }

  get length(): number {
    return this.#sorted.length
  }

  get sizeBytes(): number {
    let sizeBytes = 0
    for (const group of this.#sorted) {
      const files = typeof group === 'number' ? this.#items.filesOf(group) : firstsOf(group)
      for (const file of files) sizeBytes += file.sizeBytes
    }
    return sizeBytes
  }

  *[Symbol.iterator](): Generator<ItemGroup> {
    for (const group of this.#sorted) {
      yield toGroup(this.#items, typeof group === 'number' ? this.#joinAlone(group) : group)
    }
  }

  #joinAlone(index: number): Joined {
    const members = membersOf(this.#items, index, () => undefined)
    return { members: sortMembers(members, members[0]?.key ?? '') }
  }
}

/**
 * Unites what several copies of one file say.
 *
 * Albums, people and keywords are united. Different captions are all kept, each on a line of its own, since nobody can
 * tell which one was meant for good. Favourite or archived anywhere is favourite or archived; trashed and shared
 * only when every copy is: one that was not thrown away was meant to be kept, one that is one's own is no gift.
 * Position, title and rating are those of the first copy that has them.
 *
 * @param facts - Best copy first; at least one.
 */
export function mergeFacts(facts: readonly ItemFacts[]): ItemFacts {
  const position = facts.find((fact) => fact.position !== undefined)?.position
  const title = facts.find((fact) => fact.title !== undefined && fact.title !== '')?.title
  const rating = facts.find((fact) => fact.rating !== undefined)?.rating
  const caption = mergeCaptions(facts)
  const keywords = uniqueBy(
    facts.flatMap((fact) => fact.keywords ?? []),
    (keyword) => keyword,
  )
  return {
    taken: uniqueBy(
      facts.flatMap((fact) => fact.taken),
      evidenceKey,
    ),
    people: uniqueBy(
      facts.flatMap((fact) => fact.people),
      (name) => name,
    ),
    albums: uniqueBy(
      facts.flatMap((fact) => fact.albums),
      (key) => key,
    ),
    ...(keywords.length === 0 ? {} : { keywords }),
    ...(rating === undefined ? {} : { rating }),
    ...(position === undefined ? {} : { position }),
    ...(title === undefined ? {} : { title }),
    ...(caption === undefined ? {} : { caption }),
    ...(facts.some((fact) => fact.favourite === true) ? { favourite: true } : {}),
    ...(facts.some((fact) => fact.archived === true) ? { archived: true } : {}),
    ...(facts.length > 0 && facts.every((fact) => fact.trashed === true) ? { trashed: true } : {}),
    ...(facts.length > 0 && facts.every((fact) => fact.shared === true) ? { shared: true } : {}),
  }
}

function mergeCaptions(facts: readonly ItemFacts[]): string | undefined {
  const captions = uniqueBy(
    facts.flatMap(({ caption }) => (caption === undefined || caption.trim() === '' ? [] : [caption])),
    (caption) => caption.trim(),
  )
  return captions.length === 0 ? undefined : captions.join('\n')
}

function evidenceKey({ source, detail, at, local, offsetMinutes, precision }: TakenEvidence): string {
  return JSON.stringify([source, detail, at, local, offsetMinutes, precision])
}

function uniqueBy<T>(values: readonly T[], keyOf: (value: T) => string): readonly T[] {
  const firsts = new Map<string, T>()
  for (const value of values) {
    const key = keyOf(value)
    if (!firsts.has(key)) firsts.set(key, value)
  }
  return [...firsts.values()]
}

// # Clusters

/** Members of one group; those of the primary content first, the best copy before all. */
interface Joined {
  readonly members: readonly Member[]
}

function joinClusters(members: readonly Member[]): readonly Joined[] {
  const clusters = clusterByPrimary(members)
  const absorbed = absorbCompanions(clusters)
  const groups = new Map<Cluster, Member[]>()
  for (const cluster of clusters) {
    const root = rootOf(absorbed, cluster)
    const joined = groups.get(root)
    if (joined === undefined) groups.set(root, [...cluster.members])
    else for (const member of cluster.members) joined.push(member)
  }
  return [...groups].map(([root, joined]) => ({ members: sortMembers(joined, root.key) }))
}

/** Sorted by their best primary. */
function clusterByPrimary(members: readonly Member[]): readonly Cluster[] {
  const clusters = new Map<string, Cluster>()
  for (const member of members) {
    const { owner: key } = member
    let cluster = clusters.get(key)
    if (cluster === undefined) {
      cluster = { key, members: [], keys: new Set() }
      clusters.set(key, cluster)
    }
    cluster.members.push(member)
    cluster.keys.add(member.key)
  }
  for (const cluster of clusters.values()) cluster.members.sort(compareMembers)
  return [...clusters.values()].sort((a, b) => compareMembers(a.members[0], b.members[0]))
}

/** The primary first. A file without a key gets one of its own. */
function membersOf(items: ItemList, index: number, contentKey: KeyOf): readonly Member[] {
  const item = items.at(index)
  const files = [{ ...item.primary, role: 'primary' as const }, ...item.companions]
  const keyOfFile = (entry: ArchiveEntry): string => {
    const key = contentKey(entry)
    return key === undefined ? `path:${entry.path}` : `content:${key}`
  }
  const owner = keyOfFile(item.primary.entry)
  return files.map(({ entry, role, pairing }, place) => {
    const weight = weightOf(role, pairing, item)
    const key = place === 0 ? owner : keyOfFile(entry)
    return { role, entry, item: index, place, key, owner, weight }
  })
}

/**
 * Which cluster is part of which: one whose files are all also files of another, its primary as a companion.
 *
 * The last ones are looked at first, and a cluster is never absorbed into one that it has absorbed, so of two
 * that hold each other the first stays. Each list of candidates is walked once and each test costs no more than
 * the candidate has files, so all of it is linear in the number of files.
 */
function absorbCompanions(clusters: readonly Cluster[]): ReadonlyMap<Cluster, Cluster> {
  const holders = holdersOfCompanions(clusters)
  const absorbed = new Map<Cluster, Cluster>()
  for (const cluster of clusters.toReversed()) {
    const holder = holders
      .get(cluster.key)
      ?.find((candidate) => isSubset(cluster.keys, candidate.keys) && rootOf(absorbed, candidate) !== cluster)
    if (holder !== undefined) absorbed.set(cluster, rootOf(absorbed, holder))
  }
  return absorbed
}

/** For each content, the clusters that have it as a companion. */
function holdersOfCompanions(clusters: readonly Cluster[]): ReadonlyMap<string, readonly Cluster[]> {
  const holders = new Map<string, Cluster[]>()
  for (const cluster of clusters) {
    for (const key of cluster.keys) {
      if (key === cluster.key) continue
      const list = holders.get(key)
      if (list === undefined) holders.set(key, [cluster])
      else list.push(cluster)
    }
  }
  return holders
}

function isSubset(small: ReadonlySet<string>, large: ReadonlySet<string>): boolean {
  return small.size <= large.size && [...small].every((key) => large.has(key))
}

/** Chains are short: each step leads to a cluster with at least as many files, and lone files are leaves. */
function rootOf(absorbed: ReadonlyMap<Cluster, Cluster>, cluster: Cluster): Cluster {
  let root = cluster
  for (let next = absorbed.get(root); next !== undefined; next = absorbed.get(root)) root = next
  return root
}

// # Parts

/** Those of the primary content first: they are what the group is; then the other files of the same items. */
function sortMembers(members: readonly Member[], primaryKey: string): readonly Member[] {
  const foreign = ({ owner }: Member): number => (owner === primaryKey ? 0 : 1)
  return members.toSorted((a, b) => foreign(a) - foreign(b) || compareMembers(a, b))
}

function firstPrimary({ members }: Joined): ArchiveEntry | undefined {
  return members[0]?.entry
}

/** The first copy of each content. */
function firstsOf({ members }: Joined): Iterable<ArchiveEntry> {
  const firsts = new Map<string, ArchiveEntry>()
  for (const { key, entry } of members) if (!firsts.has(key)) firsts.set(key, entry)
  return firsts.values()
}

function toGroup(items: ItemList, { members }: Joined): ItemGroup {
  const primaryKey = members[0]?.key
  const read = new Map<number, MediaItem>()
  for (const { item } of members) if (!read.has(item)) read.set(item, items.at(item))
  const byKey = new Map<string, Member[]>()
  for (const member of members) {
    const list = byKey.get(member.key)
    if (list === undefined) byKey.set(member.key, [member])
    else list.push(member)
  }
  const parts = [...byKey].map(
    ([key, copies]): GroupPart => ({
      role: key === primaryKey ? 'primary' : companionRole(copies),
      copies: copies.flatMap((member) => toCopy(member, read.get(member.item))),
    }),
  )
  const isPrimary = ({ role }: GroupPart): boolean => role === 'primary'
  return { parts: [...parts.filter(isPrimary), ...parts.filter((part) => !isPrimary(part))] }
}

function toCopy({ entry, place }: Member, item: MediaItem | undefined): GroupCopy | readonly [] {
  if (item === undefined) return []
  const { pairing, xmp } = item.companions[place - 1] ?? item.primary
  return {
    entry,
    item,
    ...(pairing === undefined ? {} : { pairing }),
    ...(xmp === undefined ? {} : { xmp }),
  }
}

/** The role that the best copy with a role has; the others lie alone somewhere. */
function companionRole(copies: readonly Member[]): CompanionRole {
  const roles = copies.flatMap(({ role }) => (role === 'primary' ? [] : [role]))
  return roles[0] ?? 'edited'
}

function compareMembers(a: Member | undefined, b: Member | undefined): number {
  if (a === undefined || b === undefined) return 0
  return a.weight - b.weight || comparePaths(a.entry.path, b.entry.path)
}

/** Primaries first; then copies that are not in the trash, not in an album's folder, with a sidecar; then by path. */
function weightOf(role: Member['role'], pairing: Pairing | undefined, item: MediaItem): number {
  const bits = [
    role !== 'primary',
    item.trashed === true,
    item.albums.length > 0,
    pairing === undefined && item.primary.pairing === undefined,
  ]
  return bits.reduce((weight, bit) => weight * 2 + (bit ? 1 : 0), 0)
}

function comparePaths(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
