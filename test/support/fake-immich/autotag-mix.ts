/**
 * How large the library of the autotag benchmark is, and how much there is to change in it: the mix of the issue's
 * table (26,562 assets, 3,400 albums, 40 tags; 3,000 assets to change).
 *
 * @module
 */

export interface AutotagMix {
  /** Shown in the timeline or the archive when all is there; hidden and trashed ones come on top. */
  readonly assets: number
  readonly albums: number
  readonly topics: { readonly tags: number; readonly assets: number; readonly memberships: number }
  /** Groups of two. */
  readonly duplicates: number
  /** Days whose holding album is there before; `emptied` lose all, `thinned` some, `filled` get more. */
  readonly inbox: {
    readonly emptied: readonly [days: number, each: number]
    readonly thinned: [days: number, sortedEach: number, keptEach: number]
    readonly filled: readonly [days: number, each: number]
    readonly newDays: number
  }
  /** What comes or is done by hand in the week after, in assets. */
  readonly week: {
    readonly unsorted: number
    /** Of the unsorted, beside all with a date in their name. */
    readonly unsortedScans: number
    readonly whatsapp: readonly [days: number, each: number]
    readonly pixel: number
    readonly newFolders: readonly [albums: number, each: number]
    readonly knownFolders: readonly [albums: number, each: number]
    /** Out of the inbox: into two albums, into one far away, into reunions. */
    readonly intoTwo: number
    readonly intoWrong: number
    readonly reunions: { readonly unshared: number; readonly viewers: number; readonly strangers: number }
    readonly outOfTwo: number
    readonly outOfWrong: number
  }
}

/** As the issue has it; a smaller scale keeps the proportions. */
export function autotagMix(scale = 1): AutotagMix {
  const of = (count: number): number => Math.max(1, Math.round(count * scale))
  return {
    assets: of(26_562),
    albums: of(3_400),
    topics: { tags: 34, assets: of(6_000), memberships: of(18_087) },
    duplicates: of(200),
    inbox: { emptied: [of(25), 6], thinned: [of(35), 10, 5], filled: [of(30), 10], newDays: of(15) },
    week: {
      unsorted: of(1_450),
      unsortedScans: of(160),
      whatsapp: [of(120), 4],
      pixel: of(60),
      newFolders: [of(25), 4],
      knownFolders: [of(60), 3],
      intoTwo: of(209),
      intoWrong: of(120),
      reunions: { unshared: of(30), viewers: of(5), strangers: of(10) },
      outOfTwo: of(118),
      outOfWrong: of(100),
    },
  }
}

/** What a plan after the week is to hold, by the rules of {@link autotagRules}. */
export interface ExpectedPlan {
  readonly tagAdds: number
  readonly tagRemoves: number
  readonly newAlbums: number
  readonly albumsAddedTo: number
  readonly albumsRemovedFrom: number
  readonly albumsDeleted: number
  readonly dates: number
  readonly shares: { readonly add: number; readonly role: number; readonly remove: number }
}

export function expectedPlan({ inbox, week }: AutotagMix): ExpectedPlan {
  const dated = week.whatsapp[0] * week.whatsapp[1] + week.pixel
  const scans = dated + week.unsortedScans
  const sorted = sortedOf(inbox)
  return {
    tagAdds: week.unsorted + scans + week.intoTwo + week.intoWrong,
    tagRemoves: scans + sorted + week.outOfTwo + week.outOfWrong,
    newAlbums: inbox.newDays + week.newFolders[0],
    albumsAddedTo: inbox.filled[0] + week.knownFolders[0],
    albumsRemovedFrom: inbox.emptied[0] + inbox.thinned[0],
    albumsDeleted: inbox.emptied[0],
    dates: week.whatsapp[0] + week.pixel,
    shares: { add: week.reunions.unshared, role: week.reunions.viewers, remove: week.reunions.strangers },
  }
}

/** Assets that leave the inbox in the week. */
export function sortedOf({ emptied, thinned }: AutotagMix['inbox']): number {
  return emptied[0] * emptied[1] + thinned[0] * thinned[1]
}

/** Each part makes one kind of change, and none makes another's. */
export function autotagRules(): string {
  return `version: 1
scope: { visibility: [timeline, archive], where: { not: { tag: auto/skip } } }
time: { zone: Europe/Oslo }
patterns:
  pixel: { file: '/^PXL_(?<d>\\d{8})_(?<t>\\d{6})/', precision: second, zone: utc }
  whatsapp: { file: '/(IMG|VID)-(?<d>\\d{8})-WA\\d+/', precision: day }
moves:
  - { id: old-scan-tag, from: { tag: scan }, to: { tag: kind/scan }, mode: move, create: true }
categories:
  exactly: one
  unsorted: { ensure: { tag: auto/unsorted } }
  clash: { ensure: { tag: auto/clash }, also: several-albums }
  list:
    - { id: events, is: { album: '/^\\d{4}-\\d\\d-\\d\\d /' } }
    - { id: topics, is: { tag: topic/* } }
dates:
  where: { not: { camera: "*" } }
  sources: [exif, patterns: [pixel, whatsapp]]
  accept: { only: earlier, by: 26h, better-precision: true, same-day-keeps-time: true }
duplicates:
  carry: { favorite: any }
albums:
  - { id: folders, where: { category: none, path: '/\\/(?<name>\\d{4}-\\d\\d-\\d\\d [^\\/]+)/' },
      into: "{match.name}", depth: 0, follow-moves: true }
  - { id: days, where: { category: none }, into: "Inbox {taken:yyyy-MM-dd}", holding: true, max-span: 30d, delete-empty: true }
checks:
  - { id: album-date, when: { album-date-differs: 180d }, ensure: { tag: auto/wrong-date } }
sharing:
  groups: { cousins: [ bo@example.com ] }
  unresolved: stop
  list:
    - { id: reunions, albums: { word: reunion }, grant: { cousins: editor }, exact: true }
  merge: strongest
`
}
