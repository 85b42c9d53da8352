/**
 * A rules file with all words of the language: the example of the issue, with a link that names an asset and the
 * category that it mentions.
 *
 * @module
 */

const UUID = '6b1f0000-1111-4222-8333-444455556666'

export const EXAMPLE: string = String.raw`version: 1
server: { url: https://pics.example.org, key: "\${IMMICH_KEY}", session: "\${IMMICH_TOKEN?}", read: auto }
scope:  { visibility: [timeline, archive], where: { not: { tag: "auto/skip" } } }
time:   { zone: Europe/Oslo }

patterns:
  android:  { file: '/(?<d>\d{8})[_-](?<t>\d{6})/', precision: second, zone: local }
  pixel:    { file: '/^PXL_(?<d>\d{8})_(?<t>\d{6})/', precision: second, zone: utc }
  whatsapp: { file: '/(IMG|VID)-(?<d>\d{8})-WA\d+/', precision: day }
  wa-long:  { file: '/WhatsApp (Image|Video) (?<d>[\d-]{10}) at (?<t>[\d.]{8})/', precision: second }

moves:
  - { id: old-scan-tag, from: { tag: scan }, to: { tag: kind/scan, album: Paper scans }, mode: move, create: true }
  - { id: tag-to-album, each: { tag: "trip/*" }, sync: { album: "{tag.leaf}" }, direction: both }

categories:
  exactly: one
  unsorted: { ensure: { tag: auto/unsorted } }
  clash:    { ensure: { tag: auto/clash }, also: several-albums }
  list:
    - { id: scans, is: { any: [ { tag: kind/scan }, { album: Paper scans } ] } }
    - { id: trips, is: { album: '/^\d{4}(-\d\d){0,2}\b/' } }
    - { id: picked, is: { link: [ "https://pics.example.org/photos/${UUID}" ] } }
    - { id: memes, is: { tag: meme } }

dates:
  where: { not: { camera: "*" } }
  sources: [ exif, duplicates, patterns: [pixel, android, whatsapp, wa-long], folder ]
  accept: { only: earlier, by: 26h, better-precision: true, same-day-keeps-time: true }
  unsure: { ensure: { tag: auto/date-unsure } }

duplicates:
  carry: { tags: union-of-category, albums: category-albums, favorite: any, rating: max, date: most-precise }
  to: each
  conflict: { ensure: { tag: auto/dup-clash }, group-album: false }

albums:
  - { id: folders, where: { category: none, path: '/\/(?<name>\d{4}-\d\d-\d\d[^\/]+)/', not: { path: "*whatsapp*" } },
      into: "{match.name}", depth: 3, follow-moves: true, several: { ensure: { tag: auto/two-folders } } }
  - { id: days, where: { category: none }, into: "Inbox {taken:yyyy-MM-dd}", holding: true, max-span: 30d, delete-empty: true }

checks:
  - { id: album-date, when: { album-date-differs: 180d }, ensure: { tag: auto/wrong-date } }
  - { id: kids-not-memes, when: { all: [ { people: [Ida] }, { category: memes } ] }, ensure: { tag: auto/look } }

sharing:
  groups: { cousins: [ ada@x.org, bo@x.org ] }
  unresolved: stop
  list:
    - { id: reunions, albums: { word: reunion }, grant: { cousins: editor }, exact: true }
  merge: strongest

run: { nice: false, concurrency: auto, max-changes: 20%, journal: ~/.local/state/sorter }
`.replaceAll('\\$', '$')
