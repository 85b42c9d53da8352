/**
 * Libraries, rules and users' doings by chance, made of few words so that they meet.
 *
 * @module
 */

import fc from 'fast-check'
import type { Snapshot, SnapshotAsset } from '../../snapshot.ts'
import { type TestAsset, type TestLibrary, userOf } from './library.ts'

const TAGS = [
  'scan',
  'kind/scan',
  'kind/photo',
  'trip/lake',
  'trip/sea',
  'meme',
  'auto/unsorted',
  'auto/clash',
  'skip',
]
const ALBUMS = [
  'Paper scans',
  'lake',
  'sea',
  '2019-06-02 Lake',
  '2019',
  '2021-13 odd',
  'Inbox 2016-03-04',
  'Inbox 2024-01-01',
  'Family reunion',
  'Memes',
]
const FILES = [
  'a.jpg',
  'IMG-20160304-WA0001.jpg',
  'IMG-20161399-WA0002.jpg',
  'PXL_20210101_003000123.jpg',
  '20190602_101500.jpg',
  'WhatsApp Image 2018-10-28 at 02.30.00.jpeg',
  'IMG_19870101_101010.jpg',
  'meme.png',
]
const FOLDERS = [
  '/x',
  '/x/2019-06-02 Lake',
  '/x/2019-06-02 Lake/day1',
  '/x/2018-01-01 A/2018-02-02 B',
  '/x/2019-06-02',
  '/x/WhatsApp',
]
const DATES = [
  '2024-01-01T10:00:00+01:00',
  '2016-03-04T00:00:00+01:00',
  '2016-03-05T09:00:00+01:00',
  '2019-06-02T12:00:00-05:00',
  '2021-01-01T01:30:00+01:00',
  '2031-01-01T00:00:00+00:00',
]
const ZONES = ['Europe/Oslo', 'UTC+1', 'UTC-5', 'America/New_York']

const USERS = ['ada', 'bo', 'eve']

function some<Item>(items: readonly Item[], maxLength: number): fc.Arbitrary<Item[]> {
  return fc.uniqueArray(fc.constantFrom(...items), { maxLength })
}

function maybe<Key extends string, Item>(
  key: Key,
  items: readonly Item[],
): fc.Arbitrary<Partial<Record<Key, Item>>> {
  return fc.option(fc.constantFrom(...items), { nil: undefined }).map((item) => {
    const found: Partial<Record<Key, Item>> = {}
    if (item !== undefined) found[key] = item
    return found
  })
}

const asset: fc.Arbitrary<Omit<TestAsset, 'id'>> = fc
  .tuple(
    some(TAGS, 2),
    some(ALBUMS, 2),
    fc.constantFrom(...FILES),
    fc.constantFrom(...FOLDERS),
    maybe('date', DATES),
    maybe('zone', ZONES),
    fc.record({
      isFavourite: fc.boolean(),
      rating: fc.constantFrom(undefined, undefined, 1, 5, -1),
      ownerId: fc.constantFrom('me', 'me', 'me', 'me', 'me', 'other'),
      visibility: fc.constantFrom(
        'timeline' as const,
        'timeline' as const,
        'archive' as const,
        'hidden' as const,
      ),
      camera: fc.constantFrom({ make: undefined, model: undefined }, { make: 'Canon', model: 'R5' }),
    }),
  )
  .map(([tags, albums, fileName, folder, date, zone, plain]) => ({
    ...plain,
    ...date,
    ...zone,
    tags,
    albums,
    fileName,
    path: `${folder}/${fileName}`,
  }))

const member = fc.record({
  userId: fc.constantFrom(...USERS),
  role: fc.constantFrom('viewer' as const, 'editor' as const),
})

const album = fc.record({
  isOwned: fc.boolean().map((isOther) => !isOther || false),
  members: fc.uniqueArray(member, { maxLength: 2, selector: ({ userId }) => userId }),
})

/** Up to twelve assets; some belong to others, some are duplicates. */
export const anyLibrary: fc.Arbitrary<TestLibrary> = fc
  .tuple(
    fc.array(asset, { minLength: 1, maxLength: 12 }),
    fc.array(album, { minLength: ALBUMS.length, maxLength: ALBUMS.length }),
    fc.boolean(),
    fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 }),
    fc.integer({ min: 1, max: 3 }),
  )
  .map(([assets, albums, hasTwin, groupSizes, knownUsers]) => {
    const named = assets.map((one, index) => ({ ...one, id: `asset-${String(index).padStart(2, '0')}` }))
    const ids = named.map(({ id }) => id)
    const duplicates = groupSizes.map((size) => ids.splice(0, size)).filter(({ length }) => length > 1)
    const known = albums.map((one, index) => ({ ...one, name: ALBUMS[index] ?? '' }))
    const held = new Set(named.flatMap((one) => one.albums ?? []))
    return {
      assets: named,
      albums: [
        ...known.filter(({ name }) => held.has(name)),
        ...(hasTwin ? [{ id: 'twin', name: 'lake' }] : []),
      ],
      tags: ['trip/lake'],
      duplicates,
      users: USERS.slice(0, knownUsers).map(userOf),
    }
  })

