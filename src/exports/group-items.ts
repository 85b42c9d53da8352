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
 * Near-linear, and independent of the order of the items.
 *
 * @module
 */

import type { TakenEvidence } from '../media/metadata.ts'
import type { ArchiveEntry } from './archive/archive.ts'
import type { CompanionRole, MediaFile, MediaItem, Pairing } from './media-item.ts'

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

interface Member {
  readonly role: 'primary' | CompanionRole
  readonly file: MediaFile
  readonly item: MediaItem
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

/**
 * Groups items by content. Every file of every item is in exactly one part of one group.
 *
 * @param keyOf - Equal for entries believed to be of equal content; undefined when that is not known. Empty
 *   files are never equal to anything.
 * @returns Sorted by the path of the primary's first copy.
 */
export function groupItems(
  items: readonly MediaItem[],
  keyOf: (entry: ArchiveEntry) => string | undefined,
): readonly ItemGroup[] {
  const clusters = clusterByPrimary(items, keyOf)
  const absorbed = absorbCompanions(clusters)
  const groups = new Map<Cluster, Member[]>()
  for (const cluster of clusters) {
    const root = rootOf(absorbed, cluster)
    const members = groups.get(root)
    if (members === undefined) groups.set(root, [...cluster.members])
    else for (const member of cluster.members) members.push(member)
  }
  return [...groups].map(([root, members]) => toGroup(root.key, members)).toSorted(byFirstPath)
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

/** Sorted by their best primary. */
function clusterByPrimary(
  items: readonly MediaItem[],
  keyOf: (entry: ArchiveEntry) => string | undefined,
): readonly Cluster[] {
  const clusters = new Map<string, Cluster>()
  for (const item of items) {
    const members = membersOf(item, keyOf)
    const key = members[0]?.key ?? ''
    let cluster = clusters.get(key)
    if (cluster === undefined) {
      cluster = { key, members: [], keys: new Set() }
      clusters.set(key, cluster)
    }
    for (const member of members) {
      cluster.members.push(member)
      cluster.keys.add(member.key)
    }
  }
  for (const { members } of clusters.values()) members.sort(compareMembers)
  return [...clusters.values()].sort((a, b) => compareMembers(a.members[0], b.members[0]))
}

/** The primary first. A file without a key gets one of its own. */
function membersOf(item: MediaItem, keyOf: (entry: ArchiveEntry) => string | undefined): readonly Member[] {
  const keyOfFile = ({ entry }: MediaFile): string => {
    const key = entry.sizeBytes === 0 ? undefined : keyOf(entry)
    return key === undefined ? `path:${entry.path}` : `content:${key}`
  }
  const owner = keyOfFile(item.primary)
  const toMember = (file: MediaFile, role: Member['role'], key: string): Member => ({
    role,
    file,
    item,
    key,
    owner,
    weight: weightOf(role, file, item),
  })
  return [
    toMember(item.primary, 'primary', owner),
    ...item.companions.map((file) => toMember(file, file.role, keyOfFile(file))),
  ]
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

function toGroup(primaryKey: string, members: readonly Member[]): ItemGroup {
  const byKey = new Map<string, Member[]>()
  const foreign = ({ owner }: Member): number => (owner === primaryKey ? 0 : 1)
  for (const member of members.toSorted((a, b) => foreign(a) - foreign(b) || compareMembers(a, b))) {
    const list = byKey.get(member.key)
    if (list === undefined) byKey.set(member.key, [member])
    else list.push(member)
  }
  const parts = [...byKey].map(
    ([key, copies]): GroupPart => ({
      role: key === primaryKey ? 'primary' : companionRole(copies),
      copies: copies.map(({ file: { entry, pairing, xmp }, item }) => ({
        entry,
        item,
        ...(pairing === undefined ? {} : { pairing }),
        ...(xmp === undefined ? {} : { xmp }),
      })),
    }),
  )
  const isPrimary = ({ role }: GroupPart): boolean => role === 'primary'
  return { parts: [...parts.filter(isPrimary), ...parts.filter((part) => !isPrimary(part))] }
}

/** The role that the best copy with a role has; the others lie alone somewhere. */
function companionRole(copies: readonly Member[]): CompanionRole {
  const roles = copies.flatMap(({ role }) => (role === 'primary' ? [] : [role]))
  return roles[0] ?? 'edited'
}

function byFirstPath(a: ItemGroup, b: ItemGroup): number {
  return comparePaths(a.parts[0]?.copies[0]?.entry.path ?? '', b.parts[0]?.copies[0]?.entry.path ?? '')
}

function compareMembers(a: Member | undefined, b: Member | undefined): number {
  if (a === undefined || b === undefined) return 0
  return a.weight - b.weight || comparePaths(a.file.entry.path, b.file.entry.path)
}

/** Primaries first; then copies that are not in the trash, not in an album's folder, with a sidecar; then by path. */
function weightOf(role: Member['role'], file: MediaFile, item: MediaItem): number {
  const bits = [
    role !== 'primary',
    item.trashed === true,
    item.albums.length > 0,
    file.pairing === undefined && item.primary.pairing === undefined,
  ]
  return bits.reduce((weight, bit) => weight * 2 + (bit ? 1 : 0), 0)
}

function comparePaths(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