const PREDICATES = [
  '{ tag: scan }',
  '{ tag: kind }',
  '{ tag: "trip/*" }',
  '{ album: Paper scans }',
  "{ album: '/^\\d{4}/' }",
  '{ path: "*WhatsApp*" }',
  '{ not: { tag: meme } }',
  '{ category: none }',
  '{ category: several }',
  '{ any: [ { tag: meme }, { album: Memes } ] }',
  '{ favorite: true }',
  '{ rating: ">= 4" }',
  '{ duplicate: true }',
  '{ all: [ { tag: scan }, { album: lake } ] }',
]
const TARGETS = [
  '{ tag: kind/scan }',
  '{ tag: meme }',
  '{ tag: auto/look }',
  '{ tag: auto/unsorted }',
  '{ album: Memes }',
  '{ album: Paper scans, tag: kind/scan }',
  '{ album: "{taken:yyyy}" }',
  '{ tag: trip/sea }',
]

const predicate = fc.constantFrom(...PREDICATES)
const target = fc.constantFrom(...TARGETS)

function list(name: string, items: readonly string[]): string {
  return items.length === 0 ? '' : `${name}:\n${items.map((item) => `  - ${item}\n`).join('')}`
}

const moves = fc
  .array(
    fc.oneof(
      fc
        .tuple(predicate, target, fc.constantFrom('move', 'copy'), fc.boolean())
        .map(([from, to, mode, create]) => `from: ${from}, to: ${to}, mode: ${mode}, create: ${create}`),
      fc
        .constantFrom('both', 'tag-to-album', 'album-to-tag')
        .map(
          (direction) => `each: { tag: "trip/*" }, sync: { album: "{tag.leaf}" }, direction: ${direction}`,
        ),
    ),
    { maxLength: 3 },
  )
  .map((rules) =>
    list(
      'moves',
      rules.map((rule, index) => `{ id: move-${index}, ${rule} }`),
    ),
  )

const categories = fc
  .tuple(
    some(
      PREDICATES.filter((one) => !one.includes('category')),
      3,
    ),
    fc.boolean(),
  )
  .map(
    ([list, several]) => `categories:
  exactly: one
  unsorted: { ensure: { tag: auto/unsorted } }
  clash: { ensure: { tag: auto/clash }${several ? ', also: several-albums' : ''} }
  list:
    - { id: trips, is: { album: '/^\\d{4}/' } }
${list.map((is, index) => `    - { id: category-${index}, is: ${is} }\n`).join('')}`,
  )

const dates = fc
  .tuple(
    fc.constantFrom('{ not: { camera: "*" } }', '{ favorite: false }', '{ category: none }'),
    some(['exif', 'duplicates', 'patterns', 'folder'], 4).filter(({ length }) => length > 0),
    fc.constantFrom('earlier', 'any'),
    fc.constantFrom('0d', '26h', '180d'),
    fc.boolean(),
    fc.boolean(),
  )
  .map(
    ([where, sources, only, by, better, same]) => `dates:
  where: ${where}
  sources: [ ${sources.join(', ')} ]
  accept: { only: ${only}, by: ${by === '0d' ? '1s' : by}, better-precision: ${better}, same-day-keeps-time: ${same} }
  unsure: { ensure: { tag: auto/date-unsure } }
`,
  )

const duplicates = fc
  .tuple(
    fc.constantFrom('none', 'union-of-category', 'union'),
    fc.constantFrom('none', 'category-albums', 'all'),
    fc.constantFrom('none', 'any'),
    fc.constantFrom('none', 'max'),
    fc.constantFrom('none', 'most-precise'),
    fc.constantFrom('each', 'kept'),
  )
  .map(
    ([tags, albums, favorite, rating, date, to]) => `duplicates:
  carry: { tags: ${tags}, albums: ${albums}, favorite: ${favorite}, rating: ${rating}, date: ${date} }
  to: ${to}
  conflict: { ensure: { tag: auto/dup-clash } }
`,
  )

const ALBUM_RULES = [
  `where: { category: none, path: '/\\/(?<name>\\d{4}-\\d\\d-\\d\\d[^\\/]+)/' }, into: "{match.name}", depth: 2, follow-moves: true, several: { ensure: { tag: auto/two-folders } }`,
  `where: { category: none }, into: "Inbox {taken:yyyy-MM-dd}", holding: true, max-span: 30d, delete-empty: true`,
  `where: { not: { tag: meme } }, into: "{taken:yyyy}", follow-moves: true, delete-empty: true`,
  `where: { favorite: true }, into: "Memes"`,
  `where: { category: none }, into: "Unsorted", holding: true, max-span: 365d`,
]

const albums = some(ALBUM_RULES, 3).map((rules) =>
  list(
    'albums',
    rules.map((rule, index) => `{ id: album-${index}, ${rule} }`),
  ),
)

const checks = fc
  .array(fc.tuple(fc.constantFrom(...PREDICATES, '{ album-date-differs: 180d }'), target), { maxLength: 2 })
  .map((rules) =>
    list(
      'checks',
      rules.map(([when, ensure], index) => `{ id: check-${index}, when: ${when}, ensure: ${ensure} }`),
    ),
  )

const sharing = fc
  .tuple(fc.boolean(), fc.constantFrom('stop', 'skip'), fc.constantFrom('strongest', 'last'))
  .map(
    ([exact, unresolved, merge]) => `sharing:
  groups: { cousins: [ ada@x.org, bo@x.org ] }
  unresolved: ${unresolved}
  merge: ${merge}
  list:
    - { id: reunions, albums: { word: reunion }, grant: { cousins: editor }, exact: ${exact} }
    - { id: years, albums: { name: '/^\\d{4}$/' }, grant: { cousins: viewer } }
`,
  )

const PATTERNS = `patterns:
  pixel:    { file: '/^PXL_(?<d>\\d{8})_(?<t>\\d{6})/', precision: second, zone: utc }
  android:  { file: '/(?<d>\\d{8})[_-](?<t>\\d{6})/', precision: second, zone: local }
  whatsapp: { file: '/(IMG|VID)-(?<d>\\d{8})-WA\\d+/', precision: day }
  wa-long:  { file: '/WhatsApp (Image|Video) (?<d>[\\d-]{10}) at (?<t>[\\d.]{8})/', precision: second }
`

/** The text of a rules file, without its server. */
export const anyRules: fc.Arbitrary<string> = fc
  .tuple(
    moves,
    fc.option(categories, { nil: '' }),
    fc.option(dates, { nil: '' }),
    fc.option(duplicates, { nil: '' }),
    albums,
    checks,
    fc.option(sharing, { nil: '' }),
  )
  .map(
    (parts) =>
      `scope: { visibility: [timeline, archive], where: { not: { tag: skip } } }\ntime: { zone: Europe/Oslo }\n${PATTERNS}${parts.join('')}`,
  )

/** What a user does between two runs: by chance, some tags and albums of some assets. */
export interface Doing {
  readonly asset: number
  readonly kind: 'tag' | 'album' | 'favorite'
  readonly which: number
}

export const anyDoings: fc.Arbitrary<readonly Doing[]> = fc.array(
  fc.record({
    asset: fc.nat(11),
    kind: fc.constantFrom('tag' as const, 'album' as const, 'favorite' as const),
    which: fc.nat(9),
  }),
  { maxLength: 6 },
)

/** Gives what is not there, and takes away what is. */
export function doAll(snapshot: Snapshot, doings: readonly Doing[]): Snapshot {
  const assets = new Map(snapshot.assets)
  const ids = [...assets.keys()]
  for (const { asset: index, kind, which } of doings) {
    const id = ids[index % ids.length] ?? ''
    const one = assets.get(id)
    if (one === undefined) continue
    if (kind === 'favorite') assets.set(id, { ...one, isFavourite: !one.isFavourite })
    else if (kind === 'album') {
      const albumIds = [...snapshot.albums.keys()]
      assets.set(id, { ...one, albumIds: toggled(one.albumIds, albumIds[which % albumIds.length]) })
    } else {
      const leaves = [...snapshot.tags.values()]
        .filter(({ hasChildren }) => !hasChildren)
        .map((tag) => tag.id)
      assets.set(id, {
        ...one,
        tagIds: withTagParents(snapshot, toggled(one.tagIds, leaves[which % leaves.length])),
      })
    }
  }
  return { ...snapshot, assets, albums: recount(snapshot, assets) }
}

function recount(
  { assets: before, albums }: Snapshot,
  after: ReadonlyMap<string, SnapshotAsset>,
): Snapshot['albums'] {
  const count = (assets: ReadonlyMap<string, SnapshotAsset>, id: string): number =>
    [...assets.values()].filter(({ albumIds }) => albumIds.includes(id)).length
  return new Map(
    [...albums].map(([id, album]) => [
      id,
      { ...album, assetCount: album.assetCount + count(after, id) - count(before, id) },
    ]),
  )
}

function toggled(ids: readonly string[], id: string | undefined): readonly string[] {
  if (id === undefined) return ids
  return ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id]
}

/** Parents of tags as the server shows them: of those that have no children. */
function withTagParents({ tags }: Snapshot, ids: readonly string[]): readonly string[] {
  const values = ids.flatMap((id) => {
    const tag = tags.get(id)
    return tag === undefined || tag.hasChildren ? [] : [tag.value]
  })
  const all = [...tags.values()].filter(
    ({ value }) => values.includes(value) || values.some((one) => one.startsWith(`${value}/`)),
  )
  return all.map(({ id }) => id)
}
